"""Which pictures of the events the hub does not have yet; the files themselves belong to the evidence room."""

import sqlite3
from collections.abc import Sequence

from edge_agent.outbox.transactions import Transactions
from edge_agent.types import StoredPicture


def insert_pictures(db: sqlite3.Connection, pictures: Sequence[StoredPicture]) -> None:
    """Note pictures as pending inside a running transaction; a picture that is known already stays as it is."""
    db.executemany("INSERT INTO picture (sha256) VALUES (?) ON CONFLICT DO NOTHING", [(p.sha256,) for p in pictures])


class PictureRows:
    """The pictures that events named: pending, uploaded (the file may go) or refused (the file stays).

    Every method raises OutboxError when the file cannot be read or written.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def pending(self, limit: int) -> list[str]:
        """The SHA-256 of up to `limit` pictures that the hub does not have, oldest first."""
        return self._in_state("pending", limit)

    def uploaded(self, limit: int) -> list[str]:
        """The SHA-256 of up to `limit` pictures that the hub has and whose file may still be here, oldest first."""
        return self._in_state("uploaded", limit)

    def refused(self) -> dict[str, str]:
        """The SHA-256 of each picture that the hub will never take, with the reason."""
        with self._transactions.reading("reading the refused pictures") as db:
            return dict(db.execute("SELECT sha256, reason FROM picture WHERE state = 'refused' ORDER BY ordinal"))

    def mark_uploaded(self, sha256: str) -> None:
        """Note that the hub has the picture; only then may the file be removed."""
        self._change("UPDATE picture SET state = 'uploaded' WHERE sha256 = ?", sha256)

    def forget(self, sha256: str) -> None:
        """Let go of an uploaded picture whose file is gone."""
        self._change("DELETE FROM picture WHERE sha256 = ? AND state = 'uploaded'", sha256)

    def refuse(self, sha256: str, reason: str) -> None:
        """Note that the picture will never be taken, and why; it leaves the queue, the file stays."""
        self._change("UPDATE picture SET state = 'refused', reason = ? WHERE sha256 = ?", reason, sha256)

    def _in_state(self, state: str, limit: int) -> list[str]:
        with self._transactions.reading(f"reading {state} pictures") as db:
            rows = db.execute("SELECT sha256 FROM picture WHERE state = ? ORDER BY ordinal LIMIT ?", (state, limit))
            return [sha256 for (sha256,) in rows]

    def _change(self, statement: str, *values: str) -> None:
        self._transactions.freeing("changing the state of a picture", lambda db: db.execute(statement, values))
