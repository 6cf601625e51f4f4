"""What the detector of the box sees in vtest.avi at two frames a second, with YOLO11n (INT8)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av

from camera_configs.camera import ViewSpec
from edge_agent.detect.backend import load_detector
from edge_agent.detect.views import detect_views
from edge_agent.types import Detections, FrameTime, Image
from models.registry import find
from tests.lab.pictures import PaintedPicture

START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
EVERY = 5
FPS = 10


def frames(video: Path) -> Iterator[tuple[FrameTime, Image]]:
    """Every fifth frame with its time: (576, 768, 3) uint8 BGR."""
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % EVERY == 0:
                seconds = number / FPS
                yield FrameTime(START + timedelta(seconds=seconds), seconds, "file"), frame.to_ndarray(format="bgr24")


def detect_all(video: Path, weights: Path, views: tuple[ViewSpec, ...]) -> list[Detections]:
    """The detections of all `frames`, in order."""
    detector = load_detector(find("yolo11n-int8", (weights,)))
    return [detect_views(detector, PaintedPicture(image), views) for _, image in frames(video)]
