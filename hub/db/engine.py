"""The engines for SQLite and PostgreSQL, set up so that a commit is on disk when it returns."""

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hub.errors import StartError

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
SYNC_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
# Words of libpq; what the operator writes into the address counts more.
REACHES = {"connect_timeout": "10", "tcp_user_timeout": "30000"}
BOUNDED = REACHES | {"options": "-c statement_timeout=30000"}


def make_engine(url: str) -> AsyncEngine:
    """An async engine for `sqlite:///path` or `postgresql://user@host/name`; no statement may take over 30 s.

    Raises:
        StartError: the address is of another kind or cannot be read.
    """
    parsed = read_url(url)
    backend = parsed.get_backend_name()
    address = parsed.set(drivername=DRIVERS[backend])
    if backend == "sqlite":
        engine = create_async_engine(address)
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
        return engine
    return create_async_engine(_with_defaults(address, BOUNDED), pool_pre_ping=True)


def make_sync_engine(url: str) -> Engine:
    """A blocking engine for the migrations, whose statements may take as long as they need.

    Raises:
        StartError: the address is of another kind or cannot be read.
    """
    parsed = read_url(url)
    backend = parsed.get_backend_name()
    address = parsed.set(drivername=SYNC_DRIVERS[backend])
    if backend == "sqlite":
        engine = create_engine(address)
        event.listen(engine, "connect", _set_up_sqlite)
        return engine
    return create_engine(_with_defaults(address, REACHES))


def read_url(url: str) -> URL:
    """The address of a database, taken apart.

    Raises:
        StartError: the address is of another kind or cannot be read.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        msg = "the database address cannot be read; write sqlite:////path/to/hub.sqlite or postgresql://user@host/name"
        raise StartError(msg) from None
    if parsed.get_backend_name() not in DRIVERS:
        msg = f"database {parsed.get_backend_name()!r} is not supported; use sqlite or postgresql"
        raise StartError(msg)
    return parsed


def _with_defaults(url: URL, defaults: dict[str, str]) -> URL:
    return url.update_query_dict({name: word for name, word in defaults.items() if name not in url.query})


def _set_up_sqlite(connection: Any, record: Any) -> None:  # noqa: ANN401, ARG001
    cursor = connection.cursor()
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
