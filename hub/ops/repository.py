"""The smallest question to the database."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def answers(session: AsyncSession) -> bool:
    """Whether the database answers at all."""
    return (await session.execute(text("SELECT 1"))).first() is not None
