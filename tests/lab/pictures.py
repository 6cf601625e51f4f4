"""Pictures that a test has painted, in the place of decoded ones."""

from dataclasses import dataclass

import cv2
import numpy as np

from edge_agent.types import Image, Luma


@dataclass(frozen=True, slots=True, eq=False)
class PaintedPicture:
    """(height, width, 3) uint8 BGR as a `Picture`."""

    image: Image

    @property
    def width(self) -> int:
        return self.image.shape[1]

    @property
    def height(self) -> int:
        return self.image.shape[0]

    def bgr(self, width: int, height: int) -> Image:
        if (width, height) == (self.width, self.height):
            return self.image.copy()
        return np.asarray(cv2.resize(self.image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)

    def luma(self, width: int, height: int) -> Luma:
        return np.asarray(cv2.cvtColor(self.bgr(width, height), cv2.COLOR_BGR2GRAY), np.uint8)
