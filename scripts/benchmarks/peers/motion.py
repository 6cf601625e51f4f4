"""Where a picture moves and which square regions a detector must look at, as the best-known open NVR does it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.types import Luma

Rectangle = tuple[int, int, int, int]

MOTION_HEIGHT = 100
BACKGROUND_ALPHA = 0.01
THRESHOLD = 30
LEAST_AREA = 10
CALM_FRAMES = 10
# After this share of the picture changed at once, it is the light or the camera, and the background is learned anew.
LIGHTNING_SHARE = 0.8
LEAST_REGION = 320
REGION_MARGIN = 1.35


class Motion:
    """Compares a small grey picture with a running average; contours of what differs are motion."""

    def __init__(self) -> None:
        self._average: NDArray[np.float32] | None = None
        self._frames = 0

    def boxes(self, luma: Luma) -> list[Rectangle]:
        """Rectangles x1 y1 x2 y2 in pixels of `luma`, (H, W) uint8, in which something moves."""
        height, width = luma.shape
        scale = height / MOTION_HEIGHT
        small = cv2.resize(luma, (round(width / scale), MOTION_HEIGHT), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (3, 3), 1)
        self._frames += 1
        if self._average is None:
            self._average = small.astype(np.float32)
        delta = cv2.absdiff(small, cv2.convertScaleAbs(self._average))
        changed = cv2.threshold(delta, THRESHOLD, 255, cv2.THRESH_BINARY)[1]
        cv2.accumulateWeighted(small, self._average, BACKGROUND_ALPHA if self._frames > CALM_FRAMES else 0.2)
        if cv2.countNonZero(changed) > LIGHTNING_SHARE * changed.size:
            self._average = small.astype(np.float32)
            return []
        changed = cv2.dilate(changed, np.ones((3, 3), np.uint8))
        contours, _ = cv2.findContours(changed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found = [cv2.boundingRect(contour) for contour in contours if cv2.contourArea(contour) > LEAST_AREA]
        return [
            (round(x * scale), round(y * scale), round((x + w) * scale), round((y + h) * scale)) for x, y, w, h in found
        ]


def regions(boxes: list[Rectangle], width: int, height: int) -> list[Rectangle]:
    """Square regions of at least 320 pixels inside the picture that cover the boxes, neighbours together."""
    waiting, found = sorted(boxes), list[Rectangle]()
    while waiting:
        group = waiting.pop(0)
        while near := [box for box in waiting if _fits(_union(group, box))]:
            waiting.remove(near[0])
            group = _union(group, near[0])
        square = _square(group, width, height)
        waiting = [box for box in waiting if not _inside(box, square)]
        found.append(square)
    return found


def _union(a: Rectangle, b: Rectangle) -> Rectangle:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _fits(box: Rectangle) -> bool:
    return max(box[2] - box[0], box[3] - box[1]) * REGION_MARGIN <= LEAST_REGION


def _inside(box: Rectangle, square: Rectangle) -> bool:
    return box[0] >= square[0] and box[1] >= square[1] and box[2] <= square[2] and box[3] <= square[3]


def _square(box: Rectangle, width: int, height: int) -> Rectangle:
    wanted = max(LEAST_REGION, round(REGION_MARGIN * max(box[2] - box[0], box[3] - box[1])))
    side = min(wanted, width, height)
    left = min(max((box[0] + box[2] - side) // 2, 0), width - side)
    top = min(max((box[1] + box[3] - side) // 2, 0), height - side)
    return left, top, left + side, top + side


@dataclass(slots=True)
class Followed:
    """A thing followed from frame to frame, box in pixels; `calm` counts the frames since it last moved."""

    label: str
    box: Rectangle
    calm: int = 0
    missed: int = 0
    anchor: Rectangle = (0, 0, 0, 0)


def iou(a: Rectangle, b: Rectangle) -> float:
    """Intersection over union."""
    shared = _shared(a, b)
    return shared / (_area(a) + _area(b) - shared) if shared else 0.0


def overlap(a: Rectangle, b: Rectangle) -> float:
    """Intersection over the smaller of the two."""
    shared = _shared(a, b)
    return shared / min(_area(a), _area(b)) if shared else 0.0


def _shared(a: Rectangle, b: Rectangle) -> int:
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)


def _area(box: Rectangle) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
