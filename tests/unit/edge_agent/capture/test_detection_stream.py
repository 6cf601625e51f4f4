"""What is decoded of a stream at each demand, with real H.264."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from camera_configs.camera import DecodePolicy
from camera_configs.source import FileSource
from edge_agent.capture import decoder as decoders
from edge_agent.capture.detection_stream import DetectionStream
from edge_agent.capture.meter import Meter
from edge_agent.capture.packets import StreamCodec, TimedPacket
from edge_agent.capture.source import open_source
from edge_agent.types import Demand, Frame

FPS = 10
GOP = 10


class Bench:
    """One stream, whose packets the test hands over one by one."""

    def __init__(self, clock: Any, path: Path, policy: DecodePolicy | None = None) -> None:
        self.meter = Meter()
        self.stream = DetectionStream("gate", policy or DecodePolicy(mode="full", fps=30), None, clock)
        self.demand = self.stream.demand
        with open_source("camera gate", FileSource(path=path), clock, clock.wait) as source:
            self.codec: StreamCodec = source.codec
            self._packets: Iterator[TimedPacket] = iter(list(islice(source, 60)))
        self._take = self.stream.connect(self.codec, self.meter)

    def damage(self, places: set[int]) -> None:
        """Make nonsense of the data of some packets to come."""
        packets = list(self._packets)
        for place in places:
            packets[place].packet.update(bytes(packets[place].packet.size))
        self._packets = iter(packets)

    def play(self, count: int) -> list[Frame]:
        frames: list[Frame] = []
        for timed in islice(self._packets, count):
            self.meter.packet(timed.time.monotonic_s, key_frame=timed.packet.is_keyframe)
            frames += self._take(timed)
        return frames


def numbers(frames: list[Frame]) -> list[int]:
    # Video's 16..235 is spread to 0..255 on the way.
    return [round((float(frame.picture.luma(64, 48).mean()) * 219 / 255 + 16 - 30) / 3) for frame in frames]


@pytest.fixture
def make_stream(tmp_path: Path) -> Callable[..., Path]:
    """Make 62 pictures at 10 fps, the n-th of luma 30 + 3n, coded as the options of x264 say."""

    def make(options: str = "bframes=0") -> Path:
        path = tmp_path / "stream.mp4"
        with av.open(path, "w") as container:
            stream = container.add_stream("libx264", rate=FPS)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.options = {"crf": "4", "x264-params": f"{options}:keyint={GOP}:scenecut=0:threads=1"}
            for number in range(62):
                picture = av.VideoFrame.from_ndarray(np.full((72, 64), 128, np.uint8), format="yuv420p")
                luma = np.frombuffer(picture.planes[0], np.uint8)
                luma[:] = 30 + 3 * number
                picture.pts, picture.time_base = number, Fraction(1, FPS)
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        return path

    return make


def test_idle_decodes_nothing_and_is_no_blindness(manual_clock: Any, make_stream: Callable[..., Path]) -> None:
    bench = Bench(manual_clock, make_stream())
    bench.demand(Demand("idle"))
    assert bench.play(30) == []
    assert (bench.meter.decoded, bench.meter.seen, bench.meter.is_undecodable()) == (0, True, False)


@pytest.mark.parametrize("options", ["bframes=0", "bframes=2", "bframes=2:open-gop=1"])
def test_a_key_frame_is_shown_at_once_and_nothing_else_is_decoded(
    manual_clock: Any, make_stream: Callable[..., Path], options: str
) -> None:
    bench = Bench(manual_clock, make_stream(options))
    bench.demand(Demand("keyframes"))
    frames = bench.play(31)
    assert len(frames) == bench.meter.decoded == 4
    # Reordered pictures: a key frame of an open group is sent before some that are shown earlier.
    assert [abs(number - GOP * n) <= 3 for n, number in enumerate(numbers(frames))] == [True] * 4
    assert bench.meter.decoder == "h264"


def test_full_in_the_middle_of_a_group_shows_the_newest_picture_at_once(
    manual_clock: Any, make_stream: Callable[..., Path]
) -> None:
    bench = Bench(manual_clock, make_stream())
    bench.demand(Demand("keyframes"))
    assert numbers(bench.play(16)) == [0, 10]
    bench.demand(Demand("full", 10))
    assert numbers(bench.play(1)) == [16]
    assert bench.meter.decoded == 2 + 7
    assert numbers(bench.play(8)) == list(range(17, 25))


def test_back_to_key_frames_and_to_full_again_never_shows_an_old_or_broken_picture(
    manual_clock: Any, make_stream: Callable[..., Path]
) -> None:
    bench = Bench(manual_clock, make_stream())
    bench.demand(Demand("full", 10))
    assert numbers(bench.play(5)) == [0, 1, 2, 3, 4]
    bench.demand(Demand("keyframes"))
    assert numbers(bench.play(7)) == [10]
    bench.demand(Demand("idle"))
    assert bench.play(3) == []
    bench.demand(Demand("full", 5))
    assert numbers(bench.play(6)) == [15, 17, 19]


def test_only_the_demanded_rate_is_handed_on(manual_clock: Any, make_stream: Callable[..., Path]) -> None:
    bench = Bench(manual_clock, make_stream())
    bench.demand(Demand("full", 2))
    assert numbers(bench.play(20)) == [0, 5, 10, 15]
    assert bench.meter.decoded == 20


def test_the_policy_is_the_ceiling_of_every_demand(manual_clock: Any, make_stream: Callable[..., Path]) -> None:
    slow = Bench(manual_clock, make_stream(), DecodePolicy(mode="full", fps=2))
    slow.demand(Demand("full", 10))
    assert numbers(slow.play(20)) == [0, 5, 10, 15]
    frugal = Bench(manual_clock, make_stream(), DecodePolicy(mode="keyframes"))
    frugal.demand(Demand("full", 10))
    assert numbers(frugal.play(20)) == [0, 10]


def test_a_stream_whose_key_frames_do_not_stand_alone_is_seen_all_the_same(
    manual_clock: Any, make_stream: Callable[..., Path]
) -> None:
    bench = Bench(manual_clock, make_stream("bframes=0:intra-refresh=1"))
    bench.demand(Demand("keyframes"))
    before = bench.play(15)
    after = bench.play(45)
    assert len(before) <= 1
    assert len(after) >= 1
    assert bench.meter.decoder == "h264, key frames do not stand alone"


def test_after_damaged_key_frames_it_goes_back_to_key_frames_only(
    manual_clock: Any, make_stream: Callable[..., Path]
) -> None:
    bench = Bench(manual_clock, make_stream())
    bench.demand(Demand("keyframes"))
    bench.damage({0, 10, 20})
    assert bench.play(30) == []
    assert bench.meter.corrupt >= 3
    assert numbers(bench.play(30)) == [30, 40, 50]
    assert bench.meter.decoded == 3
    assert bench.meter.decoder == "h264"


def test_pictures_of_absurd_size_are_refused_by_the_decoder(
    manual_clock: Any, make_stream: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_stream()
    assert len(Bench(manual_clock, path).play(3)) == 3
    monkeypatch.setattr(decoders, "MAX_PIXELS", 64 * 48 - 1)
    bench = Bench(manual_clock, path)
    assert bench.play(3) == []
    assert bench.meter.corrupt == 3
