"""Slows down guessing: for one name from one address, so that a guesser locks out nobody else, and for one address."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

from hub.clock import Clock
from hub.errors import TooManyRequestsError

FREE_ATTEMPTS = 5
FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 900.0
FORGOTTEN_AFTER_S = 2 * LONGEST_WAIT_S
REMEMBERED = 10_000
ADDRESS_ATTEMPTS = 20
ADDRESS_WINDOW_S = 60.0

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass
class _Attempts:
    count: int
    last: float
    open_again: float


@dataclass
class _Window:
    count: int
    ends: float


class LoginThrottle:
    """Counts attempts in memory; one is counted before its password is checked, and a right password takes it back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._attempts: OrderedDict[tuple[str, str], _Attempts] = OrderedDict()
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def begin(self, username: str, address: str) -> None:
        """Count an attempt; one that is refused here costs nothing and is not counted.

        Raises:
            TooManyRequestsError: this name or this address has to wait; Retry-After says how long.
        """
        now = self._clock.monotonic()
        window = self._windows.pop(address, None)
        if window is None or now >= window.ends:
            window = _Window(count=0, ends=now + ADDRESS_WINDOW_S)
        attempts = self._attempts.pop((username, address), None)
        if attempts is None or now - attempts.last > FORGOTTEN_AFTER_S:
            attempts = _Attempts(count=0, last=now, open_again=now)
        _remember(self._windows, address, window)
        _remember(self._attempts, (username, address), attempts)
        if window.count >= ADDRESS_ATTEMPTS:
            raise _wait(window.ends - now)
        if now < attempts.open_again:
            raise _wait(attempts.open_again - now)
        window.count += 1
        attempts.count += 1
        attempts.last = now
        if attempts.count >= FREE_ATTEMPTS:
            attempts.open_again = now + min(FIRST_WAIT_S * 2 ** (attempts.count - FREE_ATTEMPTS), LONGEST_WAIT_S)

    def succeeded(self, username: str, address: str) -> None:
        """Forget the attempts of somebody who knew the password; many people may sign in at one address."""
        self._attempts.pop((username, address), None)
        window = self._windows.get(address)
        if window is not None:
            window.count = max(window.count - 1, 0)


def _remember(memory: OrderedDict[K, V], key: K, value: V) -> None:
    memory[key] = value
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)


def _wait(seconds: float) -> TooManyRequestsError:
    wait = int(seconds) + 1
    return TooManyRequestsError(
        "too_many_attempts", f"too many attempts to sign in; try again in {wait} seconds", {"Retry-After": str(wait)}
    )
