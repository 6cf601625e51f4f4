"""Observed time: the seconds for which somebody looked, and what they saw in them."""

from dataclasses import dataclass

from edge_agent.types import FrameTime

LEAK = 4.0


@dataclass(frozen=True, slots=True)
class Step:
    """What passed since the look before: `seconds` that count as observed, and whether what was pending is void.

    `unseen` says that nobody looked in between, so the look before tells nothing about now.
    """

    seconds: float
    unseen: bool
    void: bool


class Looks:
    """The times at which one zone was looked at.

    Time between two looks counts only when they are at most `max_gap_s` apart. After more than `forget_s` without
    a look, or when monotonic time ran backwards, whatever was not yet open starts again.
    """

    def __init__(self, max_gap_s: float, forget_s: float) -> None:
        self._max_gap_s = max_gap_s
        self._forget_s = max(forget_s, max_gap_s)
        self._last_s: float | None = None

    def step(self, time: FrameTime) -> Step:
        """The step to this look; a second look at the same time counts nothing."""
        last_s, self._last_s = self._last_s, time.monotonic_s
        if last_s is None:
            return Step(0.0, unseen=True, void=False)
        gap_s = time.monotonic_s - last_s
        if gap_s < 0 or gap_s > self._forget_s:
            return Step(0.0, unseen=True, void=True)
        if gap_s > self._max_gap_s:
            return Step(0.0, unseen=True, void=False)
        return Step(gap_s, unseen=False, void=False)


@dataclass(slots=True)
class Holding:
    """How long a condition has held: time between two looks that both agree counts.

    Time for which it did not hold takes away four times as much (a vote of 8 out of 10); looks that disagree do
    neither, so single dips cost no more than the time they last.
    """

    held_s: float = 0.0
    since: FrameTime | None = None
    _held: bool = False

    def step(self, step: Step, time: FrameTime, holds: bool) -> None:
        """Take in one look."""
        before, self._held = self._held, holds
        if step.void:
            self.held_s, self.since = 0.0, None
        if before and holds:
            self.held_s += step.seconds
        elif not before and not holds:
            self.held_s = max(self.held_s - LEAK * step.seconds, 0.0)
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

    Being out of sight between two sightings counts as there when it lasted at most `max_gap_s` and nothing hid the
    place; being away counts from the first look that showed the place empty.
    """

    max_gap_s: float
    there_s: float = 0.0
    away_s: float = 0.0
    looks: int = 1
    hits: int = 1
    _pending_s: float = 0.0
    _missed: bool = False
    _hidden: bool = False

    def seen(self, step: Step) -> None:
        """A look that shows it."""
        between_s = self._pending_s + step.seconds
        if not step.unseen and not self._hidden and between_s <= self.max_gap_s:
            self.there_s += between_s
        self.away_s, self._pending_s, self._missed, self._hidden = 0.0, 0.0, False, False
        self.looks, self.hits = self.looks + 1, self.hits + 1

    def missed(self, step: Step) -> None:
        """A look that shows its place empty."""
        if step.unseen:
            self._hidden = True
        if self._missed:
            self.away_s += step.seconds
        self._pending_s += step.seconds
        self._missed = True
        self.looks += 1

    def hidden(self) -> None:
        """A look in which something stands in front of its place: neither there nor away."""
        self._hidden, self._missed = True, False

    @property
    def missing(self) -> bool:
        """Whether the last look showed the place empty."""
        return self._missed

    @property
    def share(self) -> float:
        """The share of looks that showed it, 0..1."""
        return self.hits / self.looks
