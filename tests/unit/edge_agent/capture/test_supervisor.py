"""The states of one stream's connection, with sources that do as they are told."""

import logging
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from av.packet import Packet

from camera_configs.source import FileSource, RtspSource
from edge_agent.capture.backoff import BackOff
from edge_agent.capture.meter import FLOOD_PACKETS, Meter
from edge_agent.capture.packets import StreamCodec, TimedPacket, VideoPacket
from edge_agent.capture.supervisor import MAX_HUNG, Stream, StreamSupervisor, Take
from edge_agent.errors import SourceAuthError, SourceEndError, SourceError
from edge_agent.types import CaptureStatus, ConnectionState, Frame, FrameTime
from tests.lab.pictures import PaintedPicture
from tests.lab.processes import wait_until

CAMERA = RtspSource(url="rtsp://10.0.0.1/a")
S = ConnectionState
NO_FRAME = object()


class Played:
    """A source whose frames and failures the test sends, one by one."""

    codec = StreamCodec("h264", None, 2, 2)

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.opened = 0
        self.closed = 0
        self.turns = 0
        self.order = threading.Semaphore(0)
        self.orders: list[Callable[[], object] | Exception | None] = []

    def __call__(self, name: str, source: object, clock: Any, wait: Callable[[float], bool]) -> "Played":
        self.wait = wait
        return self

    def send(self, order: Callable[[], object] | Exception | None = None) -> None:
        """Make the source give one frame (None), fail, or call something."""
        self.orders.append(order)
        self.order.release()

    def __enter__(self) -> Self:
        self.opened += 1
        return self

    def __exit__(self, *error: object) -> None:
        self.closed += 1

    def __iter__(self) -> Iterator[TimedPacket]:
        wait = self.wait
        while not wait(0.0):
            self.turns += 1
            if not self.order.acquire(timeout=0.02):
                continue
            order = self.orders.pop(0)
            if isinstance(order, Exception):
                raise order
            if order is not None and order() is NO_FRAME:
                continue
            packet: VideoPacket = Packet(b"key frame")
            packet.is_keyframe = True
            yield TimedPacket(packet, FrameTime(self.clock.now(), self.clock.monotonic(), "arrival"))


class Bench:
    """One supervisor on a manual clock, with a source that is told what to do."""

    def __init__(
        self,
        clock: Any,
        source: RtspSource | FileSource = CAMERA,
        uniform: Callable[[float, float], float] = lambda low, high: 0.0,
    ) -> None:
        self.clock = clock
        self.source = Played(clock)
        self.frames: list[Frame] = []
        self.meter = Meter()
        stream = Stream("camera gate", source, self.connect, self.frames.append)
        self.supervisor = StreamSupervisor(stream, clock, BackOff(uniform), self.source)

    def connect(self, codec: StreamCodec, meter: Meter) -> Take:
        """Make a frame of each packet, as a decoder does."""
        self.meter = meter

        def take(timed: TimedPacket) -> list[Frame]:
            meter.pictures(1)
            return [Frame("gate", meter.decoded, PaintedPicture(np.zeros((2, 2, 3), np.uint8)), timed.time)]

        return take

    @property
    def status(self) -> CaptureStatus:
        return self.supervisor.status()

    def until(self, state: ConnectionState) -> CaptureStatus:
        wait_until(lambda: self.status.state is state, state)
        return self.status

    def frame(self) -> None:
        before = len(self.frames)
        self.source.send()
        wait_until(lambda: len(self.frames) > before, "a frame")


@pytest.fixture
def bench(manual_clock: Any) -> Iterator[Bench]:
    bench = Bench(manual_clock)
    bench.supervisor.start()
    yield bench
    assert bench.supervisor.stop(5.0)


def test_it_goes_live_with_the_first_frame(bench: Bench) -> None:
    assert bench.status.state is S.CONNECTING
    bench.frame()
    status = bench.status
    assert (status.state, status.reason, status.packets, status.reconnects) == (S.LIVE, None, 1, 0)
    assert status.last_frame_at == bench.clock.now()


