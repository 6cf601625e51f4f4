"""Pictures on disk under the hash of their bytes, whole and durable before anybody may speak of them."""

import contextlib
import errno
import hashlib
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.errors import EvidenceError
from edge_agent.types import StoredPicture

logger = logging.getLogger(__name__)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = ".part"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
# A picture is on disk before the event that names it, which may wait for as long as the disk is full.
UNNAMED_KEPT = timedelta(hours=1)


class DiskFullError(EvidenceError):
    """There is no room for a picture now; once there is, the same call succeeds."""


class EvidenceStore:
    """A folder of `aa/<sha256>.jpg`; files that a crash left half-written are swept away at start.

    After a failed fsync nobody can know what is on the disk, so the store takes nothing more until the next start;
    a disk without room (ENOSPC, EDQUOT) is another matter: what was begun is removed, and the store stays usable.

    Raises:
        EvidenceError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._broken: str | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for leftover in folder.glob(f"*/*{_TEMPORARY}"):
                leftover.unlink()
                logger.info("swept %s, which a crash left half-written", leftover.name)
        except OSError as error:
            msg = f"evidence folder {folder} cannot be used: {error.strerror}; check its rights and the disk"
            raise EvidenceError(msg) from error

    def put(self, jpeg: bytes, width: int, height: int, taken_at: datetime) -> StoredPicture:
        """Keep an encoded picture of `width` x `height` pixels; when this returns, a power cut cannot take it away.

        Raises:
            DiskFullError: there is no room; no half picture is left.
            EvidenceError: the disk fails or failed; no half picture is left.
        """
        sha256 = hashlib.sha256(jpeg).hexdigest()
        path = self._path(sha256)
        with self._lock:
            if self._broken:
                msg = f"picture {sha256} was not kept: {self._broken}; check the disk and start the agent again"
                raise EvidenceError(msg)
            try:
                self._make_folder(path.parent)
                self._write(path, jpeg)
            except OSError as error:
                msg = f"picture {sha256} was not kept in {self._folder}: {error.strerror}"
                raise (DiskFullError if error.errno in _NO_ROOM else EvidenceError)(msg) from error
        return StoredPicture(sha256, len(jpeg), width, height, taken_at)

    def read(self, sha256: str) -> bytes:
        """The bytes of a picture, checked against its name.

        Raises:
            EvidenceError: there is no such picture, or its bytes are not those that were stored.
            OSError: the disk failed; another try may help.
        """
        try:
            jpeg = self._path(sha256).read_bytes()
        except FileNotFoundError:
            msg = f"picture {sha256} is not in {self._folder}"
            raise EvidenceError(msg) from None
        if hashlib.sha256(jpeg).hexdigest() != sha256:
            msg = f"picture {sha256} in {self._folder} is damaged: its bytes no longer have this hash"
            raise EvidenceError(msg)
        return jpeg

    def remove(self, sha256: str) -> None:
        """Delete a picture; one that is not there is gone already.

        Raises:
            OSError: the disk failed.
        """
        self._path(sha256).unlink(missing_ok=True)

    def used_bytes(self) -> int:
        """What the pictures take on the disk, whether an event names them or not.

        Raises:
            OSError: the folder cannot be read.
        """
        used = 0
        for folder in os.scandir(self._folder):
            if folder.is_dir():
                used += sum(_size_on_disk(entry) for entry in os.scandir(folder.path))
        return used

    def sweep(self, is_named: Callable[[str], bool], now: datetime) -> int:
        """Remove pictures older than an hour that no event names and return how many there were.

        A crash between a picture and its event leaves such files. To be called at start, before anything is put.
        """
        swept = 0
        oldest = (now - UNNAMED_KEPT).timestamp()
        for path in self._folder.glob("*/*.jpg"):
            if not _SHA256.fullmatch(path.stem) or is_named(path.stem):
                continue
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
                    swept += 1
        return swept

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            msg = f"{sha256!r:.80} is not the SHA-256 of a picture: 64 of 0-9 and a-f"
            raise EvidenceError(msg)
        return self._folder / sha256[:2] / f"{sha256}.jpg"

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        folder.mkdir(exist_ok=True)
        with _undone(folder.rmdir):
            self._sync(self._folder)

    def _write(self, path: Path, jpeg: bytes) -> None:
        if _holds(path, jpeg):
            # The process that renamed it may have died before it synced the folder.
            self._sync(path.parent)
            return
        temporary = path.with_suffix(_TEMPORARY)
        with _undone(temporary.unlink):
            with temporary.open("wb") as file:
                file.write(jpeg)
                file.flush()
                self._fsync(file.fileno(), temporary)
            temporary.replace(path)
        with _undone(path.unlink):
            self._sync(path.parent)

    def _sync(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._fsync(handle, folder)
        finally:
            os.close(handle)

    def _fsync(self, handle: int, path: Path) -> None:
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise
            self._broken = f"fsync of {path} failed ({error.strerror}), so what the disk holds is not known"
            logger.critical("evidence: %s", self._broken)
            raise


def _size_on_disk(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def _holds(path: Path, jpeg: bytes) -> bool:
    try:
        return path.read_bytes() == jpeg
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _undone(undo: Callable[[], object]) -> Iterator[None]:
    try:
        yield
    except OSError:
        with contextlib.suppress(OSError):
            undo()
        raise
