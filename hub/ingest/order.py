"""The order of what a box sends, as arithmetic on ranges of `seq`, and what is done about a gap; nothing else."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

SETTLING = timedelta(seconds=5)
"""A window of unanswered events arrives in any order, and replicas commit in any order: a younger gap is no news."""
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=10)
GIVE_UP = timedelta(hours=24)
"""After so long a gap is called lost even if its box never said that it has nothing left to send."""


class Span(NamedTuple):
    """The numbers from `first` to `last`, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of a boot that did not come; `told_at` is None while it is too young to be reported."""

    first: int
    last: int
    noticed_at: datetime
    told_at: datetime | None = None
    lost_at: datetime | None = None


@dataclass(slots=True)
class BootOrder:
    """What is known of the order of one boot: each number from 1 to `seen` is accounted for or in one of `gaps`.

    The gaps are in order and do not overlap.
    """

    seen: int = 0
    gaps: list[Gap] = field(default_factory=list)

    def account(self, spans: Iterable[Span], now: datetime) -> list[Gap]:
        """Take note of numbers that came or never will, in any order and repeatedly; returns the gaps that are closed.

        A part of a gap that stays open keeps its times.
        """
        taken = _merged(spans)
        closed, left = [], []
        for gap in self.gaps:
            pieces = list(_without(gap, taken))
            left += pieces
            if not pieces:
                closed.append(gap)
        self.gaps = left
        for span in taken:
            self.reach(span.first - 1, now)
            self.seen = max(self.seen, span.last)
        return closed

    def reach(self, seq: int, now: datetime) -> None:
        """Take note that the boot has numbers up to `seq`: those that were not seen are a new gap."""
        if seq > self.seen:
            self.gaps.append(Gap(self.seen + 1, seq, now))
            self.seen = seq


@dataclass(frozen=True, slots=True)
class Asked:
    """The last resync that a box was asked for, and what came of it.

    `empty` when it has answered that it holds nothing, or said so in a state after the answer.
    """

    times: int
    at: datetime
    empty: bool


def is_old_enough(gap: Gap, now: datetime) -> bool:
    """Whether a gap is to be reported."""
    return now - gap.noticed_at >= SETTLING


def is_lost(gap: Gap, asked: Asked | None, now: datetime) -> bool:
    """Whether a gap will never close: its box, asked after it was noticed, has nothing left, or it is too old."""
    hopeless = asked is not None and asked.empty and gap.noticed_at <= asked.at
    return hopeless or gap.noticed_at <= now - GIVE_UP


def is_ask_due(gaps: Sequence[Gap], asked: Asked | None, now: datetime) -> bool:
    """Whether the box of these reported gaps is to be asked now: at once, then after 10 s, 20 s, up to 10 minutes.

    A gap that was noticed after the last question does not wait for the pauses that older ones have grown.
    """
    # A question of the future was asked before the clock was set back.
    if asked is None or asked.at > now:
        return True
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(asked.times - 1, 10), LONGEST_PAUSE)
    if any(gap.noticed_at > asked.at for gap in gaps):
        pause = FIRST_PAUSE
    return now - asked.at >= pause


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.first <= merged[-1].last + 1:
            merged[-1] = Span(merged[-1].first, max(merged[-1].last, span.last))
        else:
            merged.append(span)
    return merged


def _without(gap: Gap, taken: Sequence[Span]) -> Iterator[Gap]:
    first = gap.first
    start = bisect_left(taken, first, key=lambda span: span.last)
    for number in range(start, len(taken)):
        span = taken[number]
        if span.first > gap.last:
            break
        if span.first > first:
            yield replace(gap, first=first, last=span.first - 1)
        first = span.last + 1
    if first <= gap.last:
        yield replace(gap, first=first)
