"""Pictures into tensors and boxes back."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.detect.letterbox import Letterbox, input_size

SHAPES = [(576, 768), (1080, 1920), (1920, 1080), (640, 640), (7, 3000), (33, 41)]


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_the_picture_is_centred_and_keeps_its_shape(height: int, width: int) -> None:
    tensor, place = Letterbox((640, 640), "rgb", 1).fit(np.full((height, width, 3), 255, np.uint8))
    assert tensor.shape == (1, 3, 640, 640)
    assert tensor.dtype == np.float32
    assert max(place.width, place.height) == 640
    inside = tensor[0, :, place.top : place.top + place.height, place.left : place.left + place.width]
    assert np.allclose(inside, 1.0)
    grey = np.count_nonzero(np.isclose(tensor[0, 0], 114 / 255))
    assert grey == 640 * 640 - place.width * place.height
    assert abs((640 - place.width) - 2 * place.left) <= 1
    assert abs((640 - place.height) - 2 * place.top) <= 1


@pytest.mark.parametrize(
    ("colours", "white", "expected"), [("rgb", 1, [30 / 255, 20 / 255, 10 / 255]), ("bgr", 255, [10, 20, 30])]
)
def test_colours_and_range(colours: Literal["rgb", "bgr"], white: int, expected: list[float]) -> None:
    image = np.empty((10, 10, 3), np.uint8)
    image[:] = (10, 20, 30)
    tensor, _ = Letterbox((20, 20), colours, white).fit(image)
    assert tensor[0, :, 10, 10] == pytest.approx(expected)


def test_the_buffers_are_used_again_and_padding_is_renewed() -> None:
    box = Letterbox((64, 64), "rgb", 1)
    wide, _ = box.fit(np.full((32, 64, 3), 255, np.uint8))
    tall, place = box.fit(np.full((64, 32, 3), 255, np.uint8))
    fresh, _ = Letterbox((64, 64), "rgb", 1).fit(np.full((64, 32, 3), 255, np.uint8))
    assert wide is tall
    assert place.left == 16
    assert np.array_equal(tall, fresh)


def test_a_crop_that_is_not_contiguous_is_taken() -> None:
    image = np.random.default_rng(1).integers(0, 256, (100, 200, 3), dtype=np.uint8)
    part = image[10:60, 50:150]
    tensor, _ = Letterbox((64, 64), "rgb", 1).fit(part)
    expected, _ = Letterbox((64, 64), "rgb", 1).fit(np.ascontiguousarray(part))
    assert np.array_equal(tensor, expected)


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_the_corners_of_the_picture_come_back(height: int, width: int) -> None:
    box = Letterbox((64, 64), "rgb", 1)
    place = box._place(height, width)
    corners = np.array(
        [[place.left, place.top, place.left + place.width, place.top + place.height], [-99, -99, 999, 999]], np.float32
    )
    assert place.to_picture(corners) == pytest.approx(np.array([[0, 0, 1, 1], [0, 0, 1, 1]]))


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_the_smallest_input_pads_less_than_one_cell_of_the_coarsest_grid(height: int, width: int) -> None:
    size = input_size(640, width, height)
    tensor, place = Letterbox(size, "rgb", 1).fit(np.full((height, width, 3), 255, np.uint8))
    assert max(size) == 640
    assert tensor.shape == (1, 3, size[1], size[0])
    assert (size[0] % 32, size[1] % 32) == (0, 0)
    assert size[0] - place.width < 32
    assert size[1] - place.height < 32
