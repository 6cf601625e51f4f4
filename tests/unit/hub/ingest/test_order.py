"""The arithmetic of the order against sets of numbers, and when a box is asked, told of and given up."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.order import GIVE_UP, Asked, BootOrder, Gap, Span, is_ask_due, is_lost

NOW = datetime(2026, 3, 1, tzinfo=UTC)
spans = st.tuples(st.integers(1, 40), st.integers(0, 5)).map(lambda pair: Span(pair[0], pair[0] + pair[1]))


@given(st.lists(st.one_of(st.lists(spans, max_size=6), st.integers(0, 45)), max_size=12))
def test_it_knows_exactly_the_numbers_that_a_set_would(steps: list[list[Span] | int]) -> None:
    order, came, top = BootOrder(), set[int](), 0
    for step in steps:
        before = {number for gap in order.gaps for number in range(gap.first, gap.last + 1)}
        gaps_before = list(order.gaps)
        if isinstance(step, int):
            order.reach(step, NOW)
            top = max(top, step)
        else:
            closed = order.account(step, NOW)
            new = {number for span in step for number in range(span.first, span.last + 1)}
            came |= new
            top = max(top, 0, *new) if new else top
            assert closed == [gap for gap in gaps_before if set(range(gap.first, gap.last + 1)) <= new]
            assert before - new <= {number for gap in order.gaps for number in range(gap.first, gap.last + 1)}
        open_numbers = [number for gap in order.gaps for number in range(gap.first, gap.last + 1)]
        assert order.seen == top
        assert open_numbers == sorted(set(range(1, top + 1)) - came)


def test_what_is_left_of_a_gap_keeps_its_times() -> None:
    order = BootOrder(9, [Gap(2, 8, NOW, told_at=NOW)])
    assert order.account([Span(4, 5)], NOW + timedelta(hours=1)) == []
    assert order.gaps == [Gap(2, 3, NOW, told_at=NOW), Gap(6, 8, NOW, told_at=NOW)]


def test_the_pauses_between_two_questions_grow_and_a_new_gap_does_not_wait_for_them() -> None:
    old, later = Gap(1, 1, NOW), NOW + timedelta(seconds=30)
    assert is_ask_due([old], None, NOW)
    assert not is_ask_due([old], Asked(4, NOW, empty=False), later)
    assert is_ask_due([old, Gap(5, 5, later)], Asked(4, NOW, empty=False), later)
    assert is_ask_due([old], Asked(10**6, NOW, empty=False), NOW + timedelta(minutes=10))


def test_a_gap_is_lost_when_its_box_has_nothing_left_or_after_a_day() -> None:
    later = NOW + timedelta(seconds=30)
    assert is_lost(Gap(1, 1, NOW), Asked(1, later, empty=True), later)
    assert not is_lost(Gap(1, 1, later), Asked(1, NOW, empty=True), later)
    assert not is_lost(Gap(1, 1, NOW), Asked(1, later, empty=False), later)
    assert is_lost(Gap(1, 1, NOW), None, NOW + GIVE_UP)
