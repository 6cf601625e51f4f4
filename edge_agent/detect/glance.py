"""Tells at a glance, in a picture of a few thousand pixels, whether a scene still is what the detector last saw."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.types import Detections, Luma, Picture

Polygon = Sequence[tuple[float, float]]
Grey = NDArray[np.float32]

# Measured on vtest.avi: see `tests/unit/edge_agent/detect/test_glance.py` and the README of this room.
WIDTH_PX = 160
TILE_PX = 5
# A tile changed when its mean difference, light apart, is above this many grey levels and times the usual one.
LEAST_GREY = 3.0
TIMES_NOISE = 3.0
# Leaves that sway all day must not make their tiles blind to a person in front of them.
MOST_GREY = 12.0
# A tile is a bit larger than its surroundings need: what stands in a zone is higher than the ground it stands on.
MARGIN = 0.04
NOISE_MEMORY = 0.1
GAINS = (0.5, 2.0)


class Glance:
    """The eye of one camera: `look` at each frame, `remember` the look after which the detector ran.

    Only tiles in or near one of `zones` (polygons in normalised picture coordinates) count. Light that changes over
    the whole picture by a gain and an offset is no change, nor is the noise that a tile has always had. Used by one
    thread.
    """

    def __init__(self, zones: Sequence[Polygon]) -> None:
        self._zones = [np.array(zone, np.float64) for zone in zones]
        self._size = (0, 0)
        self._watched: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)
        self._noise: Grey = np.zeros((0, 0), np.float32)
        self._seen: Grey | None = None
        self._now: Grey = np.zeros((0, 0), np.float32)

    def look(self, picture: Picture) -> bool:
        """Whether what the zones show differs from what was remembered; always, when nothing is."""
        size = (_rows(picture), WIDTH_PX)
        if size != self._size:
            self._start(size)
        self._now = _smooth(picture.luma(size[1], size[0]))
        if self._seen is None:
            return True
        differences = _differences(self._now, self._seen)
        moved = differences > np.clip(TIMES_NOISE * self._noise, LEAST_GREY, MOST_GREY)
        self._noise += np.float32(NOISE_MEMORY) * np.where(moved, 0, differences - self._noise)
        return bool((moved & self._watched).any())

    def remember(self) -> None:
        """What was looked at last is what the detector has seen."""
        self._seen = self._now

    def _start(self, size: tuple[int, int]) -> None:
        rows, columns = (-(-length // TILE_PX) for length in size)
        self._noise = np.zeros((rows, columns), np.float32)
        near: Luma = np.zeros(size, np.uint8)
        height, width = size
        for zone in self._zones:
            cv2.fillPoly(near, [np.round(zone * (width, height)).astype(np.int32)], 1)
        reach = 2 * round(MARGIN * width) + 1
        wide = cv2.dilate(near, np.ones((reach, reach), np.uint8))
        self._watched = _tiles(wide.astype(np.float32)) > 0
        self._size, self._seen = size, None


class HeldDetections:
    """What the detector last saw, for as long as it still holds.

    After a change the detector must see the scene at rest once more: what it missed while things moved, it may find
    now. Used by one thread.
    """

    def __init__(self, glance: Glance) -> None:
        self._glance = glance
        self._changed = True
        self._at_rest = False
        self._held: Detections | None = None
        self._detected_s = 0.0

    def glance(self, picture: Picture) -> bool:
        """Whether the scene is another than that which was detected on last."""
        self._changed = self._glance.look(picture)
        return self._changed

    def still_good(self, now_s: float, stale_s: float) -> Detections | None:
        """The last detections, if they hold for the picture last glanced at; None when the detector must look."""
        fresh_enough = 0 <= now_s - self._detected_s < stale_s
        return self._held if self._at_rest and not self._changed and fresh_enough else None

    def keep(self, detections: Detections, now_s: float) -> None:
        """Remember what the detector saw in the picture last glanced at."""
        self._at_rest = not self._changed
        self._held, self._detected_s = detections, now_s
        self._glance.remember()


def _rows(picture: Picture) -> int:
    """The height of the small picture: a shape that no camera has is squeezed into one that fits into memory."""
    return min(max(round(WIDTH_PX * picture.height / picture.width), TILE_PX), 4 * WIDTH_PX)


def _smooth(luma: Luma) -> Grey:
    return np.asarray(cv2.GaussianBlur(luma.astype(np.float32), (3, 3), 0), np.float32)


def _differences(now: Grey, before: Grey) -> Grey:
    """The mean difference of each tile, in grey levels, after the light of the whole picture is taken out."""
    mean_now, mean_before = float(now.mean()), float(before.mean())
    spread = float(before.std())
    gain = min(max(float(now.std()) / spread, GAINS[0]), GAINS[1]) if spread > 1 else 1.0
    return _tiles(np.abs(now - mean_now - np.float32(gain) * (before - mean_before)))


def _tiles(image: Grey) -> Grey:
    """The mean of each tile; those at the right and lower edge may be smaller."""
    height, width = image.shape
    rows, columns = -(-height // TILE_PX), -(-width // TILE_PX)
    padded = cv2.copyMakeBorder(image, 0, rows * TILE_PX - height, 0, columns * TILE_PX - width, cv2.BORDER_REPLICATE)
    return np.asarray(padded.reshape(rows, TILE_PX, columns, TILE_PX).mean(axis=(1, 3)), np.float32)
