"""The queries on stored pictures."""

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from hub.media.models import MediaRow


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
        insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
        await session.execute(insert(MediaRow).values(values).on_conflict_do_nothing())

    async def remove(self, session: AsyncSession, shas: list[str]) -> None:
        """Forget these pictures."""
        await session.execute(delete(MediaRow).where(MediaRow.sha256.in_(shas)))
