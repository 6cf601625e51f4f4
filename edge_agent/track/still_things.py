"""Finds what is new and still in a zone, against a reference of the clean ground."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_agent.track.zone_look import MOVERS, SETTLE_S, SIDE_PX, ZoneLook
from edge_agent.types import FrameTime, Picture, PictureBox, StillThing, Track, ZoneThings

EVERY_S = 1.0
LINGER_S = 4.0


@dataclass(frozen=True, slots=True)
class StillZone:
    """A zone to look for still things in: polygon in normalised coordinates, areas as shares of the whole picture."""

    polygon: tuple[tuple[float, float], ...]
    min_area: float
    max_area: float


class StillThings:
    """The new and still things in the zones of one camera; what lies there during the learning is no news."""

    def __init__(self, zones: Mapping[str, StillZone]) -> None:
        self._zones = dict(zones)
        self._looks: dict[str, ZoneLook] = {}
        self._size = self._luma_size = (0, 0)
        self._looked_s = -math.inf
        self._movers: list[tuple[float, PictureBox]] = []
        self._ids = itertools.count(1)

    def update(self, picture: Picture, tracks: Sequence[Track], time: FrameTime) -> dict[str, ZoneThings]:
        """What is known of still things, by zone id.

        `picture` has its masks applied, and its brightness is converted once, no larger than the zones need; `tracks`
        are all of it. It looks at most once a second; in between the last answer holds. A thing that a person,
        vehicle, cycle or animal covers is kept. A new picture size, or monotonic time that runs backwards, starts the
        learning again; while a zone learns, or most of it differs, nothing is known of it.
        """
        now_s = time.monotonic_s
        if not self._zones:
            return {}
        size = (picture.height, picture.width)
        if size != self._size or now_s < self._looked_s:
            self._start(size)
        self._remember(tracks, now_s)
        if now_s - self._looked_s >= EVERY_S:
            elapsed_s = min(now_s - self._looked_s, SETTLE_S)
            movers = [box for _, box in self._movers]
            height, width = self._luma_size
            luma = picture.luma(width, height)
            for look in self._looks.values():
                look.look(luma, movers, now_s, elapsed_s)
                self._name(look)
            self._looked_s = now_s
        return {zone_id: self._things(look) for zone_id, look in self._looks.items()}

    def _start(self, size: tuple[int, int]) -> None:
        self._size, self._looked_s, self._movers = size, -math.inf, []
        self._luma_size = _luma_size(size, [zone.polygon for zone in self._zones.values()])
        self._looks = {
            zone_id: ZoneLook(zone.polygon, (zone.min_area, zone.max_area), self._luma_size)
            for zone_id, zone in self._zones.items()
        }

    def _remember(self, tracks: Sequence[Track], now_s: float) -> None:
        recent = [(at, box) for at, box in self._movers if now_s - at <= LINGER_S]
        self._movers = recent + [(now_s, track.box) for track in tracks if track.label in MOVERS]

    def _name(self, look: ZoneLook) -> None:
        look.reference_id = look.reference_id or next(self._ids)
        for place in look.places:
            place.thing_id = place.thing_id or next(self._ids)

    def _things(self, look: ZoneLook) -> ZoneThings:
        if not look.sees:
            return ZoneThings()
        settled = [place for place in look.places if place.settled]
        things = (
            StillThing(p.thing_id, look.to_picture(p.box), look.share(p.area), p.since_s, p.taken_away) for p in settled
        )
        return ZoneThings(tuple(things), look.reference_id)


def _luma_size(size: tuple[int, int], polygons: Sequence[Sequence[tuple[float, float]]]) -> tuple[int, int]:
    """(height, width) of the smallest picture in which the longer side of every zone still has SIDE_PX pixels."""
    height, width = size
    sides = [
        max((max(xs) - min(xs)) * width, (max(ys) - min(ys)) * height)
        for xs, ys in (zip(*polygon, strict=True) for polygon in polygons)
    ]
    scale = min(1.0, SIDE_PX / min(sides))
    return round(height * scale), round(width * scale)
