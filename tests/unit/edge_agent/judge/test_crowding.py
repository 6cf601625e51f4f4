"""Crowding: held counts open, dips and gaps do not fool it, levels have hysteresis."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_configs.rules import CrowdingRule
from edge_agent.judge.crowding import CrowdingJudge
from edge_agent.types import Change, PictureBox, Verdict
from tests.unit.edge_agent.judge.scene import at, changes, check_lives, feed, look, observed_s, persons, seen

RULE = CrowdingRule(id="crowd", levels=(5, 10), hold_s=6, release_s=8, margin=0.2)


def judge(release_s: float = RULE.release_s) -> CrowdingJudge:
    return CrowdingJudge(RULE.model_copy(update={"release_s": release_s}))


def counts(numbers: list[int], step_s: float = 1.0, start_s: float = 0.0) -> list:
    times = [start_s + i * step_s for i in range(len(numbers))]
    return [look(t, persons(n, t)) for t, n in zip(times, numbers, strict=True)]


def test_opens_when_the_count_has_held_and_closes_after_the_release() -> None:
    verdicts = feed(judge().observe, counts([5] * 10 + [0] * 12))
    assert changes(verdicts) == [Change.OPEN, Change.CLOSE]
    opened, closed = verdicts
    assert (opened.time.monotonic_s, opened.since.monotonic_s, opened.level) == (6.0, 0.0, 1)
    assert closed.time.monotonic_s == 18.0
    assert opened.key == closed.key
    assert opened.score == pytest.approx(0.8)
    assert [(f.name, f.value, f.threshold) for f in opened.figures] == [("persons", 5, 5), ("held", 6.0, 6.0)]


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ([5, 5, 5, 5, 5, 5, 4], "one second short"),
        ([5, 0] * 30, "it never held between two looks"),
        ([5, 5, 0, 0] * 15, "it held for a quarter of the time"),
        ([4] * 60, "never reached"),
    ],
)
def test_stays_silent(numbers: list[int], why: str) -> None:
    assert feed(judge().observe, counts(numbers)) == [], why


def test_a_single_dip_neither_resets_the_hold_nor_closes() -> None:
    verdicts = feed(judge().observe, counts([5, 5, 5, 4, 5, 5, 5, 5, 5, 5, 0, 5, 5, 5, 5, 5]))
    assert changes(verdicts) == [Change.OPEN]
    assert verdicts[0].time.monotonic_s == 8.0


def test_levels_rise_and_fall_as_updates_with_hysteresis() -> None:
    numbers = [5] * 8 + [10] * 8 + [9] * 20 + [7] * 12 + [4] * 20 + [3] * 12
    verdicts = feed(judge().observe, counts(numbers))
    assert [(v.change, v.level) for v in verdicts] == [
        (Change.OPEN, 1), (Change.UPDATE, 2), (Change.UPDATE, 1), (Change.CLOSE, None),
    ]  # fmt: skip
    assert verdicts[2].time.monotonic_s == 44.0
    assert len({v.key for v in verdicts}) == 1


def test_time_without_a_look_adds_no_hold() -> None:
    subject = judge()
    assert feed(subject.observe, counts([5, 5], step_s=11)) == []
    assert feed(subject.observe, counts([5] * 6, start_s=22.0 + 11)) == []
    assert changes(feed(subject.observe, counts([5], start_s=39.0))) == [Change.OPEN]


def test_a_restart_of_monotonic_time_voids_the_hold_but_not_what_is_open() -> None:
    subject = judge()
    feed(subject.observe, counts([5] * 6, start_s=1000))
    assert feed(subject.observe, counts([5] * 6)) == []
    assert changes(feed(subject.observe, counts([5] * 2, start_s=6.0))) == [Change.OPEN]
    assert changes(feed(subject.observe, counts([0] * 12, start_s=0.0))) == [Change.CLOSE]


def test_only_persons_seen_in_this_look_count() -> None:
    box = PictureBox(0.9, 0.5, 0.92, 0.6)
    looks = [look(t, (*persons(4, t), seen(99, "person", box, t - 0.5))) for t in range(1, 20)]
    assert feed(judge().observe, looks) == []


def test_only_persons_of_enough_score_count() -> None:
    others = [seen(50 + i, "bicycle", PictureBox(0.1 * i, 0.1, 0.1 * i + 0.05, 0.2), 0.0) for i in range(6)]
    assert feed(judge().observe, [look(float(t), (*persons(4, t), *others)) for t in range(10)]) == []


def test_a_dense_crowd_says_at_least() -> None:
    def dense(now_s: float) -> list:
        return [seen(i, "person", PictureBox(0.5 + 0.003 * i, 0.5, 0.52 + 0.003 * i, 0.6), now_s) for i in range(6)]

    verdicts = feed(judge().observe, [look(float(t), dense(t)) for t in range(8)])
    assert verdicts[0].limits == ("at least 6 persons: their boxes overlap, some may be hidden",)


def test_stop_closes_with_the_reason_and_forgets() -> None:
    subject = judge()
    feed(subject.observe, counts([5] * 8))
    closed = subject.stop(at(8.0), "the hours ended")
    assert [(v.change, v.limits) for v in closed] == [(Change.CLOSE, ("the hours ended",))]
    assert subject.stop(at(9.0), "again") == []
    assert feed(subject.observe, counts([5] * 6, start_s=10.0)) == []


STEPS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.3, 1.0, 2.0, 5.0, 10.0, 10.5, 40.0, -1e4]), st.integers(0, 12)), max_size=60
)


def play(steps: list[tuple[float, int]], release_s: float) -> tuple[list[tuple[float, int]], list[Verdict]]:
    """The looks as (monotonic seconds, count) and all verdicts; a step of -1e4 restarts monotonic time."""
    subject, now_s, wall_s = judge(release_s), 50_000.0, 0.0
    looks, verdicts = [], []
    for step, count in steps + [(1.0, 0)] * 60:
        now_s, wall_s = now_s + step, wall_s + abs(step)
        looks.append((now_s, count))
        verdicts.append(subject.observe(look(now_s, persons(count, now_s), wall_s=wall_s)))
    return looks, verdicts


@given(STEPS, st.sampled_from([6.0, 30.0]))
@settings(deadline=None)
def test_every_life_is_whole_and_no_hold_is_invented(steps: list[tuple[float, int]], release_s: float) -> None:
    looks, per_look = play(steps, release_s)
    verdicts = [v for some in per_look for v in some]
    check_lives(verdicts)
    assert changes(verdicts).count(Change.OPEN) == changes(verdicts).count(Change.CLOSE)
    begin = 0
    for i, some in enumerate(per_look):
        for verdict in some:
            if verdict.change is Change.OPEN:
                pairs = zip(looks[begin : i + 1], looks[begin + 1 : i + 1], strict=False)
                held = [observed_s([a[0], b[0]], RULE.hold_s / 2) for a, b in pairs if min(a[1], b[1]) >= 5]
                assert sum(held) >= RULE.hold_s - 1e-9
            if verdict.change is Change.CLOSE:
                begin = i
    assert play(steps, release_s)[1] == per_look
