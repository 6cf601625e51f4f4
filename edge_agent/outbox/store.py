"""The outbox: events in SQLite from their birth until the hub answered for them."""

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from edge_agent.clock import Clock
from edge_agent.outbox.incidents import IncidentRows
from edge_agent.outbox.keeping import checksum, count, keep_event
from edge_agent.outbox.pictures import PictureRows
from edge_agent.outbox.rows import Counts, DueEvent, NewEvent, Shed
from edge_agent.outbox.shedding import take_events, take_pictures
from edge_agent.outbox.transactions import Transactions
from edge_agent.types import StoredPicture

logger = logging.getLogger(__name__)

_DUE = """
SELECT event_id, seq, topic, payload, checksum, attempts FROM event
WHERE urgent = ? AND (retry_at IS NULL OR retry_at <= ?) ORDER BY boot, seq LIMIT ?
"""
_FLYING = "SELECT urgent, count(*) FROM event WHERE state = 'sent' AND retry_at > ? GROUP BY urgent"
_ALL_BACK = "UPDATE event SET state = 'pending', retry_at = NULL WHERE retry_at IS NOT NULL"
_PUT_BACK = "UPDATE event SET state = 'pending', retry_at = ? WHERE event_id = ? AND state = 'sent' AND attempts = ?"
# Rows of `refused` are only ever added at the end and dropped at the start, so their numbers have no gap.
_KEEP_NEWEST = "DELETE FROM refused WHERE rowid <= (SELECT max(rowid) FROM refused) - ?"
DEAD_LETTERS_KEPT = 1000

Tell = Callable[[Shed], NewEvent]
T = TypeVar("T")


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
        self._transactions.adding(f"keeping event {event.event_id}", lambda db: keep_event(db, event, pictures))
        self._tell_listeners()

    def shed_pictures(self, severe: bool, need: int, tell: Tell) -> Shed | None:
        """Let go of pictures of severe findings, or of the others, for `need` bytes; the caller removes the files.

        `tell` makes the event that says so, which is kept in the same transaction. None when there is no such picture.
        """
        return self._shed(partial(take_pictures, severe=severe, need=need), tell)

    def shed_events(self, need: int, tell: Tell) -> Shed | None:
        """Let go of the oldest events of the lowest severity for `need` bytes, told as `shed_pictures` does."""
        return self._shed(partial(take_events, need=need), tell)

    def drop_dead_letters(self) -> int:
        """Let go of all dead letters, which the hub has as well, and return how many bytes that gave."""

        def drop(db: sqlite3.Connection) -> int:
            (size,) = db.execute("SELECT coalesce(sum(length(payload)), 0) FROM refused").fetchone()
            if size:
                db.execute("DELETE FROM refused")
            return int(size)

        return self._transactions.freeing("dropping dead letters", drop)

    def room(self) -> tuple[int, int]:
        """Bytes of the file that are in use, and bytes of it that are free for new rows."""
        with self._transactions.reading("measuring the outbox") as db:
            (page,), (pages,), (free,) = (
                db.execute(f"PRAGMA {name}").fetchone() for name in ("page_size", "page_count", "freelist_count")
            )
        return page * (pages - free), page * free

    def due(self, limit: int, window: int, reserve: int = 0) -> list[DueEvent]:
        """Up to `limit` events to send now, never more than `window` in flight: urgent ones first, then by (boot, seq).

        The last `reserve` places of the window are for urgent events only. An event whose payload no longer has its
        checksum is moved to the dead letters instead.
        """
        now = self._clock.monotonic()
        with self._transactions.reading("looking for events to send") as db:
            flying = dict(db.execute(_FLYING, (now,)).fetchall())
            places = max(0, min(limit, window - sum(flying.values())))
            rows = db.execute(_DUE, (1, now, places)).fetchall()
            ordinary = max(0, min(places - len(rows), window - reserve - flying.get(0, 0)))
            rows += db.execute(_DUE, (0, now, ordinary)).fetchall()
        whole = []
        for event_id, seq, topic, payload, kept_as, attempts in rows:
            if checksum(topic, payload) == kept_as:
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
        self._transactions.forgettable("noting what was sent", lambda db: db.executemany(statement, rows))

    def together(self, work: Callable[[], T]) -> T:
        """Make all that `work` settles, finds due and marks as sent one transaction, and return what it returns.

        A power cut may undo it. When `work` raises, nothing of it happened; on a full disk it may be run twice.
        """
        return self._transactions.forgettable("settling and sending", lambda _: work())

    def put_back(self, event_id: UUID, attempt: int, retry_at: float) -> bool:
        """Make an event pending again, due at monotonic second `retry_at`; False when `attempt` is not its latest."""
        values = (retry_at, str(event_id), attempt)
        done = self._transactions.forgettable(
            "putting an event back", lambda db: db.execute(_PUT_BACK, values).rowcount
        )
        return done > 0

    def put_all_back(self) -> None:
        """Make every event due at once: the process, the connection or the hub is a new one."""
        self._transactions.forgettable("putting everything back", lambda db: db.execute(_ALL_BACK))

    def settle(self, event_ids: Iterable[UUID]) -> int:
        """Let go of events that the hub has committed and return how many there were; unknown ones are ignored.

        A power cut may bring the last ones back: they are sent again, and the hub has them already.
        """
        rows = [(str(event_id),) for event_id in event_ids]

        def let_go(db: sqlite3.Connection) -> int:
            settled = max(0, db.executemany("DELETE FROM event WHERE event_id = ?", rows).rowcount)
            count(db, "acked", settled)
            return settled

        return self._transactions.forgettable("settling events", let_go)

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
            count(db, "refused", moved)
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

    def _shed(self, take: Callable[[sqlite3.Connection], Shed | None], tell: Tell) -> Shed | None:
        def let_go(db: sqlite3.Connection) -> Shed | None:
            shed = take(db)
            if shed is not None:
                keep_event(db, tell(shed))
            return shed

        shed = self._transactions.freeing("letting go for want of room", let_go)
        if shed is not None:
            self._tell_listeners()
        return shed

    def _tell_listeners(self) -> None:
        for listener in self._listeners:
            listener()
