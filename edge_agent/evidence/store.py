"""Pictures on disk under the hash of their bytes, whole and durable before anybody may speak of them."""

import contextlib
import hashlib
import logging
import os
import re
import threading
from datetime import datetime
from pathlib import Path

from edge_agent.errors import EvidenceError
from edge_agent.types import StoredPicture

logger = logging.getLogger(__name__)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = ".part"


class EvidenceStore:
    """A folder of `aa/<sha256>.jpg`; files that a crash left half-written are swept away at start.

    After a failed fsync nobody can know what is on the disk, so the store takes nothing more until the next start.

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
            EvidenceError: the disk is full or fails; no half picture is left.
        """
        sha256 = hashlib.sha256(jpeg).hexdigest()
        path = self._path(sha256)
        with self._lock:
            if self._broken:
                msg = f"picture {sha256} was not kept: {self._broken}; check the disk and start the agent again"
                raise EvidenceError(msg)
            try:
                self._make_folder(path.parent)
                if not _holds(path, jpeg):
                    self._write(path, jpeg)
                # Also for a file that was there: the process that renamed it may have died before this.
                self._sync(path.parent)
            except OSError as error:
                msg = f"picture {sha256} was not kept in {self._folder}: {error.strerror}"
                raise EvidenceError(msg) from error
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

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            msg = f"{sha256!r:.80} is not the SHA-256 of a picture: 64 of 0-9 and a-f"
            raise EvidenceError(msg)
        return self._folder / sha256[:2] / f"{sha256}.jpg"

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            self._sync(self._folder)

    def _write(self, path: Path, jpeg: bytes) -> None:
        temporary = path.with_suffix(_TEMPORARY)
        try:
            with temporary.open("wb") as file:
                file.write(jpeg)
                file.flush()
                self._fsync(file.fileno(), temporary)
            temporary.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

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
            self._broken = f"fsync of {path} failed ({error.strerror}), so what the disk holds is not known"
            logger.critical("evidence: %s", self._broken)
            raise


def _holds(path: Path, jpeg: bytes) -> bool:
    try:
        return path.read_bytes() == jpeg
    except FileNotFoundError:
        return False
