"""Which pictures of the events the hub does not have yet; the files themselves belong to the evidence room."""

import sqlite3
from collections.abc import Sequence

from edge_agent.outbox.transactions import Transactions
from edge_agent.types import StoredPicture

REFUSED_KEPT = 1000
_KEEP_NEWEST = """
UPDATE picture SET state = 'done' WHERE state = 'refused' AND ordinal <= (
    SELECT ordinal FROM picture WHERE state = 'refused' ORDER BY ordinal DESC LIMIT 1 OFFSET ?
)
"""


_INSERT = """
INSERT INTO picture (sha256, bytes, taken_at, severe) VALUES (?, ?, ?, ?)
ON CONFLICT (sha256) DO UPDATE SET severe = max(severe, excluded.severe)
"""


def insert_pictures(db: sqlite3.Connection, pictures: Sequence[StoredPicture], severe: bool) -> None:
    """Note pictures as pending inside a running transaction; the state of one that is known already stays."""
    db.executemany(_INSERT, [(p.sha256, p.size, p.taken_at.isoformat(), int(severe)) for p in pictures])


class PictureRows:
    """The pictures that events named: pending, refused (the file stays), done or shed (the file goes, then the row).

    Every method raises OutboxError when the file cannot be read or written.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def pending(self, limit: int) -> list[str]:
        """The SHA-256 of up to `limit` pictures that the hub does not have, oldest first."""
        return self._in_states("pending", "pending", limit)

    def done(self, limit: int) -> list[str]:
        """The SHA-256 of up to `limit` pictures that are done or shed and whose file may still be here."""
        return self._in_states("done", "shed", limit)

    def names(self, sha256: str) -> bool:
        """Whether an event named this picture and it is not let go of yet."""
        with self._transactions.reading("looking for a picture") as db:
            return db.execute("SELECT 1 FROM picture WHERE sha256 = ?", (sha256,)).fetchone() is not None

    def mark_uploaded(self, sha256: str) -> None:
        """Note that the hub has the picture; only then may the file be removed."""
        statement = "UPDATE picture SET state = 'done' WHERE sha256 = ? AND state = 'pending'"
        self._transactions.freeing("noting an upload", lambda db: db.execute(statement, (sha256,)))

    def forget(self, *gone: str) -> None:
        """Let go of pictures that are done or shed and whose files are gone."""
        statement = "DELETE FROM picture WHERE sha256 = ? AND state IN ('done', 'shed')"
        values = [(sha256,) for sha256 in gone]
        self._transactions.freeing("forgetting pictures", lambda db: db.executemany(statement, values))

    def refuse(self, sha256: str, reason: str) -> bool:
        """Note that the picture will never be taken, and why; the files of the newest 1000 such pictures stay.

        False when it does not wait: it may have been shed in between.
        """

        def turn_down(db: sqlite3.Connection) -> int:
            statement = "UPDATE picture SET state = 'refused', reason = ? WHERE sha256 = ? AND state = 'pending'"
            turned = db.execute(statement, (reason, sha256)).rowcount
            db.execute(_KEEP_NEWEST, (REFUSED_KEPT,))
            return turned

        return self._transactions.freeing("refusing a picture", turn_down) > 0

    def _in_states(self, state: str, other: str, limit: int) -> list[str]:
        select = "SELECT sha256 FROM picture WHERE state IN (?, ?) ORDER BY ordinal LIMIT ?"
        with self._transactions.reading(f"reading {state} pictures") as db:
            return [sha256 for (sha256,) in db.execute(select, (state, other, limit))]
