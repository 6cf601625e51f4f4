"""Zones hold what touches the ground inside them."""

from datetime import UTC, datetime

from edge_agent.track.zones import Zones
from edge_agent.types import FrameTime, PictureBox, StillThing, Track, ZoneThings

TIME = FrameTime(datetime(2026, 3, 2, tzinfo=UTC), 0.0, "file")
# A bent street: the notch at its upper right is outside.
BENT = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))


def standing(track_id: int, x: float, y: float) -> Track:
    return Track(track_id, "person", PictureBox(x - 0.01, y - 0.1, x + 0.01, y), 0.9, 0.0, 0.0)


def test_the_ground_point_decides() -> None:
    tracks = [standing(1, 0.25, 0.25), standing(2, 0.75, 0.25), standing(3, 0.75, 0.55), standing(4, 0.5, 0.25)]
    (observation,) = Zones({"street": BENT}).split(TIME, tracks, {})
    assert (observation.zone_id, observation.time) == ("street", TIME)
    assert [track.track_id for track in observation.tracks] == [1, 3, 4]


def test_zones_share_tracks_and_keep_their_own_things() -> None:
    lower = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
    inside, outside = (
        StillThing(i, PictureBox(x, 0.2, x + 0.02, y), 0.001, 0.0) for i, x, y in ((1, 0.6, 0.9), (2, 0.6, 0.3))
    )
    street, place, empty = Zones({"street": BENT, "place": lower, "empty": lower}).split(
        TIME,
        [standing(1, 0.25, 0.75)],
        {"street": ZoneThings((inside, outside), 3), "place": ZoneThings((outside,), 4)},
    )
    assert [len(observation.tracks) for observation in (street, place, empty)] == [1, 1, 1]
    assert [(o.things, o.reference) for o in (street, place, empty)] == [((inside,), 3), ((), 4), ((), None)]
