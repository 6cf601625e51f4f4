"""The tracker keeps ids over flicker, class changes and irregular times, and starts anew when time restarts."""

from datetime import UTC, datetime

import numpy as np
import pytest

from edge_agent.track.tracker import Tracker
from edge_agent.types import Detections, FrameTime, Track

LABELS = ("person", "car", "truck")
Box = tuple[float, float, float, float]
CAR = (0.40, 0.40, 0.50, 0.50)


def at(seconds: float) -> FrameTime:
    return FrameTime(datetime.fromtimestamp(1_700_000_000 + seconds, UTC), seconds, "file")


def seen(*things: tuple[str, float, Box]) -> Detections:
    return Detections(
        np.array([box for _, _, box in things], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in things], np.float32),
        np.array([LABELS.index(label) for label, _, _ in things], np.int32),
        LABELS,
    )


def walker(x: float) -> tuple[str, float, Box]:
    return ("person", 0.8, (x, 0.5, x + 0.04, 0.6))


def ids(tracks: tuple[Track, ...]) -> set[int]:
    return {track.track_id for track in tracks}


def test_a_track_is_confirmed_by_its_second_hit_and_knows_its_times() -> None:
    tracker = Tracker()
    assert tracker.update(seen(walker(0.1)), at(0)) == ()
    (track,) = tracker.update(seen(walker(0.11)), at(0.5))
    assert (track.label, track.first_seen_s, track.last_seen_s) == ("person", 0.0, 0.5)
    assert (track.box.x1, track.box.y2) == pytest.approx((0.11, 0.6))


@pytest.mark.parametrize("steps", [[0.5] * 20, [2.0, 0.2, 1.0, 0.1, 2.0, 0.5, 1.5, 0.3], [0.1] * 50])
def test_walkers_that_pass_each_other_keep_their_ids_at_irregular_rates(steps: list[float]) -> None:
    tracker, now_s, all_ids = Tracker(), 0.0, set()
    for step in [0.2, 0.2, *steps]:
        now_s += step
        right, left = ("person", 0.8, (0.02 * now_s, 0.3, 0.02 * now_s + 0.04, 0.4)), walker(0.5 - 0.02 * now_s)
        all_ids |= ids(tracker.update(seen(right, left), at(now_s)))
    assert len(all_ids) == 2


def test_a_vehicle_that_is_called_car_and_truck_by_turns_or_at_once_is_one() -> None:
    tracker, all_ids, last = Tracker(), set(), ()
    for i in range(12):
        truck = [("truck", 0.6, CAR)] if i % 3 else []
        car = [("car", 0.4, (0.401, 0.40, 0.50, 0.499))] if i % 2 or not truck else []
        last = tracker.update(seen(*truck, *car), at(0.5 * i))
        all_ids |= ids(last)
    assert len(all_ids) == 1
    assert last[0].label == "truck"


def test_a_person_in_front_of_a_car_is_another_thing() -> None:
    tracker = Tracker()
    for i in range(3):
        tracks = tracker.update(seen(("car", 0.7, CAR), ("person", 0.7, CAR)), at(0.5 * i))
    assert sorted(track.label for track in tracks) == ["car", "person"]


def test_a_confirmed_track_outlives_a_gap_and_no_more() -> None:
    tracker = Tracker()
    for i in range(3):
        tracker.update(seen(("car", 0.7, CAR)), at(i))
    (lost,) = tracker.update(seen(), at(5.9))
    assert lost.last_seen_s == 2.0
    (again,) = tracker.update(seen(("car", 0.7, CAR)), at(6.0))
    assert (again.track_id, again.first_seen_s) == (lost.track_id, 0.0)
    assert tracker.update(seen(), at(10.1)) == ()


def test_a_single_false_detection_never_becomes_a_track() -> None:
    tracker = Tracker()
    assert all(tracker.update(seen(walker(0.1)) if i % 2 == 0 else seen(), at(0.5 * i)) == () for i in range(10))


def test_a_low_score_continues_a_track_and_starts_none() -> None:
    tracker = Tracker()
    weak = ("car", 0.15, CAR)
    assert [tracker.update(seen(weak), at(i)) for i in range(3)] == [(), (), ()]
    for i in range(3, 6):
        tracker.update(seen(("car", 0.6, CAR)), at(i))
    (track,) = tracker.update(seen(weak), at(6))
    assert track.last_seen_s == 6.0
    assert 0.15 < track.score < 0.6


def test_a_jump_across_the_picture_is_another_thing() -> None:
    tracker = Tracker()
    for i in range(2):
        (first,) = tracker.update(seen(walker(0.1)), at(0.5 * i)) or (None,)
    for i in range(2, 4):
        tracks = tracker.update(seen(walker(0.8)), at(0.5 * i))
    assert first is not None
    assert {track.track_id for track in tracks if track.last_seen_s == 1.5} != {first.track_id}


def test_time_that_runs_backwards_ends_all_tracks_and_ids_are_not_used_again() -> None:
    tracker = Tracker()
    for i in range(3):
        before = tracker.update(seen(("car", 0.7, CAR)), at(100 + i))
    assert tracker.update(seen(("car", 0.7, CAR)), at(0)) == ()
    after = tracker.update(seen(("car", 0.7, CAR)), at(1))
    assert not ids(before) & ids(after)


def test_boxes_stay_within_the_picture() -> None:
    tracker = Tracker()
    for i in range(2):
        tracks = tracker.update(seen(("car", 0.7, (-0.01, 0.9, 0.1, 1.02))), at(i))
    assert (tracks[0].box.x1, tracks[0].box.y2) == (0.0, 1.0)
