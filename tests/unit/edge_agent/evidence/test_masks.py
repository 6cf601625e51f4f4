"""Masks blacken exactly their polygons, in place, at every picture size."""

import numpy as np

from edge_agent.evidence.masks import Masks

SQUARE = ((0.25, 0.25), (0.5, 0.25), (0.5, 0.5), (0.25, 0.5))
BESIDE = ((0.4, 0.4), (1.0, 0.4), (1.0, 1.0))


def grey(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 77, np.uint8)


def test_only_the_polygon_is_black_and_its_outline_belongs_to_it() -> None:
    image = grey(80, 120)
    Masks([SQUARE]).apply(image)
    assert not image[20:41, 30:61].any()
    image[20:41, 30:61] = 77
    assert (image == 77).all()


def test_sizes_may_change_and_masks_may_overlap_and_touch_the_edge() -> None:
    masks = Masks([SQUARE, BESIDE])
    for height, width in ((80, 120), (576, 768), (80, 120)):
        image = grey(height, width)
        masks.apply(image)
        assert not image[round(0.45 * height), round(0.45 * width)].any()
        assert not image[round(0.3 * height), round(0.3 * width)].any()
        assert not image[height - 1, width - 1].any()
        assert image[height - 1, 0].all()


def test_no_mask_changes_nothing() -> None:
    image = grey(8, 8)
    Masks([]).apply(image)
    assert (image == 77).all()
