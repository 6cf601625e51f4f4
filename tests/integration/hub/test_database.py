"""What a transaction meets at real databases: races, outages, limits, and statements that will never work."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.db.engine import make_engine
from hub.db.errors import NoAnswerError, RaceLostError, is_outage
from hub.db.migrate import upgrade
from hub.db.unit_of_work import UnitOfWork


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on an empty database of each kind."""
    made = make_engine(database_url)
    yield made
    await made.dispose()


async def run(engine: AsyncEngine, *statements: str) -> None:
    async with UnitOfWork(engine).write() as session:
        for statement in statements:
            await session.execute(text(statement))


async def error_of(engine: AsyncEngine, *statements: str) -> DBAPIError:
    with pytest.raises(DBAPIError) as caught:
        await run(engine, *statements)
    return caught.value


@pytest.mark.parametrize("statement", ["SELECT * FROM nowhere", f"SELECT {','.join(['1'] * 3000)}", "SELECT 1 FROM"])
async def test_a_statement_that_never_works_is_no_outage(engine: AsyncEngine, statement: str) -> None:
    assert not is_outage(await error_of(engine, statement))


@pytest.mark.parametrize(
    ("code", "outage"),
    [("57P01", True), ("53300", True), ("53100", True), ("08006", True), ("25006", True), ("54000", False)]
    + [("42P01", False), ("XX001", False)],
)
async def test_the_state_that_postgres_names_decides(postgres_url: str, code: str, outage: bool) -> None:
    engine = make_engine(postgres_url)
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"
    assert is_outage(await error_of(engine, raising)) is outage
    await engine.dispose()


async def test_a_statement_over_its_time_is_an_outage(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SHOW statement_timeout"))).scalar_one() == "30s"
    waiting = await error_of(engine, "SET LOCAL statement_timeout = 50", "SELECT pg_sleep(60)")
    assert is_outage(waiting)
    await engine.dispose()


async def test_what_the_operator_writes_into_the_address_counts_more(postgres_url: str) -> None:
    engine = make_engine(f"{postgres_url}?options=-c%20statement_timeout%3D7s")
    async with engine.connect() as connection:
        assert (await connection.execute(text("SHOW statement_timeout"))).scalar_one() == "7s"
    await engine.dispose()


async def test_a_deadlock_is_a_lost_race(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    uow = UnitOfWork(engine)
    async with uow.write() as session:
        await session.execute(text("CREATE TABLE t AS SELECT id, 0 AS n FROM generate_series(1, 2) AS id"))
    both = asyncio.Barrier(2)

    async def add(*order: int) -> None:
        async with uow.write() as session:
            await session.execute(text("SET LOCAL deadlock_timeout = 20"))
            await session.execute(text("UPDATE t SET n = n + 1 WHERE id = :id"), {"id": order[0]})
            await both.wait()
            await session.execute(text("UPDATE t SET n = n + 1 WHERE id = :id"), {"id": order[1]})

    ends = await asyncio.gather(add(1, 2), add(2, 1), return_exceptions=True)
    assert sorted(type(end) for end in ends if end is not None) == [RaceLostError]
    await engine.dispose()


async def test_a_locked_file_is_an_outage(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.sqlite'}"
    await asyncio.to_thread(upgrade, url)
    holder = sqlite3.connect(tmp_path / "hub.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    engine = make_engine(url)
    async with engine.connect() as connection:
        await connection.execute(text("PRAGMA busy_timeout = 0"))
        with pytest.raises(DBAPIError) as caught:
            await connection.execute(text("BEGIN IMMEDIATE"))
    assert is_outage(caught.value)
    holder.close()
    await engine.dispose()


async def test_a_transaction_that_takes_too_long_has_no_answer(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.db.unit_of_work.LIMIT_S", 0.05)
    with pytest.raises(NoAnswerError) as caught:
        async with UnitOfWork(engine).write():
            await asyncio.Event().wait()
    assert is_outage(caught.value)


async def test_another_timeout_within_a_transaction_stays_what_it_is(engine: AsyncEngine) -> None:
    with pytest.raises(TimeoutError):
        async with UnitOfWork(engine).read(), asyncio.timeout(0):
            await asyncio.Event().wait()


async def test_sqlite_writes_ahead_and_to_the_disk(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.sqlite'}"
    await asyncio.to_thread(upgrade, url)
    engine = make_engine(url)
    async with engine.connect() as connection:
        modes = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar_one() for name in ("journal_mode", "synchronous")
        ]
    assert modes == ["wal", 2]
    await engine.dispose()
