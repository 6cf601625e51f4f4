"""Evidence reaches a real HTTP server or stays on the box with a reason; snapshots never stand in its way."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from edge_agent.clock import SystemClock
from edge_agent.errors import EvidenceError
from edge_agent.evidence.store import EvidenceStore
from edge_agent.evidence.uploader import MediaClient, Uploader, UploadOptions
from edge_agent.outbox.pictures import PictureRows
from edge_agent.outbox.rows import NewEvent
from edge_agent.outbox.store import Outbox
from mqtt.connection import Backoff
from tests.lab.processes import wait_until
from tests.unit.edge_agent.outbox.builders import START, event

TOKEN = "box-secret-token"
TAKEN = datetime(2026, 3, 1, tzinfo=UTC)
QUICK = UploadOptions(
    retry=Backoff(shortest_s=0.01, longest_s=0.02), locked_out=Backoff(shortest_s=40.0, longest_s=80.0)
)


class Shelf(ThreadingHTTPServer):
    """A hub's picture shelf: answers with the codes it was given, then 201."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.codes: list[int] = []
        self.requests: list[tuple[str, str, str | None]] = []
        self.stored: dict[str, bytes] = {}
        self.gate = threading.Event()
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Shelf

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.rpartition("/")[2]
        self.server.requests.append((self.path, name, self.headers["Authorization"]))
        self.server.gate.wait(10)
        code = self.server.codes.pop(0) if self.server.codes else 201
        if code in {200, 201}:
            self.server.stored[name] = body
        self.send_response(code)
        if code == 302:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"why")

    def log_message(self, *_: Any) -> None:
        return


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
    assert outbox.pictures.pending(10) == outbox.pictures.uploaded(10) == []
    with pytest.raises(EvidenceError, match="is not in"):
        store.read(names[0])


@pytest.mark.parametrize("code", [400, 413, 415, 422])
def test_what_will_never_work_is_recorded_and_passed_over(
    shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader, code: int
) -> None:
    first, second = keep(store, outbox, b"one", b"two")
    shelf.codes = [code]
    assert uploader.carry_some() is None
    assert outbox.pictures.refused() == {first: f"HTTP {code}: why"}
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


def test_a_damaged_picture_is_not_sent(shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader) -> None:
    (name,) = keep(store, outbox, b"one")
    store._path(name).write_bytes(b"onf")
    assert uploader.carry_some() is None
    assert "damaged" in outbox.pictures.refused()[name]
    assert shelf.requests == []


def test_a_crash_after_the_upload_only_finishes_the_removal(
    shelf: Shelf, store: EvidenceStore, outbox: Outbox, uploader: Uploader
) -> None:
    (name,) = keep(store, outbox, b"one")
    outbox.pictures.mark_uploaded(name)
    assert uploader.carry_some() is None
    assert shelf.requests == []
    assert not store._path(name).exists()
    assert outbox.pictures.uploaded(10) == []


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
