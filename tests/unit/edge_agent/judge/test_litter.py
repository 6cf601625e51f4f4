"""Litter: a new still thing for the hold time; who stands in front of it neither lengthens nor ends it."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_configs.rules import LitterRule
from edge_agent.judge.litter import LEARNED_AGAIN, TAKEN_AWAY, LitterJudge
from edge_agent.types import Change, PictureBox, StillThing, Track, Verdict, ZoneObservation
from tests.unit.edge_agent.judge.scene import at, changes, check_lives, feed, look, observed_s, seen

RULE = LitterRule(id="litter", hold_s=15, release_s=6, min_area=0.0004, max_area=0.05)
SPOT = PictureBox(0.50, 0.70, 0.53, 0.73)
IN_FRONT = PictureBox(0.48, 0.5, 0.55, 0.8)


def judge(release_s: float = RULE.release_s) -> LitterJudge:
    return LitterJudge(RULE.model_copy(update={"release_s": release_s}))


def thing(thing_id: int = 1, box: PictureBox = SPOT, area: float = 0.0008) -> StillThing:
    return StillThing(thing_id, box, area, 0.0)


def lying(first: int, last: int, thing_id: int = 1) -> list[ZoneObservation]:
    return [look(t, things=[thing(thing_id)]) for t in range(first, last)]


def person(now_s: float) -> Track:
    return seen(1, "person", IN_FRONT, now_s)


def test_suspect_open_close_with_one_key() -> None:
    verdicts = feed(judge().observe, lying(0, 20) + [look(t) for t in range(20, 30)])
    assert [(v.change, v.time.monotonic_s, v.key, v.box) for v in verdicts] == [
        (Change.SUSPECT, 0.0, "thing-1", SPOT),
        (Change.OPEN, 15.0, "thing-1", SPOT),
        (Change.CLOSE, 26.0, "thing-1", SPOT),
    ]
    opened = verdicts[1]
    assert opened.score == pytest.approx(0.5)
    assert "not classified: something new that does not move" in opened.limits
    assert [(f.name, f.value, f.threshold) for f in opened.figures] == [("held", 15.0, 15.0), ("area", 0.0008, 0.0004)]


def test_a_thing_that_is_taken_away_in_time_is_dismissed() -> None:
    looks = lying(0, 14) + [look(t) for t in range(14, 30)]
    assert changes(feed(judge().observe, looks)) == [Change.SUSPECT, Change.DISMISS]


@pytest.mark.parametrize("area", [0.0003, 0.06])
def test_too_small_and_too_large_things_are_no_litter(area: float) -> None:
    assert feed(judge().observe, [look(t, things=[thing(area=area)]) for t in range(30)]) == []


def test_someone_in_front_neither_adds_hold_nor_ends_it() -> None:
    standing = [look(t, [person(t)], [thing()]) for t in range(5, 15)]
    passing = [look(t, [person(t)]) for t in range(30, 60)]
    verdicts = feed(judge().observe, lying(0, 5) + standing + lying(15, 30) + passing + lying(60, 70))
    assert [(v.change, v.time.monotonic_s) for v in verdicts] == [(Change.SUSPECT, 0.0), (Change.OPEN, 26.0)]


def test_a_new_id_at_the_same_spot_is_the_same_thing() -> None:
    assert changes(feed(judge().observe, lying(0, 10) + lying(10, 20, thing_id=2))) == [Change.SUSPECT, Change.OPEN]


def test_flicker_lowers_the_score_and_does_not_flap() -> None:
    looks = [look(t, things=[thing()] if t % 2 == 0 else []) for t in range(60)]
    verdicts = feed(judge().observe, looks)
    assert changes(verdicts) == [Change.SUSPECT, Change.OPEN]
    assert verdicts[1].score < 0.3


def test_time_without_a_look_adds_no_hold_and_a_long_one_starts_again() -> None:
    assert Change.OPEN not in changes(feed(judge().observe, [look(11.0 * i, things=[thing()]) for i in range(20)]))
    subject = judge()
    feed(subject.observe, lying(0, 10))
    verdicts = feed(subject.observe, lying(100, 117))
    assert [(v.change, v.time.monotonic_s) for v in verdicts] == [
        (Change.DISMISS, 100.0), (Change.SUSPECT, 100.0), (Change.OPEN, 115.0),
    ]  # fmt: skip


def test_stop_ends_everything_with_the_reason() -> None:
    subject = judge()
    feed(subject.observe, lying(0, 20))
    closed = subject.stop(at(20), "hours")
    assert [(v.change, v.limits[-1]) for v in closed] == [(Change.CLOSE, "hours")]
    assert subject.stop(at(21), "hours") == []


def learned(first: int, last: int, things: Sequence[StillThing] = (), *, reference: int | None = 2) -> list:
    return [look(t, things=things, reference=reference) for t in range(first, last)]


TAKEN = StillThing(9, SPOT, 0.0008, 0.0, taken_away=True)


def test_what_lies_there_when_the_reference_is_learned_again_stays_open_until_it_is_taken_away() -> None:
    subject = judge()
    feed(subject.observe, lying(0, 20))
    assert feed(subject.observe, learned(20, 60, reference=None)) == [], "nobody can see it"
    verdicts = feed(subject.observe, learned(60, 300))
    assert [(v.change, v.time.monotonic_s, v.limits[-1]) for v in verdicts] == [(Change.UPDATE, 60.0, LEARNED_AGAIN)]
    assert feed(subject.observe, learned(300, 400, reference=3)) == [], "said once"
    closed = feed(subject.observe, learned(400, 410, [TAKEN], reference=3))
    assert [(v.change, v.time.monotonic_s, v.limits[-1]) for v in closed] == [(Change.CLOSE, 406.0, TAKEN_AWAY)]
    assert {v.key for v in verdicts + closed} == {"thing-1"}
    assert feed(subject.observe, learned(410, 430, [TAKEN], reference=3)) == [], "an empty place is no litter"


def test_a_suspicion_does_not_outlive_the_reference() -> None:
    verdicts = feed(judge().observe, lying(0, 10) + learned(10, 20, reference=None) + learned(20, 60))
    assert [(v.change, v.limits[-1]) for v in verdicts[1:]] == [(Change.DISMISS, LEARNED_AGAIN)]


def test_a_short_time_in_which_nothing_is_known_neither_adds_hold_nor_ends_it() -> None:
    unknown = learned(10, 20, reference=None)
    verdicts = feed(judge().observe, lying(0, 10) + unknown + lying(20, 40) + learned(40, 100, reference=None))
    assert [(v.change, v.time.monotonic_s) for v in verdicts] == [(Change.SUSPECT, 0.0), (Change.OPEN, 26.0)]


def test_a_place_that_fills_again_or_is_covered_is_not_taken_away() -> None:
    subject = judge()
    feed(subject.observe, lying(0, 20) + learned(20, 25))
    back = learned(25, 30, [TAKEN]) + learned(30, 31) + learned(31, 36, [TAKEN])
    covered = [look(t, [person(t)], [TAKEN], reference=2) for t in range(36, 60)]
    assert feed(subject.observe, back + covered) == []


def test_something_new_at_a_place_that_is_open_already_is_no_second_incident() -> None:
    subject = judge()
    feed(subject.observe, lying(0, 20) + learned(20, 25))
    assert feed(subject.observe, learned(25, 60, [thing(7)])) == []
    ended = subject.stop(at(60), "hours")
    assert [(v.change, v.limits[-2:]) for v in ended] == [(Change.CLOSE, (LEARNED_AGAIN, "hours"))]


OTHER_SPOT = PictureBox(0.2, 0.7, 0.23, 0.73)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0, 10.5, 60.0, -1e4]),
        st.sampled_from(["none", "one", "one", "one", "renamed", "two", "hidden", "in front"]),
    ),
    max_size=60,
)


def observation(what: str, now_s: float, wall_s: float) -> ZoneObservation:
    things = {
        "none": [], "one": [thing()], "renamed": [thing(2)], "two": [thing(), thing(3, OTHER_SPOT)],
        "hidden": [], "in front": [thing()],
    }[what]  # fmt: skip
    tracks = [person(now_s)] if what in ("hidden", "in front") else []
    return look(now_s, tracks, things, wall_s=wall_s)


def play(steps: list[tuple[float, str]], release_s: float) -> tuple[list[tuple[float, str]], list[list[Verdict]]]:
    subject, now_s, wall_s = judge(release_s), 50_000.0, 0.0
    looks, verdicts = [], []
    for step, what in steps + [(1.0, "none")] * 60:
        now_s, wall_s = now_s + step, wall_s + abs(step)
        looks.append((now_s, what))
        verdicts.append(subject.observe(observation(what, now_s, wall_s)))
    return looks, verdicts


@given(STEPS, st.sampled_from([6.0, 30.0]))
@settings(deadline=None)
def test_every_life_is_whole_and_no_hold_is_invented(steps: list[tuple[float, str]], release_s: float) -> None:
    looks, per_look = play(steps, release_s)
    verdicts = [v for some in per_look for v in some]
    check_lives(verdicts)
    ended = [change for change in changes(verdicts) if change in (Change.CLOSE, Change.DISMISS)]
    assert len(ended) == changes(verdicts).count(Change.SUSPECT)
    for i, some in enumerate(per_look):
        for verdict in some:
            if verdict.change is Change.OPEN:
                shown = {SPOT: ("one", "renamed", "two"), OTHER_SPOT: ("two",)}[verdict.box]
                sights = [now_s for now_s, what in looks[: i + 1] if what in shown]
                assert observed_s(sights, RULE.hold_s / 2) >= RULE.hold_s - 1e-9
    assert play(steps, release_s)[1] == per_look
