"""Blackens the parts of a picture that must never be stored, sent or detected on."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.types import Image

Polygon = Sequence[tuple[float, float]]


class Masks:
    """The masks of one camera: `polygons` in normalised picture coordinates."""

    def __init__(self, polygons: Sequence[Polygon]) -> None:
        self._polygons = [np.array(polygon, np.float64) for polygon in polygons]
        self._size = (0, 0)
        self._outlines: list[NDArray[np.int32]] = []

    def apply(self, image: Image) -> None:
        """Blacken the masked pixels of `image`, (height, width, 3) uint8 BGR, in place; outlines belong to the mask.

        To be done before detection and before anything is stored.
        """
        height, width = image.shape[:2]
        if (height, width) != self._size:
            last = (width - 1, height - 1)
            self._outlines = [np.clip(np.round(p * (width, height)), 0, last).astype(np.int32) for p in self._polygons]
            self._size = (height, width)
        # One by one: two that overlap would cancel out in one call. Drawing anew took 0.05 ms a frame at 768x576,
        # 0.3 ms at 1080p and 2160p for two masks over a quarter of the picture; a stored bitmap took 0.13 to 0.45 ms.
        for outline in self._outlines:
            cv2.fillPoly(image, [outline], (0, 0, 0))
