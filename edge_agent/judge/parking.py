"""Judges illegal parking: a place in a zone stays occupied by the same vehicle for the dwell time."""

import math
from dataclasses import dataclass

from camera_configs.rules import ParkingRule
from edge_agent.judge.looks import LOOKS_WHEN_CALM, LOOKS_WHEN_CLOSE, Looks, Step, pace
from edge_agent.judge.spot import Spot, Stage
from edge_agent.types import Change, Figure, FrameTime, Need, PictureBox, Track, Verdict, ZoneObservation

SETTLE_S = 2.0
SAME_TRACK_IOU = 0.3
SAME_PLACE_IOU = 0.5
COVERED_SHARE = 0.5
QUEUE = 4
# A vehicle that drives or has just stopped: when its dwell began is to be known to a sixtieth of the dwell.
LOOKS_WHEN_MOVING = 60


@dataclass(slots=True)
class _Occupied:
    spot: Spot
    track_id: int
    seen_s: float
    scores: tuple[float, int]
    empty_look: bool = False
    renamed: bool = False

    @property
    def score(self) -> float:
        return self.scores[0] / self.scores[1]


class ParkingJudge:
    """One no-parking rule in one zone; an incident for each occupied place."""

    def __init__(self, rule: ParkingRule) -> None:
        self._rule = rule
        self._settle_s = min(SETTLE_S, rule.dwell_s / 2)
        self._count = 0
        self._first_boxes: dict[int, PictureBox] = {}
        self._begin()

    def observe(self, observation: ZoneObservation) -> list[Verdict]:
        """What this look changes in the places of the zone, oldest place first."""
        time = observation.time
        step = self._looks.step(time)
        vehicles = self._vehicles(observation)
        known = self._first_boxes
        self._first_boxes = {t.track_id: known.get(t.track_id, t.box) for t in observation.tracks}
        verdicts: list[Verdict] = []
        if step.void:
            for place in self._places:
                verdicts += self._say(place, place.spot.void(), time, ("nobody looked for a while",))
            self._drop_ended()
        sights = self._match(vehicles)
        for place in self._places:
            sight = sights.get(place.spot.key)
            verdicts += self._see(place, sight, step, time) if sight else self._miss(place, observation, step)
        self._drop_ended()
        taken = {track.track_id for key, track in sights.items() if any(p.spot.key == key for p in self._places)}
        for track in vehicles:
            if track.track_id not in taken:
                self._start(track, time)
        return verdicts

    @property
    def blind(self) -> bool:
        """Whether the last looks were too far apart to judge by."""
        return self._looks.blind

    @property
    def need(self) -> Need:
        """How often it must see its zone, and when it may decide something."""
        rule, last_s = self._rule, self._looks.last_s
        stages = {place.spot.stage for place in self._places}
        looks = LOOKS_WHEN_CALM
        if Stage.SEEN in stages:
            looks = LOOKS_WHEN_MOVING
        elif Stage.SUSPECT in stages:
            looks = LOOKS_WHEN_CLOSE
        every_s = pace(rule.dwell_s, looks)
        if any(place.spot.presence.unclear for place in self._places):
            every_s = min(every_s, pace(rule.release_s, LOOKS_WHEN_CLOSE))
        due = (place.spot.due_s(last_s, rule.dwell_s, self._settle_s) for place in self._places)
        return Need(every_s, suspects=bool(stages - {Stage.SEEN}), due_s=min(due, default=math.inf))

    def stop(self, time: FrameTime, reason: str) -> list[Verdict]:
        """End whatever is open or suspected, giving `reason` among its limits, and forget everything."""
        ended = [v for place in self._places for v in self._say(place, place.spot.end(), time, (reason,))]
        self._begin()
        return ended

    def _begin(self) -> None:
        self._looks = Looks(self._rule.dwell_s, self._rule.release_s)
        self._places: list[_Occupied] = []
        self._first_boxes = {}

    def _drop_ended(self) -> None:
        self._places = [place for place in self._places if place.spot.stage is not Stage.OVER]

    def _vehicles(self, observation: ZoneObservation) -> list[Track]:
        now_s, rule = observation.time.monotonic_s, self._rule
        return [
            track
            for track in observation.tracks
            if track.label in rule.vehicles and track.score >= rule.min_score and track.last_seen_s >= now_s
        ]

    def _match(self, vehicles: list[Track]) -> dict[str, Track]:
        """Each place's vehicle: its own track first, then the best overlap."""
        pairs = []
        for order, place in enumerate(self._places):
            for track in vehicles:
                overlap, own = place.spot.box.iou(track.box), place.track_id == track.track_id
                if overlap >= (SAME_TRACK_IOU if own else SAME_PLACE_IOU):
                    pairs.append((not own, -overlap, order, place.spot.key, track))
        sights: dict[str, Track] = {}
        taken: set[int] = set()
        for _, _, _, key, track in sorted(pairs, key=lambda pair: pair[:3]):
            if key not in sights and track.track_id not in taken:
                sights[key] = track
                taken.add(track.track_id)
        return sights

    def _see(self, place: _Occupied, track: Track, step: Step, time: FrameTime) -> list[Verdict]:
        if place.track_id != track.track_id:
            if place.empty_look and self._is_another(track, place):
                return self._say(place, place.spot.end(), time, ("another vehicle took the place",))
            place.track_id, place.renamed = track.track_id, True
        place.spot.presence.seen(step)
        place.seen_s, place.empty_look = time.monotonic_s, False
        place.scores = (place.scores[0] + track.score, place.scores[1] + 1)
        changes = place.spot.advance(self._rule.dwell_s, self._rule.release_s, self._settle_s)
        return self._say(place, changes, time, self._limits(place))

    def _is_another(self, track: Track, place: _Occupied) -> bool:
        """Whether a track that shows up after an empty look is not the vehicle that stood here.

        It is another when it was already known while that one was seen, when it came from another spot in the zone,
        or when that one had not stood long enough to be told from traffic.
        """
        came = self._first_boxes[track.track_id].iou(place.spot.box) < SAME_TRACK_IOU
        return came or track.first_seen_s <= place.seen_s or place.spot.stage is Stage.SEEN

    def _miss(self, place: _Occupied, observation: ZoneObservation, step: Step) -> list[Verdict]:
        now_s = observation.time.monotonic_s
        others = tuple(t for t in observation.tracks if t.last_seen_s >= now_s)
        moved_on = any(t.track_id == place.track_id for t in others)
        if place.spot.stage is Stage.SEEN and moved_on:
            place.spot.end()
            return []
        if place.spot.is_covered(others, COVERED_SHARE):
            place.spot.presence.hidden()
        else:
            place.spot.presence.missed(step)
            place.empty_look = True
        changes = place.spot.advance(self._rule.dwell_s, self._rule.release_s, self._settle_s)
        return self._say(place, changes, observation.time, self._limits(place))

    def _start(self, track: Track, time: FrameTime) -> None:
        self._count += 1
        spot = Spot(f"place-{self._count}", track.box, time)
        self._places.append(_Occupied(spot, track.track_id, time.monotonic_s, (track.score, 1)))

    def _limits(self, place: _Occupied) -> tuple[str, ...]:
        standing = sum(other.spot.stage in (Stage.SUSPECT, Stage.OPEN) for other in self._places)
        limits = []
        if place.renamed:
            limits.append("the vehicle was out of sight for a moment; its place and size are the same")
        if standing >= QUEUE:
            limits.append(f"{standing} vehicles stand in the zone: it may be a queue")
        return tuple(limits)

    def _say(self, place: _Occupied, changes: list[Change], time: FrameTime, limits: tuple[str, ...]) -> list[Verdict]:
        figures = (Figure("dwell", round(place.spot.presence.there_s, 1), "s", self._rule.dwell_s),)
        return [place.spot.verdict(change, time, place.score, figures, limits) for change in changes]
