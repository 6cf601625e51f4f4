"""From real detections to verdicts: the parked van, the walkers, the clean lawn, and a piece left on it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from camera_configs.camera import CameraSpec, ZoneSpec
from camera_configs.rules import CrowdingRule, LitterRule, ParkingRule
from camera_configs.source import RtspSource
from edge_agent.judge.engine import CameraJudge, Finding
from edge_agent.track.still_things import StillThings, StillZone
from edge_agent.track.tracker import Tracker
from edge_agent.track.zones import Zones
from edge_agent.types import Change, Detections, Image, PictureBox
from tests.lab.pictures import PaintedPicture
from tests.unit.edge_agent.judge.vtest_seen import detect_all, frames

pytestmark = pytest.mark.needs_assets

VAN = PictureBox(0.85, 0.075, 0.94, 0.175)
KERB = ((0.83, 0.06), (0.945, 0.06), (0.945, 0.19), (0.83, 0.19))
ROAD = ((0.0, 0.26), (0.58, 0.30), (0.8, 0.14), (1.0, 0.14), (1.0, 0.85), (0.5, 0.62), (0.0, 0.42))
LAWN = ((0.0, 0.44), (0.3, 0.52), (0.6, 0.7), (0.98, 0.9), (0.98, 1.0), (0.0, 1.0))
LITTER = LitterRule(id="litter", min_area=0.0002, hold_s=15, release_s=10)
LEFT_AT_S, TAKEN_AT_S = 25, 60
PIECE = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 255, (12, 12, 3), np.uint8), (3, 3), 0)
SPEC = CameraSpec(
    id="gate",
    name_zh="门",
    name_en="Gate",
    source=RtspSource(url="rtsp://camera/1"),
    zones=(
        ZoneSpec(id="kerb", name_zh="路边", name_en="Kerb", polygon=KERB, rules=(ParkingRule(id="park", dwell_s=20),)),
        ZoneSpec(
            id="road",
            name_zh="路",
            name_en="Road",
            polygon=ROAD,
            rules=(CrowdingRule(id="crowd", levels=(5,), hold_s=3, release_s=5),),
        ),
        ZoneSpec(id="lawn", name_zh="草地", name_en="Lawn", polygon=LAWN, rules=(LITTER,)),
    ),
)


@pytest.fixture(scope="module")
def detections(vtest_path: Path, weights: Path) -> list[Detections]:
    return detect_all(vtest_path, weights, SPEC.views)


def judge(video: Path, detections: list[Detections], *, with_piece: bool = False) -> list[Finding]:
    tracker, judge = Tracker(), CameraJudge(SPEC)
    zones = Zones({zone.id: zone.polygon for zone in SPEC.zones})
    still = StillThings({"lawn": StillZone(LAWN, LITTER.min_area, LITTER.max_area)})
    findings = []
    for (time, image), seen in zip(frames(video), detections, strict=True):
        if with_piece and LEFT_AT_S <= time.monotonic_s < TAKEN_AT_S:
            leave_piece(image)
        tracks = tracker.update(seen, time)
        for observation in zones.split(time, tracks, still.update(PaintedPicture(image), tracks, time)):
            findings += judge.observe(observation)
    return findings


def leave_piece(image: Image) -> None:
    image[430:442, 250:262] = PIECE


def said(findings: list[Finding], name: str) -> list[Change]:
    return [finding.verdict.change for finding in findings if finding.name == name]


def test_the_van_and_the_walkers_are_found_and_the_clean_lawn_is_not(
    vtest_path: Path, detections: list[Detections]
) -> None:
    findings = judge(vtest_path, detections)
    assert said(findings, "illegal_parking") == [Change.SUSPECT, Change.OPEN]
    parked = next(f.verdict for f in findings if f.name == "illegal_parking" and f.verdict.change is Change.OPEN)
    assert parked.box is not None
    assert parked.box.iou(VAN) > 0.9
    assert parked.time.monotonic_s == pytest.approx(20.5)
    assert parked.score > 0.5
    assert said(findings, "crowding")[0] is Change.OPEN
    assert Change.OPEN not in said(findings, "litter")


def test_a_piece_left_on_the_lawn_opens_one_incident_and_closes_when_it_is_gone(
    vtest_path: Path, detections: list[Detections]
) -> None:
    findings = judge(vtest_path, detections, with_piece=True)
    assert said(findings, "litter") == [Change.SUSPECT, Change.OPEN, Change.CLOSE]
    opened, closed = (f.verdict for f in findings if f.name == "litter" and f.verdict.change is not Change.SUSPECT)
    assert opened.box is not None
    assert opened.box.iou(PictureBox(250 / 768, 430 / 576, 262 / 768, 442 / 576)) > 0.4
    assert LEFT_AT_S + LITTER.hold_s <= opened.time.monotonic_s <= LEFT_AT_S + LITTER.hold_s + 6
    # Two people walk in front of the place until 63.5 s, so nobody can see that it is empty before.
    assert TAKEN_AT_S + LITTER.release_s <= closed.time.monotonic_s <= 63.5 + LITTER.release_s + 4
