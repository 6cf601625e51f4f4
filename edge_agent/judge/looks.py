"""Observed time: the seconds for which somebody looked, and what they saw in them."""

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

from edge_agent.types import FrameTime

MAX_GAP_S = 10.0
MAX_GAP_IN_USUAL = 3.0
RECENT_GAPS = 9
LEAST_GAPS = 3
LOST_GAPS = 2
LEAK = 4.0
# Every camera is looked at this often while its rules hold: DESIGN 7.
CALM_S = 2.0
# More often than this shows a slow phenomenon nothing new.
LEAST_S = 0.5
# A claim rests on three looks or more, and a vote of eight in ten on ten.
LOOKS_WHEN_CALM = 3
LOOKS_WHEN_CLOSE = 10


def pace(span_s: float, looks: int) -> float:
    """Seconds between looks by which a time of `span_s` seconds holds so many `looks`, within 0.5 and 2 s."""
    return min(max(span_s / looks, LEAST_S), CALM_S)


@dataclass(frozen=True, slots=True)
class Step:
    """What passed since the look before, and how much of it counts.

    `held_s` counts for what both looks show, `over_s` for what both show to be over; out of sight for up to `bridge_s`
    may count as held. `unseen`: the look before tells nothing about now. `void`: what was not open starts again.
    """

    held_s: float
    over_s: float
    bridge_s: float
    unseen: bool = False
    void: bool = False


class Looks:
    """The times at which one rule looked at its zone.

    A gap is usual up to 10 s, or up to three times the median of the last gaps when that is more. A usual gap counts
    as held when it is at most half of `hold_s`, and as over for at most half of `release_s`: every claim rests on three
    looks or more. After a gap that is neither usual nor within `release_s`, or when monotonic time ran backwards,
    whatever is not open starts again.
    """

    def __init__(self, hold_s: float, release_s: float) -> None:
        self._hold_s = hold_s
        self._release_s = release_s
        self._gaps: deque[float] = deque(maxlen=RECENT_GAPS)
        self._last_s: float | None = None

    @property
    def blind(self) -> bool:
        """Whether most of the time of the last looks cannot count as held; a single long gap is no blindness."""
        lost = [gap_s for gap_s in self._gaps if gap_s > self._bridge_s]
        enough = len(self._gaps) >= LEAST_GAPS and len(lost) >= LOST_GAPS
        return enough and sum(lost) > sum(self._gaps) / 2

    @property
    def last_s(self) -> float:
        """Monotonic time of the last look; minus infinity when there was none."""
        return -math.inf if self._last_s is None else self._last_s

    def step(self, time: FrameTime) -> Step:
        """The step to this look; a second look at the same time counts nothing."""
        last_s, self._last_s = self._last_s, time.monotonic_s
        bridge_s, usual_s = self._bridge_s, self._usual_s
        if last_s is None:
            return Step(0.0, 0.0, bridge_s, unseen=True)
        gap_s = time.monotonic_s - last_s
        if gap_s > 0:
            self._gaps.append(gap_s)
        if gap_s < 0 or gap_s > max(self._release_s, usual_s):
            return Step(0.0, 0.0, bridge_s, unseen=True, void=True)
        unseen = gap_s > bridge_s
        over_s = min(gap_s, self._release_s / 2) if gap_s <= usual_s else 0.0
        return Step(0.0 if unseen else gap_s, over_s, bridge_s, unseen)

    @property
    def _usual_s(self) -> float:
        if len(self._gaps) < LEAST_GAPS:
            return MAX_GAP_S
        return max(MAX_GAP_S, MAX_GAP_IN_USUAL * median(self._gaps))

    @property
    def _bridge_s(self) -> float:
        return min(self._usual_s, self._hold_s / 2)


@dataclass(slots=True)
class Holding:
    """How long a condition has held: time between two looks that both agree counts.

    Time for which it did not hold takes away four times as much (a vote of 8 out of 10); looks that disagree do
    neither, so single dips cost no more than the time they last.
    """

    held_s: float = 0.0
    since: FrameTime | None = None
    _held: bool = False

    def see(self, time: FrameTime, holds: bool, held_s: float, over_s: float) -> None:
        """Take in one look: `held_s` counts if the condition held before and now, `over_s` if it did not."""
        before, self._held = self._held, holds
        if before and holds:
            self.held_s += held_s
        elif not before and not holds:
            self.held_s = max(self.held_s - LEAK * over_s, 0.0)
        if holds and self.since is None:
            self.since = time
        elif not holds and self.held_s <= 0:
            self.since = None

    def cap(self, most_s: float) -> None:
        """Never remember more than `most_s`."""
        self.held_s = min(self.held_s, most_s)

    def clear(self) -> None:
        """Start again."""
        self.held_s, self.since, self._held = 0.0, None, False


@dataclass(slots=True)
class Presence:
    """How long something was there and how long it has been away.

    Being out of sight between two sightings counts as there when the step allows it and nothing hid the place;
    being away counts from the first look that showed the place empty.
    """

    there_s: float = 0.0
    away_s: float = 0.0
    looks: int = 1
    hits: int = 1
    _pending_s: float = 0.0
    _missed: bool = False
    _hidden: bool = False

    def seen(self, step: Step) -> None:
        """A look that shows it."""
        between_s = self._pending_s + step.held_s
        if not step.unseen and not self._hidden and between_s <= step.bridge_s:
            self.there_s += between_s
        self.away_s, self._pending_s, self._missed, self._hidden = 0.0, 0.0, False, False
        self.looks, self.hits = self.looks + 1, self.hits + 1

    def missed(self, step: Step) -> None:
        """A look that shows its place empty."""
        if step.unseen:
            self._hidden = True
        if self._missed:
            self.away_s += step.over_s
        self._pending_s += step.held_s
        self._missed = True
        self.looks += 1

    def hidden(self) -> None:
        """A look that cannot show its place: neither there nor away."""
        self._hidden, self._missed = True, False

    def not_away(self) -> None:
        """A look that shows its place not empty, but not that it is there either."""
        self.hidden()
        self.away_s = 0.0

    @property
    def unclear(self) -> bool:
        """Whether the last look showed its place empty, which one detector's slip can do."""
        return self._missed

    @property
    def share(self) -> float:
        """The share of looks that showed it, 0..1."""
        return self.hits / self.looks
