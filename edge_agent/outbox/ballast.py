"""A file whose only use is to be deleted: space for settling rows on a disk that is full."""

import contextlib
import os
from pathlib import Path

BALLAST_BYTES = 1024 * 1024


class Ballast:
    """One MiB held beside the outbox, because even deleting a row first needs room in the write-ahead log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = path.exists() and path.stat().st_size == BALLAST_BYTES

    def hold(self) -> bool:
        """Take the space unless it is held; False on a full disk, where a later call tries again."""
        if self._held:
            return True
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
        except OSError:
            with contextlib.suppress(OSError):
                self._path.unlink()
            return False
        self._held = True
        return True

    def drop(self) -> bool:
        """Give the space back; False when there was none."""
        if not self._held:
            return False
        self._held = False
        self._path.unlink(missing_ok=True)
        return True
