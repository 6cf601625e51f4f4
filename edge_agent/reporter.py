"""Turns a judge's verdicts into pictures on disk and events in the outbox, and holds them when the disk says no."""

import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from camera_configs.camera import CameraSpec, ZoneSpec
from camera_configs.rules import RuleBase
from edge_agent.errors import EvidenceError, OutboxError
from edge_agent.incidents import OpenIncident, OpenIncidents
from edge_agent.types import Change, FrameTime, PictureBox, StoredPicture, Verdict
from mqtt.messages import Box, Evidence, EvidenceRole, Finding, FindingBody, Measure, Phase, SeenBy

log = logging.getLogger(__name__)

MAX_FIRST_LOOKS = 64
MAX_WAITING = 256
GONE_AFTER_RESTART = "not seen again after a restart of the box"
ORPHAN_MARGIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Shot:
    """A JPEG with masks applied and drawings burnt in, not on disk yet."""

    jpeg: bytes
    width: int
    height: int
    taken_at: datetime


class Keep(Protocol):
    """Puts a picture on disk for good."""

    def __call__(self, shot: Shot) -> StoredPicture:
        """The picture as it lies on disk.

        Raises:
            EvidenceError: it could not be stored.
        """
        ...


class Emit(Protocol):
    """Puts an event into the outbox."""

    def __call__(self, body: FindingBody, captured_at: datetime, pictures: tuple[StoredPicture, ...]) -> None:
        """Return when the event is on disk.

        Raises:
            OutboxError: it could not be stored.
        """
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a verdict belongs: zone and rule of the camera, and what such a rule finds."""

    zone: ZoneSpec
    rule: RuleBase
    finding: Finding


Shots = tuple[tuple[EvidenceRole, Shot], ...]


@dataclass(frozen=True, slots=True)
class _Waiting:
    body: FindingBody
    captured_at: datetime
    shots: Shots
    closes: OpenIncident | None


class IncidentReporter:
    """Everything that one camera reports; used by one thread."""

    def __init__(self, spec: CameraSpec, seen_by: SeenBy, incidents: OpenIncidents, keep: Keep, emit: Emit) -> None:
        self._spec = spec
        self._seen_by = seen_by
        self._incidents = incidents
        self._keep = keep
        self._emit = emit
        self._first_looks: OrderedDict[tuple[str, str], Shot] = OrderedDict()
        self._waiting: deque[_Waiting] = deque()
        self._first_frame_s: float | None = None
        self._closing: set[UUID] = set()

    @property
    def waiting(self) -> int:
        """Decided events that could not be put on disk yet."""
        return len(self._waiting)

    def report(self, where: Place, verdict: Verdict, take: Callable[[], Shot]) -> None:
        """Act on one verdict; `take` makes a picture of the frame that was judged, called only when one is needed."""
        known_as = (where.rule.id, verdict.key)
        if verdict.change is Change.SUSPECT:
            self._first_looks[known_as] = take()
            while len(self._first_looks) > MAX_FIRST_LOOKS:
                self._first_looks.popitem(last=False)
        elif verdict.change is Change.DISMISS:
            self._first_looks.pop(known_as, None)
        elif verdict.change is Change.OPEN:
            self._open(where, verdict, take())
        else:
            self._go_on(where, verdict, take())
        self.flush()

    def close_orphans(self, time: FrameTime) -> None:
        """Close what was open before a restart and is not found again within the time its rule needs to find it."""
        if self._first_frame_s is None:
            self._first_frame_s = time.monotonic_s
        seen_for = time.monotonic_s - self._first_frame_s
        for orphan in self._incidents.orphans(self._spec.id):
            where = self._where(orphan)
            patience = _time_to_find(where.rule) + ORPHAN_MARGIN_S if where else 0.0
            if orphan.incident_id in self._closing or seen_for < patience:
                continue
            self._closing.add(orphan.incident_id)
            if where is None:
                log.warning(
                    "camera %s: rule %s of open incident %s is gone", self._spec.id, orphan.rule_id, orphan.incident_id
                )
                self._incidents.close(orphan)
                continue
            verdict = Verdict(Change.CLOSE, "", time, time, score=0.0, box=orphan.box, limits=(GONE_AFTER_RESTART,))
            self._wait(where, orphan, Phase.CLOSE, verdict, ())
        self.flush()

    def flush(self) -> None:
        """Put waiting events on disk, oldest first; what cannot be stored now stays for the next look."""
        while self._waiting:
            item = self._waiting[0]
            try:
                stored = [(role, self._keep(shot)) for role, shot in item.shots]
                body = item.body.model_copy(update={"evidence": tuple(_evidence(role, kept) for role, kept in stored)})
                self._emit(body, item.captured_at, tuple(kept for _, kept in stored))
            except (EvidenceError, OutboxError) as error:
                log.error("camera %s: %d decided events wait in memory: %s", self._spec.id, len(self._waiting), error)
                return
            if item.closes is not None:
                self._incidents.close(item.closes)
            self._waiting.popleft()

    def _open(self, where: Place, verdict: Verdict, now: Shot) -> None:
        incident, resumed = self._incidents.open(self._spec.id, where.zone.id, where.rule.id, verdict)
        first = self._first_looks.pop((where.rule.id, verdict.key), None)
        shots = ((EvidenceRole.T0, first), (EvidenceRole.T1, now)) if first else ((EvidenceRole.NOW, now),)
        self._wait(where, incident, Phase.UPDATE if resumed else Phase.OPEN, verdict, shots)

    def _go_on(self, where: Place, verdict: Verdict, now: Shot) -> None:
        incident = self._incidents.find(self._spec.id, where.rule.id, verdict.key)
        if incident is None:
            log.error(
                "camera %s rule %s: %s of unknown incident %s",
                self._spec.id,
                where.rule.id,
                verdict.change,
                verdict.key,
            )
            return
        phase = Phase.CLOSE if verdict.change is Change.CLOSE else Phase.UPDATE
        self._wait(where, incident, phase, verdict, ((EvidenceRole.NOW, now),))

    def _wait(self, where: Place, incident: OpenIncident, phase: Phase, verdict: Verdict, shots: Shots) -> None:
        body = self._body(where, incident, phase, verdict)
        closes = incident if phase is Phase.CLOSE else None
        self._waiting.append(_Waiting(body, verdict.time.captured_at, shots, closes))
        if len(self._waiting) > MAX_WAITING:
            # A full disk for hours: pictures go first, an event never.
            oldest = next((i for i, item in enumerate(self._waiting) if item.shots), None)
            if oldest is not None:
                self._waiting[oldest] = replace(self._waiting[oldest], shots=())
                log.error("camera %s: pictures of a waiting event were dropped, the disk takes nothing", self._spec.id)

    def _body(self, where: Place, incident: OpenIncident, phase: Phase, verdict: Verdict) -> FindingBody:
        return FindingBody(
            incident_id=incident.incident_id,
            phase=phase,
            finding=where.finding,
            camera_id=self._spec.id,
            zone_id=where.zone.id,
            rule_id=where.rule.id,
            opened_at=incident.opened_at,
            level=verdict.level,
            score=verdict.score,
            measures=tuple(
                Measure(name=f.name, value=f.value, unit=f.unit, threshold=f.threshold) for f in verdict.figures
            ),
            box=_wire_box(verdict.box) if verdict.box else None,
            grid_code=self._spec.grid_code,
            seen_by=self._seen_by,
            limits=verdict.limits,
        )

    def _where(self, orphan: OpenIncident) -> Place | None:
        for zone in self._spec.zones:
            for rule in zone.rules:
                if rule.id == orphan.rule_id:
                    return Place(zone, rule, Finding(rule.kind))
        return None


def _time_to_find(rule: RuleBase) -> float:
    return float(getattr(rule, "dwell_s", 0.0) or getattr(rule, "hold_s", 0.0)) + rule.release_s


def _wire_box(box: PictureBox) -> Box:
    x1, y1, x2, y2 = (min(1.0, max(0.0, value)) for value in (box.x1, box.y1, box.x2, box.y2))
    return Box(x1=x1, y1=y1, x2=x2, y2=y2)


def _evidence(role: EvidenceRole, kept: StoredPicture) -> Evidence:
    return Evidence(
        role=role, sha256=kept.sha256, size=kept.size, width=kept.width, height=kept.height, taken_at=kept.taken_at
    )
