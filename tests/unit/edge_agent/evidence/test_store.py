"""Pictures are whole or absent, checked when read, and nothing is promised after a failed fsync."""

import errno
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.errors import EvidenceError
from edge_agent.evidence.store import EvidenceStore
from edge_agent.types import StoredPicture

TAKEN = datetime(2026, 3, 1, tzinfo=UTC)
JPEG = b"\xff\xd8 a picture \xff\xd9"
DIGEST = hashlib.sha256(JPEG).hexdigest()


def test_a_picture_is_named_by_its_bytes_and_read_back(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "a" / "evidence")
    assert store.put(JPEG, 4, 3, TAKEN) == StoredPicture(DIGEST, len(JPEG), 4, 3, TAKEN)
    assert (tmp_path / "a" / "evidence" / DIGEST[:2] / f"{DIGEST}.jpg").read_bytes() == JPEG
    assert store.read(DIGEST) == JPEG


def test_the_same_picture_is_not_written_again_and_a_damaged_one_is_mended(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    store.put(JPEG, 4, 3, TAKEN)
    path = tmp_path / DIGEST[:2] / f"{DIGEST}.jpg"
    inode = path.stat().st_ino
    store.put(JPEG, 4, 3, TAKEN)
    assert path.stat().st_ino == inode
    path.write_bytes(b"damaged")
    store.put(JPEG, 4, 3, TAKEN)
    assert store.read(DIGEST) == JPEG


def test_a_damaged_or_missing_picture_is_never_shown(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    store.put(JPEG, 4, 3, TAKEN)
    (tmp_path / DIGEST[:2] / f"{DIGEST}.jpg").write_bytes(JPEG[:-1])
    with pytest.raises(EvidenceError, match=f"{DIGEST} .*damaged"):
        store.read(DIGEST)
    store.remove(DIGEST)
    store.remove(DIGEST)
    with pytest.raises(EvidenceError, match=f"{DIGEST} is not in"):
        store.read(DIGEST)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", DIGEST.upper(), DIGEST + "0", DIGEST[:-1] + "\n"])
def test_only_a_hash_is_a_name(tmp_path: Path, name: str) -> None:
    store = EvidenceStore(tmp_path)
    for use in (store.read, store.remove):
        with pytest.raises(EvidenceError, match="is not the SHA-256"):
            use(name)


def test_a_start_sweeps_what_a_crash_left_half_written(tmp_path: Path) -> None:
    EvidenceStore(tmp_path).put(JPEG, 4, 3, TAKEN)
    half = tmp_path / DIGEST[:2] / f"{'0' * 64}.part"
    half.write_bytes(JPEG[:3])
    assert EvidenceStore(tmp_path).read(DIGEST) == JPEG
    assert not half.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EvidenceError, match=r"evidence folder .*file.* cannot be used"):
        EvidenceStore(tmp_path / "file")


def test_the_order_is_write_sync_rename_sync_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EvidenceStore(tmp_path)
    synced: list[tuple[str, list[str]]] = []
    real = os.fsync

    def watched(handle: int) -> None:
        name = Path(f"/proc/self/fd/{handle}").readlink().relative_to(tmp_path)
        synced.append((str(name), sorted(path.name for path in tmp_path.glob("*/*"))))
        real(handle)

    monkeypatch.setattr(os, "fsync", watched)
    store.put(JPEG, 4, 3, TAKEN)
    part, final = f"{DIGEST}.part", f"{DIGEST}.jpg"
    assert synced == [(".", []), (f"{DIGEST[:2]}/{part}", [part]), (DIGEST[:2], [final])]


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_after_a_failed_fsync_nothing_more_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    store = EvidenceStore(tmp_path)
    calls = 0

    def fsync(_handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(EvidenceError, match="Input/output error"):
        store.put(JPEG, 4, 3, TAKEN)
    with pytest.raises(EvidenceError, match="start the agent again"):
        store.put(b"another", 4, 3, TAKEN)
    assert calls == failing
