"""A wall clock that a test moves under a whole program, by Debian's libfaketime; the monotonic clock stays true."""

from datetime import datetime
from pathlib import Path

from tests.lab.processes import PeerMissingError

LIBRARY = "faketime/libfaketimeMT.so.1"


class FakedClock:
    """The clock of every program that is started with `env`; it stands in a file that is read at each look.

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