def test_silence_is_a_stall_and_a_packet_ends_it(bench: Bench) -> None:
    bench.frame()
    bench.clock.passed_s += 2.9
    bench.supervisor.watch()
    assert bench.status.state is S.LIVE
    bench.clock.passed_s += 0.2
    bench.supervisor.watch()
    assert (bench.status.state, bench.status.stalls, bench.status.fps) == (S.STALLED, 1, 0.0)
    bench.supervisor.watch()
    assert bench.status.stalls == 1
    bench.frame()
    assert bench.until(S.LIVE).reconnects == 0


def test_packets_without_a_wanted_frame_end_a_stall_too(bench: Bench) -> None:
    bench.frame()
    bench.clock.passed_s += 4
    bench.supervisor.watch()
    bench.meter.packet(bench.clock.monotonic(), key_frame=False)
    bench.supervisor.watch()
    assert bench.status.state is S.LIVE


@pytest.mark.parametrize("error", [SourceError("broke"), SourceEndError("ended")])
def test_an_outage_of_either_kind_is_reconnected(bench: Bench, error: Exception) -> None:
    bench.frame()
    bench.source.send(error)
    bench.frame()
    status = bench.until(S.LIVE)
    assert (status.reconnects, status.packets, bench.source.opened) == (1, 2, 2)
    assert bench.source.closed == 1


def test_refused_credentials_are_told_and_tried_slowly(manual_clock: Any) -> None:
    pauses: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        pauses.append((low, high))
        return 5.0

    bench = Bench(manual_clock, uniform=uniform)
    bench.supervisor.start()
    bench.source.send(SourceAuthError("camera gate: refused the credentials"))
    status = bench.until(S.AUTH_FAILED)
    assert status.reason == "camera gate: refused the credentials"
    assert bench.supervisor.stop(5.0)
    assert bench.source.opened == 1
    assert pauses == [(0.0, 30.0)]


