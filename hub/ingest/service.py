"""Shows the dead letters to administrators."""

from uuid import UUID

from hub.clock import Clock, Ids
from hub.db.unit_of_work import UnitOfWork
from hub.ingest.models import DeadLetterRow
from hub.ingest.repository import IngestRepository
from hub.ingest.schemas import DeadLetter, DeadLetterPage

EXCERPT = 300


class DeadLetterReading:
    """Reads the dead letters."""

    def __init__(self, uow: UnitOfWork, clock: Clock, ids: Ids) -> None:
        self._uow = uow
        self._repository = IngestRepository(clock, ids)

    async def page(self, cursor: UUID | None, limit: int) -> DeadLetterPage:
        """One page, the newest first."""
        async with self._uow.read() as session:
            rows, total = await self._repository.letters(session, cursor, limit + 1)
        shown = rows[:limit]
        more = shown[-1].id if len(rows) > limit else None
        return DeadLetterPage(items=[_view(row) for row in shown], next_cursor=more, total=total)


def _view(row: DeadLetterRow) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        received_at=row.received_at,
        times=row.times,
        topic=row.topic,
        edge_id=row.edge_id,
        reason=row.reason,
        detail=row.detail,
        payload_excerpt=row.payload[:EXCERPT].decode(errors="replace"),
        size=row.size,
    )
