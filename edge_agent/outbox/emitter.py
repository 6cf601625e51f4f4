"""Gives each body its place in the boot's order and its envelope, and keeps events in the outbox."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Literal
from uuid import UUID

from edge_agent.clock import Clock, Ids
from edge_agent.outbox.rows import URGENT_SEVERITY, IncidentRow, NewEvent, Shed
from edge_agent.outbox.store import Outbox, Tell
from edge_agent.types import PictureBox, StoredPicture
from mqtt.envelope import CHANNEL_OF_KIND, ClockReport, Envelope, encode
from mqtt.messages import Body, FindingBody, Phase, ReadingBody, ReportedBody, ResultBody, SeqRange, ShedBody
from mqtt.states import BirthBody, DeathBody, HealthBody
from mqtt.topic import Topic

EventBody = FindingBody | ReadingBody | ReportedBody | ResultBody
StateBody = BirthBody | HealthBody | DeathBody
ShedReason = Literal["over_budget", "disk_short"]
MAX_LIMITS = 16
OPENED_LATER = "the opening has a later time than this message: a clock was set back, or the camera's is ahead"


def unknown_clock() -> ClockReport:
    """The report of a box that cannot tell how far its clock is right."""
    return ClockReport(source="unknown")


class Emitter:
    """Numbers the events of one boot 1, 2, 3... without a gap: a seq is used up only when its row is on disk."""

    def __init__(
        self,
        outbox: Outbox,
        edge_id: str,
        boot_id: UUID,
        clock: Clock,
        ids: Ids,
        clock_report: Callable[[], ClockReport] = unknown_clock,
    ) -> None:
        self._outbox = outbox
        self._edge_id = edge_id
        self._boot_id = boot_id
        self._clock = clock
        self._ids = ids
        self._clock_report = clock_report
        self._lock = threading.Lock()
        self._born = outbox.last_seq(boot_id)

    def emit(
        self, body: EventBody, captured_at: datetime | None, severity: int = 0, pictures: Sequence[StoredPicture] = ()
    ) -> Envelope:
        """Keep an event (severity 0 none to 4 red) with its pictures, whose files are on disk, and return its envelope.

        A finding opens, changes or closes its incident in the same transaction; one that opened after this message was
        made, by the clocks, gets a limit that says so.

        Raises:
            MessageError: the envelope is larger than 64 KiB.
            OutboxError: the disk cannot keep it; the seq is free again, and the event was not born.
        """
        with self._lock:
            envelope = self._envelope(body, captured_at, self._born + 1)
            self._outbox.append(self._event(envelope, severity), pictures)
            self._born = envelope.seq
        return envelope

    def shed_pictures(self, severe: bool, need: int, reason: ShedReason) -> Shed | None:
        """Let go of pictures of severe findings, or of the others, for `need` bytes, and tell the hub which.

        Both in one transaction; the caller removes the files. None when there is no such picture.

        Raises:
            OutboxError: the disk failed; nothing was changed.
        """
        return self._shed(partial(self._outbox.shed_pictures, severe, need), reason)

    def shed_events(self, need: int, reason: ShedReason) -> Shed | None:
        """Let go of the oldest events of the lowest severity for `need` bytes, and tell the hub as `shed_pictures`."""
        return self._shed(partial(self._outbox.shed_events, need), reason)

    def _shed(self, let_go: Callable[[Tell], Shed | None], reason: ShedReason) -> Shed | None:
        def tell(shed: Shed) -> NewEvent:
            return self._event(self._envelope(_shed_body(shed, reason), None, self._born + 1), URGENT_SEVERITY)

        with self._lock:
            shed = let_go(tell)
            self._born += shed is not None
        return shed

    def state(self, body: StateBody) -> Envelope:
        """The envelope of a state, which is never kept: its seq is the number of events of this boot so far."""
        with self._lock:
            return self._envelope(body, None, self._born)

    def _event(self, envelope: Envelope, severity: int) -> NewEvent:
        body = envelope.body
        finding = body if isinstance(body, FindingBody) else None
        return NewEvent(
            event_id=envelope.event_id,
            boot_id=self._boot_id,
            seq=envelope.seq,
            topic=str(Topic(self._edge_id, CHANNEL_OF_KIND[body.kind])),
            payload=encode(envelope),
            severity=severity,
            born_at=envelope.emitted_at,
            incident=_incident(finding, envelope.captured_at or envelope.emitted_at) if finding else None,
            ends_incident=finding is not None and finding.phase is Phase.CLOSE,
            sheddable=not isinstance(body, ShedBody),
        )

    def _envelope(self, body: Body, captured_at: datetime | None, seq: int) -> Envelope:
        emitted_at = self._clock.now()
        if isinstance(body, FindingBody) and body.opened_at > emitted_at:
            body = body.model_copy(update={"limits": (*body.limits[: MAX_LIMITS - 1], OPENED_LATER)})
        return Envelope(
            edge_id=self._edge_id,
            boot_id=self._boot_id,
            seq=seq,
            event_id=self._ids.new(),
            kind=body.kind,
            emitted_at=emitted_at,
            captured_at=captured_at,
            clock=self._clock_report(),
            body=body,
        )


def _incident(body: FindingBody, seen_at: datetime) -> IncidentRow:
    box = body.box
    return IncidentRow(
        incident_id=body.incident_id,
        camera_id=body.camera_id,
        zone_id=body.zone_id,
        rule_id=body.rule_id,
        finding=str(body.finding),
        opened_at=body.opened_at,
        last_seen_at=seen_at,
        box=PictureBox(box.x1, box.y1, box.x2, box.y2) if box else None,
    )


def _shed_body(shed: Shed, reason: ShedReason) -> ShedBody:
    return ShedBody(
        what="pictures" if shed.pictures else "events",
        count=shed.count,
        bytes=shed.size,
        oldest=shed.oldest,
        newest=shed.newest,
        severe=shed.severe,
        reason=reason,
        pictures=shed.pictures,
        events=tuple(SeqRange(boot_id=each.boot_id, first=each.first, last=each.last) for each in shed.events),
    )
