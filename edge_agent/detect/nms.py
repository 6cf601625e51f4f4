"""Keeps the best of boxes that mean the same thing."""

import numpy as np
from numpy.typing import NDArray

from edge_agent.types import Boxes

Mask = NDArray[np.bool_]


def shared_areas(boxes: Boxes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the (n, n) areas that each two of (n, 4) x1 y1 x2 y2 share, and the (n,) area of each."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    shared = sides[..., 0] * sides[..., 1]
    return shared, np.diagonal(shared)


def overlap_ratios(boxes: Boxes) -> NDArray[np.float32]:
    """Return the (n, n) intersection over union of (n, 4) x1 y1 x2 y2."""
    shared, areas = shared_areas(boxes)
    union = areas[:, None] + areas[None, :] - shared
    ratios: NDArray[np.float32] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratios


def keep_best(rank: NDArray[np.float32], same: Mask) -> NDArray[np.intp]:
    """Return the indexes, best first, of the (n,) `rank` that no better kept one is the `same` (n, n) thing as."""
    alive = np.ones(len(rank), np.bool_)
    kept = []
    for index in np.argsort(-rank, kind="stable"):
        if alive[index]:
            kept.append(index)
            alive &= ~same[index]
    return np.array(kept, np.intp)


def suppress(
    boxes: Boxes, scores: NDArray[np.float32], classes: NDArray[np.int32], max_overlap: float
) -> NDArray[np.intp]:
    """Return the indexes, best first, of greedy non-maximum suppression within each class."""
    same = (overlap_ratios(boxes) > max_overlap) & (classes[:, None] == classes[None, :])
    return keep_best(scores, same)
