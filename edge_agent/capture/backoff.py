"""How long to wait before the next try: longer after each failure, and never in step with other boxes."""

from collections.abc import Callable
from random import SystemRandom

FLOOR_S = 0.25
CEILING_S = 30.0
AUTH_RETRY_S = 60.0

_RANDOM = SystemRandom()


class BackOff:
    """Full jitter between 0.25 s and a ceiling that doubles up to 30 s; refused credentials wait 60 to 90 s."""

    def __init__(self, uniform: Callable[[float, float], float] = _RANDOM.uniform) -> None:
        self._uniform = uniform
        self._ceiling_s = FLOOR_S

    def reset(self) -> None:
        """Begin anew, after a connection that held."""
        self._ceiling_s = FLOOR_S

    def next_s(self) -> float:
        """Return the seconds to wait after one more failure."""
        self._ceiling_s = min(CEILING_S, 2 * self._ceiling_s)
        return self._uniform(FLOOR_S, self._ceiling_s)

    def next_after_refusal_s(self) -> float:
        """Return the seconds to wait after refused credentials: cameras lock accounts after a few quick tries."""
        return AUTH_RETRY_S + self._uniform(0.0, CEILING_S)
