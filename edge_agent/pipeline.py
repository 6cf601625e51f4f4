"""The order of the stages: one look at one frame, from masks to events; the only place that knows it.

mask > detect (a view at a time) > track > still things > zones > judge > pictures and events
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2

from camera_configs.camera import CameraSpec
from camera_configs.rules import LitterRule
from edge_agent.clock import Clock
from edge_agent.detect.backend import Detector
from edge_agent.detect.views import detect_views
from edge_agent.errors import EvidenceError, LookFailedError
from edge_agent.evidence.masks import Masks
from edge_agent.evidence.snapshot import Caption, Marks, make_snapshot
from edge_agent.judge.engine import CameraJudge, Finding
from edge_agent.reporter import IncidentReporter, Place
from edge_agent.track.still_things import StillThings, StillZone
from edge_agent.track.tracker import Tracker
from edge_agent.track.zones import Zones
from edge_agent.types import Detections, Frame, PictureBox, Track
from edge_agent.waiting import Shot
from mqtt.messages import Finding as FindingKind

log = logging.getLogger(__name__)

OVERVIEW = "overview"
PERSON = "person"
# A person whom one look misses is still in the picture: as long as this, the last place known is pixelated too.
REMEMBER_PERSON_S = 2.0

OfferSnapshot = Callable[[str, Shot], None]


@dataclass(slots=True)
class LookFigures:
    """What was spent on a camera; written by the looking thread only."""

    looks: int = 0
    inference_s: float = 0.0


class CameraPipeline:
    """Everything that happens to the frames of one camera after capture; used by one thread."""

    def __init__(
        self, spec: CameraSpec, detector: Detector, reporter: IncidentReporter, offer: OfferSnapshot, clock: Clock
    ) -> None:
        self.figures = LookFigures()
        self._spec = spec
        self._clock = clock
        self._offer = offer
        self._reporter = reporter
        self._zone_specs = {zone.id: zone for zone in spec.zones}
        self._masks = Masks(_hidden_areas(spec))
        self._detector = detector
        self._tracker = Tracker()
        self._things = StillThings(_litter_zones(spec))
        self._zones = Zones({zone.id: zone.polygon for zone in spec.zones})
        self._judge = CameraJudge(spec)
        self._blind_rules: tuple[str, ...] = ()

    def look(self, frame: Frame, *, offer_snapshot: bool) -> None:
        """Judge one frame; with `offer_snapshot` it also becomes the camera's newest picture.

        Raises:
            EvidenceError: the camera's newest picture cannot be made.
            BackendError: the detector failed.
            LookFailedError: the frame cannot be processed.
        """
        try:
            self._look(frame, offer_snapshot=offer_snapshot)
        except (cv2.error, ValueError) as error:
            size = f"{frame.picture.width}x{frame.picture.height}"
            msg = f"camera {self._spec.id}: a frame of {size} pixels cannot be processed: {error}"
            raise LookFailedError(msg) from error

    def _look(self, frame: Frame, *, offer_snapshot: bool) -> None:
        picture = self._masks.cover(frame.picture)
        frame = replace(frame, picture=picture)
        started_s = self._clock.monotonic()
        detections = detect_views(self._detector, picture, self._spec.views)
        self.figures.inference_s += self._clock.monotonic() - started_s
        self.figures.looks += 1
        tracks = self._tracker.update(detections, frame.time)
        persons = self._hidden_persons(detections, tracks, frame.time.monotonic_s)
        things = self._things.update(picture.bgr(picture.width, picture.height), tracks, frame.time)
        for observation in self._zones.split(frame.time, tracks, things):
            for finding in self._judge.observe(observation):
                self._report(frame, finding, persons)
        self._tell_blindness()
        self._reporter.close_orphans(frame.time)
        if offer_snapshot:
            self._offer(self._spec.id, self._shot(frame, OVERVIEW, Marks(hidden_persons=persons)))

    def _tell_blindness(self) -> None:
        blind = tuple(self._judge.blind_rules)
        if blind != self._blind_rules:
            names = ", ".join(blind) or "none any more"
            log.warning("camera %s: looks are too far apart for these rules: %s", self._spec.id, names)
            self._blind_rules = blind

    def _hidden_persons(
        self, detections: Detections, tracks: tuple[Track, ...], now_s: float
    ) -> tuple[PictureBox, ...]:
        if not self._spec.privacy.blur_persons:
            return ()
        return _persons(detections) + _persons_of_late(tracks, now_s)

    def _report(self, frame: Frame, finding: Finding, persons: tuple[PictureBox, ...]) -> None:
        zone = self._zone_specs[finding.zone_id]
        marks = Marks(zone.polygon, finding.verdict.box, persons)
        place = Place(zone, finding.rule, FindingKind(finding.name))
        log.info("camera %s zone %s: %s %s", self._spec.id, zone.id, finding.name, finding.verdict.change)
        self._reporter.report(place, finding.verdict, lambda: self._shot(frame, finding.name, marks))

    def _shot(self, frame: Frame, title: str, marks: Marks) -> Shot:
        caption = Caption(self._spec.name_en, title, self._spec.time_zone)
        try:
            picture = make_snapshot(frame.picture, frame.time, marks, caption)
        except (cv2.error, ValueError) as error:
            # The reporter tells an event without the picture that could not be made, but not without its verdict.
            msg = f"camera {self._spec.id}: no picture can be made: {error}"
            raise EvidenceError(msg) from error
        return Shot(picture.data, picture.width, picture.height, frame.time.captured_at)


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
