"""Files played as cameras."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from camera_configs.camera import DecodePolicy
from camera_configs.source import FileSource
from edge_agent.capture.detection_stream import DetectionStream
from edge_agent.capture.meter import Meter
from edge_agent.capture.source import Source, open_source
from edge_agent.errors import SourceAuthError, SourceEndError, SourceError
from edge_agent.types import Frame

MakeVideo = Callable[..., Path]


class Player:
    """The frames of a file at the rate of a policy, and what was counted."""

    def __init__(self, clock: Any, path: Path, loop: bool = False, mode: Any = "full", fps: float = 10.0) -> None:
        self.source: Source = open_source("camera gate", FileSource(path=path, loop=loop), clock, clock.wait)
        self.meter = Meter()
        self._stream = DetectionStream("gate", DecodePolicy(mode=mode, fps=fps), None, clock)

    def __iter__(self) -> Iterator[Frame]:
        with self.source as source:
            take = self._stream.connect(source.codec, self.meter)
            for timed in source:
                packet = timed.packet
                self.meter.packet(timed.time.monotonic_s, key_frame=packet.is_keyframe, corrupt=packet.is_corrupt)
                yield from take(timed)

    def to_the_end(self) -> list[Frame]:
        frames: list[Frame] = []
        with pytest.raises(SourceEndError, match=r"grey.... ended; set source.loop"):
            frames.extend(self)
        return frames


def test_a_file_is_paced_by_its_own_frame_rate(manual_clock: Any, make_video: MakeVideo) -> None:
    player = Player(manual_clock, make_video())
    frames: list[Frame] = []
    for frame in player:
        # Each frame comes at its time, not before.
        assert frame.time.monotonic_s == pytest.approx(manual_clock.monotonic())
        frames.append(frame)
        if len(frames) == 20:
            break
    assert [f.seq for f in frames] == list(range(1, 21))
    assert [f.time.monotonic_s for f in frames] == pytest.approx([1000 + i / 10 for i in range(20)])
    assert frames[10].time.captured_at - frames[0].time.captured_at == timedelta(seconds=1)
    assert {f.time.source for f in frames} == {"file"}
    image = frames[0].picture.bgr(64, 48)
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    assert [round(float(f.picture.bgr(64, 48).mean())) for f in frames] == pytest.approx(
        [40 + 8 * i for i in range(20)], abs=5
    )
    assert player.meter.packets == player.meter.decoded == 20
    assert player.meter.fps() == pytest.approx(10)


def test_the_end_without_loop_is_an_error_that_says_so(manual_clock: Any, make_video: MakeVideo) -> None:
    player = Player(manual_clock, make_video())
    assert len(player.to_the_end()) == 20
    assert player.meter.corrupt == 0


def test_a_lower_rate_is_sampled_evenly(manual_clock: Any, make_video: MakeVideo) -> None:
    player = Player(manual_clock, make_video(), fps=2.0)
    assert [f.seq for f in player.to_the_end()] == [1, 6, 11, 16]
    assert player.meter.decoded == 20


def test_key_frames_only(manual_clock: Any, make_video: MakeVideo) -> None:
    player = Player(manual_clock, make_video(gop=5), mode="keyframes")
    frames = player.to_the_end()
    assert [round(f.time.monotonic_s - 1000, 3) for f in frames] == [0.0, 0.5, 1.0, 1.5]
    assert player.meter.decoded == 4
    assert player.meter.packets == 20


def test_a_loop_goes_on_in_time(manual_clock: Any, make_video: MakeVideo) -> None:
    player = Player(manual_clock, make_video(frames=10), loop=True)
    manual_clock.stop_after_s = 2.95
    frames = list(player)
    assert [f.time.monotonic_s for f in frames] == pytest.approx([1000 + i / 10 for i in range(30)])
    assert [f.seq for f in frames] == list(range(1, 31))
    assert round(float(frames[20].picture.bgr(64, 48).mean())) == pytest.approx(40, abs=5)


def test_a_raw_stream_without_times_is_played_at_its_rate(manual_clock: Any, vtest_h264: Path) -> None:
    player = Player(manual_clock, vtest_h264, fps=30.0)
    manual_clock.stop_after_s = 1.0
    frames = list(player)
    times = [f.time.monotonic_s for f in frames]
    assert len(times) >= 8
    assert all(a < b for a, b in zip(times, times[1:], strict=False))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "does not exist"),
        (b"", "is not a video"),
        (b"hello", "is not a video"),
        (b"\x07\xff" * 999, "is not a video"),
    ],
)
def test_a_file_that_is_no_video(manual_clock: Any, tmp_path: Path, content: bytes | None, what: str) -> None:
    path = tmp_path / "bad.avi"
    if content is not None:
        path.write_bytes(content)
    player = Player(manual_clock, path)
    with pytest.raises(SourceError, match=f"camera gate: file {path} {what}") as caught, player.source:
        pass
    assert not isinstance(caught.value, SourceEndError | SourceAuthError)


def test_a_folder_is_not_a_video(manual_clock: Any, tmp_path: Path) -> None:
    player = Player(manual_clock, tmp_path)
    with pytest.raises(SourceError, match="is a folder"), player.source:
        pass


def test_a_damaged_middle_is_counted_and_survived(manual_clock: Any, vtest_path: Path, tmp_path: Path) -> None:
    data = bytearray(vtest_path.read_bytes()[:900_000])
    noise = np.random.default_rng(7).integers(0, 256, len(data), dtype=np.uint8)
    for start in range(200_000, 800_000, 3):
        data[start] = noise[start]
    path = tmp_path / "grey.avi"
    path.write_bytes(data)
    player = Player(manual_clock, path)
    frames = player.to_the_end()
    assert player.meter.corrupt > 0
    assert len(frames) > 5


def test_a_loop_over_a_file_without_a_good_frame_shows_to_be_undecodable(
    manual_clock: Any, make_video: MakeVideo
) -> None:
    path = make_video("dead.mp4")
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[begin:end] = b"\xff" * (end - begin)
    path.write_bytes(data)
    player = Player(manual_clock, path, loop=True)
    manual_clock.stop_after_s = 60.0
    assert list(player) == []
    assert player.meter.corrupt > 0
    assert player.meter.is_undecodable()
