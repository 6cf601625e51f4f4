"""The queries of the ingest: taken messages, dead letters, and which boxes may send."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.auth.models import EdgeCredentialRow
from hub.clock import Clock, Ids
from hub.db.upsert import insert_into
from hub.ingest.models import DeadLetterRow, EventRow
from hub.ingest.reader import DETAIL_LIMIT, Accepted, Poison, shown
from mqtt.topic import Channel

PAYLOAD_LIMIT = 64 * 1024
TOPIC_LIMIT = 300
LETTERS_KEPT = 10_000
LETTER_LIFE = timedelta(days=90)


class IngestRepository:
    """Reads and writes the tables of the ingest within the caller's transaction."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids

    async def may_send(self, session: AsyncSession, edge_ids: Collection[str]) -> set[str]:
        """Which of these boxes are known and not revoked."""
        query = select(EdgeCredentialRow.edge_id).where(
            EdgeCredentialRow.edge_id.in_(sorted(edge_ids)), EdgeCredentialRow.revoked_at.is_(None)
        )
        return set((await session.execute(query)).scalars())

    async def add_events(self, session: AsyncSession, messages: Sequence[Accepted]) -> set[UUID]:
        """Store the messages whose ids are not stored yet; returns those ids. The ids given are all different."""
        if not messages:
            return set()
        now = self._clock.now()
        # One order in all replicas, so that two of them never wait for each other.
        values = [_event_values(message, now) for message in sorted(messages, key=lambda m: m.envelope.event_id)]
        statement = insert_into(session, EventRow).on_conflict_do_nothing().returning(EventRow.__table__.c.event_id)
        return set((await session.execute(statement, values)).scalars())

    async def contents(self, session: AsyncSession, event_ids: Collection[UUID]) -> dict[UUID, str]:
        """The content hashes of stored messages."""
        if not event_ids:
            return {}
        query = select(EventRow.event_id, EventRow.content_sha256).where(EventRow.event_id.in_(sorted(event_ids)))
        return dict((await session.execute(query)).all())

    async def bury(self, session: AsyncSession, letters: Sequence[tuple[Poison, str]]) -> None:
        """Add dead letters, each with the reason to be shown; the same letter again only counts up, and old ones go."""
        now = self._clock.now()
        for poison, reason in letters:
            values = self._letter_values(poison, reason, now)
            statement = insert_into(session, DeadLetterRow).values(values)
            counted = {"times": DeadLetterRow.times + 1, "received_at": now, "detail": values["detail"]}
            await session.execute(statement.on_conflict_do_update(index_elements=["fingerprint"], set_=counted))
        if letters:
            await self._forget_letters(session, now)

    async def letters(
        self, session: AsyncSession, after: UUID | None, limit: int
    ) -> tuple[Sequence[DeadLetterRow], int]:
        """The newest dead letters behind `after`, and the number of all."""
        query = select(DeadLetterRow).order_by(DeadLetterRow.id.desc()).limit(limit)
        if after is not None:
            query = query.where(DeadLetterRow.id < after)
        total = (await session.execute(select(func.count()).select_from(DeadLetterRow))).scalar_one()
        return (await session.execute(query)).scalars().all(), total

    async def _forget_letters(self, session: AsyncSession, now: datetime) -> None:
        received_at = DeadLetterRow.received_at
        newest = select(received_at).order_by(received_at.desc())
        last_kept = (await session.execute(newest.offset(LETTERS_KEPT - 1).limit(1))).scalar()
        before = now - LETTER_LIFE if last_kept is None else max(last_kept, now - LETTER_LIFE)
        await session.execute(delete(DeadLetterRow).where(received_at < before))

    def _letter_values(self, poison: Poison, reason: str, now: datetime) -> dict[str, object]:
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


def _event_values(message: Accepted, now: datetime) -> dict[str, object]:
    envelope = message.envelope
    return {
        "event_id": envelope.event_id,
        "edge_id": envelope.edge_id,
        "boot_id": envelope.boot_id,
        "seq": envelope.seq,
        "kind": envelope.kind,
        "emitted_at": envelope.emitted_at,
        "captured_at": envelope.captured_at,
        "received_at": now,
        "clock": envelope.clock.model_dump(),
        "body": envelope.body.model_dump(mode="json"),
        "content_sha256": message.content_sha256,
    }


def _fingerprint(poison: Poison, reason: str) -> str:
    # The states of a box differ each time and come for ever: all that are refused for one reason share a row.
    endless = poison.message.topic.endswith(f"/{Channel.STATE}")
    payload = b"" if endless else poison.message.payload
    return hashlib.sha256(f"{poison.message.topic}\n{reason}\n".encode() + payload).hexdigest()
