"""Pictures are whole or absent, checked when read, and nothing is promised after a failed fsync."""

import errno
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.errors import EvidenceError
from edge_agent.evidence.store import DiskFullError, EvidenceStore
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


def fail_once(number: int, code: int, calls: list[int]) -> Callable[[int], None]:
    """An fsync that fails at its `number`-th call, and notes each call."""

    def fsync(handle: int) -> None:
        calls.append(handle)
        if len(calls) == number:
            raise OSError(code, os.strerror(code))

    return fsync


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_after_a_failed_fsync_nothing_more_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    store = EvidenceStore(tmp_path)
    calls: list[int] = []
    monkeypatch.setattr(os, "fsync", fail_once(failing, errno.EIO, calls))
    with pytest.raises(EvidenceError, match="Input/output error") as failed:
        store.put(JPEG, 4, 3, TAKEN)
    assert not isinstance(failed.value, DiskFullError)
    with pytest.raises(EvidenceError, match="start the agent again") as broken:
        store.put(b"another", 4, 3, TAKEN)
    assert not isinstance(broken.value, DiskFullError)
    assert len(calls) == failing


@pytest.mark.parametrize("failing", [1, 2, 3])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_without_room_at_fsync_leaves_nothing_and_the_next_try_does_all_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int, code: int
) -> None:
    store = EvidenceStore(tmp_path)
    calls: list[int] = []
    monkeypatch.setattr(os, "fsync", fail_once(failing, code, calls))
    with pytest.raises(DiskFullError, match=os.strerror(code)):
        store.put(JPEG, 4, 3, TAKEN)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    before = len(calls)
    store.put(JPEG, 4, 3, TAKEN)
    assert len(calls) - before == (3 if failing == 1 else 2), "what was not synced for sure is synced anew"
    assert store.read(DIGEST) == JPEG


def test_a_start_sweeps_old_pictures_that_no_event_names(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    named, old, young = (store.put(content, 4, 3, TAKEN).sha256 for content in (b"named", b"old", b"young"))
    now = datetime.now(UTC)
    for name in (named, old):
        os.utime(store._path(name), times=(now.timestamp() - 3700,) * 2)
    stranger = tmp_path / "ab" / "notes.jpg"
    stranger.parent.mkdir(exist_ok=True)
    stranger.touch()
    os.utime(stranger, times=(0, 0))
    assert store.sweep({named}.__contains__, now) == 1
    assert [store._path(name).exists() for name in (named, old, young)] == [True, False, True]
    assert stranger.exists()
    assert store.sweep({named}.__contains__, now + timedelta(hours=2)) == 1
    assert not store._path(young).exists()


def test_what_the_pictures_take_on_the_disk_is_known(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    assert store.used_bytes() == 0
    store.put(b"x" * 100_000, 4, 3, TAKEN)
    kept = store.put(b"y" * 100_000, 4, 3, TAKEN)
    assert 200_000 <= store.used_bytes() <= 220_000
    store.remove(kept.sha256)
    assert 100_000 <= store.used_bytes() <= 110_000
