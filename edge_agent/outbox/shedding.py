"""Which pictures and events are let go of first when there is no room: chosen and taken out in one transaction."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from edge_agent.outbox.keeping import count
from edge_agent.outbox.rows import Places, Shed

# As many as one message can name, so that whatever is shed is named.
BATCH = 256
# What a row takes besides its payload: ids, topic, checksum and its places in four indexes (measured: 260 to 330).
ROW_BYTES = 300
_PICTURES = """
SELECT sha256, bytes, taken_at FROM picture WHERE state IN ('pending', 'refused') AND severe = ?
ORDER BY state = 'pending', ordinal LIMIT ?
"""
# What is on its way may be with the hub already, so it goes after its likes.
_EVENTS = """
SELECT event_id, event.boot, boot_id, seq, born_at, length(payload), urgent
FROM event JOIN boot ON boot.ordinal = event.boot WHERE sheddable = 1
ORDER BY urgent, state = 'sent', event.boot, seq LIMIT ?
"""


def take_pictures(db: sqlite3.Connection, severe: bool, need: int) -> Shed | None:
    """Mark pictures of severe findings, or of the others, as shed: refused ones first, then oldest first.

    No more than are needed for `need` bytes, and at most 256; None when there is none. Their files go after the commit.
    """
    rows = _enough(db.execute(_PICTURES, (int(severe), BATCH)), 1, need)
    if not rows:
        return None
    db.executemany("UPDATE picture SET state = 'shed' WHERE sha256 = ?", [(sha256,) for sha256, *_ in rows])
    times = [datetime.fromisoformat(taken_at) for _, _, taken_at in rows]
    size = sum(size for _, size, _ in rows)
    return Shed(severe, len(rows), size, min(times), max(times), pictures=tuple(sha256 for sha256, *_ in rows))


def take_events(db: sqlite3.Connection, need: int) -> Shed | None:
    """Take out the oldest events of the lowest severity, for `need` bytes and at most 256; None when there is none."""
    rows = _enough(db.execute(_EVENTS, (BATCH,)), 5, need)
    if not rows:
        return None
    rows = [row for row in rows if row[6] == rows[0][6]]
    db.executemany("DELETE FROM event WHERE event_id = ?", [(event_id,) for event_id, *_ in rows])
    count(db, "shed", len(rows))
    times = [datetime.fromisoformat(row[4]) for row in rows]
    size = sum(row[5] + ROW_BYTES for row in rows)
    places = _places((boot, UUID(boot_id), seq) for _, boot, boot_id, seq, *_ in rows)
    return Shed(bool(rows[0][6]), len(rows), size, min(times), max(times), events=places)


def _enough(rows: Iterable[tuple[Any, ...]], size_at: int, need: int) -> list[tuple[Any, ...]]:
    taken: list[tuple[Any, ...]] = []
    for row in rows:
        if need <= 0:
            break
        taken.append(row)
        need -= row[size_at]
    return taken


def _places(rows: Iterable[tuple[int, UUID, int]]) -> tuple[Places, ...]:
    ordered = sorted(rows)
    starts = [0, *(at for at, (a, b) in enumerate(pairwise(ordered), 1) if (a[0], a[2] + 1) != (b[0], b[2]))]
    ends = [*starts[1:], len(ordered)]
    return tuple(
        Places(ordered[first][1], ordered[first][2], ordered[end - 1][2])
        for first, end in zip(starts, ends, strict=True)
    )
