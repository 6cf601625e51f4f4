"""A clock that only waiting moves, and tiny videos made on the spot."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

START = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)


class ManualClock:
    """Time that passes only when somebody waits; after `stop_after_s` waiting says stop."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.stop_after_s = float("inf")

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return 1000.0 + self.passed_s

    def thread_cpu_s(self) -> float:
        return self.passed_s

    def wait(self, seconds: float) -> bool:
        self.passed_s += seconds
        return self.passed_s >= self.stop_after_s


@pytest.fixture
def manual_clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Make an H.264 video of grey pictures, each brighter than the one before by 8."""

    def make(name: str = "grey.mp4", frames: int = 20, fps: int = 10, gop: int = 5) -> Path:
        path = tmp_path / name
        with av.open(path, "w") as container:
            stream = container.add_stream("libx264", rate=fps)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.options = {"crf": "10", "x264-params": f"bframes=0:keyint={gop}:scenecut=0:threads=1"}
            for number in range(frames):
                picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 + 8 * number, np.uint8), format="bgr24")
                picture.pts, picture.time_base = number, Fraction(1, fps)
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        return path

    return make
