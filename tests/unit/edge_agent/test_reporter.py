"""From verdicts to pictures and events: order, pictures, restarts, and a disk that says no."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from camera_configs.camera import CameraSpec
from edge_agent.clock import SystemClock, SystemIds
from edge_agent.errors import OutboxError
from edge_agent.incidents import OpenIncidents
from edge_agent.reporter import MAX_WAITING, IncidentReporter, Place, Shot
from edge_agent.types import Change, FrameTime, PictureBox, StoredPicture, Verdict
from mqtt.messages import Finding, FindingBody, Phase, SeenBy

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
VAN = PictureBox(0.85, -0.02, 0.94, 0.17)
SEEN_BY = SeenBy(model="yolo11n-int8", model_version="1", backend="openvino", config_version=3)
SPEC = CameraSpec.model_validate(
    {
        "id": "gate",
        "name_zh": "东门",
        "name_en": "East gate",
        "grid_code": "110102009012004",
        "source": {"kind": "rtsp", "url": "rtsp://camera/main"},
        "zones": [
            {
                "id": "kerb",
                "name_zh": "禁停区",
                "name_en": "Kerb",
                "polygon": [[0.8, 0.0], [1.0, 0.0], [1.0, 0.2]],
                "rules": [{"kind": "illegal_parking", "id": "parking", "dwell_s": 20, "release_s": 10}],
            }
        ],
    }
)
PLACE = Place(SPEC.zones[0], SPEC.zones[0].rules[0], Finding.ILLEGAL_PARKING)


class Disk:
    """What was put on disk, in order; `full` makes the outbox refuse."""

    def __init__(self) -> None:
        self.full = False
        self.steps: list[str] = []
        self.bodies: list[FindingBody] = []

    def keep(self, shot: Shot) -> StoredPicture:
        self.steps.append("picture")
        return StoredPicture(
            hashlib.sha256(shot.jpeg).hexdigest(), len(shot.jpeg), shot.width, shot.height, shot.taken_at
        )

    def emit(self, body: FindingBody, captured_at: datetime, pictures: tuple[StoredPicture, ...]) -> None:
        if self.full:
            raise OutboxError("the disk is full")
        assert [e.sha256 for e in body.evidence] == [p.sha256 for p in pictures]
        self.steps.append(f"event {body.phase}")
        self.bodies.append(body)


def at(seconds: float) -> FrameTime:
    return FrameTime(START + timedelta(seconds=seconds), seconds, "arrival")


def verdict(change: Change, seconds: float, key: str = "place-1") -> Verdict:
    return Verdict(change, key, at(seconds), at(0), score=0.66, box=VAN)


def shot(seconds: float) -> Shot:
    return Shot(f"jpeg at {seconds}".encode(), 768, 576, START + timedelta(seconds=seconds))


@pytest.fixture
def disk() -> Disk:
    return Disk()


def reporter(disk: Disk, folder: Path) -> IncidentReporter:
    incidents = OpenIncidents(folder / "open.json", SystemClock(), SystemIds())
    return IncidentReporter(SPEC, SEEN_BY, incidents, disk.keep, disk.emit)


def test_an_incident_is_told_from_its_first_look_to_its_end(tmp_path: Path, disk: Disk) -> None:
    camera = reporter(disk, tmp_path)
    for change, seconds in ((Change.SUSPECT, 0), (Change.OPEN, 20), (Change.CLOSE, 60)):
        camera.report(PLACE, verdict(change, seconds), lambda at=seconds: shot(at))
    assert disk.steps == ["picture", "picture", "event open", "picture", "event close"]
    opened, closed = disk.bodies
    assert [e.role for e in opened.evidence] == ["t0", "t1"]
    assert [e.taken_at for e in opened.evidence] == [START, START + timedelta(seconds=20)]
    assert (opened.incident_id, opened.opened_at) == (closed.incident_id, closed.opened_at)
    assert (opened.grid_code, opened.seen_by, opened.finding) == (SPEC.grid_code, SEEN_BY, Finding.ILLEGAL_PARKING)
    assert opened.box is not None
    assert opened.box.y1 == 0.0


def test_a_suspect_that_leaves_is_never_told(tmp_path: Path, disk: Disk) -> None:
    camera = reporter(disk, tmp_path)
    camera.report(PLACE, verdict(Change.SUSPECT, 0), lambda: shot(0))
    camera.report(PLACE, verdict(Change.DISMISS, 5), lambda: shot(5))
    camera.report(PLACE, verdict(Change.OPEN, 50), lambda: shot(50))
    assert disk.steps == ["picture", "event open"]
    assert [e.role for e in disk.bodies[0].evidence] == ["now"]


def test_what_a_full_disk_refuses_is_told_in_order_later(tmp_path: Path, disk: Disk) -> None:
    camera = reporter(disk, tmp_path)
    disk.full = True
    camera.report(PLACE, verdict(Change.OPEN, 20), lambda: shot(20))
    camera.report(PLACE, verdict(Change.CLOSE, 60), lambda: shot(60))
    assert (disk.bodies, camera.waiting) == ([], 2)
    disk.full = False
    camera.flush()
    assert [body.phase for body in disk.bodies] == [Phase.OPEN, Phase.CLOSE]
    assert camera.waiting == 0


def test_a_long_full_disk_costs_pictures_and_never_events(tmp_path: Path, disk: Disk) -> None:
    camera = reporter(disk, tmp_path)
    disk.full = True
    for number in range(MAX_WAITING + 10):
        camera.report(PLACE, verdict(Change.OPEN, 20 + number, f"place-{number}"), lambda: shot(1))
    disk.full = False
    camera.flush()
    assert len(disk.bodies) == MAX_WAITING + 10
    assert [bool(body.evidence) for body in disk.bodies].count(False) == 10


def test_after_a_restart_the_same_van_goes_on_as_the_same_incident(tmp_path: Path, disk: Disk) -> None:
    reporter(disk, tmp_path).report(PLACE, verdict(Change.OPEN, 20), lambda: shot(20))
    reporter(disk, tmp_path).report(PLACE, verdict(Change.OPEN, 90, "place-9"), lambda: shot(90))
    assert [body.phase for body in disk.bodies] == [Phase.OPEN, Phase.UPDATE]
    assert len({body.incident_id for body in disk.bodies}) == 1


def test_what_is_gone_after_a_restart_is_closed_once_and_says_so(tmp_path: Path, disk: Disk) -> None:
    reporter(disk, tmp_path).report(PLACE, verdict(Change.OPEN, 20), lambda: shot(20))
    camera = reporter(disk, tmp_path)
    for seconds in (100, 150, 189):
        camera.close_orphans(at(seconds))
    assert len(disk.bodies) == 1
    for seconds in (191, 195):
        camera.close_orphans(at(seconds))
    assert [body.phase for body in disk.bodies] == [Phase.OPEN, Phase.CLOSE]
    assert "restart" in disk.bodies[1].limits[0]


def test_the_end_of_an_unknown_incident_is_logged_and_harmless(tmp_path: Path, disk: Disk, caplog) -> None:
    reporter(disk, tmp_path).report(PLACE, replace(verdict(Change.CLOSE, 5), key="never"), lambda: shot(5))
    assert disk.bodies == []
    assert "unknown incident never" in caplog.text
