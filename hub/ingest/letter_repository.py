"""The queries of the dead letters: messages that were refused, kept for an administrator to look at."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.clock import Clock, Ids
from hub.db.upsert import insert_into
from hub.ingest.models import DeadLetterRow
from hub.ingest.reader import DETAIL_LIMIT, Poison, shown
from mqtt.topic import Channel

STATE_ENDING = f"/{Channel.STATE}"
PAYLOAD_LIMIT = 64 * 1024
TOPIC_LIMIT = 300
LETTERS_KEPT = 10_000
LETTER_LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which dead letters: those of one reason, of one box, or all."""

    reason: str | None = None
    edge_id: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As parts of a query."""
        wanted = ((DeadLetterRow.reason, self.reason), (DeadLetterRow.edge_id, self.edge_id))
        return [column == value for column, value in wanted if value is not None]


class LetterRepository:
    """Reads and writes the dead letters within the caller's transaction."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids

    async def bury(self, session: AsyncSession, letters: Sequence[tuple[Poison, str]]) -> None:
        """Add dead letters, each with the reason to be shown; the same letter again only counts up, and old ones go."""
        if not letters:
            return
        now = self._clock.now()
        rows: dict[str, dict[str, Any]] = {}
        for poison, reason in letters:
            values = self._values(poison, reason, now)
            row = rows.setdefault(values["fingerprint"], values | {"times": 0})
            row |= {"times": row["times"] + 1, "detail": values["detail"]}
        # One order in all replicas: a refused state comes to each of them.
        statement = insert_into(session, DeadLetterRow).values([rows[key] for key in sorted(rows)])
        new = statement.excluded
        counted = {"times": DeadLetterRow.times + new.times, "received_at": now, "detail": new.detail}
        await session.execute(statement.on_conflict_do_update(index_elements=["fingerprint"], set_=counted))
        await self._forget(session, now)

    async def page(
        self, session: AsyncSession, wanted: LetterFilter, after: UUID | None, limit: int
    ) -> Sequence[DeadLetterRow]:
        """The newest dead letters behind `after`."""
        query = select(DeadLetterRow).where(*wanted.conditions()).order_by(DeadLetterRow.id.desc()).limit(limit)
        if after is not None:
            query = query.where(DeadLetterRow.id < after)
        return (await session.execute(query)).scalars().all()

    async def counts(self, session: AsyncSession, edge_id: str | None) -> dict[str, int]:
        """How many dead letters there are of each reason, of one box or of all."""
        query = select(DeadLetterRow.reason, func.count()).where(*LetterFilter(edge_id=edge_id).conditions())
        return dict((await session.execute(query.group_by(DeadLetterRow.reason))).all())

    async def get(self, session: AsyncSession, letter_id: UUID) -> DeadLetterRow | None:
        """One dead letter."""
        return await session.get(DeadLetterRow, letter_id)

    async def oldest(
        self, session: AsyncSession, wanted: LetterFilter, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        """The ids of the oldest dead letters behind `after` that were kept whole and are no states."""
        query = select(DeadLetterRow.id).where(
            *wanted.conditions(),
            DeadLetterRow.size == func.length(DeadLetterRow.payload),
            DeadLetterRow.topic.not_like(f"%{STATE_ENDING}"),
        )
        if after is not None:
            query = query.where(DeadLetterRow.id > after)
        return (await session.execute(query.order_by(DeadLetterRow.id).limit(limit))).scalars().all()

    async def take_out(self, session: AsyncSession, letter_id: UUID) -> DeadLetterRow | None:
        """Remove a dead letter and return it; of several transactions that try it only one gets it."""
        statement = delete(DeadLetterRow).where(DeadLetterRow.id == letter_id).returning(DeadLetterRow)
        return (await session.execute(statement)).scalar()

    async def put_back(
        self, session: AsyncSession, letter: DeadLetterRow, poison: Poison, reason: str
    ) -> DeadLetterRow:
        """Keep a letter that was taken out, with its newest reason; one that lies there for that reason absorbs it."""
        values = self._values(poison, reason, letter.received_at) | {"id": letter.id, "times": letter.times + 1}
        statement = insert_into(session, DeadLetterRow).values(values)
        merged = {"times": DeadLetterRow.times + values["times"], "detail": values["detail"]}
        kept = statement.on_conflict_do_update(index_elements=["fingerprint"], set_=merged)
        columns = DeadLetterRow.__table__.c
        known = (await session.execute(kept.returning(columns.id, columns.times, columns.received_at))).one()
        return DeadLetterRow(**values | known._asdict())

    async def _forget(self, session: AsyncSession, now: datetime) -> None:
        received_at = DeadLetterRow.received_at
        newest = select(received_at).order_by(received_at.desc())
        last_kept = (await session.execute(newest.offset(LETTERS_KEPT - 1).limit(1))).scalar()
        before = now - LETTER_LIFE if last_kept is None else max(last_kept, now - LETTER_LIFE)
        await session.execute(delete(DeadLetterRow).where(received_at < before))

    def _values(self, poison: Poison, reason: str, now: datetime) -> dict[str, Any]:
        payload = poison.message.payload
        return {
            "id": self._ids.new(),
            "fingerprint": _fingerprint(poison, reason),
            "received_at": now,
            "times": 1,
            "topic": shown(poison.message.topic, TOPIC_LIMIT),
            "edge_id": poison.edge_id,
            "reason": reason,
            "detail": shown(poison.detail, DETAIL_LIMIT),
            "payload": payload[:PAYLOAD_LIMIT],
            "size": len(payload),
        }


def _fingerprint(poison: Poison, reason: str) -> str:
    # The states of a box differ each time and come for ever: all that are refused for one reason share a row.
    endless = poison.message.topic.endswith(STATE_ENDING)
    payload = b"" if endless else poison.message.payload
    return hashlib.sha256(f"{poison.message.topic}\n{reason}\n".encode() + payload).hexdigest()
