"""Observed time: what counts between looks, and what does not."""

import pytest

from edge_agent.judge.looks import Holding, Looks, Presence, Step
from tests.unit.edge_agent.judge.scene import at

GAP = Step(0.0, 0.0, 10.0, unseen=True)


def second(seconds: float = 1.0) -> Step:
    return Step(seconds, seconds, 10.0)


def see(holding: Holding, *, holds: bool) -> None:
    holding.see(at(0), holds, 1.0, 1.0)


def after(*gaps_s: float, hold_s: float = 40.0, release_s: float = 30.0) -> tuple[Looks, Step]:
    looks, now_s = Looks(hold_s, release_s), 1000.0
    step = looks.step(at(now_s))
    for gap_s in gaps_s:
        now_s += gap_s
        step = looks.step(at(now_s))
    return looks, step


@pytest.mark.parametrize(
    ("gap_s", "held_s", "over_s", "unseen", "void"),
    [
        (0.0, 0.0, 0.0, False, False),
        (10.0, 10.0, 10.0, False, False),
        (10.1, 0.0, 0.0, True, False),
        (30.0, 0.0, 0.0, True, False),
        (30.1, 0.0, 0.0, True, True),
        (-0.1, 0.0, 0.0, True, True),
    ],
)
def test_steps_between_looks(gap_s: float, held_s: float, over_s: float, unseen: bool, void: bool) -> None:
    assert after()[1] == GAP
    _, step = after(gap_s)
    assert (step.held_s, step.over_s) == pytest.approx((held_s, over_s))
    assert (step.unseen, step.void) == (unseen, void)


def test_the_gap_that_counts_follows_the_usual_gap_and_never_passes_half_of_the_hold() -> None:
    _, fast = after(1, 1, 1, 11)
    assert (fast.held_s, fast.bridge_s) == (0.0, 10.0)
    _, slow = after(14, 14, 14, 15)
    assert (slow.held_s, slow.bridge_s, slow.unseen) == (15.0, 20.0, False)
    _, too_slow = after(21, 21, 21, 21)
    assert (too_slow.held_s, too_slow.unseen, too_slow.void) == (0.0, True, False)
    _, short_hold = after(1, 1, 1, 4, hold_s=6)
    assert (short_hold.held_s, short_hold.bridge_s) == (0.0, 3.0)


def test_a_gap_counts_as_over_for_half_of_the_release_at_most() -> None:
    assert after(1, 1, 1, 4, release_s=6)[1].over_s == 3.0
    assert after(100, 100, 100, 100)[1].over_s == 15.0
    assert after(1, 1, 1, 100)[1].over_s == 0.0


@pytest.mark.parametrize(
    ("gaps_s", "blind"),
    [
        ((1, 1, 1, 1), False),
        ((20,) * 4, False),
        ((21,) * 2, False),
        ((21,) * 3, True),
        ((1, 1, 1, 3600, 1), False),
        ((1, 1, 60, 1, 1, 60), True),
        ((21,) * 4 + (1,) * 9, False),
    ],
)
def test_it_is_blind_when_most_of_the_time_cannot_count(gaps_s: tuple[float, ...], blind: bool) -> None:
    assert after(*gaps_s)[0].blind is blind


def test_holding_counts_agreeing_looks_and_leaks_four_times_as_fast() -> None:
    holding = Holding()
    for holds in (True, True, True, True, True, False, False, True, True):
        see(holding, holds=holds)
    assert holding.held_s == pytest.approx(4 - 4 + 1)
    assert holding.since is not None
    for _ in range(3):
        see(holding, holds=False)
    assert (holding.held_s, holding.since) == (0.0, None)


def test_presence_bridges_a_short_miss_but_no_hidden_or_unobserved_time() -> None:
    presence = Presence()
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


def test_away_counts_from_the_first_empty_look_and_is_void_once_seen() -> None:
    presence = Presence()
    presence.missed(second(5))
    assert presence.away_s == 0.0
    presence.missed(second(5))
    assert presence.away_s == 5
    presence.hidden()
    presence.missed(second(5))
    assert presence.away_s == 5, "time in which the place could not be seen is not added"
    presence.seen(second())
    assert presence.away_s == 0.0
    for _ in range(2):
        presence.missed(second())
    presence.not_away()
    presence.missed(second())
    assert presence.away_s == 0.0
