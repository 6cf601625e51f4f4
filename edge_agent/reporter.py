"""Turns a judge's verdicts into pictures and events, and tells how incidents from before a restart ended."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from camera_configs.camera import CameraSpec, ZoneSpec
from camera_configs.rules import RuleBase
from edge_agent.clock import Clock
from edge_agent.errors import EvidenceError, OutboxError
from edge_agent.incidents import OpenIncidents, may_be_same
from edge_agent.orphans import Orphans, ended_unknown, unconfigured
from edge_agent.outbox.rows import IncidentRow
from edge_agent.types import Change, FrameTime, PictureBox, Verdict
from edge_agent.waiting import Shot, Shots, WaitingEvents
from mqtt.messages import Box, EvidenceRole, Finding, FindingBody, Measure, Phase, SeenBy

log = logging.getLogger(__name__)

MAX_FIRST_LOOKS = 64
NO_PICTURE = "a picture could not be made"
CLOCK_SET = "a clock was set while this was open: its times do not give its length"
# More than a camera's clock drifts from ours in the days that the longest incident lasts.
CLOCK_SET_BY_S = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a verdict belongs: zone and rule of the camera, and what such a rule finds."""

    zone: ZoneSpec
    rule: RuleBase
    finding: Finding


class IncidentReporter:
    """Everything that one camera reports; used by one thread."""

    def __init__(self, spec: CameraSpec, seen_by: SeenBy, incidents: OpenIncidents, waiting: WaitingEvents) -> None:
        self._spec = spec
        self._seen_by = seen_by
        self._incidents = incidents
        self._waiting = waiting
        self._orphans = Orphans(spec, incidents)
        self._first_looks: OrderedDict[tuple[str, str], Shot | None] = OrderedDict()

    def report(self, where: Place, verdict: Verdict, take: Callable[[], Shot]) -> None:
        """Act on one verdict; `take` makes a picture of the frame that was judged, called only when one is needed.

        A picture that `take` cannot make (EvidenceError) is missing in the event, which says so.
        """
        known_as = (where.rule.id, verdict.key)
        if verdict.change is Change.SUSPECT:
            self._first_looks[known_as] = self._try(take)
            while len(self._first_looks) > MAX_FIRST_LOOKS:
                self._first_looks.popitem(last=False)
        elif verdict.change is Change.DISMISS:
            self._first_looks.pop(known_as, None)
        elif verdict.change is Change.OPEN:
            self._open(where, verdict, take)
        else:
            self._go_on(where, verdict, take)

    @property
    def has_orphans(self) -> bool:
        """Whether incidents from before a restart wait for their end."""
        return bool(self._incidents.orphans(self._spec.id))

    def close_orphans(self, time: FrameTime) -> None:
        """To be called after each look: notes that open incidents were watched, and closes orphans that ended."""
        try:
            self._incidents.looked(self._spec.id, time)
        except OutboxError as error:
            log.warning("camera %s: until when its incidents were watched is not noted: %s", self._spec.id, error)
        for orphan, limit in self._orphans.ended(time):
            self._close_orphan(orphan, time, limit)
        self._waiting.flush()

    def _open(self, where: Place, verdict: Verdict, take: Callable[[], Shot]) -> None:
        camera_id, zone_id, rule_id = self._spec.id, where.zone.id, where.rule.id
        shots: list[tuple[EvidenceRole, Shot | None]] = [(EvidenceRole.NOW, self._try(take))]
        known_as = (rule_id, verdict.key)
        if known_as in self._first_looks:
            shots = [(EvidenceRole.T0, self._first_looks.pop(known_as)), (EvidenceRole.T1, shots[0][1])]
        orphan = self._incidents.orphan_at(camera_id, zone_id, rule_id, verdict.box)
        if orphan is not None and may_be_same(orphan, verdict.since.captured_at):
            self._incidents.adopt(orphan, verdict)
            self._tell(orphan, Phase.UPDATE, verdict, shots)
            return
        if orphan is not None:
            self._close_orphan(orphan, verdict.time, ended_unknown(orphan))
        incident = self._incidents.open(camera_id, zone_id, rule_id, str(where.finding), verdict)
        self._tell(incident, Phase.OPEN, verdict, shots)

    def _go_on(self, where: Place, verdict: Verdict, take: Callable[[], Shot]) -> None:
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
        shots = [(EvidenceRole.NOW, self._try(take))]
        if verdict.change is Change.CLOSE:
            self._incidents.close(incident)
            self._tell(incident, Phase.CLOSE, verdict, shots)
        else:
            self._tell(incident, Phase.UPDATE, verdict, shots)

    def _tell(
        self, incident: IncidentRow, phase: Phase, verdict: Verdict, shots: list[tuple[EvidenceRole, Shot | None]]
    ) -> None:
        made: Shots = tuple((role, shot) for role, shot in shots if shot is not None)
        if len(made) < len(shots):
            verdict = replace(verdict, limits=(*verdict.limits, NO_PICTURE))
        if _clock_was_set(verdict):
            verdict = replace(verdict, limits=(*verdict.limits, CLOCK_SET))
        body = _body(incident, phase, verdict, self._seen_by, self._spec.grid_code)
        self._waiting.put(body, verdict.time.captured_at, made)

    def _close_orphan(self, orphan: IncidentRow, time: FrameTime, limit: str) -> None:
        self._incidents.close(orphan)
        self._waiting.put(_ending(orphan, time, limit, self._seen_by, self._spec.grid_code), time.captured_at)

    def _try(self, take: Callable[[], Shot]) -> Shot | None:
        try:
            return take()
        except EvidenceError as error:
            log.error("camera %s: a picture could not be made: %s", self._spec.id, error)  # noqa: TRY400
            return None


