"""Sets pictures aside that the hub did not take several times in a row, so that later ones are not blocked."""

from mqtt.connection import Backoff

FAILURES_IN_A_ROW = 3


class Stubborn:
    """Which pictures are set aside, and until which monotonic second; `backoff` grows with each further failure."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._failures: dict[str, int] = {}
        self._until_s: dict[str, float] = {}

    def __len__(self) -> int:
        """The pictures that are set aside."""
        return len(self._until_s)

    def failed(self, sha256: str, now_s: float) -> None:
        """The hub answered, but did not take this picture."""
        failures = self._failures[sha256] = self._failures.get(sha256, 0) + 1
        if failures >= FAILURES_IN_A_ROW:
            self._until_s[sha256] = now_s + self._backoff.delay_s(failures - FAILURES_IN_A_ROW)

    def over(self, sha256: str) -> None:
        """The picture is no longer waiting."""
        self._failures.pop(sha256, None)
        self._until_s.pop(sha256, None)

    def holds(self, sha256: str, now_s: float) -> bool:
        """Whether the picture has to wait still."""
        return self._until_s.get(sha256, now_s) > now_s

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until the first of them is due, None when none is set aside."""
        return max(0.0, min(self._until_s.values()) - now_s) if self._until_s else None
