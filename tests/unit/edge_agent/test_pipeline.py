"""One look at one frame: what the detector sees, what is stored, whom nobody may recognise, and what fails."""

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge_agent.clock import SystemClock
from edge_agent.cpu_budget import WHOLE
from edge_agent.detect.backend import load_detector
from edge_agent.errors import EdgeError, LookFailedError
from edge_agent.looker import Looker
from edge_agent.types import Frame
from models.registry import find
from tests.lab.processes import wait_until
from tests.unit.edge_agent.looking import (
    PERSON,
    WINDOWS,
    FakeDetector,
    Stored,
    camera,
    frame,
    has_marker,
    is_recognisable,
    looked,
    paint_windows,
    part,
    pipeline,
    street,
)


@pytest.fixture
def stored() -> Stored:
    return Stored()


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