def test_a_surprise_is_survived_and_logged_without_the_password(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.source.send(RuntimeError("rtsp://admin:s3cret@10.0.0.1/a exploded"))
    bench.frame()
    assert bench.until(S.LIVE).state is S.LIVE
    assert "rtsp://10.0.0.1/*** exploded" in caplog.text
    assert "Traceback" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_source_error_that_holds_a_secret_after_all_is_redacted(bench: Bench) -> None:
    bench.source.send(SourceError("failed: /user=admin&password=s3cret"))
    wait_until(lambda: bench.status.reason is not None, "the failure was told")
    assert bench.status.reason == "failed: /user=***&password=***"


def undecoded(bench: Bench, seconds: float) -> None:
    """Let 25 packets a second come, none of which gives a picture."""
    turns = math.inf

    def packets() -> object:
        for _ in range(round(seconds * 25)):
            bench.clock.passed_s += 0.04
            bench.meter.packet(bench.clock.monotonic(), key_frame=False)
        nonlocal turns
        turns = bench.source.turns
        return NO_FRAME

    bench.source.send(packets)
    wait_until(lambda: not bench.source.orders and bench.source.turns > turns, "the source went on or was opened anew")


def test_packets_that_give_no_picture_are_an_outage_of_a_live_camera(bench: Bench) -> None:
    bench.frame()
    bench.clock.passed_s += 1
    bench.frame()
    undecoded(bench, 9.9)
    bench.supervisor.watch()
    assert (bench.status.state, bench.source.opened) == (S.LIVE, 1)
    undecoded(bench, 0.2)
    wait_until(lambda: bench.source.opened == 2, "the camera was opened anew")
    assert "camera gate: sends video that cannot be decoded" in (bench.status.reason or "")
    assert bench.status.state is S.CONNECTING
    assert bench.source.closed == 1
    bench.frame()
    assert (bench.status.state, bench.status.reason, bench.status.reconnects) == (S.LIVE, None, 1)


def test_packets_that_give_no_picture_are_an_outage_also_before_the_first_picture(bench: Bench) -> None:
    for opened in (1, 2):
        undecoded(bench, 30.2)
        wait_until(lambda opened=opened: bench.source.opened == opened + 1, "the camera was opened anew")
        assert "camera gate: sends video that cannot be decoded" in (bench.status.reason or "")
    assert (bench.status.reconnects, bench.frames) == (0, [])


def test_a_flood_is_an_outage(bench: Bench) -> None:
    bench.frame()

    def flood() -> object:
        for _ in range(FLOOD_PACKETS):
            bench.meter.packet(bench.clock.monotonic(), key_frame=False)
        return NO_FRAME

    bench.source.send(flood)
    wait_until(lambda: bench.source.opened == 2, "the camera was opened anew")
    assert "camera gate: sends more than any camera does" in (bench.status.reason or "")
    bench.frame()
    assert (bench.status.state, bench.status.reason) == (S.LIVE, None)


def test_a_file_that_ended_is_not_played_again(manual_clock: Any) -> None:
    bench = Bench(manual_clock, FileSource(path=Path("a.avi")))
    bench.supervisor.start()
    bench.frame()
    bench.source.send(SourceEndError("file a.avi ended"))
    assert bench.until(S.BACKOFF).reason == "file a.avi ended"
    assert bench.supervisor.stop(5.0)
    assert bench.source.opened == 1


def test_a_thread_that_hangs_is_left_behind_and_its_late_frame_is_dropped(bench: Bench) -> None:
    gate = threading.Event()
    bench.frame()
    bench.source.send(lambda: gate.wait(60))
    wait_until(lambda: not bench.source.orders, "the thread hangs")
    bench.clock.passed_s += 4
    bench.supervisor.watch()
    assert bench.status.state is S.STALLED
    bench.clock.passed_s += 10
    bench.supervisor.watch()
    wait_until(lambda: bench.source.opened == 2, "a new thread opened the camera")
    bench.frame()
    status = bench.until(S.LIVE)
    assert (status.packets, status.reconnects, status.stalls) == (2, 1, 1)
    seen = len(bench.frames)
    gate.set()
    wait_until(lambda: bench.source.closed == 1, "the hanging thread ended")
    assert len(bench.frames) == seen
    assert bench.status.state is S.LIVE


def test_a_thread_that_hangs_while_opening_is_left_behind_but_not_one_that_waits_for_a_key_frame(bench: Bench) -> None:
    wait_until(lambda: bench.source.opened == 1, "opened")
    for _ in range(10):
        bench.clock.passed_s += 2.9
        bench.meter.packet(bench.clock.monotonic(), key_frame=False)
        bench.supervisor.watch()
    assert (bench.status.state, bench.source.opened) == (S.CONNECTING, 1)
    bench.clock.passed_s += 31
    bench.supervisor.watch()
    wait_until(lambda: bench.source.opened == 2, "a new thread opened the camera")


def test_counters_outlive_the_stop(bench: Bench) -> None:
    bench.frame()
    assert bench.supervisor.stop(5.0)
    assert (bench.status.packets, bench.status.decoded, bench.status.fps) == (1, 1, 0.0)


def test_no_more_threads_than_allowed_are_left_behind(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()
    try:
        for number in range(MAX_HUNG + 1):
            bench.frame()
            bench.source.send(lambda: gate.wait(60))
            wait_until(lambda: not bench.source.orders, "the thread hangs")
            bench.clock.passed_s += 4
            bench.supervisor.watch()
            bench.clock.passed_s += 10
            bench.supervisor.watch()
            expected = min(number + 2, MAX_HUNG + 1)
            wait_until(lambda expected=expected: bench.source.opened == expected, "the camera was opened anew")
        assert bench.status.reason == "4 threads hang in this camera; restart the agent"
        assert bench.status.state is S.STALLED
    finally:
        gate.set()


def test_a_status_is_a_copy(bench: Bench) -> None:
    bench.frame()
    first = bench.status
    kept = replace(first)
    bench.frame()
    assert first == kept
    assert bench.status.packets == first.packets + 1


def test_the_same_failure_is_not_logged_again_and_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(20):
        bench.source.send(SourceError("camera gate: broke"))
    wait_until(lambda: bench.source.closed == 20, "20 failures")
    assert caplog.text.count("camera gate: broke") == 1
