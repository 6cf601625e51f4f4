"""One camera under capture, and what came out of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from pydantic import SecretStr

from camera_configs.camera import CameraSpec, DecodePolicy
from camera_configs.source import RtspSource
from edge_agent.capture.cameras import Cameras
from edge_agent.clock import SystemClock
from edge_agent.types import CaptureStatus, Frame


class Kept:
    """A sink that keeps the newest frames."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def __call__(self, frame: Frame) -> None:
        self.frames.append(frame)


def camera(
    url: str, mode: Literal["keyframes", "full"] = "full", fps: float = 10.0, login: tuple[str, str] | None = None
) -> CameraSpec:
    source = RtspSource(url=url, username=login[0] if login else None, password=SecretStr(login[1]) if login else None)
    decode = DecodePolicy(mode=mode, fps=fps)
    return CameraSpec(id="gate", name_zh="门", name_en="Gate", source=source, decode=decode)


@contextmanager
def captured(*specs: CameraSpec) -> Iterator[tuple[Callable[[str], CaptureStatus], Kept]]:
    kept = Kept()
    cameras = Cameras(specs, kept, SystemClock())
    cameras.start()
    try:
        yield lambda camera_id: cameras.status()[camera_id], kept
    finally:
        cameras.stop(10.0)
