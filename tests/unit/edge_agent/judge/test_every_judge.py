"""What all three judges keep: steady looks will do, at least three of them, and the wall clock decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_configs.rules import CrowdingRule, LitterRule, ParkingRule
from edge_agent.judge.crowding import CrowdingJudge
from edge_agent.judge.litter import LitterJudge
from edge_agent.judge.parking import ParkingJudge
from edge_agent.types import Change, StillThing, Verdict, ZoneObservation
from tests.unit.edge_agent.judge.scene import PLACE, changes, check_lives, feed, look, persons, seen

HOLD_S = 60.0
RELEASE_S = 20.0
Judge = CrowdingJudge | ParkingJudge | LitterJudge


@dataclass(frozen=True)
class Case:
    make: Callable[[], Judge]
    full: Callable[[float], ZoneObservation]


CASES = {
    "crowding": Case(
        lambda: CrowdingJudge(CrowdingRule(id="crowd", levels=(5,), hold_s=HOLD_S, release_s=RELEASE_S)),
        lambda now_s: look(now_s, persons(5, now_s)),
    ),
    "parking": Case(
        lambda: ParkingJudge(ParkingRule(id="park", dwell_s=HOLD_S, release_s=RELEASE_S)),
        lambda now_s: look(now_s, [seen(1, "car", PLACE, now_s, first_s=0.0)]),
    ),
    "litter": Case(
        lambda: LitterJudge(LitterRule(id="litter", hold_s=HOLD_S, release_s=RELEASE_S)),
        lambda now_s: look(now_s, things=[StillThing(1, PLACE, 0.001, 0.0)]),
    ),
}
every_judge = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def without_suspicion(verdicts: list[Verdict]) -> list[Change]:
    return [change for change in changes(verdicts) if change not in (Change.SUSPECT, Change.DISMISS)]


@every_judge
@given(interval_s=st.floats(0.5, HOLD_S / 3))
@settings(deadline=None)
def test_any_steady_rate_up_to_a_third_of_the_hold_opens_and_closes(case: Case, interval_s: float) -> None:
    judge, first_empty = case.make(), int(HOLD_S / interval_s) + 8
    opened = feed(judge.observe, [case.full(i * interval_s) for i in range(first_empty)])
    assert without_suspicion(opened) == [Change.OPEN]
    assert not judge.blind
    last = first_empty + int(RELEASE_S / interval_s) + 8
    closed = feed(judge.observe, [look(i * interval_s) for i in range(first_empty, last)])
    assert changes(closed) == [Change.CLOSE]
    check_lives(opened + closed)


@every_judge
def test_at_too_slow_a_rate_it_is_blind_and_says_so_but_still_closes(case: Case) -> None:
    judge = case.make()
    assert without_suspicion(feed(judge.observe, [case.full(31.0 * i) for i in range(120)])) == []
    assert judge.blind
    feed(judge.observe, [case.full(3720.0 + i) for i in range(80)])
    assert not judge.blind
    assert changes(feed(judge.observe, [look(3800.0 + 40.0 * i) for i in range(20)])) == [Change.CLOSE]


GAPS = st.lists(st.sampled_from([0.0, 0.5, 2.0, 9.0, 10.5, 20.0, 29.0, 30.0, 31.0, 59.0, 60.0, 300.0]), max_size=40)


@every_judge
@given(gaps_s=GAPS)
@settings(deadline=None)
def test_nothing_opens_with_fewer_than_three_looks(case: Case, gaps_s: list[float]) -> None:
    judge, now_s, times = case.make(), 0.0, {0.0}
    judge.observe(case.full(now_s))
    for gap_s in gaps_s:
        now_s += gap_s
        times.add(now_s)
        for verdict in judge.observe(case.full(now_s)):
            if verdict.change is Change.OPEN:
                assert len([t for t in times if t >= verdict.since.monotonic_s]) >= 3


HOUR_S, YEAR_S = 3600.0, 365 * 86_400.0
WALL_JUMPS = st.dictionaries(st.integers(0, 199), st.sampled_from([HOUR_S, -HOUR_S, YEAR_S, -YEAR_S]), max_size=8)


@every_judge
@given(jumps_s=WALL_JUMPS)
@settings(deadline=None)
def test_jumps_of_the_wall_clock_fire_and_end_nothing(case: Case, jumps_s: dict[int, float]) -> None:
    looks = [case.full(float(t)) if t < 100 else look(float(t)) for t in range(200)]
    jumped, off_s = [], 0.0
    for number, one in enumerate(looks):
        off_s += jumps_s.get(number, 0.0)
        wall = one.time.captured_at + timedelta(seconds=off_s)
        jumped.append(replace(one, time=replace(one.time, captured_at=wall)))
    steady, shaken = feed(case.make().observe, looks), feed(case.make().observe, jumped)
    assert without_suspicion(steady) == [Change.OPEN, Change.CLOSE]
    assert [told(verdict) for verdict in shaken] == [told(verdict) for verdict in steady]


def told(verdict: Verdict) -> tuple[object, ...]:
    times = (verdict.time.monotonic_s, verdict.since.monotonic_s)
    return (verdict.change, verdict.key, *times, verdict.score, verdict.figures, verdict.limits)
