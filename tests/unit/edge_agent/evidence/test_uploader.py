"""Evidence reaches a real HTTP server or stays on the box with a reason; snapshots never stand in its way."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from edge_agent.clock import SystemClock
from edge_agent.errors import EvidenceError
from edge_agent.evidence.store import EvidenceStore
from edge_agent.evidence.uploader import MediaClient, Uploader, UploadOptions
from edge_agent.outbox import pictures as pictures_module
from edge_agent.outbox.pictures import PictureRows
from edge_agent.outbox.rows import NewEvent
from edge_agent.outbox.store import Outbox
from mqtt.connection import Backoff
from tests.lab.processes import wait_until
from tests.unit.edge_agent.evidence.shelf import Shelf
from tests.unit.edge_agent.outbox.builders import START, ManualClock, event, refused_pictures

TOKEN = "box-secret-token"
TAKEN = datetime(2026, 3, 1, tzinfo=UTC)
QUICK = UploadOptions(
    retry=Backoff(shortest_s=0.01, longest_s=0.02),
    locked_out=Backoff(shortest_s=40.0, longest_s=80.0),
    aside=Backoff(shortest_s=0.01, longest_s=0.02),
)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    server = Shelf()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.gate.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "evidence")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite", SystemClock())
    yield box
    box.close()


@pytest.fixture
def queue(outbox: Outbox) -> PictureRows:
    return outbox.pictures


@pytest.fixture
def uploader(shelf: Shelf, store: EvidenceStore, queue: PictureRows) -> Iterator[Uploader]:
    client = MediaClient(shelf.url + "/", SecretStr(TOKEN))
    made = Uploader(client, store, queue, SystemClock(), QUICK)
    yield made
    shelf.gate.set()
    assert made.stop()
    client.close()


def keep(store: EvidenceStore, outbox: Outbox, *contents: bytes) -> list[str]:
    stored = [store.put(content, 4, 3, TAKEN) for content in contents]
    outbox.append(_event(outbox), stored)
    return [each.sha256 for each in stored]


def _event(outbox: Outbox) -> NewEvent:
    return event(outbox.counts().born + 1)


def test_oldest_first_with_the_token_then_row_and_file_are_gone(
    shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader
) -> None:
    names = keep(store, outbox, b"one", b"two", b"three")
    assert uploader.carry_some() is None
    assert shelf.requests == [(f"/api/v1/media/{name}", name, f"Bearer {TOKEN}") for name in names]
    assert list(shelf.stored.values()) == [b"one", b"two", b"three"]
    assert outbox.pictures.pending(10) == outbox.pictures.done(10) == []
    with pytest.raises(EvidenceError, match="is not in"):
        store.read(names[0])


@pytest.mark.parametrize("code", [400, 413, 415, 422])
def test_what_will_never_work_is_recorded_and_passed_over(
    shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader, code: int
) -> None:
    first, second = keep(store, outbox, b"one", b"two")
    shelf.codes = [code]
    assert uploader.carry_some() is None
    assert refused_pictures(outbox) == {first: f"HTTP {code}: why"}
    assert store.read(first) == b"one"
    assert list(shelf.stored) == [second]
    assert uploader.counters.refused == 1


@pytest.mark.parametrize("code", [302, 404, 429, 500, 503])
def test_a_fault_is_waited_out_and_a_redirect_is_not_followed(
    shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader, code: int
) -> None:
    (name,) = keep(store, outbox, b"one")
    shelf.codes = [code]
    wait_s = uploader.carry_some()
    assert wait_s is not None
    assert 0.01 <= wait_s <= 0.02
    assert [request[1] for request in shelf.requests] == [name]
    assert uploader.carry_some() is None
    assert list(shelf.stored) == [name]


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_token_is_tried_slowly_and_said_once_without_the_token(
    shelf: Shelf,
    store: EvidenceStore,
    outbox: Outbox,
    uploader: Uploader,
    code: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    keep(store, outbox, b"one")
    shelf.codes = [code, code]
    with caplog.at_level(logging.DEBUG):
        waits = [uploader.carry_some(), uploader.carry_some()]
    assert all(wait_s is not None and wait_s >= 40.0 for wait_s in waits)
    assert sum("check the box's token" in record.getMessage() for record in caplog.records) == 1
    assert TOKEN not in caplog.text


def test_a_hub_that_is_not_there_is_tried_again(store: EvidenceStore, outbox: Outbox, free_port: int) -> None:
    keep(store, outbox, b"one")
    client = MediaClient(f"http://127.0.0.1:{free_port}", SecretStr(TOKEN))
    absent = Uploader(client, store, outbox.pictures, SystemClock(), QUICK)
    assert absent.carry_some() is not None
    assert len(outbox.pictures.pending(10)) == 1
    client.close()


@pytest.mark.parametrize("code", [404, 500])
def test_one_picture_that_always_fails_is_passed_over_and_comes_back_later(
    shelf: Shelf, store: EvidenceStore, outbox: Outbox, code: int
) -> None:
    clock = ManualClock()
    client = MediaClient(shelf.url, SecretStr(TOKEN))
    aside = Backoff(shortest_s=30.0, longest_s=60.0, random=lambda: 0.0)
    made = Uploader(client, store, outbox.pictures, clock, replace(QUICK, aside=aside))
    bad, *good = keep(store, outbox, b"bad", *(f"good {number}".encode() for number in range(40)))
    shelf.code_of = {bad: code}
    assert all(made.carry_some() is not None for _ in range(3))
    assert made.carry_some() is None
    assert [request[1] for request in shelf.requests] == [bad, bad, bad, *good]
    assert outbox.pictures.pending(100) == [bad]
    assert made.carry_some() is None
    clock.advance(30.0)
    assert made.carry_some() is not None
    assert made.carry_some() is None
    shelf.code_of = {}
    clock.advance(60.0)
    assert made.carry_some() is None
    assert shelf.stored[bad] == b"bad"
    assert outbox.pictures.pending(100) == []
    client.close()


def test_a_hub_that_is_not_there_sets_no_picture_aside(store: EvidenceStore, outbox: Outbox, free_port: int) -> None:
    keep(store, outbox, b"one")
    client = MediaClient(f"http://127.0.0.1:{free_port}", SecretStr(TOKEN))
    absent = Uploader(client, store, outbox.pictures, SystemClock(), QUICK)
    assert all(absent.carry_some() is not None for _ in range(6))
    client.close()


def test_the_thread_comes_back_to_a_picture_that_was_set_aside(
    shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader
) -> None:
    outbox.on_append(uploader.wake)
    shelf.codes = [500] * 5
    uploader.start()
    (name,) = keep(store, outbox, b"one")
    wait_until(lambda: name in shelf.stored, "it was tried again although nothing new came")
    assert len(shelf.requests) == 6


def test_the_files_of_old_refused_pictures_go(
    shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures_module, "REFUSED_KEPT", 1)
    first, second = keep(store, outbox, b"one", b"two")
    shelf.codes = [413, 413]
    assert uploader.carry_some() is None
    assert uploader.carry_some() is None
    assert list(refused_pictures(outbox)) == [second]
    assert [store._path(name).exists() for name in (first, second)] == [False, True]
    assert not outbox.pictures.names(first)


def test_a_damaged_picture_is_not_sent(shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader) -> None:
    (name,) = keep(store, outbox, b"one")
    store._path(name).write_bytes(b"onf")
    assert uploader.carry_some() is None
    assert "damaged" in refused_pictures(outbox)[name]
    assert shelf.requests == []


def test_a_crash_after_the_upload_only_finishes_the_removal(
    shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader
) -> None:
    (name,) = keep(store, outbox, b"one")
    outbox.pictures.mark_uploaded(name)
    assert uploader.carry_some() is None
    assert shelf.requests == []
    assert not store._path(name).exists()
    assert outbox.pictures.done(10) == []


def test_the_thread_wakes_for_new_evidence_and_outlives_faults(
    shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader
) -> None:
    outbox.on_append(uploader.wake)
    shelf.codes = [500, 503]
    uploader.start()
    keep(store, outbox, b"one", b"two")
    wait_until(lambda: len(shelf.stored) == 2, "both are there")
    keep(store, outbox, b"three")
    wait_until(lambda: len(shelf.stored) == 3, "the third is there")


def test_the_newest_snapshot_wins_and_never_blocks_evidence(
    shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader
) -> None:
    outbox.on_append(uploader.wake)
    uploader.start()
    shelf.gate.clear()
    for content in (b"s1", b"s2", b"s3"):
        uploader.offer("cam-1", content, 4, 3, START)
        wait_until(lambda: len(shelf.requests) == 1, "the first snapshot hangs in the hub")
    keep(store, outbox, b"evidence")
    wait_until(lambda: len(shelf.requests) == 2, "evidence overtook the waiting snapshots")
    assert uploader.latest("cam-1") is None
    shelf.gate.set()
    wait_until(lambda: uploader.counters.snapshots == 2, "the first and the newest arrived")
    latest = uploader.latest("cam-1")
    assert latest is not None
    assert shelf.stored[f"{latest.sha256}?purpose=snapshot"] == b"s3"
    assert uploader.counters.snapshots_dropped == 1
    assert b"s2" not in shelf.stored.values()


def test_a_failed_snapshot_is_dropped(shelf: Shelf, uploader: Uploader) -> None:
    shelf.codes = [500]
    uploader.start()
    uploader.offer("cam-1", b"s1", 4, 3, START)
    wait_until(lambda: uploader.counters.snapshots_dropped == 1, "it was dropped")
    assert uploader.latest("cam-1") is None
    assert len(shelf.requests) == 1


def test_a_token_that_no_header_can_carry_is_refused_without_showing_it() -> None:
    with pytest.raises(EvidenceError) as refused:
        MediaClient("http://127.0.0.1:1", SecretStr("geheim\n"))
    assert "geheim" not in str(refused.value)
