"""What the ground of one zone looks like when nothing is on it: a grey reference that follows the light."""

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
Bits = NDArray[np.bool_]

LEARN_LOOKS = 10
CLIP = 8.0
FIT_STRIDE = 3
FIT_ROUNDS = 3
MIN_FIT_POINTS = 50
SATURATED = 250.0
SHADE_LIKENESS = 0.75
SMOOTH = 1.0
LEAST_CORE = 12
SQUARE = np.ones((3, 3), np.uint8)


class Difference(Enum):
    """What a region that differs from the ground is."""

    LEFT = "left"
    TAKEN_AWAY = "taken away"
    SHADE = "shade"


@dataclass(frozen=True, slots=True)
class Light:
    """How the light of one look differs from that of the reference: grey levels now = gain x ground + offset."""

    gain: float = 1.0
    offset: float = 0.0


class Reference:
    """A learned picture of the ground, (height, width) float32 grey levels 0..255, with its noise, pixel by pixel.

    The ground stays in the light of its first look; every look is compared in its own light. So ground that is
    hidden for hours still fits when it is seen again.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._ground: Grey = np.zeros(shape, np.float32)
        self._noise: Grey = np.full(shape, 4.0, np.float32)
        self._looks: Grey = np.zeros(shape, np.float32)

    def light_of(self, grey: Grey, usable: Bits) -> Light:
        """The light of `grey`, (height, width) float32, by trimmed least squares over the pixels marked `usable`."""
        points = np.zeros_like(usable)
        points[::FIT_STRIDE, ::FIT_STRIDE] = True
        points &= usable & (self._looks > 0) & (grey < SATURATED) & (self._ground < SATURATED)
        x, y = self._ground[points], grey[points]
        light = Light()
        kept = np.ones(len(x), np.bool_)
        for _ in range(FIT_ROUNDS):
            if kept.sum() < MIN_FIT_POINTS:
                return light
            light = _line(x[kept], y[kept])
            miss = np.abs(y - light.gain * x - light.offset)
            kept = miss <= max(2.5 * 1.48 * float(np.median(miss)), 2.0)
        return light

    def differs(self, grey: Grey, light: Light, least: float) -> Bits:
        """(height, width) bool: known pixels off by more than `least` grey levels and four times their noise."""
        lit = self._lit(light)
        off = np.abs(grey - lit) > np.maximum(np.float32(least), 4 * self._noise)
        differs: Bits = off & (self._looks >= LEARN_LOOKS) & ~((grey >= SATURATED) & (lit >= SATURATED))
        return differs

    def learn(self, grey: Grey, light: Light, free: Bits, share: float) -> None:
        """Take in the pixels marked `free`: a mean at first, later `share` of at most 8 grey levels a look."""
        miss = grey - self._lit(light)
        fresh = self._looks < LEARN_LOOKS
        miss = np.where(fresh, miss, np.clip(miss, -CLIP, CLIP))
        weight = np.where(fresh, 1 / (self._looks + 1), np.float32(share)) * free
        self._ground += weight * miss / np.float32(light.gain)
        self._noise += weight * (self._looks > 0) * (np.minimum(np.abs(miss), 4 * CLIP) - self._noise)
        self._looks += free

    def difference(self, grey: Grey, around: tuple[slice, slice], region: Bits) -> Difference:
        """What differs: shade has the texture of the ground, the outline of what was taken away was sharper before.

        `around` is the part of the picture that `region`, bool of its shape, is drawn in.
        """
        now, ground, bits = grey[around], self._ground[around], region.astype(np.uint8)
        core = cv2.erode(bits, SQUARE, iterations=2) > 0
        if int(core.sum()) >= LEAST_CORE and _likeness(now[core], ground[core]) >= SHADE_LIKENESS:
            return Difference.SHADE
        rim = cv2.morphologyEx(bits, cv2.MORPH_GRADIENT, SQUARE) > 0
        sharper_before = _steepness(ground)[rim].mean() > _steepness(now)[rim].mean()
        return Difference.TAKEN_AWAY if sharper_before else Difference.LEFT

    def _lit(self, light: Light) -> Grey:
        lit: Grey = np.clip(np.float32(light.gain) * self._ground + np.float32(light.offset), 0, 255)
        return lit


def _line(x: Grey, y: Grey) -> Light:
    mean_x, mean_y = float(x.mean()), float(y.mean())
    spread = float(((x - mean_x) ** 2).mean())
    gain = float(((x - mean_x) * (y - mean_y)).mean()) / spread if spread > 1 else 1.0
    gain = min(max(gain, 0.3), 3.0)
    return Light(gain, mean_y - gain * mean_x)


def _steepness(grey: Grey) -> Grey:
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)).astype(np.float32)


def _likeness(a: Grey, b: Grey) -> float:
    """Correlation of the texture, -1..1."""
    spread = float(a.std() * b.std())
    return float(((a - a.mean()) * (b - b.mean())).mean()) / spread if spread > SMOOTH else 0.0
