"""What can go wrong with a transaction that says nothing against its content."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class RaceLostError(Exception):
    """Another transaction was faster with the same row; roll back and do the whole transaction again."""


def is_outage(error: BaseException) -> bool:
    """Whether the database is away, full, locked or overloaded, so that the same transaction may succeed later."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError | OSError):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated
