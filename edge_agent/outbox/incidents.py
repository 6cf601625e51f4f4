"""Which incidents are open, in the same transactions as the events that open, change and close them."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from edge_agent.outbox.rows import IncidentRow, NewEvent
from edge_agent.outbox.transactions import Transactions
from edge_agent.types import PictureBox

_ALL = """
SELECT incident_id, camera_id, zone_id, rule_id, finding, opened_at, last_seen_at, x1, y1, x2, y2
FROM incident ORDER BY opened_at, incident_id
"""
_NOTE = """
INSERT OR REPLACE INTO incident
(incident_id, camera_id, zone_id, rule_id, finding, opened_at, last_seen_at, x1, y1, x2, y2)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def note_incident(db: sqlite3.Connection, event: NewEvent) -> None:
    """Bring the incident of an event up to date inside the transaction that keeps the event."""
    row = event.incident
    if row is None:
        return
    if event.ends_incident:
        db.execute("DELETE FROM incident WHERE incident_id = ?", (str(row.incident_id),))
        return
    box = (row.box.x1, row.box.y1, row.box.x2, row.box.y2) if row.box else (None, None, None, None)
    names = (str(row.incident_id), row.camera_id, row.zone_id, row.rule_id, row.finding)
    db.execute(_NOTE, (*names, row.opened_at.isoformat(), row.last_seen_at.isoformat(), *box))


class IncidentRows:
    """The incidents whose opening event was kept and whose closing event was not.

    Every method raises OutboxError when the file cannot be read or written.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def all(self) -> list[IncidentRow]:
        """Every open incident, oldest first."""
        with self._transactions.reading("reading the open incidents") as db:
            rows = db.execute(_ALL).fetchall()
        return [
            IncidentRow(
                incident_id=UUID(incident_id),
                camera_id=camera_id,
                zone_id=zone_id,
                rule_id=rule_id,
                finding=finding,
                opened_at=datetime.fromisoformat(opened_at),
                last_seen_at=datetime.fromisoformat(last_seen_at),
                box=None if corners[0] is None else PictureBox(*corners),
            )
            for incident_id, camera_id, zone_id, rule_id, finding, opened_at, last_seen_at, *corners in rows
        ]

    def touch(self, seen_at: Mapping[UUID, datetime]) -> None:
        """Note until when these incidents were watched; one that is not here is passed over."""
        values = [(at.isoformat(), str(incident_id)) for incident_id, at in seen_at.items()]
        statement = "UPDATE incident SET last_seen_at = ? WHERE incident_id = ?"
        self._transactions.adding("noting what is still open", lambda db: db.executemany(statement, values))
