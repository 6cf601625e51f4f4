"""The engine for SQLite or PostgreSQL, set up so that a commit is on disk when it returns."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hub.errors import StartError

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}


def make_engine(url: str) -> AsyncEngine:
    """An async engine for `sqlite:///path` or `postgresql://user@host/name`.

    Raises:
        StartError: the address is of another kind or cannot be read.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        msg = "the database address cannot be read; write sqlite:////path/to/hub.sqlite or postgresql://user@host/name"
        raise StartError(msg) from None
    backend = parsed.get_backend_name()
    if backend not in DRIVERS:
        msg = f"database {backend!r} is not supported; use sqlite or postgresql"
        raise StartError(msg)
    engine = create_async_engine(parsed.set(drivername=DRIVERS[backend]), pool_pre_ping=backend == "postgresql")
    if backend == "sqlite":
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, record: Any) -> None:  # noqa: ANN401, ARG001
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
