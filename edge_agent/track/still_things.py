"""Finds what is new and still in a zone, against a reference of the clean ground."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_agent.track.zone_look import MOVERS, Place, StillSettings, ZoneLook
from edge_agent.types import FrameTime, Image, PictureBox, StillThing, Track


@dataclass(frozen=True, slots=True)
class StillZone:
    """A zone to look for still things in: polygon in normalised coordinates, areas as shares of the whole picture."""

    polygon: tuple[tuple[float, float], ...]
    min_area: float
    max_area: float


class StillThings:
    """The new and still things in the zones of one camera; what lies there during the learning is no news."""

    def __init__(self, zones: Mapping[str, StillZone], settings: StillSettings | None = None) -> None:
        self._zones = dict(zones)
        self._settings = settings or StillSettings()
        self._looks: dict[str, ZoneLook] = {}
        self._size = (0, 0)
        self._looked_s = -math.inf
        self._movers: list[tuple[float, PictureBox]] = []
        self._next_id = 1

    def update(self, image: Image, tracks: Sequence[Track], time: FrameTime) -> dict[str, tuple[StillThing, ...]]:
        """The still things by zone id. `image` is (height, width, 3) uint8 BGR, masks applied; `tracks` are all of it.

        It looks at most every `every_s`; in between the last answer holds. A thing that a person, vehicle, cycle or
        animal covers is kept. A new picture size, or monotonic time that runs backwards, starts the learning again.
        """
        now_s = time.monotonic_s
        size = (image.shape[0], image.shape[1])
        if size != self._size or now_s < self._looked_s:
            self._start(size)
        self._remember(tracks, now_s)
        if now_s - self._looked_s >= self._settings.every_s:
            elapsed_s = min(now_s - self._looked_s, self._settings.settle_s)
            movers = [box for _, box in self._movers]
            for look in self._looks.values():
                look.look(image, movers, now_s, elapsed_s)
                self._name(look.places)
            self._looked_s = now_s
        return {zone_id: self._things(look) for zone_id, look in self._looks.items()}

    def _start(self, size: tuple[int, int]) -> None:
        self._size, self._looked_s, self._movers = size, -math.inf, []
        self._looks = {
            zone_id: ZoneLook(zone.polygon, (zone.min_area, zone.max_area), size, self._settings)
            for zone_id, zone in self._zones.items()
        }

    def _remember(self, tracks: Sequence[Track], now_s: float) -> None:
        recent = [(at, box) for at, box in self._movers if now_s - at <= self._settings.linger_s]
        self._movers = recent + [(now_s, track.box) for track in tracks if track.label in MOVERS]

    def _name(self, places: list[Place]) -> None:
        for place in places:
            if place.thing_id == 0:
                place.thing_id = self._next_id
                self._next_id += 1

    def _things(self, look: ZoneLook) -> tuple[StillThing, ...]:
        return tuple(
            StillThing(place.thing_id, look.to_picture(place.box), look.share(place.area), place.since_s)
            for place in look.places
            if place.settled
        )
