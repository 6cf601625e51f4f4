"""Looks at one zone's small grey picture and keeps the places where something new does not move."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge_agent.track.reference import Bits, Grey, Reference
from edge_agent.types import Image, PictureBox

PERSONS_AND_VEHICLES = ("person", "bicycle", "car", "motorcycle", "bus", "truck", "train", "boat")
ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow")
MOVERS = frozenset(PERSONS_AND_VEHICLES + ANIMALS)
SAME_PLACE_IOU = 0.4
COVERED_SHARE = 0.3
MISSES_TO_FORGET = 3
LOOKS_TO_SETTLE = 3
FILLED = 0.3
MOVER_MARGIN = 0.15
SHADOW_MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class StillSettings:
    """Seconds, grey levels and pixels by which a thing counts as new and still."""

    every_s: float = 1.0
    learn_s: float = 10.0
    settle_s: float = 3.0
    linger_s: float = 4.0
    adapt_s: float = 600.0
    relearn_s: float = 30.0
    least_grey: float = 16.0
    upset_share: float = 0.4
    side_px: int = 400


@dataclass(slots=True)
class Place:
    """A place where something new was seen; boxes in pixels of the zone's small picture, area in its pixels."""

    anchor: PictureBox
    box: PictureBox
    area: int
    since_s: float
    thing_id: int = 0
    looks: int = 1
    misses: int = 0
    settled: bool = False


class ZoneLook:
    """One zone: crop, reference and places. `size` is (height, width) of the whole picture in pixels."""

    def __init__(
        self,
        polygon: Sequence[tuple[float, float]],
        areas: tuple[float, float],
        size: tuple[int, int],
        settings: StillSettings,
    ) -> None:
        self.places: list[Place] = []
        self._settings = settings
        height, width = size
        outline = np.array(polygon) * (width, height)
        left, top = np.floor(outline.min(axis=0)).astype(int)
        right, bottom = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 1, (width, height))
        self._crop = (slice(int(top), int(bottom)), slice(int(left), int(right)))
        self._scale = min(1.0, settings.side_px / max(int(right - left), int(bottom - top)))
        self._small = (max(round((bottom - top) * self._scale), 1), max(round((right - left) * self._scale), 1))
        self._origin, self._size = (int(left), int(top)), size
        inside = np.zeros(self._small, np.uint8)
        cv2.fillPoly(inside, [np.round((outline - self._origin) * self._scale).astype(np.int32)], 1)
        self._inside: Bits = inside.astype(np.bool_)
        self._least_px, self._most_px = (area / self.share(1) for area in areas)
        self._reference = Reference(self._small)
        self._learned_s = 0.0
        self._upset_s = 0.0

    def share(self, area: float) -> float:
        """Pixels of the small picture as a share of the whole picture's area."""
        return area / (self._scale**2 * self._size[0] * self._size[1])

    def to_picture(self, box: PictureBox) -> PictureBox:
        """A box in pixels of the small picture as normalised picture coordinates."""
        (left, top), (height, width), scale = self._origin, self._size, self._scale
        return PictureBox(
            (box.x1 / scale + left) / width,
            (box.y1 / scale + top) / height,
            min((box.x2 / scale + left) / width, 1.0),
            min((box.y2 / scale + top) / height, 1.0),
        )

    def look(self, image: Image, movers: Sequence[PictureBox], now_s: float, elapsed_s: float) -> None:
        """Take in one frame: (height, width, 3) uint8 BGR; `movers` are or just were in front of the ground."""
        grey = self._grey(image)
        covered = self._covered(movers)
        usable = self._inside & ~covered
        light = self._reference.light_of(grey, usable & ~self._held())
        if self._learned_s < self._settings.learn_s:
            self._learned_s += elapsed_s
            self._reference.learn(grey, light, usable, 0.0)
            return
        new = self._reference.differs(grey, light, self._settings.least_grey) & usable
        if new.sum() > self._settings.upset_share * max(int(usable.sum()), 1):
            self._bear_upset(elapsed_s)
            return
        self._upset_s = 0.0
        self._follow(self._regions(grey, new), covered, now_s)
        self._reference.learn(grey, light, usable & ~self._held(), elapsed_s / self._settings.adapt_s)

    def _bear_upset(self, elapsed_s: float) -> None:
        """Most of the zone is different: a moved camera or a light that no gain explains; learn again if it stays."""
        self._upset_s += elapsed_s
        if self._upset_s >= self._settings.relearn_s:
            self._reference, self._learned_s, self._upset_s, self.places = Reference(self._small), 0.0, 0.0, []

    def _grey(self, image: Image) -> Grey:
        grey = cv2.cvtColor(image[self._crop], cv2.COLOR_BGR2GRAY)
        small = cv2.resize(grey, (self._small[1], self._small[0]), interpolation=cv2.INTER_AREA)
        return cv2.GaussianBlur(small, (3, 3), 0).astype(np.float32)

    def _covered(self, movers: Sequence[PictureBox]) -> Bits:
        covered = np.zeros(self._small, np.bool_)
        for box in movers:
            x, y = MOVER_MARGIN * (box.x2 - box.x1), MOVER_MARGIN * (box.y2 - box.y1) + SHADOW_MARGIN
            self._mark(covered, (box.x1 - x, box.y1 - y, box.x2 + x, box.y2 + y))
        return covered

    def _mark(self, bits: Bits, corners: tuple[float, float, float, float]) -> None:
        (left, top), (height, width) = self._origin, self._size
        x1, x2 = ((x * width - left) * self._scale for x in corners[::2])
        y1, y2 = ((y * height - top) * self._scale for y in corners[1::2])
        bits[max(int(y1), 0) : max(int(y2) + 1, 0), max(int(x1), 0) : max(int(x2) + 1, 0)] = True

    def _held(self) -> Bits:
        held = np.zeros(self._small, np.bool_)
        for place in self.places:
            held[_pixels(place.box, 2)] = True
        return held

    def _regions(self, grey: Grey, new: Bits) -> list[tuple[PictureBox, int]]:
        closed = cv2.morphologyEx(new.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
        found = []
        for number, (x, y, width, height, area) in enumerate(stats.tolist()):
            if number == 0 or not self._least_px <= area <= self._most_px or area < FILLED * width * height:
                continue
            box = PictureBox(x, y, x + width, y + height)
            around = _pixels(box, 3)
            if self._reference.is_thing(grey, around, labels[around] == number):
                found.append((box, area))
        return found

    def _follow(self, regions: list[tuple[PictureBox, int]], covered: Bits, now_s: float) -> None:
        free = list(regions)
        for place in self.places:
            best = max(free, key=lambda region: place.anchor.iou(region[0]), default=None)
            if best is not None and place.anchor.iou(best[0]) >= SAME_PLACE_IOU:
                free.remove(best)
                place.box, place.area = best
                place.looks, place.misses = place.looks + 1, 0
                lasted = now_s - place.since_s >= self._settings.settle_s
                place.settled = place.settled or (lasted and place.looks >= LOOKS_TO_SETTLE)
            elif not place.settled or covered[_pixels(place.box, 0)].mean() < COVERED_SHARE:
                place.misses += 1
        self.places = [place for place in self.places if place.misses < MISSES_TO_FORGET]
        self.places += [Place(box, box, area, now_s) for box, area in free]


def _pixels(box: PictureBox, margin: int) -> tuple[slice, slice]:
    return (
        slice(max(int(box.y1) - margin, 0), int(box.y2) + margin),
        slice(max(int(box.x1) - margin, 0), int(box.x2) + margin),
    )
