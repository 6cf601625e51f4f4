"""A synthetic lawn with noise, and a bottle to leave on it."""

from collections.abc import Sequence
from datetime import UTC, datetime

import cv2
import numpy as np

from edge_agent.track.still_things import StillThings, StillZone
from edge_agent.types import FrameTime, Image, Track, ZoneThings
from tests.lab.pictures import PaintedPicture

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
SIZE = (240, 320)
rng = np.random.default_rng(7)
GROUND = cv2.GaussianBlur(rng.integers(60, 160, (*SIZE, 3), np.uint8), (5, 5), 0)
TILES = ((np.indices(SIZE) // 20).sum(axis=0) % 2 * 70).astype(np.uint8)[..., None]
BOTTLE = rng.integers(0, 255, (14, 14, 3), np.uint8)


def at(seconds: float) -> FrameTime:
    return FrameTime(datetime.fromtimestamp(1_700_000_000 + seconds, UTC), float(seconds), "file")


def frame(noise: int = 4) -> Image:
    jitter = rng.integers(-noise, noise + 1, (*SIZE, 3), np.int16)
    return np.clip(GROUND.astype(np.int16) + jitter, 0, 255).astype(np.uint8)


def bottle(image: Image, x: int = 100, y: int = 120) -> Image:
    image[y : y + 14, x : x + 14] = BOTTLE
    return image


def lawn(polygon: tuple = WHOLE) -> StillThings:
    return StillThings({"lawn": StillZone(polygon, 0.0005, 0.05)})


def see(subject: StillThings, image: Image, seconds: float, tracks: Sequence[Track] = ()) -> ZoneThings:
    return subject.update(PaintedPicture(image), tracks, at(seconds))["lawn"]
