"""The order of the stages: one look at one frame, from masks to events; the only place that knows it.

mask > glance > detect (a view at a time) or hold > track > still things > zones > judge > pictures and events
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import cv2

from camera_configs.camera import CameraSpec
from camera_configs.rules import LitterRule
from edge_agent.clock import Clock
from edge_agent.detect.backend import Detector
from edge_agent.detect.glance import Glance, HeldDetections
from edge_agent.detect.views import detect_views
from edge_agent.errors import BackendError, EvidenceError, LookFailedError
from edge_agent.evidence.masks import Masks
from edge_agent.evidence.snapshot import PERSON_MARGIN, WIDE_MARGIN, Caption, Marks, make_snapshot
from edge_agent.judge.engine import CameraJudge, Finding
from edge_agent.judge.looks import CALM_S
from edge_agent.reporter import IncidentReporter, Place
from edge_agent.stages import LookFigures, StageTimer
from edge_agent.track.still_things import StillThings, StillZone
from edge_agent.track.tracker import Tracker
from edge_agent.track.zones import Zones
from edge_agent.types import Change, Detections, Frame, FrameTime, Need, Picture, PictureBox, Track
from edge_agent.waiting import Shot
from mqtt.messages import Finding as FindingKind

log = logging.getLogger(__name__)

OVERVIEW = "overview"
PERSON = "person"
# A person whom one look misses is still in the picture: as long as this, the last place known is pixelated too.
REMEMBER_PERSON_S = 2.0
# A small stream that is cropped instead of scaled shows another part: its masks would lie in the wrong place.
SAME_SHAPE = 0.02

OfferSnapshot = Callable[[str, Shot], None]


class MainPictures(Protocol):
    """Where a camera's main stream can be seen, when another one is looked at."""

    def main_picture(self, camera_id: str, at: FrameTime) -> Picture | None:
        """The picture of the main stream nearest to `at`, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Doors:
    """Where a pipeline's results go and its evidence comes from.

    `on_event` takes the seconds from a frame's capture to its event on disk, inference not counted.
    """

    reporter: IncidentReporter
    offer: OfferSnapshot
    main: MainPictures
    on_event: Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """A picture that may be kept, once these persons in it are pixelated."""

    picture: Picture
    persons: tuple[PictureBox, ...] = ()
    margin: float = PERSON_MARGIN


@dataclass(slots=True, eq=False)
class _Look:
    """One look: its frame behind its masks, what was detected, whether on this very frame, and what is followed.

    `evidence` is the picture for all that this look finds, made when the first finding needs it.
    """

    frame: Frame
    detections: Detections
    fresh: bool
    tracks: tuple[Track, ...] = ()
    evidence: _Kept | None = None


class CameraPipeline:
    """Everything that happens to the frames of one camera after capture; used by one thread."""

    def __init__(self, spec: CameraSpec, detector: Detector, doors: Doors, clock: Clock) -> None:
        self.figures = LookFigures()
        self.moving = False
        self._timer = StageTimer(self.figures, clock)
        self._spec = spec
        self._clock = clock
        self._doors = doors
        self._zone_specs = {zone.id: zone for zone in spec.zones}
        self._masks = Masks(_hidden_areas(spec))
        self._detector = detector
        self._held = HeldDetections(Glance([zone.polygon for zone in spec.zones]))
        self._tracker = Tracker()
        self._things = StillThings(_litter_zones(spec))
        self._zones = Zones({zone.id: zone.polygon for zone in spec.zones})
        self._judge = CameraJudge(spec)
        self._blind_rules: tuple[str, ...] = ()

    def need(self) -> Need:
        """How often the camera must be seen now: as its judges say, and while incidents from before a restart wait."""
        need = self._judge.needs(self._clock.now())
        if need.every_s is None and self._doors.reporter.has_orphans:
            return replace(need, every_s=CALM_S)
        return need

    def look(self, frame: Frame, *, offer_snapshot: bool, stale_s: float) -> None:
        """Judge one frame; with `offer_snapshot` it also becomes the camera's newest picture.

        The detector runs when something changed in or near the zones, when the judges are about to decide, when it
        last ran `stale_s` seconds ago, and for every picture that is kept while persons are to be pixelated in it;
        otherwise what it saw last still holds.

        Raises:
            EvidenceError: the camera's newest picture cannot be made.
            BackendError: the detector failed.
            LookFailedError: the frame cannot be processed.
        """
        try:
            self._look(frame, offer_snapshot=offer_snapshot, stale_s=stale_s)
        except (cv2.error, ValueError) as error:
            size = f"{frame.picture.width}x{frame.picture.height}"
            msg = f"camera {self._spec.id}: a frame of {size} pixels cannot be processed: {error}"
            raise LookFailedError(msg) from error

    def _look(self, frame: Frame, *, offer_snapshot: bool, stale_s: float) -> None:
        inference_before_s = self.figures.spent_s["inference"]
        frame = replace(frame, picture=self._timer.picture(self._masks.cover(frame.picture)))
        look = self._see(frame, must_be_fresh=offer_snapshot and self._spec.privacy.blur_persons, stale_s=stale_s)
        with self._timer.stage("judge"):
            look.tracks = self._tracker.update(look.detections, frame.time)
            things = self._things.update(frame.picture, look.tracks, frame.time)
            observations = self._zones.split(frame.time, look.tracks, things)
            findings = [finding for each in observations for finding in self._judge.observe(each)]
        told = [finding for finding in findings if self._report(look, finding)]
        if told:
            inference_s = self.figures.spent_s["inference"] - inference_before_s
            self._doors.on_event(self._age_s(frame) - inference_s)
        self._tell_blindness()
        self._doors.reporter.close_orphans(frame.time)
        if offer_snapshot:
            overview = self._shot(look, OVERVIEW, Marks(), lambda: self._hide_persons(look, frame.picture))
            self._doors.offer(self._spec.id, overview)
        self.figures.looked(self._clock.monotonic(), self._age_s(frame))

    def _see(self, frame: Frame, *, must_be_fresh: bool, stale_s: float) -> _Look:
        with self._timer.stage("glance"):
            self.moving = self._held.glance(frame.picture)
        now_s = frame.time.monotonic_s
        judges_wait = now_s >= self._judge.needs(frame.time.captured_at).due_s
        held = None if must_be_fresh or judges_wait else self._held.still_good(now_s, stale_s)
        if held is not None:
            return _Look(frame, held, fresh=False)
        detections = self._detect(frame.picture)
        self._held.keep(detections, now_s)
        return _Look(frame, detections, fresh=True)

    def _detect(self, picture: Picture) -> Detections:
        with self._timer.stage("inference"):
            detections = detect_views(self._detector, picture, self._spec.views)
        self.figures.inferences += 1
        return detections

    def _age_s(self, frame: Frame) -> float:
        return self._clock.monotonic() - frame.time.monotonic_s

    def _tell_blindness(self) -> None:
        blind = tuple(self._judge.blind_rules)
        if blind != self._blind_rules:
            names = ", ".join(blind) or "none any more"
            log.warning("camera %s: looks are too far apart for these rules: %s", self._spec.id, names)
            self._blind_rules = blind

    def _report(self, look: _Look, finding: Finding) -> bool:
        """Act on a finding; whether that made an event."""
        zone = self._zone_specs[finding.zone_id]
        verdict = finding.verdict
        marks = Marks(zone.polygon, verdict.box)
        place = Place(zone, finding.rule, FindingKind(finding.name))
        log.info("camera %s zone %s: %s %s", self._spec.id, zone.id, finding.name, verdict.change)
        self._doors.reporter.report(
            place, verdict, lambda: self._shot(look, finding.name, marks, lambda: self._evidence(look))
        )
        return verdict.change not in {Change.SUSPECT, Change.DISMISS}

    def _evidence(self, look: _Look) -> _Kept:
        """A picture of the main stream where there is one: it shows more than the stream that is looked at."""
        if look.evidence is None:
            with self._timer.stage("evidence"):
                main = self._doors.main.main_picture(self._spec.id, look.frame.time)
            picture = look.frame.picture
            if main is not None and _same_shape(main, picture):
                picture = self._timer.picture(self._masks.cover(main))
            look.evidence = self._hide_persons(look, picture)
        return look.evidence

    def _shot(self, look: _Look, title: str, marks: Marks, choose: Callable[[], _Kept]) -> Shot:
        time, caption = look.frame.time, Caption(self._spec.name_en, title, self._spec.time_zone)
        try:
            kept = choose()
            marks = replace(marks, hidden_persons=kept.persons, person_margin=kept.margin)
            with self._timer.stage("evidence"):
                jpeg = make_snapshot(kept.picture, time, marks, caption)
        except (cv2.error, ValueError) as error:
            # The reporter tells an event without the picture that could not be made, but not without its verdict.
            msg = f"camera {self._spec.id}: no picture can be made: {error}"
            raise EvidenceError(msg) from error
        return Shot(jpeg.data, jpeg.width, jpeg.height, time.captured_at)

    def _hide_persons(self, look: _Look, picture: Picture) -> _Kept:
        """The picture with the persons in it, who are hidden only if the detector has seen this very picture."""
        if not self._spec.privacy.blur_persons:
            return _Kept(picture)
        persons = _persons(look.detections) + _persons_of_late(look.tracks, look.frame.time.monotonic_s)
        if picture is look.frame.picture and look.fresh:
            return _Kept(picture, persons)
        try:
            persons += _persons(self._detect(picture))
        except BackendError as error:
            msg = f"camera {self._spec.id}: whoever is in its picture cannot be hidden: {error}"
            raise EvidenceError(msg) from error
        return _Kept(picture, persons, PERSON_MARGIN if picture is look.frame.picture else WIDE_MARGIN)


def _same_shape(main: Picture, sub: Picture) -> bool:
    """Whether both may show the same field of view: masks and zones drawn on one are laid over the other."""
    return abs(main.width * sub.height - main.height * sub.width) <= SAME_SHAPE * main.width * sub.height


def _litter_zones(spec: CameraSpec) -> dict[str, StillZone]:
    zones = {}
    for zone in spec.zones:
        rules = [rule for rule in zone.rules if isinstance(rule, LitterRule) and rule.enabled]
        if rules:
            least, most = min(rule.min_area for rule in rules), max(rule.max_area for rule in rules)
            zones[zone.id] = StillZone(zone.polygon, least, most)
    return zones


def _hidden_areas(spec: CameraSpec) -> list[tuple[tuple[float, float], ...]]:
    """The masks and, where persons must not be shown, what no view covers, because no person is found there.

    Both are blackened before detection: no view and no zone reaches there, so nothing is lost by it.
    """
    unseen = spec.unseen() if spec.privacy.blur_persons else ()
    return [*(mask.polygon for mask in spec.masks), *unseen]


def _persons_of_late(tracks: tuple[Track, ...], now_s: float) -> tuple[PictureBox, ...]:
    return tuple(
        track.box for track in tracks if track.label == PERSON and 0 < now_s - track.last_seen_s <= REMEMBER_PERSON_S
    )


def _persons(detections: Detections) -> tuple[PictureBox, ...]:
    return tuple(
        PictureBox(*map(float, box))
        for box, number in zip(detections.boxes, detections.classes, strict=True)
        if detections.labels[number] == PERSON
    )
