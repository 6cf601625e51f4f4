"""Files by content address: whole, named by their content, and never outside the folder."""

import hashlib
import os
from pathlib import Path

import pytest

from hub.clock import SystemIds
from hub.errors import BadRequestError, TooLargeError
from hub.media.store import LIMIT, MediaStore

CONTENT = b"\xff\xd8\xff picture"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    MediaStore.prepare(tmp_path / "media")
    return MediaStore(tmp_path / "media", SystemIds())


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_kept_file_is_under_its_hash(store: MediaStore, tmp_path: Path) -> None:
    with store.receive(SHA256) as incoming:
        incoming.write(CONTENT[:2])
        incoming.write(CONTENT[2:])
        incoming.check()
        incoming.keep()
    assert (incoming.size, incoming.start) == (len(CONTENT), b"\xff\xd8\xff")
    assert files_in(tmp_path / "media") == [f"{SHA256[:2]}/{SHA256}"]
    assert store.path(SHA256).read_bytes() == CONTENT
    store.delete(SHA256)
    store.delete(SHA256)
    assert not store.exists(SHA256)


def test_the_file_and_its_folder_are_synced_before_keep_returns(
    store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []
    sync = os.fsync

    def recorded(descriptor: int) -> None:
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    with store.receive(SHA256) as incoming:
        incoming.write(CONTENT)
        incoming.keep()
    folder = store.path(SHA256).parent
    assert [path.parent.name for path in done[:1]] == ["incoming"]
    assert done[1:] == [folder, folder.parent]


def test_another_content_is_refused_and_leaves_nothing(store: MediaStore, tmp_path: Path) -> None:
    with store.receive(SHA256) as incoming:
        incoming.write(CONTENT + b"!")
        with pytest.raises(BadRequestError) as caught:
            incoming.check()
    assert caught.value.code == "hash_mismatch"
    assert files_in(tmp_path / "media") == []


def test_the_limit_counts_what_came(store: MediaStore) -> None:
    with store.receive(SHA256) as incoming:
        incoming.write(bytes(LIMIT))
        with pytest.raises(TooLargeError):
            incoming.write(b"1")


def test_what_a_crash_left_is_removed_at_the_next_start(store: MediaStore, tmp_path: Path) -> None:
    half = store.receive(SHA256)
    half.write(b"half")
    half._file.close()
    assert len(files_in(tmp_path / "media")) == 1
    MediaStore.prepare(tmp_path / "media")
    assert files_in(tmp_path / "media") == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "", SHA256.upper(), SHA256 + "\n", SHA256[:-1], "/" + SHA256[1:]])
def test_a_name_that_is_no_hash_never_becomes_a_path(store: MediaStore, name: str) -> None:
    for use in (store.path, store.receive, store.exists, store.delete):
        with pytest.raises(BadRequestError):
            use(name)
