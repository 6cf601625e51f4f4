"""One look at one frame: what the detector sees, what is stored, whom nobody may recognise, and what fails."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import cv2
import numpy as np
import pytest

from camera_configs.camera import CameraSpec
from edge_agent.clock import SystemClock, SystemIds
from edge_agent.cpu_budget import WHOLE
from edge_agent.detect.backend import Detector, load_detector
from edge_agent.errors import EdgeError, LookFailedError
from edge_agent.incidents import OpenIncidents
from edge_agent.looker import Looker
from edge_agent.outbox.rows import IncidentRow
from edge_agent.pipeline import CameraPipeline, Doors
from edge_agent.reporter import IncidentReporter
from edge_agent.types import Detections, Frame, FrameTime, Image, Picture, StoredPicture
from edge_agent.waiting import Shot, WaitingEvents
from models.registry import find
from mqtt.messages import FindingBody, SeenBy
from tests.lab.pictures import PaintedPicture
from tests.lab.processes import wait_until

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

    def fit(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def detect(self, image: Image) -> Detections:
        cv2.resize(image, (64, 64))
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

    def main_picture(self, camera_id: str, at: FrameTime) -> Picture | None:
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


@pytest.fixture
def stored() -> Stored:
    return Stored()


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


def test_what_a_mask_covers_is_neither_detected_nor_stored(stored: Stored) -> None:
    detector = FakeDetector(PERSON)
    looked(camera(masks=[WINDOWS]), detector, stored, paint_windows)
    assert len(detector.shown) >= 3
    for image in [*detector.shown, *stored.pictures()]:
        assert not has_marker(image)
        assert part(image, (0.1, 0.05, 0.4, 0.25), 0.01).max() < 20


def test_without_the_mask_the_marker_would_have_been_seen(stored: Stored) -> None:
    detector = FakeDetector(PERSON)
    looked(camera(), detector, stored, paint_windows)
    assert all(has_marker(image) for image in [*detector.shown, *stored.pictures()])


RIGHT_HALF = [{"id": "right", "top_left": [0.45, 0.1], "bottom_right": [1.0, 1.0]}]


@pytest.mark.parametrize("blur", [True, False])
def test_what_no_view_covers_is_stored_only_where_persons_may_be_shown(stored: Stored, *, blur: bool) -> None:
    spec = camera(views=RIGHT_HALF, privacy={"blur_persons": blur})
    detector = FakeDetector((0.27, 0.33, 0.45, 0.66))
    looked(spec, detector, stored, lambda image: None)
    for image in stored.pictures():
        left, top = part(image, (0.0, 0.0, 0.45, 0.8), 0.01), part(image, (0.0, 0.0, 1.0, 0.1), 0.01)
        assert (left.max() < 30, top.max() < 30) == (blur, blur)
        assert part(image, (0.75, 0.3, 1.0, 0.8), 0.02).max() > 150


def test_a_person_is_pixelated_in_every_picture(stored: Stored) -> None:
    looked(camera(), FakeDetector(PERSON), stored, lambda image: None)
    for image in stored.pictures():
        assert not is_recognisable(image, PERSON)
        assert is_recognisable(image, (0.1, 0.4, 0.3, 0.7))


def test_where_blurring_is_off_persons_are_shown(stored: Stored) -> None:
    spec = camera(privacy={"blur_persons": False})
    looked(spec, FakeDetector(PERSON), stored, lambda image: None)
    assert all(is_recognisable(image, PERSON) for image in stored.pictures())


def test_a_person_whom_the_detector_misses_stays_pixelated_for_two_seconds(stored: Stored) -> None:
    detector = FakeDetector(PERSON)
    watched = pipeline(camera(zones=[]), detector, stored)
    for seconds in (0.0, 0.5, 1.0):
        watched.look(frame(seconds, street()), offer_snapshot=False, stale_s=15.0)
    assert stored.snapshots == []
    detector.persons = ()
    for seconds in (1.5, 3.0, 3.1):
        watched.look(frame(seconds, street()), offer_snapshot=True, stale_s=15.0)
    assert [is_recognisable(decoded(shot), PERSON) for _, shot in stored.snapshots] == [False, False, True]


def test_the_frame_of_one_camera_that_cannot_be_processed_leaves_the_other_cameras_alone(stored: Stored) -> None:
    good, bad = camera(zones=[]), camera(id="bad", zones=[])
    detector = FakeDetector()
    pipelines = {spec.id: pipeline(spec, detector, stored) for spec in (good, bad)}
    flat = np.zeros((0, 640, 3), np.uint8)
    with pytest.raises(LookFailedError, match=r"camera bad: a frame of 640x0 pixels cannot be processed") as one:
        pipelines["bad"].look(frame(0, flat, "bad"), offer_snapshot=False, stale_s=15.0)
    assert isinstance(one.value, EdgeError)
    assert isinstance(one.value.__cause__, cv2.error)
    frames = Queue(frame(1, flat, "bad"), frame(1, street()))
    looker = Looker(frames, pipelines, Unplanned(), 1.0, SystemClock(), lambda: True)
    looker.start()
    try:
        wait_until(lambda: len(stored.snapshots) == 1, "a picture of the good camera")
    finally:
        assert looker.stop()
    assert (stored.snapshots[0][0], looker.failures) == ("gate", {"bad": 1})


class Unplanned:
    """Cameras give frames as they like."""

    effort = WHOLE

    def review(self, preview_due: Callable[[str], bool]) -> None:
        pass

    def plan(self, camera_id: str, *, preview_due: bool) -> None:
        pass


class Queue:
    """Frames in the order given, then none."""

    def __init__(self, *frames: Frame) -> None:
        self.frames = list(frames)

    def take(self, timeout_s: float) -> Frame | None:
        return self.frames.pop(0) if self.frames else None


def test_cameras_of_different_sizes_share_a_detector(stored: Stored) -> None:
    detector = FakeDetector(PERSON)
    sizes = {"gate": (640, 480), "yard": (320, 180)}
    pipelines = {name: pipeline(camera(id=name, masks=[WINDOWS]), detector, stored) for name in sizes}
    for number in range(4):
        for name, (width, height) in sizes.items():
            pipelines[name].look(
                frame(number * 0.5, street(width, height), name), offer_snapshot=number == 3, stale_s=15.0
            )
    assert {name: (shot.width, shot.height) for name, shot in stored.snapshots} == sizes
    assert sorted(body.camera_id for body in stored.bodies) == ["gate", "yard"]
    for image in stored.pictures():
        assert part(image, (0.1, 0.05, 0.4, 0.25), 0.02).max() < 20
        assert not is_recognisable(image, PERSON)


QUIET = {"kind": "crowding", "id": "crowd", "levels": [3], "hold_s": 60}
ROAD = [camera().zones[0].model_dump(mode="json") | {"rules": [QUIET]}]


def test_while_nothing_changes_the_last_detections_hold_and_the_judges_go_on(stored: Stored) -> None:
    detector = FakeDetector(PERSON)
    watched = pipeline(camera(zones=ROAD), detector, stored)
    ran_at = []
    for seconds in range(0, 40, 2):
        watched.look(frame(seconds, street()), offer_snapshot=False, stale_s=15.0)
        if watched.figures.inferences > len(ran_at):
            ran_at.append(seconds)
    assert ran_at == [0, 2, 18, 34], "at first, once more at rest, and when it is 15 s ago"
    assert watched.figures.looks == 20


def test_someone_who_comes_is_detected_at_once_and_once_more_when_all_is_still(stored: Stored) -> None:
    detector = FakeDetector()
    watched = pipeline(camera(zones=ROAD), detector, stored)
    shown = []
    for seconds in range(0, 14, 2):
        image = street()
        if seconds >= 8:
            cv2.rectangle(image, (420, 220), (440, 270), (20, 20, 20), cv2.FILLED)
        before = len(detector.shown)
        watched.look(frame(seconds, image), offer_snapshot=False, stale_s=15.0)
        if len(detector.shown) > before:
            shown.append((seconds, watched.moving))
    assert shown == [(0, True), (2, False), (8, True), (10, False)]


def test_what_is_about_to_open_is_decided_by_what_the_detector_sees_now(stored: Stored) -> None:
    detector = FakeDetector(PERSON)
    rule = {"kind": "crowding", "id": "crowd", "levels": [1], "hold_s": 10}
    watched = pipeline(camera(zones=[ROAD[0] | {"rules": [rule]}]), detector, stored)
    # The second sighting confirms a track, from which the ten seconds count.
    for seconds in range(0, 12, 2):
        watched.look(frame(seconds, street()), offer_snapshot=False, stale_s=15.0)
    assert watched.figures.inferences == 2
    detector.persons = ()
    watched.look(frame(12, street()), offer_snapshot=False, stale_s=15.0)
    assert (watched.figures.inferences, stored.bodies) == (3, [])


def test_a_kept_picture_is_one_that_the_detector_has_seen(stored: Stored) -> None:
    detector = FakeDetector()
    watched = pipeline(camera(zones=ROAD), detector, stored)
    for seconds in range(0, 8, 2):
        watched.look(frame(seconds, street()), offer_snapshot=False, stale_s=15.0)
    detector.persons = ((0.1, 0.4, 0.2, 0.7),)
    watched.look(frame(8, street()), offer_snapshot=True, stale_s=15.0)
    assert not is_recognisable(decoded(stored.snapshots[0][1]), (0.1, 0.4, 0.2, 0.7))


def test_evidence_is_of_the_main_stream_with_the_persons_of_both_pictures_hidden(stored: Stored) -> None:
    stored.main = street(1280, 960)
    paint_windows(stored.main)
    detector = FakeDetector(PERSON)
    looked(camera(masks=[WINDOWS]), detector, stored, lambda image: None)
    (shot,) = stored.shots
    image = decoded(shot)
    assert (shot.width, shot.height) == (1280, 960)
    assert not is_recognisable(image, PERSON)
    assert not is_recognisable(image, (0.6, 0.28, 0.7, 0.4)), "they may have walked on"
    assert part(image, (0.1, 0.05, 0.4, 0.25), 0.01).max() < 20


def test_the_time_to_an_event_on_disk_is_told_without_inference(stored: Stored) -> None:
    looked(camera(), FakeDetector(PERSON), stored, lambda image: None)
    assert len(stored.lags) == 1


@pytest.mark.needs_assets
def test_cameras_of_different_sizes_share_the_real_detector(stored: Stored, vtest_path: Path, weights: Path) -> None:
    with av.open(str(vtest_path)) as container:
        images = [
            np.asarray(f.to_ndarray(format="bgr24"), np.uint8)
            for f, _ in zip(container.decode(video=0), range(30), strict=False)
        ]
    detector = load_detector(find("yolo11n-int8", (weights,)))
    whole = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    zones = [camera().zones[0].model_dump(mode="json") | {"polygon": whole}]
    pipelines = {name: pipeline(camera(id=name, zones=zones), detector, stored) for name in ("gate", "yard")}
    for number, image in enumerate(images[::5]):
        pipelines["gate"].look(frame(number * 0.5, image, "gate"), offer_snapshot=False, stale_s=15.0)
        small = cv2.resize(image, (512, 384), interpolation=cv2.INTER_AREA)
        pipelines["yard"].look(
            frame(number * 0.5, np.asarray(small, np.uint8), "yard"), offer_snapshot=False, stale_s=15.0
        )
    opened = {body.camera_id: body for body in stored.bodies if body.phase == "open"}
    assert set(opened) == {"gate", "yard"}
    assert {(shot.width, shot.height) for shot in stored.shots} == {(768, 576), (512, 384)}
