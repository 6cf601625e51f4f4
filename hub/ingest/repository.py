"""The queries of the ingest: taken messages, and which boxes may send."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from hub.auth.models import EdgeCredentialRow
from hub.clock import Clock
from hub.db.errors import RaceLostError
from hub.db.upsert import insert_rows
from hub.ingest.models import EventRow
from hub.ingest.reader import Accepted


class IngestRepository:
    """Reads and writes the tables of the ingest within the caller's transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def may_send(self, session: AsyncSession, edge_ids: Collection[str]) -> set[str]:
        """Which of these boxes are known and not revoked."""
        query = select(EdgeCredentialRow.edge_id).where(
            EdgeCredentialRow.edge_id.in_(sorted(edge_ids)), EdgeCredentialRow.revoked_at.is_(None)
        )
        return set((await session.execute(query)).scalars())

    async def add_events(self, session: AsyncSession, messages: Sequence[Accepted]) -> set[UUID]:
        """Store the messages whose ids are not stored yet; returns those ids. The ids given are all different.

        Raises:
            RaceLostError: another replica has stored one of them meanwhile; nothing of this may be committed.
        """
        ids = {message.envelope.event_id for message in messages}
        new = ids - set(await self.contents(session, ids))
        now = self._clock.now()
        # One order in all replicas, so that two of them never wait for each other.
        ordered = sorted((m for m in messages if m.envelope.event_id in new), key=lambda m: m.envelope.event_id)
        try:
            await insert_rows(session, EventRow, [_event_values(message, now) for message in ordered])
        except IntegrityError as error:
            raise RaceLostError("a message was stored by another transaction") from error
        return new

    async def contents(self, session: AsyncSession, event_ids: Collection[UUID]) -> dict[UUID, str]:
        """The content hashes of stored messages."""
        if not event_ids:
            return {}
        query = select(EventRow.event_id, EventRow.content_sha256).where(EventRow.event_id.in_(sorted(event_ids)))
        return dict((await session.execute(query)).all())


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
