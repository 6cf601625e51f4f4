"""A clock that tests move, and events made of few words."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from edge_agent.clock import SystemIds
from edge_agent.outbox.rows import NewEvent
from edge_agent.types import StoredPicture

IDS = SystemIds()
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
BOOT = UUID("01900000-0000-7000-8000-000000000001")


class ManualClock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


def event(seq: int, severity: int = 0, boot: UUID = BOOT, payload: bytes | None = None) -> NewEvent:
    body = payload if payload is not None else json.dumps({"seq": seq, "boot": str(boot)}).encode()
    return NewEvent(IDS.new(), boot, seq, "tr/v1/box-1/event", body, severity, START)


def picture(content: bytes) -> StoredPicture:
    return StoredPicture(hashlib.sha256(content).hexdigest(), len(content), 4, 3, START)
