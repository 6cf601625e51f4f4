"""The values that go into the outbox and come out of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

URGENT_SEVERITY = 3


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is about to be kept: `payload` is the encoded envelope, `severity` 0 (none) to 4."""

    event_id: UUID
    boot_id: UUID
    seq: int
    topic: str
    payload: bytes
    severity: int
    born_at: datetime


@dataclass(frozen=True, slots=True)
class DueEvent:
    """An event that may be sent now; `attempts` counts the sendings before this one."""

    event_id: UUID
    seq: int
    topic: str
    payload: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that will never be taken, and why."""

    event_id: UUID
    topic: str
    payload: bytes
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Counts:
    """The milestones of the outbox: `pending` and `sent` are rows held now, the others count since the first start."""

    born: int
    pending: int
    sent: int
    acked: int
    refused: int
    shed: int

    @property
    def kept(self) -> int:
        """The events on disk that the hub has not answered for."""
        return self.pending + self.sent

    @property
    def adds_up(self) -> bool:
        """Whether each birth is accounted for exactly once."""
        return self.born == self.kept + self.acked + self.refused + self.shed
