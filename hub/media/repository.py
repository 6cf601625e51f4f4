"""The queries on stored pictures."""

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.db.upsert import insert_into
from hub.media.models import MediaRow, Purpose


class MediaRepository:
    """Reads and writes the media table within the caller's transaction."""

    async def stored(self, session: AsyncSession, shas: Iterable[str]) -> set[str]:
        """Which of these are stored."""
        wanted = list(shas)
        if not wanted:
            return set()
        return set((await session.execute(select(MediaRow.sha256).where(MediaRow.sha256.in_(wanted)))).scalars())

    async def add(self, session: AsyncSession, row: MediaRow) -> None:
        """Record a picture; one that is recorded already stays as it is, or becomes evidence."""
        values = {column.key: getattr(row, column.key) for column in MediaRow.__table__.columns}
        statement = insert_into(session, MediaRow).values(values)
        if row.purpose == Purpose.EVIDENCE:
            kept = statement.on_conflict_do_update(index_elements=["sha256"], set_={"purpose": Purpose.EVIDENCE})
        else:
            kept = statement.on_conflict_do_nothing()
        await session.execute(kept)

    async def keep_as_evidence(self, session: AsyncSession, sha256: str) -> None:
        """From now on the picture is evidence, whatever it came as."""
        await session.execute(update(MediaRow).where(MediaRow.sha256 == sha256).values(purpose=Purpose.EVIDENCE))
