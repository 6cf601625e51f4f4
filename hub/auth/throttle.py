"""Slows down guessing for one name from one address, so that a guesser cannot lock out anybody else."""

from collections import OrderedDict
from dataclasses import dataclass

from hub.clock import Clock
from hub.errors import TooManyRequestsError

FREE_ATTEMPTS = 5
FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 900.0
FORGOTTEN_AFTER_S = 2 * LONGEST_WAIT_S
REMEMBERED = 10_000


@dataclass
class _Attempts:
    count: int
    last: float
    open_again: float


class LoginThrottle:
    """Counts attempts by name and address in memory; an attempt is counted before its password is checked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._attempts: OrderedDict[tuple[str, str], _Attempts] = OrderedDict()

    def begin(self, username: str, address: str) -> None:
        """Count an attempt.

        Raises:
            TooManyRequestsError: this name has to wait at this address; Retry-After says how long.
        """
        now = self._clock.monotonic()
        attempts = self._attempts.pop((username, address), None)
        if attempts is None or now - attempts.last > FORGOTTEN_AFTER_S:
            attempts = _Attempts(count=0, last=now, open_again=now)
        self._attempts[username, address] = attempts
        while len(self._attempts) > REMEMBERED:
            self._attempts.popitem(last=False)
        if now < attempts.open_again:
            wait = int(attempts.open_again - now) + 1
            raise TooManyRequestsError(
                "too_many_attempts",
                f"too many attempts to sign in; try again in {wait} seconds",
                {"Retry-After": str(wait)},
            )
        attempts.count += 1
        attempts.last = now
        if attempts.count >= FREE_ATTEMPTS:
            attempts.open_again = now + min(FIRST_WAIT_S * 2 ** (attempts.count - FREE_ATTEMPTS), LONGEST_WAIT_S)

    def succeeded(self, username: str, address: str) -> None:
        """Forget the attempts of somebody who knew the password."""
        self._attempts.pop((username, address), None)
