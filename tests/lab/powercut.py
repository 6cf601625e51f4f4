"""Cuts the power of a file system: a copy of its backing image as it is while the writer is stopped, then mounted.

What the kernel had not written to the image yet is missing in the copy, as it would be missing on the disk. A disk that
lies about its flushes is not modelled.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.processes import ManagedProcess, PeerMissingError, find_program

IMAGE_BYTES = 24 * 1024 * 1024


class Disk:
    """An ext4 file system in an image file, mounted at `root`; a context manager.

    Raises:
        PeerMissingError: this user cannot mount, or the machine has no loop devices.
    """

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0:
            raise PeerMissingError("a power cut is simulated on a loop-mounted disk, which needs root")
        self._mkfs = find_program("mkfs.ext4", "e2fsprogs")
        self._image = folder / "disk.img"
        self._copy = folder / "after.img"
        self.root = folder / "disk"
        self._after = folder / "after"

    def __enter__(self) -> "Disk":
        for folder in (self.root, self._after):
            folder.mkdir(parents=True, exist_ok=True)
        self._image.unlink(missing_ok=True)
        with self._image.open("wb") as image:
            image.truncate(IMAGE_BYTES)
        subprocess.run([self._mkfs, "-q", "-E", "lazy_itable_init=0", self._image], check=True)
        _mount(self._image, self.root)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", self.root], check=True)

    @contextmanager
    def after_cut(self, writer: ManagedProcess) -> Iterator[Path]:
        """Cut the power while `writer` runs and give the disk as the next start finds it; the writer is dead then."""
        writer.freeze()
        shutil.copyfile(self._image, self._copy)
        writer.kill()
        _mount(self._copy, self._after)
        try:
            yield self._after
        finally:
            subprocess.run(["umount", self._after], check=True)


@contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[Path]:
    """A file system in memory of that size, for a disk that is full soon.

    Raises:
        PeerMissingError: this user cannot mount.
    """
    if os.geteuid() != 0:
        raise PeerMissingError("a disk that is full is simulated on a tmpfs of its own, which needs root")
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        raise PeerMissingError(f"this machine does not mount a tmpfs: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Write a file until the disk has no byte left, and return it: removing it gives the room back."""
    path = folder / "filler"
    block = bytes(64 * 1024)
    with path.open("ab", buffering=0) as file:
        size = len(block)
        while size:
            try:
                file.write(block[:size])
            except OSError:
                size //= 2
    return path


def free_bytes(folder: Path) -> int:
    """What the file system of this folder has left."""
    return shutil.disk_usage(folder).free


def _mount(image: Path, folder: Path) -> None:
    mounted = subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        raise PeerMissingError(f"this machine does not mount an image: {mounted.stderr.strip()}")