def close_unconfigured(
    incidents: OpenIncidents, cameras: Sequence[CameraSpec], seen_by: SeenBy, waiting: WaitingEvents, clock: Clock
) -> None:
    """At start: close what was open under a camera or rule that is no longer configured, with a limit that says so."""
    grids = {camera.id: camera.grid_code for camera in cameras}
    time = FrameTime(clock.now(), clock.monotonic(), "arrival")
    for orphan, limit in unconfigured(incidents, cameras):
        log.warning("incident %s of camera %s is closed: %s", orphan.incident_id, orphan.camera_id, limit)
        incidents.close(orphan)
        waiting.put(_ending(orphan, time, limit, seen_by, grids.get(orphan.camera_id)), time.captured_at)


def _clock_was_set(verdict: Verdict) -> bool:
    by_wall_s = (verdict.time.captured_at - verdict.since.captured_at).total_seconds()
    return abs(by_wall_s - (verdict.time.monotonic_s - verdict.since.monotonic_s)) > CLOCK_SET_BY_S


def _ending(orphan: IncidentRow, time: FrameTime, limit: str, seen_by: SeenBy, grid_code: str | None) -> FindingBody:
    verdict = Verdict(Change.CLOSE, "", time, time, score=0.0, box=orphan.box, limits=(limit,))
    return _body(orphan, Phase.CLOSE, verdict, seen_by, grid_code)


def _body(incident: IncidentRow, phase: Phase, verdict: Verdict, seen_by: SeenBy, grid_code: str | None) -> FindingBody:
    return FindingBody(
        incident_id=incident.incident_id,
        phase=phase,
        finding=Finding(incident.finding),
        camera_id=incident.camera_id,
        zone_id=incident.zone_id,
        rule_id=incident.rule_id,
        opened_at=incident.opened_at,
        level=verdict.level,
        score=verdict.score,
        measures=tuple(
            Measure(name=f.name, value=f.value, unit=f.unit, threshold=f.threshold) for f in verdict.figures
        ),
        box=_wire_box(verdict.box) if verdict.box else None,
        grid_code=grid_code,
        seen_by=seen_by,
        limits=verdict.limits,
    )


def _wire_box(box: PictureBox) -> Box:
    x1, y1, x2, y2 = (min(1.0, max(0.0, value)) for value in (box.x1, box.y1, box.x2, box.y2))
    return Box(x1=x1, y1=y1, x2=x2, y2=y2)
