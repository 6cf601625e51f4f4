"""The outbox: events in SQLite from their birth until the hub answered for them."""

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from edge_agent.clock import Clock
from edge_agent.outbox.incidents import IncidentRows, note_incident
from edge_agent.outbox.pictures import PictureRows, insert_pictures
from edge_agent.outbox.rows import URGENT_SEVERITY, Counts, DueEvent, NewEvent
from edge_agent.outbox.transactions import Transactions
from edge_agent.types import StoredPicture

logger = logging.getLogger(__name__)

_DUE = """
SELECT event_id, seq, topic, payload, checksum, attempts FROM event
WHERE retry_at IS NULL OR retry_at <= ? ORDER BY urgent DESC, boot, seq LIMIT ?
"""
_ALL_BACK = "UPDATE event SET state = 'pending', retry_at = NULL WHERE retry_at IS NOT NULL"
_PUT_BACK = "UPDATE event SET state = 'pending', retry_at = ? WHERE event_id = ? AND state = 'sent' AND attempts = ?"
_INSERT_BOOT = """
INSERT INTO boot (boot_id, last_seq) VALUES (?, ?)
ON CONFLICT (boot_id) DO UPDATE SET last_seq = max(last_seq, excluded.last_seq) RETURNING ordinal
"""
_INSERT_EVENT = """
INSERT INTO event (event_id, boot, seq, topic, payload, checksum, urgent, born_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
# Rows of `refused` are only ever added at the end and dropped at the start, so their numbers have no gap.
_KEEP_NEWEST = "DELETE FROM refused WHERE rowid <= (SELECT max(rowid) FROM refused) - ?"
DEAD_LETTERS_KEPT = 1000


class Outbox:
    """Events that survive until they are settled; safe to use from several threads.

    `moved_aside` is None, or says that a damaged file was found at start and how it is called now: report it.
    `pictures` are the pictures that these events named, `incidents` those that they opened and did not close.

    Raises:
        OutboxError: the file cannot be opened; see `open_database`. Every method raises it when the disk fails.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []
        self._transactions = Transactions(path, clock)
        self.moved_aside = self._transactions.moved_aside
        self.pictures = PictureRows(self._transactions)
        self.incidents = IncidentRows(self._transactions)
        self.put_all_back()

    def close(self) -> None:
        """Close the file; nothing is lost by not calling this."""
        self._transactions.close()

    def on_append(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each commit of a new event; it must return at once."""
        self._listeners.append(listener)

    def last_seq(self, boot_id: UUID) -> int:
        """The number of events kept in that boot so far, which is also the seq of the newest; 0 for an unknown boot."""
        with self._transactions.reading("reading the last seq") as db:
            row = db.execute("SELECT last_seq FROM boot WHERE boot_id = ?", (str(boot_id),)).fetchone()
        return int(row[0]) if row else 0

    def append(self, event: NewEvent, pictures: Sequence[StoredPicture] = ()) -> None:
        """Keep an event, its pictures and what it does to its incident in one durable transaction.

        The picture files must be fsynced already. What the disk cannot keep was not born: the caller holds it and
        tries again (`edge_agent/waiting.py`).

        Raises:
            OutboxError: the disk is full or fails, or the event_id or (boot, seq) is taken; nothing was written.
        """

        def keep(db: sqlite3.Connection) -> None:
            _insert(db, event)
            insert_pictures(db, pictures)
            note_incident(db, event)
            _count(db, "born", 1)

        with self._transactions.lock:
            self._transactions.adding(f"keeping event {event.event_id}", keep)
        for listener in self._listeners:
            listener()

    def due(self, limit: int, window: int) -> list[DueEvent]:
        """Up to `limit` events to send now, never more than `window` in flight: urgent ones first, then by (boot, seq).

        An event whose payload no longer has its checksum is moved to the dead letters instead.
        """
        now = self._clock.monotonic()
        with self._transactions.reading("looking for events to send") as db:
            (flying,) = db.execute(
                "SELECT count(*) FROM event WHERE state = 'sent' AND retry_at > ?", (now,)
            ).fetchone()
            rows = db.execute(_DUE, (now, max(0, min(limit, window - flying)))).fetchall()
        whole = []
        for event_id, seq, topic, payload, checksum, attempts in rows:
            if _checksum(topic, payload) == checksum:
                whole.append(DueEvent(UUID(event_id), seq, topic, payload, attempts))
            else:
                logger.error("event %s (seq %d) is damaged on disk; moved to the dead letters", event_id, seq)
                self.refuse(
                    UUID(event_id), "damaged", "topic and payload no longer have the checksum they were kept with"
                )
        return whole

    def next_due_s(self) -> float | None:
        """Seconds until the next event that waits for its time is due; None when none waits."""
        now = self._clock.monotonic()
        with self._transactions.reading("looking for the next event") as db:
            (at,) = db.execute("SELECT min(retry_at) FROM event WHERE retry_at > ?", (now,)).fetchone()
        return None if at is None else max(0.0, at - now)

    def mark_sent(self, retry_at: Mapping[UUID, float]) -> None:
        """Note that these events are on their way; each is due again at its monotonic second unless settled before."""
        rows = [(at, str(event_id)) for event_id, at in retry_at.items()]
        statement = "UPDATE event SET state = 'sent', attempts = attempts + 1, retry_at = ? WHERE event_id = ?"
        self._transactions.freeing("noting what was sent", lambda db: db.executemany(statement, rows))

    def put_back(self, event_id: UUID, attempt: int, retry_at: float) -> bool:
        """Make an event pending again, due at monotonic second `retry_at`; False when `attempt` is not its latest."""
        values = (retry_at, str(event_id), attempt)
        done = self._transactions.freeing("putting an event back", lambda db: db.execute(_PUT_BACK, values).rowcount)
        return done > 0

    def put_all_back(self) -> None:
        """Make every event due at once: the process, the connection or the hub is a new one."""
        self._transactions.freeing("putting everything back", lambda db: db.execute(_ALL_BACK))

    def settle(self, event_ids: Iterable[UUID]) -> int:
        """Let go of events that the hub has committed and return how many there were; unknown ones are ignored."""
        rows = [(str(event_id),) for event_id in event_ids]

        def let_go(db: sqlite3.Connection) -> int:
            settled = max(0, db.executemany("DELETE FROM event WHERE event_id = ?", rows).rowcount)
            _count(db, "acked", settled)
            return settled

        return self._transactions.freeing("settling events", let_go)

    def refuse(self, event_id: UUID, reason: str, detail: str) -> bool:
        """Move an event that will never be taken to the dead letters, of which the newest 1000 stay.

        False when it is not here.
        """
        values = (self._clock.now().isoformat(), reason, detail, str(event_id))

        def move(db: sqlite3.Connection) -> int:
            moved = db.execute(
                "INSERT INTO refused SELECT event_id, topic, payload, born_at, ?, ?, ? FROM event WHERE event_id = ?",
                values,
            ).rowcount
            db.execute("DELETE FROM event WHERE event_id = ?", (str(event_id),))
            db.execute(_KEEP_NEWEST, (DEAD_LETTERS_KEPT,))
            _count(db, "refused", moved)
            return moved

        return self._transactions.freeing("moving an event to the dead letters", move) > 0

    def event_of_payload(self, payload_sha256: str) -> UUID | None:
        """The event whose encoded envelope has this hash; for a refusal by a hub that could not read the id."""
        with self._transactions.reading("looking for a payload") as db:
            for event_id, payload in db.execute("SELECT event_id, payload FROM event"):
                if hashlib.sha256(payload).hexdigest() == payload_sha256:
                    return UUID(event_id)
        return None

    def counts(self) -> Counts:
        """The milestones; they always add up, also after a restart."""
        with self._transactions.reading("counting") as db:
            (kept,) = db.execute("SELECT count(*) FROM event").fetchone()
            (sent,) = db.execute("SELECT count(*) FROM event WHERE state = 'sent'").fetchone()
            stones = dict(db.execute("SELECT name, n FROM milestone").fetchall())
        return Counts(
            born=stones["born"],
            pending=kept - sent,
            sent=sent,
            acked=stones["acked"],
            refused=stones["refused"],
            shed=stones["shed"],
        )


def _insert(db: sqlite3.Connection, event: NewEvent) -> None:
    (boot,) = db.execute(_INSERT_BOOT, (str(event.boot_id), event.seq)).fetchone()
    checksum = _checksum(event.topic, event.payload)
    urgent = int(event.severity >= URGENT_SEVERITY)
    values = (str(event.event_id), boot, event.seq, event.topic, event.payload, checksum, urgent)
    db.execute(_INSERT_EVENT, (*values, event.born_at.isoformat()))


def _checksum(topic: str, payload: bytes) -> str:
    return hashlib.sha256(topic.encode() + b"\0" + payload).hexdigest()


def _count(db: sqlite3.Connection, name: str, n: int) -> None:
    if n:
        db.execute("UPDATE milestone SET n = n + ? WHERE name = ?", (n, name))
