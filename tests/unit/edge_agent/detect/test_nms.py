"""Suppression against a plain reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.detect.nms import overlap_ratios, suppress
from edge_agent.types import PictureBox


def plain(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, limit: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(scores)), key=lambda k: (-scores[k], k)):
        mine = PictureBox(*map(float, boxes[i]))
        if all(classes[i] != classes[k] or mine.iou(PictureBox(*map(float, boxes[k]))) <= limit for k in kept):
            kept.append(i)
    return kept


@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_it_agrees_with_a_plain_loop(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    low = random.uniform(0, 50, (count, 2))
    boxes = np.concatenate((low, low + random.uniform(1, 40, (count, 2))), axis=1).astype(np.float32)
    scores = random.uniform(0, 1, count).astype(np.float32)
    classes = random.integers(0, 3, count).astype(np.int32)
    assert suppress(boxes, scores, classes, 0.45).tolist() == plain(boxes, scores, classes, 0.45)


def test_only_things_of_one_class_suppress_one_another() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10]], np.float32)
    scores = np.array([0.6, 0.9, 0.5], np.float32)
    assert suppress(boxes, scores, np.array([1, 1, 2], np.int32), 0.5).tolist() == [1, 2]


def test_boxes_without_area_share_nothing() -> None:
    assert overlap_ratios(np.zeros((2, 4), np.float32)) == pytest.approx(np.zeros((2, 2)))
