"""INSERT past the ORM: of many rows at once, and with ON CONFLICT, which SQLAlchemy spells once for each dialect."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from hub.db.base import Base


async def insert_rows(session: AsyncSession, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Add rows without making objects of them: a fifth (PostgreSQL) to two fifths (SQLite) more new cases a second."""
    if rows:
        await session.execute(insert(_table(table)), rows)


def insert_into(session: AsyncSession, table: type[Base]) -> postgresql.Insert:
    """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update` in this session's dialect."""
    if session.get_bind().dialect.name == "sqlite":
        return cast("postgresql.Insert", sqlite.insert(_table(table)))
    return postgresql.insert(_table(table))


def _table(table: type[Base]) -> Table:
    return cast("Table", table.__table__)
