"""A clock that tests move, and events made of few words."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from edge_agent.clock import SystemIds
from edge_agent.outbox.rows import IncidentRow, NewEvent
from edge_agent.outbox.store import Outbox
from edge_agent.types import PictureBox, StoredPicture
from mqtt.messages import Finding, FindingBody, Phase, SeenBy

IDS = SystemIds()
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
KERB = PictureBox(0.1, 0.2, 0.3, 0.4)
BOOT = UUID("01900000-0000-7000-8000-000000000001")


class ManualClock:
    def __init__(self, start: datetime = START) -> None:
        self.start = start
        self.seconds = 100.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def thread_cpu_s(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


def event(seq: int, severity: int = 0, boot: UUID = BOOT, payload: bytes | None = None) -> NewEvent:
    body = payload if payload is not None else json.dumps({"seq": seq, "boot": str(boot)}).encode()
    return NewEvent(IDS.new(), boot, seq, "tr/v1/box-1/event", body, severity, START)


def picture(content: bytes) -> StoredPicture:
    return StoredPicture(hashlib.sha256(content).hexdigest(), len(content), 4, 3, START)


def incident(number: int = 1, box: PictureBox | None = KERB) -> IncidentRow:
    return IncidentRow(UUID(int=number), "gate", "kerb", "parking", "illegal_parking", START, START, box)


def dead_letters(outbox: Outbox) -> list[tuple[UUID, bytes, str, str]]:
    """Id, payload, reason and detail of the events that will never be taken, oldest first."""
    with outbox._transactions.reading("dead letters") as db:
        rows = db.execute("SELECT event_id, payload, reason, detail FROM refused ORDER BY rowid").fetchall()
    return [(UUID(event_id), *rest) for event_id, *rest in rows]


def refused_pictures(outbox: Outbox) -> dict[str, str]:
    """The pictures that will never be taken, with the reason, oldest first."""
    with outbox._transactions.reading("refused pictures") as db:
        return dict(db.execute("SELECT sha256, reason FROM picture WHERE state = 'refused' ORDER BY ordinal"))


def finding(number: int = 1, level: int = 1) -> FindingBody:
    """A finding as an event carries it."""
    return FindingBody(
        incident_id=UUID(int=number),
        phase=Phase.OPEN,
        finding=Finding.ILLEGAL_PARKING,
        camera_id="gate",
        zone_id="kerb",
        rule_id="parking",
        opened_at=START,
        level=level,
        score=0.5,
        seen_by=SeenBy(model="yolo11n-int8", model_version="1", backend="openvino", config_version=3),
    )
