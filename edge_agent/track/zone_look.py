"""Looks at one zone's small grey picture and keeps the places where something new does not move."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge_agent.track.reference import LEARN_LOOKS, Bits, Difference, Grey, Reference
from edge_agent.types import Luma, PictureBox

PERSONS_AND_VEHICLES = ("person", "bicycle", "car", "motorcycle", "bus", "truck", "train", "boat")
ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow")
MOVERS = frozenset(PERSONS_AND_VEHICLES + ANIMALS)
LEARN_S = 10.0
RELEARN_AFTER_S = 30.0
ADAPT_S = 600.0
SETTLE_S = 3.0
LEAST_GREY = 16.0
UPSET_SHARE = 0.4
SIDE_PX = 400
SAME_PLACE_IOU = 0.4
COVERED_SHARE = 0.3
MISSES_TO_FORGET = 3
LOOKS_TO_SETTLE = 3
FILLED = 0.3
MOVER_MARGIN = 0.15
SHADOW_MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class _Region:
    box: PictureBox
    area: int
    taken_away: bool


@dataclass(slots=True)
class Place:
    """A place where the ground changed; boxes in pixels of the zone's small picture, area in its pixels."""

    anchor: PictureBox
    box: PictureBox
    area: int
    taken_away: bool
    since_s: float
    thing_id: int = 0
    looks: int = 1
    misses: int = 0
    settled: bool = False


class ZoneLook:
    """One zone: crop, reference and places. `size` is (height, width) of the whole picture in pixels.

    `reference_id` is 0 until the owner names a reference that is being learned; `sees` says whether the last look
    could tell what is new, which neither a learning nor an upset can.
    """

    def __init__(
        self, polygon: Sequence[tuple[float, float]], areas: tuple[float, float], size: tuple[int, int]
    ) -> None:
        height, width = size
        outline = np.array(polygon) * (width, height)
        left, top = np.floor(outline.min(axis=0)).astype(int)
        right, bottom = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 1, (width, height))
        self._crop = (slice(int(top), int(bottom)), slice(int(left), int(right)))
        self._scale = min(1.0, SIDE_PX / max(int(right - left), int(bottom - top)))
        self._small = (max(round((bottom - top) * self._scale), 1), max(round((right - left) * self._scale), 1))
        self._origin, self._size = (int(left), int(top)), size
        inside = np.zeros(self._small, np.uint8)
        cv2.fillPoly(inside, [np.round((outline - self._origin) * self._scale).astype(np.int32)], 1)
        self._inside: Bits = inside.astype(np.bool_)
        self._least_px, self._most_px = (area / self.share(1) for area in areas)
        self._start_learning()

    def _start_learning(self) -> None:
        self._reference = Reference(self._small)
        self._learned_s, self._learned_looks, self._upset_s = 0.0, 0, 0.0
        self.reference_id, self.sees = 0, False
        self.places: list[Place] = []

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

    def look(self, luma: Luma, movers: Sequence[PictureBox], now_s: float, elapsed_s: float) -> None:
        """Take in one frame: (height, width) uint8 brightness; `movers` are or just were in front of the ground."""
        grey = self._grey(luma)
        covered = self._covered(movers)
        usable = self._inside & ~covered
        light = self._reference.light_of(grey, usable & ~self._held())
        self.sees = False
        if self._learned_s < LEARN_S or self._learned_looks < LEARN_LOOKS:
            self._learned_s, self._learned_looks = self._learned_s + elapsed_s, self._learned_looks + 1
            self._reference.learn(grey, light, usable, 0.0)
            return
        new = self._reference.differs(grey, light, LEAST_GREY) & usable
        if new.sum() > UPSET_SHARE * max(int(usable.sum()), 1):
            self._bear_upset(elapsed_s)
            return
        self._upset_s, self.sees = 0.0, True
        self._follow(self._regions(grey, new), covered, now_s)
        self._reference.learn(grey, light, usable & ~self._held(), elapsed_s / ADAPT_S)

    def _bear_upset(self, elapsed_s: float) -> None:
        """Most of the zone is different: a moved camera or a light that no gain explains; learn again if it stays."""
        self._upset_s += elapsed_s
        if self._upset_s >= RELEARN_AFTER_S:
            self._start_learning()

    def _grey(self, luma: Luma) -> Grey:
        small = cv2.resize(luma[self._crop], (self._small[1], self._small[0]), interpolation=cv2.INTER_AREA)
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
        """(height, width) bool: ground that a thing lies on, which must not be learned."""
        held = np.zeros(self._small, np.bool_)
        for place in self.places:
            if not place.taken_away:
                held[_pixels(place.box, 2)] = True
        return held

    def _regions(self, grey: Grey, new: Bits) -> list[_Region]:
        closed = cv2.morphologyEx(new.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
        found = []
        for number, (x, y, width, height, area) in enumerate(stats.tolist()):
            if number == 0 or not self._least_px <= area <= self._most_px or area < FILLED * width * height:
                continue
            box = PictureBox(x, y, x + width, y + height)
            around = _pixels(box, 3)
            difference = self._reference.difference(grey, around, labels[around] == number)
            if difference is not Difference.SHADE:
                found.append(_Region(box, area, difference is Difference.TAKEN_AWAY))
        return found

    def _follow(self, regions: list[_Region], covered: Bits, now_s: float) -> None:
        free = list(regions)
        for place in self.places:
            alike = [region for region in free if region.taken_away == place.taken_away]
            best = max(alike, key=lambda region: place.anchor.iou(region.box), default=None)
            if best is not None and place.anchor.iou(best.box) >= SAME_PLACE_IOU:
                free.remove(best)
                place.box, place.area = best.box, best.area
                place.looks, place.misses = place.looks + 1, 0
                lasted = now_s - place.since_s >= SETTLE_S
                place.settled = place.settled or (lasted and place.looks >= LOOKS_TO_SETTLE)
            elif not place.settled or covered[_pixels(place.box, 0)].mean() < COVERED_SHARE:
                place.misses += 1
        self.places = [place for place in self.places if place.misses < MISSES_TO_FORGET]
        self.places += [Place(new.box, new.box, new.area, new.taken_away, now_s) for new in free]


def _pixels(box: PictureBox, margin: int) -> tuple[slice, slice]:
    return (
        slice(max(int(box.y1) - margin, 0), int(box.y2) + margin),
        slice(max(int(box.x1) - margin, 0), int(box.x2) + margin),
    )
