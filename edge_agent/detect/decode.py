"""Reads candidates out of the raw output of a model's head."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edge_agent.types import Boxes

Tensor = NDArray[np.float32]
STRIDES = (8, 16, 32)
# More than this many things in one frame is noise; the bound keeps suppression, which is quadratic, short.
MAX_CANDIDATES = 600


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes before suppression: (n, 4) float32 x1 y1 x2 y2 in input pixels, (n,) float32 scores, (n,) int32 classes."""

    boxes: Boxes
    scores: Tensor
    classes: NDArray[np.int32]


Decode = Callable[[Tensor, float], Candidates]


def decode_yolo11(output: Tensor, min_score: float) -> Candidates:
    """Read (1, 4 + C, N): centre x, y, width, height in input pixels, then C class scores, for N places."""
    table = output[0]
    best = table[4:].max(axis=0)
    chosen = _strongest(best, min_score)
    few = table[:, chosen]
    return Candidates(_corners(few[:2].T, few[2:4].T), best[chosen], few[4:].argmax(axis=0).astype(np.int32))


def decode_yolox(output: Tensor, min_score: float) -> Candidates:
    """Read (1, N, 5 + C): offset, log size, objectness and C class scores for N cells of strides 8, 16 and 32.

    The formula is YOLOX's `demo_postprocess`: centre = (offset + cell) * stride, size = exp(log size) * stride.
    """
    table = output[0]
    # A score is objectness times class score, so a cell under the threshold by objectness alone is out.
    likely = np.flatnonzero(table[:, 4] >= min_score)
    few = table[likely]
    scores = few[:, 4] * few[:, 5:].max(axis=1, initial=0.0)
    chosen = _strongest(scores, min_score)
    few, (cells, strides) = few[chosen], _cells(len(table))
    places = likely[chosen]
    centres = (few[:, :2] + cells[places]) * strides[places]
    sizes = np.exp(few[:, 2:4]) * strides[places]
    return Candidates(_corners(centres, sizes), scores[chosen], few[:, 5:].argmax(axis=1).astype(np.int32))


HEADS: dict[str, Decode] = {"yolo11": decode_yolo11, "yolox": decode_yolox}


def _strongest(scores: Tensor, min_score: float) -> NDArray[np.intp]:
    chosen = np.flatnonzero(scores >= min_score)
    if len(chosen) > MAX_CANDIDATES:
        chosen = chosen[np.argsort(-scores[chosen], kind="stable")[:MAX_CANDIDATES]]
    return chosen


def _corners(centres: Tensor, sizes: Tensor) -> Boxes:
    half = sizes / 2
    return np.concatenate((centres - half, centres + half), axis=1)


@cache
def _cells(count: int) -> tuple[Tensor, Tensor]:
    """Return (N, 2) cell coordinates and (N, 1) strides of the square input that has `count` cells."""
    side = round((count / sum(1 / stride**2 for stride in STRIDES)) ** 0.5)
    cells, strides = [], []
    for stride in STRIDES:
        length = side // stride
        rows, columns = np.divmod(np.arange(length * length), length)
        cells.append(np.stack((columns, rows), axis=1))
        strides.append(np.full((length * length, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
