"""Wall clocks that a test moves, of a box in its process or of a whole program; the monotonic clock stays true."""

from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.clock import SystemClock
from tests.lab.processes import PeerMissingError

LIBRARY = "faketime/libfaketimeMT.so.1"


class SimulatedClock(SystemClock):
    """The clock of a box in this process: its wall time stands still between steps, while what it waits for is real."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The simulated wall time, in the zone of the start."""
        return self._now

    def step(self, by: timedelta) -> None:
        """Let so much time pass."""
        self._now += by


class FakedClock:
    """The clock of every program that is started with `env`, by Debian's libfaketime, which reads it in a file.

    Raises:
        PeerMissingError: libfaketime is not installed.
    """

    def __init__(self, path: Path) -> None:
        found = sorted(Path("/usr/lib").glob(f"*/{LIBRARY}"))
        if not found:
            raise PeerMissingError("libfaketime is not installed; it comes with the Debian package libfaketime")
        self._path = path
        self.env = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "UTC",
        }

    def jump(self, to: datetime) -> None:
        """Set the clock, from which it goes on."""
        temporary = self._path.with_suffix(".new")
        temporary.write_text(f"@{to:%Y-%m-%d %H:%M:%S}", encoding="ascii")
        temporary.replace(self._path)
