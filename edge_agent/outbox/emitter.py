"""Gives each body its place in the boot's order and its envelope, and keeps events in the outbox."""

import threading
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from edge_agent.clock import Clock, Ids
from edge_agent.outbox.rows import IncidentRow, NewEvent
from edge_agent.outbox.store import Outbox
from edge_agent.types import PictureBox, StoredPicture
from mqtt.envelope import CHANNEL_OF_KIND, ClockReport, Envelope, encode
from mqtt.messages import (
    BirthBody,
    Body,
    DeathBody,
    FindingBody,
    HealthBody,
    Phase,
    ReadingBody,
    ReportedBody,
    ResultBody,
)
from mqtt.topic import Topic

EventBody = FindingBody | ReadingBody | ReportedBody | ResultBody
StateBody = BirthBody | HealthBody | DeathBody
_UNKNOWN_CLOCK = ClockReport(source="unknown")


class Emitter:
    """Numbers the events of one boot 1, 2, 3... without a gap: a seq is used up only when its row is on disk."""

    def __init__(self, outbox: Outbox, edge_id: str, boot_id: UUID, clock: Clock, ids: Ids) -> None:
        self._outbox = outbox
        self._edge_id = edge_id
        self._boot_id = boot_id
        self._clock = clock
        self._ids = ids
        self._lock = threading.Lock()
        self._born = outbox.last_seq(boot_id)

    def emit(
        self, body: EventBody, captured_at: datetime | None, severity: int = 0, pictures: Sequence[StoredPicture] = ()
    ) -> Envelope:
        """Keep an event (severity 0 none to 4 red) with its pictures, whose files are on disk, and return its envelope.

        A finding opens, changes or closes its incident in the same transaction.

        Raises:
            MessageError: the envelope is larger than 64 KiB.
            OutboxError: the disk cannot keep it; the seq is free again, and the event was not born.
        """
        topic = Topic(self._edge_id, CHANNEL_OF_KIND[body.kind])
        with self._lock:
            envelope = self._envelope(body, captured_at, self._born + 1)
            event = NewEvent(
                event_id=envelope.event_id,
                boot_id=self._boot_id,
                seq=envelope.seq,
                topic=str(topic),
                payload=encode(envelope),
                severity=severity,
                born_at=envelope.emitted_at,
                incident=_incident(body, captured_at or envelope.emitted_at) if isinstance(body, FindingBody) else None,
                ends_incident=isinstance(body, FindingBody) and body.phase is Phase.CLOSE,
            )
            self._outbox.append(event, pictures)
            self._born = envelope.seq
        return envelope

    def state(self, body: StateBody) -> Envelope:
        """The envelope of a state, which is never kept: its seq is the number of events of this boot so far."""
        with self._lock:
            return self._envelope(body, None, self._born)

    def _envelope(self, body: Body, captured_at: datetime | None, seq: int) -> Envelope:
        return Envelope(
            edge_id=self._edge_id,
            boot_id=self._boot_id,
            seq=seq,
            event_id=self._ids.new(),
            kind=body.kind,
            emitted_at=self._clock.now(),
            captured_at=captured_at,
            clock=_UNKNOWN_CLOCK,
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
