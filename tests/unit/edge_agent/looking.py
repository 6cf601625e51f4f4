"""A camera that tests look at: painted streets, a detector that sees what it was told, and what came of it."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import cv2
import numpy as np

from camera_configs.camera import CameraSpec
from edge_agent.clock import SystemClock, SystemIds
from edge_agent.detect.backend import Detector
from edge_agent.incidents import OpenIncidents
from edge_agent.outbox.rows import IncidentRow
from edge_agent.pipeline import CameraPipeline, Doors
from edge_agent.reporter import IncidentReporter
from edge_agent.types import Detections, Frame, FrameTime, Image, Picture, StoredPicture
from edge_agent.waiting import Shot, WaitingEvents
from mqtt.messages import FindingBody, SeenBy
from tests.lab.pictures import PaintedPicture

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
SEEN_BY = SeenBy(model="yolo11n-int8", model_version="1", backend="openvino", config_version=1)
MARKER = (255, 0, 255)
PERSON = (0.6, 0.4, 0.7, 0.7)
LABELS = ("person", "car")


def camera(**changes: Any) -> CameraSpec:
    rule = {"kind": "crowding", "id": "crowd", "levels": [1], "hold_s": 1}
    zone = {"id": "road", "name_zh": "路", "name_en": "Road", "rules": [rule]}
    document = {
        "id": "gate",
        "name_zh": "门",
        "name_en": "Gate",
        "source": {"kind": "rtsp", "url": "rtsp://192.0.2.1/main"},
        "zones": [zone | {"polygon": [[0.5, 0.3], [0.9, 0.3], [0.9, 0.8], [0.5, 0.8]]}],
    }
    return CameraSpec.model_validate(document | changes)


class FakeDetector:
    """Sees the boxes that it was told, in whatever can be resized as the real one does; keeps what it was shown."""

    def __init__(self, *persons: tuple[float, float, float, float]) -> None:
        self.persons = persons
        self.shown: list[Image] = []
        self.too_large: tuple[int, int] | None = None

    def fit(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def detect(self, image: Image) -> Detections:
        cv2.resize(image, (64, 64))
        if image.shape[:2] == self.too_large:
            msg = "too large"
            raise ValueError(msg)
        self.shown.append(image.copy())
        count = len(self.persons)
        boxes = np.array(self.persons, np.float32).reshape(count, 4)
        return Detections(boxes, np.full(count, 0.9, np.float32), np.zeros(count, np.int32), LABELS)


class NoRows:
    """A box on which nothing was open."""

    def all(self) -> list[IncidentRow]:
        return []

    def touch(self, seen_at: Mapping[UUID, datetime]) -> None:
        pass


class Stored:
    """What left the pipeline: pictures of events, the events, and each camera's newest picture."""

    def __init__(self) -> None:
        self.shots: list[Shot] = []
        self.bodies: list[FindingBody] = []
        self.snapshots: list[tuple[str, Shot]] = []
        self.lags: list[float] = []
        self.main: Image | None = None
        self.main_asked = 0

    def main_picture(self, camera_id: str, at: FrameTime) -> Picture | None:
        self.main_asked += 1
        return None if self.main is None else PaintedPicture(self.main)

    def keep(self, shot: Shot) -> StoredPicture:
        self.shots.append(shot)
        sha256 = hashlib.sha256(shot.jpeg).hexdigest()
        return StoredPicture(sha256, len(shot.jpeg), shot.width, shot.height, shot.taken_at)

    def emit(self, body: FindingBody, captured_at: datetime, pictures: tuple[StoredPicture, ...]) -> None:
        self.bodies.append(body)

    def offer(self, camera_id: str, shot: Shot) -> None:
        self.snapshots.append((camera_id, shot))

    def pictures(self) -> list[Image]:
        return [decoded(shot) for shot in [*self.shots, *(shot for _, shot in self.snapshots)]]


def pipeline(spec: CameraSpec, detector: Detector, stored: Stored) -> CameraPipeline:
    clock = SystemClock()
    waiting = WaitingEvents(stored.keep, stored.emit, clock)
    reporter = IncidentReporter(spec, SEEN_BY, OpenIncidents(NoRows(), SystemIds()), waiting)
    return CameraPipeline(spec, detector, Doors(reporter, stored.offer, stored, stored.lags.append), clock)


def frame(seconds: float, image: Image, camera_id: str = "gate") -> Frame:
    time = FrameTime(START + timedelta(seconds=seconds), 100.0 + seconds, "arrival")
    return Frame(camera_id, 1, PaintedPicture(image), time)


def street(width: int = 640, height: int = 480) -> Image:
    """Stripes of one pixel, which no pixelating leaves as they are."""
    image = np.full((height, width, 3), 60, np.uint8)
    image[:, ::2] = 200
    return image


def decoded(shot: Shot) -> Image:
    image = cv2.imdecode(np.frombuffer(shot.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape[:2] == (shot.height, shot.width)
    return np.asarray(image, np.uint8)


def has_marker(image: Image) -> bool:
    blue, green, red = (image[..., channel].astype(int) for channel in range(3))
    return bool(((blue - green > 60) & (red - green > 60)).any())


def part(image: Image, box: tuple[float, float, float, float], margin: float = 0.0) -> Image:
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    return image[
        round((y1 + margin) * height) : round((y2 - margin) * height),
        round((x1 + margin) * width) : round((x2 - margin) * width),
    ]


def is_recognisable(image: Image, box: tuple[float, float, float, float]) -> bool:
    """Whether the stripes are still there; a pixelated place has none of one pixel."""
    grey = part(image, box, 0.02)[..., 1].astype(int)
    return bool(np.abs(np.diff(grey, axis=1)).mean() > 30)


def looked(spec: CameraSpec, detector: FakeDetector, stored: Stored, draw: Callable[[Image], None]) -> None:
    """Four looks, half a second apart, in which the crowding opens; the last one gives the newest picture."""
    watched = pipeline(spec, detector, stored)
    for number in range(4):
        image = street()
        draw(image)
        watched.look(frame(number * 0.5, image), offer_snapshot=number == 3, stale_s=15.0)
    assert [body.phase for body in stored.bodies] == ["open"]
    assert len(stored.shots) == 1
    assert [camera_id for camera_id, _ in stored.snapshots] == ["gate"]


WINDOWS = {"id": "windows", "polygon": [[0.1, 0.05], [0.4, 0.05], [0.4, 0.25], [0.1, 0.25]]}


def paint_windows(image: Image) -> None:
    cv2.rectangle(image, (70, 30), (250, 110), MARKER, cv2.FILLED)
