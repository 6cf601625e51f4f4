"""Says which tracks and still things stand in which zone of a camera."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import shapely

from edge_agent.types import FrameTime, StillThing, Track, ZoneObservation, ZoneThings

Polygon = Sequence[tuple[float, float]]
Thing = TypeVar("Thing", Track, StillThing)


class Zones:
    """The zones of one camera, prepared once: `polygons` by zone id in normalised picture coordinates."""

    def __init__(self, polygons: Mapping[str, Polygon]) -> None:
        self._shapes = {zone_id: shapely.Polygon(points) for zone_id, points in polygons.items()}
        for shape in self._shapes.values():
            shapely.prepare(shape)

    def split(
        self, time: FrameTime, tracks: Sequence[Track], things: Mapping[str, ZoneThings]
    ) -> tuple[ZoneObservation, ...]:
        """One observation for each zone: tracks and things whose ground point is inside it or on its outline.

        `things` is by zone id, as StillThings gives it. The thing of a zone is not offered to any other zone.
        """
        observations = []
        for zone_id, shape in self._shapes.items():
            own = things.get(zone_id, ZoneThings())
            held = (_inside(shape, tracks), _inside(shape, own.things))
            observations.append(ZoneObservation(time, zone_id, *held, own.reference))
        return tuple(observations)


def _inside(shape: shapely.Polygon, seen: Iterable[Thing]) -> tuple[Thing, ...]:
    found = tuple(seen)
    if not found:
        return ()
    points = np.array([item.box.ground_point for item in found])
    return tuple(item for item, holds in zip(found, shapely.intersects_xy(shape, points), strict=True) if holds)
