"""Makes one step of keeping or deleting a picture fail as a bad or full disk does, from outside the product."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

STEPS = ("write", "fsync", "rename", "folder_fsync", "delete")


class FailingDisk:
    """Every `step` of `STEPS` below `folder` ends with the errno `code`; `failures` counts them."""

    def __init__(self, folder: Path, step: str, code: int) -> None:
        self.failures = 0
        self._folder = folder
        self._step = step
        self._code = code

    def fails(self, step: str, path: Path) -> bool:
        """Whether this call is to fail; counted when it is."""
        mine = step == self._step and path.is_relative_to(self._folder)
        self.failures += mine
        return mine

    def error(self, path: Path) -> OSError:
        """What the kernel would say."""
        return OSError(self._code, os.strerror(self._code), str(path))


class _HalfWritten(io.FileIO):
    """A file that takes half of each write and fails then."""

    def __init__(self, path: Path, disk: FailingDisk) -> None:
        super().__init__(path, "wb")
        self._path = path
        self._disk = disk

    def write(self, data: Any) -> int:  # noqa: ANN401
        super().write(memoryview(data)[: len(data) // 2])
        raise self._disk.error(self._path)


@contextmanager
def failing(folder: Path, step: str, code: int) -> Iterator[FailingDisk]:
    """Let that step fail below `folder` in this whole process, until the end of the block."""
    disk = FailingDisk(folder.resolve(), step, code)
    fsync, replace, unlink, open_file = os.fsync, Path.replace, Path.unlink, Path.open

    def failing_fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if disk.fails("folder_fsync" if stat.S_ISDIR(os.fstat(handle).st_mode) else "fsync", path):
            raise disk.error(path)
        fsync(handle)

    def failing_replace(path: Path, target: Path) -> Path:
        if disk.fails("rename", path):
            raise disk.error(path)
        return replace(path, target)

    def failing_unlink(path: Path, missing_ok: bool = False) -> None:
        if disk.fails("delete", path):
            raise disk.error(path)
        unlink(path, missing_ok)

    def failing_open(path: Path, mode: str = "r", *values: Any, **named: Any) -> Any:  # noqa: ANN401
        if "w" in mode and disk.fails("write", path):
            return io.BufferedWriter(_HalfWritten(path, disk))
        return open_file(path, mode, *values, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", failing_fsync)
        patch.setattr(Path, "replace", failing_replace)
        patch.setattr(Path, "unlink", failing_unlink)
        patch.setattr(Path, "open", failing_open)
        yield disk
