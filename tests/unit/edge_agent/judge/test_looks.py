"""Observed time: what counts between looks, and what does not."""

import pytest

from edge_agent.judge.looks import Holding, Looks, Presence, Step
from tests.unit.edge_agent.judge.scene import at

GAP = Step(0.0, unseen=True, void=False)
VOID = Step(0.0, unseen=True, void=True)


def second(seconds: float = 1.0) -> Step:
    return Step(seconds, unseen=False, void=False)


@pytest.mark.parametrize(
    ("gap_s", "expected"),
    [
        (0.0, second(0.0)),
        (10.0, second(10.0)),
        (10.1, GAP),
        (30.0, GAP),
        (30.1, VOID),
        (-0.1, VOID),
    ],
)
def test_steps_between_looks(gap_s: float, expected: Step) -> None:
    looks = Looks(max_gap_s=10, forget_s=30)
    assert looks.step(at(100)) == GAP
    step = looks.step(at(100 + gap_s))
    assert (step.unseen, step.void) == (expected.unseen, expected.void)
    assert step.seconds == pytest.approx(expected.seconds)


def test_holding_counts_agreeing_looks_and_leaks_four_times_as_fast() -> None:
    holding = Holding()
    for holds in (True, True, True, True, True, False, False, True, True):
        holding.step(second(), at(0), holds)
    assert holding.held_s == pytest.approx(4 - 4 + 1)
    assert holding.since is not None
    holding.step(VOID, at(0), False)
    assert (holding.held_s, holding.since) == (0.0, None)


def test_presence_bridges_a_short_miss_but_no_hidden_or_unobserved_time() -> None:
    presence = Presence(max_gap_s=10)
    presence.seen(second(2))
    presence.missed(second(3))
    presence.seen(second(3))
    assert presence.there_s == 8
    presence.missed(second(6))
    presence.seen(second(6))
    assert presence.there_s == 8, "away for longer than the gap that may be bridged"
    presence.hidden()
    presence.seen(second())
    assert presence.there_s == 8, "hidden"
    presence.missed(second())
    presence.seen(GAP)
    presence.missed(GAP)
    presence.seen(second())
    assert presence.there_s == 8, "nobody looked"
    assert presence.share == pytest.approx(7 / 11)


def test_away_counts_from_the_first_empty_look_and_is_void_once_seen_or_hidden() -> None:
    presence = Presence(max_gap_s=10)
    presence.missed(second(5))
    assert (presence.away_s, presence.missing) == (0.0, True)
    presence.missed(second(5))
    assert presence.away_s == 5
    presence.hidden()
    presence.missed(second(5))
    assert presence.away_s == 5, "time in which the place could not be seen is not added"
    presence.seen(second())
    assert (presence.away_s, presence.missing) == (0.0, False)
