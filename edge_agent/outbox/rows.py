"""The values that go into the outbox and come out of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from edge_agent.types import PictureBox

URGENT_SEVERITY = 3


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident that is open: kept by the event that opened it, gone with the event that closes it.

    `last_seen_at` is until when the box watched it, to a minute.
    """

    incident_id: UUID
    camera_id: str
    zone_id: str
    rule_id: str
    finding: str
    opened_at: datetime
    last_seen_at: datetime
    box: PictureBox | None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is about to be kept: `payload` is the encoded envelope, `severity` 0 (none) to 4.

    `incident` is the incident that it opens or changes, as it is from then on; `ends_incident` says that it is over.
    What tells of a shedding is not `sheddable` itself.
    """

    event_id: UUID
    boot_id: UUID
    seq: int
    topic: str
    payload: bytes
    severity: int
    born_at: datetime
    incident: IncidentRow | None = None
    ends_incident: bool = False
    sheddable: bool = True

    @property
    def urgent(self) -> bool:
        """Whether it overtakes others and is let go of last."""
        return self.severity >= URGENT_SEVERITY


@dataclass(frozen=True, slots=True)
class DueEvent:
    """An event that may be sent now; `attempts` counts the sendings before this one."""

    event_id: UUID
    seq: int
    topic: str
    payload: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Places:
    """Events of one boot from seq `first` to `last`."""

    boot_id: UUID
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Shed:
    """Pictures (by SHA-256) or events that are let go of in one transaction, `size` bytes, and from when they are."""

    severe: bool
    count: int
    size: int
    oldest: datetime
    newest: datetime
    pictures: tuple[str, ...] = ()
    events: tuple[Places, ...] = ()


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
