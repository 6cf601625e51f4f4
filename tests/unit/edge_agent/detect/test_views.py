"""Parts of a picture, and things on their borders."""

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera_configs.camera import ViewSpec
from edge_agent.detect.backend import load_detector
from edge_agent.detect.views import crop, detect_views, to_picture
from edge_agent.types import Boxes, Detections, Image
from models.registry import find
from tests.lab.pictures import PaintedPicture

IMAGE = np.arange(100 * 200 * 3, dtype=np.uint32).astype(np.uint8).reshape(100, 200, 3)
Thing = tuple[float, float, float, float, float, int]
WHOLE = ViewSpec(id="whole")
LEFT = ViewSpec(id="left", top_left=(0.0, 0.0), bottom_right=(0.6, 1.0))
RIGHT = ViewSpec(id="right", top_left=(0.4, 0.0), bottom_right=(1.0, 1.0))


class Sees:
    """A detector that sees, in each view in turn, boxes given in coordinates of the whole picture."""

    def __init__(self, *views: tuple[ViewSpec, list[Thing]]) -> None:
        self.views = list(views)

    def detect(self, image: Image) -> Detections:
        view, things = self.views.pop(0)
        assert image.shape[:2] == crop(IMAGE, view).shape[:2]
        table = np.array(things, np.float32).reshape(-1, 6)
        low, high = np.array(view.top_left * 2), np.array(view.bottom_right * 2)
        boxes = np.clip((table[:, :4] - low) / (high - low), 0, 1).astype(np.float32)
        return Detections(boxes, table[:, 4], table[:, 5].astype(np.int32), ("person", "car"))


def merged(*views: tuple[ViewSpec, list[Thing]]) -> tuple[Boxes, list[float]]:
    found = detect_views(Sees(*views), PaintedPicture(IMAGE), [view for view, _ in views])
    order = np.argsort(found.boxes[:, 0])
    return found.boxes[order], [round(float(s), 3) for s in found.scores[order]]


def test_a_crop_shares_the_memory_of_the_picture() -> None:
    part = crop(IMAGE, RIGHT)
    assert part.shape == (100, 120, 3)
    assert np.shares_memory(part, IMAGE)
    assert np.array_equal(part[0, 0], IMAGE[0, 80])
    assert crop(IMAGE, WHOLE).shape == IMAGE.shape


@given(st.floats(0, 0.99), st.floats(0, 0.99))
def test_a_tiny_view_has_a_pixel_at_least(x: float, y: float) -> None:
    view = ViewSpec(id="tiny", top_left=(x, y), bottom_right=(x + 0.0001, y + 0.0001))
    assert crop(IMAGE, view).size > 0


def test_boxes_are_mapped_to_the_whole_picture() -> None:
    assert to_picture(np.array([[0, 0, 1, 1], [0.5, 0.5, 1, 1]], np.float32), RIGHT) == pytest.approx(
        np.array([[0.4, 0, 1, 1], [0.7, 0.5, 1, 1]])
    )


def test_one_view_gives_what_the_detector_sees() -> None:
    boxes, scores = merged((RIGHT, [(0.7, 0.2, 0.8, 0.4, 0.9, 0)]))
    assert boxes == pytest.approx(np.array([[0.7, 0.2, 0.8, 0.4]]), abs=1e-6)
    assert scores == [0.9]


def test_a_thing_in_the_overlap_counts_once() -> None:
    boxes, scores = merged(
        (LEFT, [(0.45, 0.2, 0.5, 0.4, 0.7, 0), (0.1, 0.1, 0.2, 0.2, 0.6, 0)]),
        (RIGHT, [(0.451, 0.2, 0.501, 0.4, 0.8, 0), (0.8, 0.1, 0.9, 0.2, 0.5, 0)]),
    )
    assert boxes[:, 0] == pytest.approx([0.1, 0.451, 0.8], abs=1e-5)
    assert scores == [0.6, 0.8, 0.5]


def test_a_thing_cut_by_a_border_yields_to_the_whole_one_even_with_a_lower_score() -> None:
    boxes, scores = merged(
        (LEFT, [(0.5, 0.2, 0.6, 0.4, 0.95, 1)]),
        (RIGHT, [(0.5, 0.2, 0.8, 0.4, 0.5, 1)]),
    )
    assert boxes == pytest.approx(np.array([[0.5, 0.2, 0.8, 0.4]]), abs=1e-5)
    assert scores == [0.5]


def test_of_two_cut_parts_that_overlap_little_both_stay() -> None:
    boxes, _ = merged((LEFT, [(0.1, 0.2, 0.6, 0.4, 0.9, 1)]), (RIGHT, [(0.4, 0.2, 0.9, 0.4, 0.9, 1)]))
    assert len(boxes) == 2


def test_a_person_before_a_car_at_the_border_is_kept() -> None:
    boxes, _ = merged((LEFT, [(0.55, 0.2, 0.6, 0.4, 0.9, 0)]), (RIGHT, [(0.5, 0.1, 0.8, 0.5, 0.9, 1)]))
    assert len(boxes) == 2


def test_two_people_near_one_another_in_one_view_both_stay() -> None:
    boxes, _ = merged(
        (LEFT, []),
        (RIGHT, [(0.5, 0.2, 0.56, 0.5, 0.9, 0), (0.505, 0.2, 0.56, 0.5, 0.8, 0), (0.8, 0.2, 0.9, 0.5, 0.8, 0)]),
    )
    assert len(boxes) == 3


def test_the_border_of_the_picture_cuts_nothing() -> None:
    boxes, _ = merged((LEFT, [(0.0, 0.2, 0.1, 0.4, 0.9, 0)]), (RIGHT, [(0.9, 0.2, 1.0, 0.4, 0.9, 0)]))
    assert len(boxes) == 2


@pytest.mark.needs_assets
def test_two_views_of_a_real_picture_see_what_the_whole_shows_and_nothing_twice(
    weights: Path, vtest_path: Path
) -> None:
    with av.open(str(vtest_path)) as container:
        image = next(container.decode(video=0)).to_ndarray(format="bgr24")
    detector = load_detector(find("yolo11n-int8", (weights,)))
    whole = detect_views(detector, PaintedPicture(image), [WHOLE])
    both = detect_views(detector, PaintedPicture(image), [LEFT, RIGHT])
    for box, label in zip(whole.boxes, whole.classes, strict=True):
        shared = np.minimum(box[2:], both.boxes[:, 2:]) - np.maximum(box[:2], both.boxes[:, :2])
        inside = np.prod(np.clip(shared, 0, None), axis=1) / np.prod(box[2:] - box[:2])
        assert np.count_nonzero((inside > 0.6) & (both.classes == label)) == 1
