"""What can go wrong with a transaction that says nothing against its content."""

from sqlite3 import (
    SQLITE_BUSY,
    SQLITE_CANTOPEN,
    SQLITE_FULL,
    SQLITE_INTERRUPT,
    SQLITE_IOERR,
    SQLITE_LOCKED,
    SQLITE_NOMEM,
    SQLITE_PROTOCOL,
    SQLITE_READONLY,
)

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

RACES = frozenset({"40001", "40P01"})
"""SQLSTATE of a serialisation failure and of a deadlock."""
OUTAGE_CLASSES = frozenset({"08", "53", "57", "58"})
"""SQLSTATE classes: connection, resources, operator (also a statement over its time), system. Not 54: too large."""
OUTAGES = frozenset({"25006", "55P03"})
"""SQLSTATE of a write to a standby, as in a failover, and of a lock that cannot be had."""
SQLITE_OUTAGES = frozenset(
    {
        SQLITE_BUSY,
        SQLITE_CANTOPEN,
        SQLITE_FULL,
        SQLITE_INTERRUPT,
        SQLITE_IOERR,
        SQLITE_LOCKED,
        SQLITE_NOMEM,
        SQLITE_PROTOCOL,
        SQLITE_READONLY,
    }
)


class RaceLostError(Exception):
    """Another transaction was faster with the same row; roll back and do the whole transaction again."""


class NoAnswerError(SQLAlchemyError):
    """The database did not answer in time; whether it will commit what it was told is not known."""


def is_lost_race(error: DBAPIError) -> bool:
    """Whether the database gave this transaction up for another one."""
    return getattr(error.orig, "sqlstate", None) in RACES


def is_outage(error: BaseException) -> bool:
    """Whether the database is away, full, locked or overloaded, so that the same transaction may succeed later."""
    if isinstance(error, NoAnswerError | PoolTimeoutError | OSError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state[:2] in OUTAGE_CLASSES or state in OUTAGES
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in SQLITE_OUTAGES
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
