"""A camera with one rule of each kind, its verdicts and pictures, and a box that can be started again on its disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from camera_configs.camera import CameraSpec
from edge_agent.clock import SystemIds
from edge_agent.evidence.store import EvidenceStore
from edge_agent.incidents import OpenIncidents
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.store import Outbox
from edge_agent.reporter import IncidentReporter, Place
from edge_agent.types import Change, FrameTime, PictureBox, StoredPicture, Verdict
from edge_agent.waiting import Shot, WaitingEvents
from mqtt.envelope import Envelope, decode
from mqtt.messages import Finding, FindingBody, Phase, SeenBy
from tests.unit.edge_agent.outbox.builders import ManualClock

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
VAN = PictureBox(0.85, -0.02, 0.94, 0.17)
ELSEWHERE = PictureBox(0.1, 0.1, 0.2, 0.2)
SEEN_BY = SeenBy(model="yolo11n-int8", model_version="1", backend="openvino", config_version=3)
POLYGON = [[0.8, 0.0], [1.0, 0.0], [1.0, 0.2]]


def _zone(zone_id: str, rule: dict[str, object]) -> dict[str, object]:
    return {"id": zone_id, "name_zh": "区", "name_en": zone_id, "polygon": POLYGON, "rules": [rule]}


SPEC = CameraSpec.model_validate(
    {
        "id": "gate",
        "name_zh": "东门",
        "name_en": "East gate",
        "grid_code": "110102009012004",
        "source": {"kind": "rtsp", "url": "rtsp://camera/main"},
        "zones": [
            _zone("kerb", {"kind": "illegal_parking", "id": "parking", "dwell_s": 20, "release_s": 10}),
            _zone("square", {"kind": "crowding", "id": "crowd", "hold_s": 20, "release_s": 10}),
            _zone("lawn", {"kind": "litter", "id": "litter", "hold_s": 20, "release_s": 10}),
        ],
    }
)
PARKING, CROWD, LITTER = (Place(zone, zone.rules[0], Finding(zone.rules[0].kind)) for zone in SPEC.zones)


def at(seconds: float) -> FrameTime:
    return FrameTime(START + timedelta(seconds=seconds), seconds, "arrival")


def verdict(
    change: Change, seconds: float, key: str = "place-1", box: PictureBox | None = VAN, since: float | None = None
) -> Verdict:
    return Verdict(change, key, at(seconds), at(seconds if since is None else since), score=0.66, box=box)


def shot(seconds: float) -> Shot:
    return Shot(f"jpeg at {seconds}".encode(), 768, 576, START + timedelta(seconds=seconds))


class Box:
    """One run of a box on `folder`: what it kept before and what it keeps now."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(START + timedelta(days=400))
        ids = SystemIds()
        self.outbox = Outbox(folder / "outbox.sqlite", self.clock)
        self.store = EvidenceStore(folder / "evidence")
        self.emitter = Emitter(self.outbox, "box-1", ids.new(), self.clock, ids)
        self.waiting = WaitingEvents(self.keep, self.emit, self.clock)
        self.incidents = OpenIncidents(self.outbox.incidents, ids)
        self.reporter = IncidentReporter(SPEC, SEEN_BY, self.incidents, self.waiting)

    def keep(self, picture: Shot) -> StoredPicture:
        return self.store.put(picture.jpeg, picture.width, picture.height, picture.taken_at)

    def emit(self, body: FindingBody, captured_at: datetime, pictures: tuple[StoredPicture, ...]) -> None:
        self.emitter.emit(body, captured_at, 1, pictures)

    def bodies(self) -> list[FindingBody]:
        """Every event on disk, in order of birth."""
        envelopes = (decode(due.payload, Envelope) for due in self.outbox.due(1000, 1000))
        return [envelope.body for envelope in envelopes if isinstance(envelope.body, FindingBody)]

    def phases(self) -> list[Phase]:
        return [body.phase for body in self.bodies()]

    def open_parking(self, seconds: float, key: str = "place-1") -> None:
        self.reporter.report(PARKING, verdict(Change.OPEN, seconds, key), lambda: shot(seconds))


@contextmanager
def box_on(folder: Path) -> Iterator[Box]:
    """A box that is started on `folder` and goes away like a killed one: nothing is told to it."""
    box = Box(folder)
    yield box
    box.outbox.close()
