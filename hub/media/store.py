"""Files under the SHA-256 of their content; a file is whole and on disk, or it is not there."""

import hashlib
import os
import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from hub.clock import Ids
from hub.errors import BadRequestError, TooLargeError

LIMIT = 4 * 1024 * 1024
LEAST_FREE = 0.05
JPEG_START = b"\xff\xd8\xff"
INCOMING = "incoming"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Incoming:
    """A file that is being received; leaving the block without `keep` removes it."""

    def __init__(self, temporary: Path, final: Path, sha256: str) -> None:
        self._temporary = temporary
        self._final = final
        self._sha256 = sha256
        self._hash = hashlib.sha256()
        self._file = temporary.open("xb")
        self.size = 0
        self.start = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            TooLargeError: the file grows over the limit.
        """
        self.size += len(chunk)
        if self.size > LIMIT:
            raise TooLargeError("too_large", f"a picture may have {LIMIT} bytes; send a smaller one")
        if len(self.start) < len(JPEG_START):
            self.start = (self.start + chunk)[: len(JPEG_START)]
        self._hash.update(chunk)
        self._file.write(chunk)

    def check(self) -> None:
        """Compare the content with its name.

        Raises:
            BadRequestError: the content has another SHA-256.
        """
        if self._hash.hexdigest() != self._sha256:
            raise BadRequestError(
                "hash_mismatch", f"the body has SHA-256 {self._hash.hexdigest()}, not {self._sha256}; send it again"
            )

    def keep(self) -> None:
        """Put the file in its place; it survives a power cut when this returns."""
        self._file.flush()
        os.fsync(self._file.fileno())
        folder = self._final.parent
        made = not folder.exists()
        folder.mkdir(exist_ok=True)
        self._temporary.rename(self._final)
        _sync_folder(folder)
        if made:
            _sync_folder(folder.parent)


class MediaStore:
    """Files in `root/aa/<sha256>`; a name that is no SHA-256 never becomes a path."""

    def __init__(self, root: Path, ids: Ids) -> None:
        self._root = root
        self._incoming = root / INCOMING
        self._ids = ids

    @staticmethod
    def prepare(root: Path) -> None:
        """Create the folders and remove what a crash left half received.

        Raises:
            OSError: the disk does not let us.
        """
        incoming = root / INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        for left in incoming.iterdir():
            left.unlink()

    def receive(self, sha256: str) -> Incoming:
        """Begin to receive the file of that name.

        Raises:
            BadRequestError: the name is no SHA-256 in lower-case hex.
        """
        return Incoming(self._incoming / self._ids.new().hex, self.path(sha256), sha256)

    def path(self, sha256: str) -> Path:
        """Where the file is, or would be.

        Raises:
            BadRequestError: the name is no SHA-256 in lower-case hex.
        """
        if not _SHA256.fullmatch(sha256):
            raise BadRequestError("bad_sha256", "a picture is named by its SHA-256, 64 signs of 0-9 and a-f")
        return self._root / sha256[:2] / sha256

    def read(self, sha256: str) -> bytes:
        """The whole file, at most `LIMIT` bytes.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return self.path(sha256).read_bytes()

    def has_room(self) -> bool:
        """Whether the disk is free enough to take pictures; the database may need what is left of it."""
        disk = shutil.disk_usage(self._root)
        return disk.free >= disk.total * LEAST_FREE

    def exists(self, sha256: str) -> bool:
        """Whether the file is there."""
        return self.path(sha256).is_file()

    def delete(self, sha256: str) -> None:
        """Remove the file when it is there."""
        self.path(sha256).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
