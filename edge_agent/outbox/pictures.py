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


def insert_pictures(db: sqlite3.Connection, pictures: Sequence[StoredPicture]) -> None:
    """Note pictures as pending inside a running transaction; a picture that is known already stays as it is."""
    db.executemany("INSERT INTO picture (sha256) VALUES (?) ON CONFLICT DO NOTHING", [(p.sha256,) for p in pictures])


class PictureRows:
    """The pictures that events named: pending, refused (the file stays), or done (the file may go, then the row).

    Every method raises OutboxError when the file cannot be read or written.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def pending(self, limit: int) -> list[str]:
        """The SHA-256 of up to `limit` pictures that the hub does not have, oldest first."""
        return self._in_state("pending", limit)

    def done(self, limit: int) -> list[str]:
        """The SHA-256 of up to `limit` pictures that nobody needs and whose file may still be here, oldest first."""
        return self._in_state("done", limit)

    def names(self, sha256: str) -> bool:
        """Whether an event named this picture and it is not let go of yet."""
        with self._transactions.reading("looking for a picture") as db:
            return db.execute("SELECT 1 FROM picture WHERE sha256 = ?", (sha256,)).fetchone() is not None

    def mark_uploaded(self, sha256: str) -> None:
        """Note that the hub has the picture; only then may the file be removed."""
        self._change("UPDATE picture SET state = 'done' WHERE sha256 = ?", sha256)

    def forget(self, sha256: str) -> None:
        """Let go of a picture that is done and whose file is gone."""
        self._change("DELETE FROM picture WHERE sha256 = ? AND state = 'done'", sha256)

    def refuse(self, sha256: str, reason: str) -> None:
        """Note that the picture will never be taken, and why; the files of the newest 1000 such pictures stay."""

        def turn_down(db: sqlite3.Connection) -> None:
            db.execute("UPDATE picture SET state = 'refused', reason = ? WHERE sha256 = ?", (reason, sha256))
            db.execute(_KEEP_NEWEST, (REFUSED_KEPT,))

        self._transactions.freeing("refusing a picture", turn_down)

    def _in_state(self, state: str, limit: int) -> list[str]:
        with self._transactions.reading(f"reading {state} pictures") as db:
            rows = db.execute("SELECT sha256 FROM picture WHERE state = ? ORDER BY ordinal LIMIT ?", (state, limit))
            return [sha256 for (sha256,) in rows]

    def _change(self, statement: str, *values: str) -> None:
        self._transactions.freeing("changing the state of a picture", lambda db: db.execute(statement, values))
