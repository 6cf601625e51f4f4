"""Judges crowding: enough persons in a zone for long enough, in up to four levels with hysteresis."""

import math

from camera_configs.rules import CrowdingRule
from edge_agent.judge.looks import LOOKS_WHEN_CALM, LOOKS_WHEN_CLOSE, Holding, Looks, pace
from edge_agent.types import Change, Figure, FrameTime, Need, Track, Verdict, ZoneObservation

OVERLAP_IOU = 0.3
OVERLAP_SHARE = 0.3


class CrowdingJudge:
    """One crowding rule in one zone; at most one incident at a time."""

    def __init__(self, rule: CrowdingRule) -> None:
        self._rule = rule
        self._count = 0
        self._begin()

    def observe(self, observation: ZoneObservation) -> list[Verdict]:
        """What this look changes: open, update of the level, close, or nothing."""
        time = observation.time
        step = self._looks.step(time)
        persons = self._persons(observation)
        for threshold, rise, fall in zip(self._rule.levels, self._rises, self._falls, strict=True):
            if step.void:
                rise.clear()
                fall.clear()
            rise.see(time, len(persons) >= threshold, step.held_s, step.over_s)
            rise.cap(self._rule.hold_s)
            fall.see(time, len(persons) < threshold * (1 - self._rule.margin), step.over_s, step.over_s)
            fall.cap(self._rule.release_s)
        if self._rises[0].since is None and self._level == 0:
            self._scores = (0.0, 0)
        elif len(persons) >= self._rule.levels[0]:
            total, looks = self._scores
            self._scores = (total + sum(person.score for person in persons) / len(persons), looks + 1)
        return self._move(time, persons)

    @property
    def blind(self) -> bool:
        """Whether the last looks were too far apart to judge by."""
        return self._looks.blind

    @property
    def need(self) -> Need:
        """How often it must see its zone, and when it may decide something."""
        rule, last_s = self._rule, self._looks.last_s
        rising = [rise.held_s for rise in self._rises[self._level :] if rise.since is not None]
        falling = [fall.held_s for fall in self._falls[: self._level] if fall.held_s > 0]
        due = [last_s + rule.hold_s - held_s for held_s in rising]
        due += [last_s + rule.release_s - held_s for held_s in falling]
        spans = [pace(rule.hold_s, LOOKS_WHEN_CLOSE if rising else LOOKS_WHEN_CALM)]
        spans += [pace(rule.release_s, LOOKS_WHEN_CLOSE)] if falling else []
        return Need(min(spans), suspects=bool(self._level or rising), due_s=min(due, default=math.inf))

    def stop(self, time: FrameTime, reason: str) -> list[Verdict]:
        """End whatever is open, giving `reason` among its limits, and forget everything."""
        ended = [self._verdict(Change.CLOSE, time, None, (), (reason,))] if self._level else []
        self._begin()
        return ended

    def _begin(self) -> None:
        self._looks = Looks(self._rule.hold_s, self._rule.release_s)
        self._rises = [Holding() for _ in self._rule.levels]
        self._falls = [Holding() for _ in self._rule.levels]
        self._level = 0
        self._since: FrameTime | None = None
        self._scores = (0.0, 0)

    def _persons(self, observation: ZoneObservation) -> list[Track]:
        """Only those seen in this very look: with lost tracks kept for a second, vtest.avi counted 9 where 6 walked."""
        now_s, least = observation.time.monotonic_s, self._rule.min_score
        return [t for t in observation.tracks if t.label == "person" and t.score >= least and t.last_seen_s >= now_s]

    def _move(self, time: FrameTime, persons: list[Track]) -> list[Verdict]:
        rule, before = self._rule, self._level
        reached = max((i + 1 for i, rise in enumerate(self._rises) if rise.held_s >= rule.hold_s), default=0)
        if reached > before:
            self._level = reached
            for fall in self._falls[:reached]:
                fall.clear()
        elif before and self._falls[before - 1].held_s >= rule.release_s:
            self._level = max(i for i in range(before) if i == 0 or self._falls[i - 1].held_s < rule.release_s)
            for rise in self._rises[self._level :]:
                rise.clear()
        if self._level == before:
            return []
        change = Change.UPDATE
        if before == 0:
            change = Change.OPEN
            self._count += 1
            self._since = self._rises[0].since
        if self._level == 0:
            count = Figure("persons", len(persons), "persons", self._rule.levels[0])
            closed = self._verdict(Change.CLOSE, time, None, (count,), _limits(persons))
            self._since, self._scores = None, (0.0, 0)
            return [closed]
        return [self._verdict(change, time, self._level, self._figures(persons), _limits(persons))]

    def _figures(self, persons: list[Track]) -> tuple[Figure, ...]:
        at = self._level - 1
        return (
            Figure("persons", len(persons), "persons", self._rule.levels[at]),
            Figure("held", round(self._rises[at].held_s, 1), "s", self._rule.hold_s),
        )

    def _verdict(
        self, change: Change, time: FrameTime, level: int | None, figures: tuple[Figure, ...], limits: tuple[str, ...]
    ) -> Verdict:
        total, looks = self._scores
        score = total / looks if looks else 0.0
        key = f"crowd-{self._count}"
        return Verdict(change, key, time, self._since or time, score, level, figures=figures, limits=limits)


def _limits(persons: list[Track]) -> tuple[str, ...]:
    overlapping = [
        a for i, a in enumerate(persons) if any(a.box.iou(b.box) > OVERLAP_IOU for j, b in enumerate(persons) if i != j)
    ]
    if persons and len(overlapping) / len(persons) >= OVERLAP_SHARE:
        return (f"at least {len(persons)} persons: their boxes overlap, some may be hidden",)
    return ()
