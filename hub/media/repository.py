"""The queries on stored pictures."""

from collections.abc import Iterable

from sqlalchemy import delete, select, update
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
        """Record a picture; one that is recorded already stays as it is."""
        values = {column.key: getattr(row, column.key) for column in MediaRow.__table__.columns}
        await session.execute(insert_into(session, MediaRow).values(values).on_conflict_do_nothing())

    async def keep_as_evidence(self, session: AsyncSession, sha256: str) -> None:
        """From now on the picture is evidence, whatever it came as."""
        await session.execute(update(MediaRow).where(MediaRow.sha256 == sha256).values(purpose=Purpose.EVIDENCE))

    async def remove(self, session: AsyncSession, shas: list[str]) -> None:
        """Forget these pictures."""
        await session.execute(delete(MediaRow).where(MediaRow.sha256.in_(shas)))
