"""The outside truth of what a box kept: a line before each event goes into the outbox, and one after it is there."""

import json
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

from edge_agent.clock import Clock
from edge_agent.outbox.rows import NewEvent, Shed
from edge_agent.outbox.store import Outbox, Tell
from edge_agent.types import StoredPicture


class Witness(Protocol):
    """Somebody outside who is told what happens to the events of boxes; from several threads."""

    def intend(self, event: NewEvent, pictures: Sequence[StoredPicture]) -> None:
        """An event is about to be kept."""
        ...

    def born(self, event: NewEvent) -> None:
        """It is kept, durably."""
        ...

    def settled(self, event_ids: Sequence[UUID]) -> None:
        """The hub has said of these that they are committed."""
        ...


class Births:
    """A file of JSON lines, to which several boxes may write.

    `intent` comes before the commit and `born` after it, fsynced. A kill in between leaves an intent alone: that event
    may have happened or not. An intent needs no fsync, because what may be killed is the process, not this machine.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._lock = threading.Lock()
        size = os.fstat(self._handle).st_size
        if size and os.pread(self._handle, 1, size - 1) != b"\n":
            os.write(self._handle, b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def intend(self, event: NewEvent, pictures: Sequence[StoredPicture]) -> None:
        """Note an event that is about to be kept, with all that must be found again."""
        document = json.loads(event.payload)
        self._write(
            {
                "note": "intent",
                "event_id": str(event.event_id),
                "edge_id": document["edge_id"],
                "boot_id": str(event.boot_id),
                "seq": event.seq,
                "incident_id": document["body"].get("incident_id"),
                "phase": document["body"].get("phase"),
                "pictures": [picture.sha256 for picture in pictures],
            }
        )

    def born(self, event: NewEvent) -> None:
        """Note, durably, that the event is kept: from now on it may not be lost."""
        self.note("born", event.event_id)

    def settled(self, event_ids: Sequence[UUID]) -> None:
        """Nothing is noted: the hub's own database tells what it has."""

    def note(self, what: str, event_id: UUID) -> None:
        """Note, durably, what becomes of an event."""
        self._write({"note": what, "event_id": str(event_id)})
        os.fsync(self._handle)

    def _write(self, line: dict[str, object]) -> None:
        with self._lock:
            os.write(self._handle, json.dumps(line).encode() + b"\n")


class NotedOutbox(Outbox):
    """The agent's own outbox, the births and ends of whose events are noted outside.

    Raises:
        OutboxError: as the outbox does.
    """

    def __init__(self, path: Path, clock: Clock, births: Witness) -> None:
        super().__init__(path, clock)
        self._births = births

    def append(self, event: NewEvent, pictures: Sequence[StoredPicture] = ()) -> None:
        """Keep an event as the outbox does, between its two notes.

        Raises:
            OutboxError: as the outbox does; then the intent stands alone.
        """
        self._births.intend(event, pictures)
        super().append(event, pictures)
        self._births.born(event)

    def settle(self, event_ids: Iterable[UUID]) -> int:
        """Let go of what the hub has committed as the outbox does, and note it."""
        event_ids = tuple(event_ids)
        self._births.settled(event_ids)
        return super().settle(event_ids)

    def shed_pictures(self, severe: bool, need: int, tell: Tell) -> Shed | None:
        """Let go of pictures as the outbox does; the event that tells so is noted as well."""
        noted = _Noted(tell, self._births)
        return noted.done(super().shed_pictures(severe, need, noted))

    def shed_events(self, need: int, tell: Tell) -> Shed | None:
        """Let go of events as the outbox does; the event that tells so is noted as well."""
        noted = _Noted(tell, self._births)
        return noted.done(super().shed_events(need, noted))


class _Noted:
    def __init__(self, tell: Tell, births: Witness) -> None:
        self._tell = tell
        self._births = births
        self._told: NewEvent | None = None

    def __call__(self, shed: Shed) -> NewEvent:
        self._told = self._tell(shed)
        self._births.intend(self._told, ())
        return self._told

    def done(self, shed: Shed | None) -> Shed | None:
        if shed is not None and self._told is not None:
            self._births.born(self._told)
        return shed
