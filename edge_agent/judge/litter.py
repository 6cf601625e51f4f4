"""Judges litter: something new lies still in a zone for the hold time."""

from dataclasses import dataclass

from camera_configs.rules import LitterRule
from edge_agent.judge.looks import Looks, Presence
from edge_agent.judge.spot import Spot, Stage, covered
from edge_agent.types import Change, Figure, FrameTime, StillThing, Track, Verdict, ZoneObservation

SAME_THING_IOU = 0.3
COVERED_SHARE = 0.3
UNCLASSIFIED_SCORE = 0.5
UNCLASSIFIED = "not classified: something new that does not move"


@dataclass(slots=True)
class _Lying:
    spot: Spot
    thing: StillThing


class LitterJudge:
    """One litter rule in one zone; an incident for each thing. No model has looked at it: no score above 0.5."""

    def __init__(self, rule: LitterRule, max_gap_s: float) -> None:
        self._rule = rule
        self._max_gap_s = max_gap_s
        self._count = 0
        self._begin()

    def observe(self, observation: ZoneObservation) -> list[Verdict]:
        """What this look changes in the things of the zone, oldest first."""
        time = observation.time
        step = self._looks.step(time)
        tracks = tuple(t for t in observation.tracks if t.last_seen_s >= time.monotonic_s)
        verdicts: list[Verdict] = []
        if step.void:
            for lying in self._lying:
                verdicts += self._say(lying, lying.spot.void(), time, ("nobody looked for a while",))
            self._drop_ended()
        free = list(observation.things)
        for lying in self._lying:
            thing = _find(lying, free)
            if thing is not None:
                free.remove(thing)
                lying.thing = thing
            if thing is None or _hidden(lying.spot, tracks):
                lying.spot.look_away(step, tracks, COVERED_SHARE)
            else:
                lying.spot.presence.seen(step)
            verdicts += self._advance(lying, time)
        self._drop_ended()
        for thing in free:
            if self._rule.min_area <= thing.area <= self._rule.max_area:
                verdicts += self._start(thing, time)
        return verdicts

    def stop(self, time: FrameTime, reason: str) -> list[Verdict]:
        """End whatever is open or suspected, giving `reason` among its limits, and forget everything."""
        ended = [v for lying in self._lying for v in self._say(lying, lying.spot.end(), time, (reason,))]
        self._begin()
        return ended

    def _begin(self) -> None:
        self._looks = Looks(self._max_gap_s, self._rule.release_s)
        self._lying: list[_Lying] = []

    def _drop_ended(self) -> None:
        self._lying = [lying for lying in self._lying if lying.spot.stage is not Stage.OVER]

    def _start(self, thing: StillThing, time: FrameTime) -> list[Verdict]:
        self._count += 1
        lying = _Lying(Spot(f"thing-{self._count}", thing.box, time, Presence(self._max_gap_s)), thing)
        self._lying.append(lying)
        return self._advance(lying, time)

    def _advance(self, lying: _Lying, time: FrameTime) -> list[Verdict]:
        changes = lying.spot.advance(self._rule.hold_s, self._rule.release_s, 0.0)
        return self._say(lying, changes, time, ())

    def _say(self, lying: _Lying, changes: list[Change], time: FrameTime, limits: tuple[str, ...]) -> list[Verdict]:
        presence = lying.spot.presence
        figures = (
            Figure("held", round(presence.there_s, 1), "s", self._rule.hold_s),
            Figure("area", round(lying.thing.area, 6), "picture", self._rule.min_area),
        )
        score = UNCLASSIFIED_SCORE * presence.share
        return [lying.spot.verdict(change, time, score, figures, (UNCLASSIFIED, *limits)) for change in changes]


def _find(lying: _Lying, things: list[StillThing]) -> StillThing | None:
    """The thing at this spot: the same one, or the one that overlaps it most."""
    for thing in things:
        if thing.thing_id == lying.thing.thing_id:
            return thing
    best = max(things, key=lambda thing: thing.box.iou(lying.spot.box), default=None)
    return best if best is not None and best.box.iou(lying.spot.box) >= SAME_THING_IOU else None


def _hidden(spot: Spot, tracks: tuple[Track, ...]) -> bool:
    return any(covered(spot.box, track.box) >= COVERED_SHARE for track in tracks)
