"""Judges litter: something new lies still in a zone for the hold time."""

from dataclasses import dataclass

from camera_configs.rules import LitterRule
from edge_agent.judge.looks import LOOKS_WHEN_CALM, LOOKS_WHEN_CLOSE, Looks, Step, pace
from edge_agent.judge.spot import Spot, Stage
from edge_agent.types import Change, Figure, FrameTime, Need, StillThing, Track, Verdict, ZoneObservation

SAME_THING_IOU = 0.3
COVERED_SHARE = 0.3
UNCLASSIFIED_SCORE = 0.5
UNCLASSIFIED = "not classified: something new that does not move"
LEARNED_AGAIN = "the clean reference was learned again; whether it is gone is not known"
TAKEN_AWAY = "the clean reference was learned again with the thing in it; since then it was taken away"


@dataclass(slots=True)
class _Lying:
    spot: Spot
    thing: StillThing
    in_reference: bool = False


class LitterJudge:
    """One litter rule in one zone; an incident for each thing. No model has looked at it: no score above 0.5.

    When the clean reference is learned again the thing becomes part of it. What is open stays open, says so once, and
    closes when the place is seen to have lost what the new reference holds there. A suspicion is dismissed.
    """

    def __init__(self, rule: LitterRule) -> None:
        self._rule = rule
        self._count = 0
        self._reference: int | None = None
        self._begin()

    @property
    def blind(self) -> bool:
        """Whether the last looks were too far apart to judge by."""
        return self._looks.blind

    def observe(self, observation: ZoneObservation) -> list[Verdict]:
        """What this look changes in the things of the zone, oldest first."""
        time = observation.time
        step = self._looks.step(time)
        verdicts = self._void(time) if step.void else []
        if observation.reference is None:
            for lying in self._lying:
                lying.spot.presence.hidden()
            return verdicts
        if observation.reference != self._reference:
            verdicts += self._start_reference(observation.reference, time)
        tracks = tuple(t for t in observation.tracks if t.last_seen_s >= time.monotonic_s)
        free = list(observation.things)
        for lying in self._lying:
            self._look_at(lying, free, tracks, step)
            verdicts += self._advance(lying, time)
        self._drop_ended()
        for thing in free:
            if not thing.taken_away and self._rule.min_area <= thing.area <= self._rule.max_area:
                verdicts += self._start(thing, time)
        return verdicts

    @property
    def need(self) -> Need:
        """How often it must see its zone; what it decides rests on no detection but of what is in front."""
        suspected = any(lying.spot.stage is Stage.SUSPECT for lying in self._lying)
        every_s = pace(self._rule.hold_s, LOOKS_WHEN_CLOSE if suspected else LOOKS_WHEN_CALM)
        if any(lying.spot.presence.unclear for lying in self._lying):
            every_s = min(every_s, pace(self._rule.release_s, LOOKS_WHEN_CLOSE))
        return Need(every_s, suspects=bool(self._lying))

    def stop(self, time: FrameTime, reason: str) -> list[Verdict]:
        """End whatever is open or suspected, giving `reason` among its limits, and forget everything."""
        ended: list[Verdict] = []
        for lying in self._lying:
            limits = (LEARNED_AGAIN, reason) if lying.in_reference else (reason,)
            ended += self._say(lying, lying.spot.end(), time, limits)
        self._begin()
        return ended

    def _begin(self) -> None:
        self._looks = Looks(self._rule.hold_s, self._rule.release_s)
        self._lying: list[_Lying] = []

    def _drop_ended(self) -> None:
        self._lying = [lying for lying in self._lying if lying.spot.stage is not Stage.OVER]

    def _void(self, time: FrameTime) -> list[Verdict]:
        limits = ("nobody looked for a while",)
        verdicts = [v for lying in self._lying for v in self._say(lying, lying.spot.void(), time, limits)]
        self._drop_ended()
        return verdicts

    def _start_reference(self, reference: int, time: FrameTime) -> list[Verdict]:
        self._reference = reference
        verdicts: list[Verdict] = []
        for lying in self._lying:
            if lying.in_reference:
                continue
            is_open = lying.spot.stage is Stage.OPEN
            changes = [Change.UPDATE] if is_open else lying.spot.end()
            lying.in_reference = True
            verdicts += self._say(lying, changes, time, (LEARNED_AGAIN,))
        self._drop_ended()
        return verdicts

    def _look_at(self, lying: _Lying, free: list[StillThing], tracks: tuple[Track, ...], step: Step) -> None:
        """Take in what is to be seen at one place, and take it out of `free`."""
        here = _here(lying, free)
        for thing in here:
            free.remove(thing)
        presence = lying.spot.presence
        if lying.spot.is_covered(tracks, COVERED_SHARE):
            presence.hidden()
        elif lying.in_reference:
            if any(thing.taken_away for thing in here):
                presence.missed(step)
            else:
                presence.not_away()
        elif here:
            lying.thing = here[0]
            presence.seen(step)
        else:
            presence.missed(step)

    def _start(self, thing: StillThing, time: FrameTime) -> list[Verdict]:
        self._count += 1
        lying = _Lying(Spot(f"thing-{self._count}", thing.box, time), thing)
        self._lying.append(lying)
        return self._advance(lying, time)

    def _advance(self, lying: _Lying, time: FrameTime) -> list[Verdict]:
        changes = lying.spot.advance(self._rule.hold_s, self._rule.release_s, 0.0)
        return self._say(lying, changes, time, (TAKEN_AWAY,) if lying.in_reference else ())

    def _say(self, lying: _Lying, changes: list[Change], time: FrameTime, limits: tuple[str, ...]) -> list[Verdict]:
        presence = lying.spot.presence
        figures = (
            Figure("held", round(presence.there_s, 1), "s", self._rule.hold_s),
            Figure("area", round(lying.thing.area, 6), "picture", self._rule.min_area),
        )
        score = UNCLASSIFIED_SCORE * presence.share
        return [lying.spot.verdict(change, time, score, figures, (UNCLASSIFIED, *limits)) for change in changes]


def _here(lying: _Lying, things: list[StillThing]) -> list[StillThing]:
    """What is seen at this place: the thing itself or what overlaps it most; all, once the reference holds it."""
    around = [thing for thing in things if thing.box.iou(lying.spot.box) >= SAME_THING_IOU]
    if lying.in_reference:
        return around
    same = [thing for thing in things if thing.thing_id == lying.thing.thing_id]
    left = [thing for thing in around if not thing.taken_away]
    return same or sorted(left, key=lambda thing: -thing.box.iou(lying.spot.box))[:1]
