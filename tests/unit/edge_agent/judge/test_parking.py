"""Illegal parking: a place that stays occupied by the same vehicle, whatever the tracker and the traffic do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_configs.rules import ParkingRule
from edge_agent.judge.parking import ParkingJudge
from edge_agent.types import Change, PictureBox, Track, Verdict, ZoneObservation
from tests.unit.edge_agent.judge.scene import PLACE, at, changes, check_lives, feed, look, observed_s, seen

RULE = ParkingRule(id="park", dwell_s=20, release_s=6)
WHOLE_LIFE = [Change.SUSPECT, Change.OPEN, Change.CLOSE]
OTHER_PLACE = PictureBox(0.60, 0.40, 0.70, 0.50)


def judge(release_s: float = RULE.release_s) -> ParkingJudge:
    return ParkingJudge(RULE.model_copy(update={"release_s": release_s}))


def car(now_s: float, track_id: int = 1, box: PictureBox = PLACE, first_s: float = 0.0) -> Track:
    return seen(track_id, "car", box, now_s, first_s=first_s)


def standing(first: int, last: int, track_id: int = 1, first_s: float = 0.0) -> list[ZoneObservation]:
    return [look(t, [car(t, track_id, first_s=first_s)]) for t in range(first, last)]


def empty(first: int, last: int) -> list[ZoneObservation]:
    return [look(t) for t in range(first, last)]


def test_suspect_open_close_with_one_key() -> None:
    verdicts = feed(judge().observe, standing(0, 30) + empty(30, 40))
    assert [(v.change, v.time.monotonic_s) for v in verdicts] == [
        (Change.SUSPECT, 2.0), (Change.OPEN, 20.0), (Change.CLOSE, 36.0),
    ]  # fmt: skip
    assert {(v.key, v.since.monotonic_s, v.box) for v in verdicts} == {("place-1", 0.0, PLACE)}
    assert verdicts[1].score == pytest.approx(0.8)
    assert [(f.name, f.value, f.unit, f.threshold) for f in verdicts[1].figures] == [("dwell", 20.0, "s", 20.0)]


def test_a_suspect_that_leaves_is_dismissed() -> None:
    assert changes(feed(judge().observe, standing(0, 19) + empty(19, 30))) == [Change.SUSPECT, Change.DISMISS]


def test_traffic_that_drives_through_is_not_even_suspected() -> None:
    boxes = [PictureBox(0.05 * t, 0.4, 0.05 * t + 0.1, 0.5) for t in range(18)]
    looks = [look(t, [car(t, 1 + t // 6, boxes[t])]) for t in range(18)] + empty(18, 60)
    assert feed(judge().observe, looks) == []


def test_a_short_occlusion_and_a_new_track_id_do_not_end_it() -> None:
    looks = standing(0, 12) + empty(12, 15) + standing(15, 40, track_id=7, first_s=14.5)
    verdicts = feed(judge().observe, looks)
    assert changes(verdicts) == [Change.SUSPECT, Change.OPEN]
    assert verdicts[1].limits == ("the vehicle was out of sight for a moment; its place and size are the same",)


def test_a_bus_in_front_neither_empties_the_place_nor_adds_dwell() -> None:
    bus = PictureBox(0.3, 0.2, 0.7, 0.6)
    passing = [look(t, [seen(5, "bus", bus, t)]) for t in range(12, 32)]
    verdicts = feed(judge().observe, standing(0, 12) + passing + standing(32, 60))
    assert [(v.change, v.time.monotonic_s) for v in verdicts if v.key == "place-1"] == [
        (Change.SUSPECT, 2.0), (Change.OPEN, 41.0),
    ]  # fmt: skip


def test_flickering_detection_still_adds_up() -> None:
    looks = [look(t, [car(t)] if t % 2 == 0 else []) for t in range(40)]
    verdicts = feed(judge().observe, looks)
    assert [(v.change, v.time.monotonic_s) for v in verdicts] == [(Change.SUSPECT, 2.0), (Change.OPEN, 20.0)]


def test_an_open_incident_does_not_flap_when_its_vehicle_flickers() -> None:
    looks = standing(0, 25) + [look(t, [car(t)] if t % 4 == 0 else []) for t in range(25, 100)]
    assert changes(feed(judge().observe, looks)) == [Change.SUSPECT, Change.OPEN]


def test_another_vehicle_in_the_same_place_after_an_empty_look_is_another_incident() -> None:
    arriving = [look(25, []), look(26, [car(26, 2, OTHER_PLACE, 25)])]
    verdicts = feed(judge().observe, standing(0, 25) + arriving + standing(27, 60, track_id=2, first_s=25))
    assert [(v.change, v.key) for v in verdicts] == [
        (Change.SUSPECT, "place-1"), (Change.OPEN, "place-1"), (Change.CLOSE, "place-1"),
        (Change.SUSPECT, "place-3"), (Change.OPEN, "place-3"),
    ]  # fmt: skip
    assert "another vehicle took the place" in verdicts[2].limits
    assert verdicts[4].since.monotonic_s == 27.0


def test_a_vehicle_known_while_the_first_one_stood_there_is_another_one() -> None:
    looks = standing(0, 25) + empty(25, 27) + standing(27, 30, track_id=2, first_s=20)
    assert changes(feed(judge().observe, looks))[:3] == WHOLE_LIFE


def test_two_places_are_two_incidents() -> None:
    looks = [look(t, [car(t), car(t, 2, OTHER_PLACE)]) for t in range(30)]
    verdicts = feed(judge().observe, looks)
    assert {v.key for v in verdicts if v.change is Change.OPEN} == {"place-1", "place-2"}


def test_many_standing_vehicles_may_be_a_queue() -> None:
    boxes = [PictureBox(0.2 * i, 0.4, 0.2 * i + 0.1, 0.5) for i in range(4)]
    verdicts = feed(judge().observe, [look(t, [car(t, i, box) for i, box in enumerate(boxes)]) for t in range(25)])
    assert all(
        "4 vehicles stand in the zone: it may be a queue" in v.limits for v in verdicts if v.change is Change.OPEN
    )


@pytest.mark.parametrize(
    "track",
    [
        seen(1, "motorcycle", PLACE, 0.0),
        seen(1, "person", PLACE, 0.0),
        Track(1, "car", PLACE, 0.2, 0.0, 0.0),
    ],
)
def test_other_things_and_low_scores_do_not_park(track: Track) -> None:
    looks = [look(t, [Track(1, track.label, track.box, track.score, 0.0, float(t))]) for t in range(40)]
    assert feed(judge().observe, looks) == []


def test_time_without_a_look_adds_no_dwell_and_a_long_one_starts_again() -> None:
    sparse = [look(11.0 * i, [car(11.0 * i)]) for i in range(20)]
    assert feed(judge().observe, sparse) == []
    subject = judge()
    feed(subject.observe, standing(0, 10))
    verdicts = feed(subject.observe, standing(100, 125))
    assert [(v.change, v.time.monotonic_s) for v in verdicts] == [
        (Change.DISMISS, 100.0), (Change.SUSPECT, 102.0), (Change.OPEN, 120.0),
    ]  # fmt: skip


def test_a_restart_of_monotonic_time_keeps_what_is_open() -> None:
    subject = judge()
    feed(subject.observe, [look(5000.0 + t, [car(5000.0 + t)], wall_s=t) for t in range(25)])
    again = [look(t, [car(t, 9)], wall_s=100 + t) for t in range(5)] + [look(t, wall_s=100 + t) for t in range(5, 15)]
    assert changes(feed(subject.observe, again)) == [Change.CLOSE]


def test_stop_ends_open_and_suspected_places() -> None:
    subject = judge()
    feed(subject.observe, standing(0, 22))
    feed(subject.observe, [look(t, [car(t), car(t, 2, OTHER_PLACE)]) for t in range(22, 30)])
    assert changes(subject.stop(at(30), "hours")) == [Change.CLOSE, Change.DISMISS]
    assert changes(feed(subject.observe, standing(31, 50))) == [Change.SUSPECT]


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0, 10.5, 60.0, -1e4]),
        st.sampled_from(["none", "car", "car", "car", "renamed", "beside", "bus", "two"]),
    ),
    max_size=60,
)


def tracks_of(what: str, now_s: float) -> list[Track]:
    return {
        "none": [],
        "car": [car(now_s)],
        "renamed": [car(now_s, 2, first_s=now_s)],
        "beside": [car(now_s, 1, OTHER_PLACE)],
        "bus": [seen(5, "bus", PictureBox(0.3, 0.2, 0.7, 0.6), now_s)],
        "two": [car(now_s), car(now_s, 3, OTHER_PLACE)],
    }[what]


def play(steps: list[tuple[float, str]], release_s: float) -> tuple[list[tuple[float, str]], list[list[Verdict]]]:
    subject, now_s, wall_s = judge(release_s), 50_000.0, 0.0
    looks, verdicts = [], []
    for step, what in steps + [(1.0, "none")] * 60:
        now_s, wall_s = now_s + step, wall_s + abs(step)
        looks.append((now_s, what))
        verdicts.append(subject.observe(look(now_s, tracks_of(what, now_s), wall_s=wall_s)))
    return looks, verdicts


@given(STEPS, st.sampled_from([6.0, 30.0]))
@settings(deadline=None)
def test_every_life_is_whole_and_no_dwell_is_invented(steps: list[tuple[float, str]], release_s: float) -> None:
    looks, per_look = play(steps, release_s)
    verdicts = [v for some in per_look for v in some]
    check_lives(verdicts)
    ended = [change for change in changes(verdicts) if change in (Change.CLOSE, Change.DISMISS)]
    assert len(ended) == changes(verdicts).count(Change.SUSPECT)
    for i, some in enumerate(per_look):
        for verdict in some:
            if verdict.change is Change.OPEN:
                sights = [now_s for now_s, what in looks[: i + 1] if occupied(verdict.box, what, now_s)]
                assert observed_s(sights, RULE.dwell_s / 2) >= RULE.dwell_s - 1e-9
                assert verdict.figures[0].value >= RULE.dwell_s
    assert play(steps, release_s)[1] == per_look


def occupied(box: PictureBox | None, what: str, now_s: float) -> bool:
    return box is not None and any(track.box.iou(box) >= 0.3 for track in tracks_of(what, now_s))
