"""Time and ids as parameters, so that tests can own both."""

import time
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7


class Clock(Protocol):
    """Wall and monotonic time."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, from an arbitrary start."""
        ...

    def thread_cpu_s(self) -> float:
        """CPU seconds that the calling thread has used; only differences within one thread mean something."""
        ...


class Ids(Protocol):
    """A source of identities."""

    def new(self) -> UUID:
        """A new UUIDv7."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.fromtimestamp(time.time(), UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()

    def thread_cpu_s(self) -> float:
        """CPU seconds that the calling thread has used."""
        return time.thread_time()


class SystemIds:
    """UUIDv7 from the machine's clock and random source."""

    def new(self) -> UUID:
        """A new UUIDv7."""
        return uuid7()
