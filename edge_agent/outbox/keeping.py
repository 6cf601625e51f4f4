"""How an event is written, whoever keeps it: the row, its pictures, its incident and the milestone."""

import hashlib
import sqlite3
from collections.abc import Sequence

from edge_agent.outbox.incidents import note_incident
from edge_agent.outbox.pictures import insert_pictures
from edge_agent.outbox.rows import NewEvent
from edge_agent.types import StoredPicture

_INSERT_BOOT = """
INSERT INTO boot (boot_id, last_seq) VALUES (?, ?)
ON CONFLICT (boot_id) DO UPDATE SET last_seq = max(last_seq, excluded.last_seq) RETURNING ordinal
"""
_INSERT_EVENT = """
INSERT INTO event (event_id, boot, seq, topic, payload, checksum, urgent, sheddable, born_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def keep_event(db: sqlite3.Connection, event: NewEvent, pictures: Sequence[StoredPicture] = ()) -> None:
    """Write an event and all that belongs to it inside a running transaction."""
    (boot,) = db.execute(_INSERT_BOOT, (str(event.boot_id), event.seq)).fetchone()
    names = (str(event.event_id), boot, event.seq, event.topic, event.payload, checksum(event.topic, event.payload))
    db.execute(_INSERT_EVENT, (*names, int(event.urgent), int(event.sheddable), event.born_at.isoformat()))
    insert_pictures(db, pictures, event.urgent)
    note_incident(db, event)
    count(db, "born", 1)


def count(db: sqlite3.Connection, milestone: str, n: int) -> None:
    """Add `n` to a milestone inside a running transaction."""
    if n:
        db.execute("UPDATE milestone SET n = n + ? WHERE name = ?", (n, milestone))


def checksum(topic: str, payload: bytes) -> str:
    """What tells a damaged row: SHA-256 of topic and payload, in hexadecimal."""
    return hashlib.sha256(topic.encode() + b"\0" + payload).hexdigest()
