"""The only place that commits: one unit of work is one transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from hub.db.errors import NoAnswerError, RaceLostError, is_lost_race

LIMIT_S = 30.0
"""A server that hangs keeps its connections open and never answers; nobody waits longer for it."""


class UnitOfWork:
    """Opens transactions on one database; one that takes over `LIMIT_S` ends by `NoAnswerError`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._sqlite = engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A transaction that is committed when the block ends, and rolled back when it raises.

        Raises:
            RaceLostError: the database gave this transaction up for another one.
            NoAnswerError: the database does not answer.
        """
        try:
            async with _limited(), self._sessions() as session, session.begin():
                if self._sqlite:
                    # A deferred one that reads first fails with SQLITE_BUSY at once, whatever busy_timeout says.
                    await session.execute(text("BEGIN IMMEDIATE"))
                yield session
        except DBAPIError as error:
            if is_lost_race(error):
                raise RaceLostError("the database gave this transaction up for another one") from error
            raise

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A transaction that is never committed.

        Raises:
            NoAnswerError: the database does not answer.
        """
        async with _limited(), self._sessions() as session:
            yield session


@asynccontextmanager
async def _limited() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(LIMIT_S) as limit:
            yield
    except TimeoutError as error:
        if limit.expired():
            raise NoAnswerError(f"the database did not answer within {LIMIT_S:g} s") from error
        raise
