"""A glance sees who comes, also far away, and is fooled neither by noise nor by light."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_configs.camera import ViewSpec
from edge_agent.detect.glance import Glance
from edge_agent.types import Detections, Image, PictureBox
from tests.lab.pictures import PaintedPicture
from tests.unit.edge_agent.judge.vtest_seen import detect_all, frames

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
LEFT = ((0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.0, 1.0))
rng = np.random.default_rng(5)
STREET = cv2.GaussianBlur(rng.integers(40, 190, (540, 960, 3), np.uint8), (9, 9), 0)


def noisy(image: Image, levels: int = 6) -> PaintedPicture:
    jitter = rng.integers(-levels, levels + 1, image.shape, np.int16)
    return PaintedPicture(np.clip(image.astype(np.int16) + jitter, 0, 255).astype(np.uint8))


def walker(x: int = 600, y: int = 300, height: int = 28) -> Image:
    """A dark figure; on the whole picture of 540 lines it is five per cent high."""
    image = STREET.copy()
    cv2.rectangle(image, (x, y), (x + height // 3, y + height), (25, 25, 25), cv2.FILLED)
    return image


def seen(zone: tuple = WHOLE) -> Glance:
    glance = Glance([zone])
    assert glance.look(noisy(STREET)), "nothing is remembered yet"
    glance.remember()
    return glance


def test_noise_is_no_change_and_a_far_walker_is() -> None:
    glance = seen()
    assert not any(glance.look(noisy(STREET)) for _ in range(20))
    assert glance.look(noisy(walker()))
    assert not glance.look(noisy(STREET)), "compared with what was remembered, not with the look before"


def test_what_changed_is_remembered_only_when_it_is_said() -> None:
    glance = seen()
    assert all(glance.look(noisy(walker())) for _ in range(10))
    glance.remember()
    assert not glance.look(noisy(walker()))


@settings(deadline=None)
@given(gain=st.floats(0.7, 1.25), offset=st.floats(-20, 20))
def test_light_over_the_whole_picture_is_no_change_and_hides_none(gain: float, offset: float) -> None:
    glance = seen()

    def lit(image: Image) -> PaintedPicture:
        return noisy(np.clip(image * gain + offset, 0, 255).astype(np.uint8), 2)

    assert not glance.look(lit(STREET))
    assert glance.look(lit(walker()))


def test_only_what_is_in_or_near_a_zone_counts() -> None:
    glance = seen(LEFT)
    assert not glance.look(noisy(walker(x=600)))
    assert glance.look(noisy(walker(x=200)))
    assert glance.look(noisy(walker(x=300))), "its feet may be in the zone"


def test_another_picture_size_is_a_change() -> None:
    glance = seen()
    assert glance.look(PaintedPicture(np.asarray(cv2.resize(STREET, (400, 300)), np.uint8)))


@pytest.mark.needs_assets
def test_no_change_of_what_yolo_sees_in_real_footage_is_missed(vtest_path: Path, weights: Path) -> None:
    """Two seconds apart: whoever came, went or moved by half must be in a tile that changed."""
    detections = detect_all(vtest_path, weights, (ViewSpec(id="whole"),))[::4]
    pictures = [PaintedPicture(image) for _, image in frames(vtest_path)][::4]
    changes = missed = 0
    for number in range(1, len(pictures)):
        before, now = _things(detections[number - 1]), _things(detections[number])
        for box in [*_unmatched(before, now), *_unmatched(now, before)]:
            glance = Glance([((box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2))])
            glance.look(pictures[number - 1])
            glance.remember()
            changes += 1
            missed += not glance.look(pictures[number])
    assert changes > 100
    assert missed == 0


def _things(found: Detections) -> list[PictureBox]:
    return [PictureBox(*map(float, box)) for box, score in zip(found.boxes, found.scores, strict=True) if score > 0.35]


def _unmatched(these: list[PictureBox], those: list[PictureBox]) -> list[PictureBox]:
    return [box for box in these if all(box.iou(other) < 0.5 for other in those)]


@pytest.mark.parametrize(("width", "height"), [(4096, 12), (8192, 1), (16, 32768), (1, 1)])
def test_a_shape_that_no_camera_has_costs_little(width: int, height: int) -> None:
    glance = Glance([WHOLE])
    picture = PaintedPicture(np.full((height, width, 3), 90, np.uint8))
    assert [glance.look(picture), glance.look(picture)] == [True, True], "nothing was remembered"
    assert glance._now.shape[0] <= 640


def test_leaves_that_sway_all_day_do_not_hide_who_stands_before_them() -> None:
    glance = seen()
    for number in range(100):
        image = STREET.astype(np.int16)
        image[250:400, 550:700] += 20 if number % 2 else -20
        glance.look(noisy(np.clip(image, 0, 255).astype(np.uint8)))
    image = STREET.copy()
    image[260:380, 570:680] = 10
    assert glance.look(noisy(image))
