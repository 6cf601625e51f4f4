"""How often the judges want to look, and when what was detected earlier is not good enough."""

import math
from datetime import UTC, datetime, timedelta

from camera_configs.camera import CameraSpec, ZoneSpec
from camera_configs.rules import CrowdingRule, LitterRule, ParkingRule, Rule, Window
from camera_configs.source import RtspSource
from edge_agent.judge.engine import CameraJudge
from edge_agent.types import FrameTime, PictureBox, Track, ZoneObservation

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
MORNING = (Window.model_validate({"start": "06:00", "end": "11:59"}),)
CAR = PictureBox(0.4, 0.4, 0.6, 0.6)


def judge_of(*rules: Rule) -> CameraJudge:
    zone = ZoneSpec(id="road", name_zh="路", name_en="Road", polygon=WHOLE, rules=rules)
    source = RtspSource(url="rtsp://192.0.2.1/main")
    return CameraJudge(CameraSpec(id="gate", name_zh="门", name_en="Gate", source=source, zones=(zone,)))


def see(judge: CameraJudge, seconds: float, *boxes: PictureBox, label: str = "car") -> list[str]:
    """Judge a look at so many seconds after noon; what changed."""
    time = FrameTime(NOON + timedelta(seconds=seconds), seconds, "arrival")
    tracks = tuple(Track(n, label, box, 0.9, 0.0, seconds) for n, box in enumerate(boxes))
    return [finding.verdict.change.value for finding in judge.observe(ZoneObservation(time, "road", tracks))]


def test_usual_rules_do_with_a_look_every_two_seconds() -> None:
    judge = judge_of(CrowdingRule(id="crowd"), ParkingRule(id="park"), LitterRule(id="litter"))
    need = judge.needs(NOON)
    assert (need.every_s, need.suspects, need.due_s) == (2.0, False, math.inf)


def test_the_shortest_rule_decides_and_three_looks_carry_it() -> None:
    assert judge_of(CrowdingRule(id="crowd", hold_s=3), ParkingRule(id="park")).needs(NOON).every_s == 1.0


def test_a_vehicle_that_has_just_come_is_watched_more_closely() -> None:
    judge = judge_of(ParkingRule(id="park", dwell_s=60))
    assert judge.needs(NOON).every_s == 2.0
    see(judge, 0, CAR)
    assert judge.needs(NOON).every_s == 1.0


def test_parking_is_due_when_it_may_be_suspected_opened_or_missed() -> None:
    judge = judge_of(ParkingRule(id="park", dwell_s=60, release_s=30))
    see(judge, 0, CAR)
    assert judge.needs(NOON).due_s == 2.0
    assert see(judge, 2, CAR) == ["suspect"]
    assert judge.needs(NOON).suspects
    assert judge.needs(NOON).due_s == 60.0
    assert [change for at in range(4, 62, 2) for change in see(judge, at, CAR)] == ["open"]
    assert judge.needs(NOON).due_s == math.inf, "an open incident that is seen waits for nothing"
    see(judge, 62)
    assert judge.needs(NOON).due_s == 62.0, "one miss may be the detector's slip"
    see(judge, 64, CAR)
    assert judge.needs(NOON).due_s == math.inf


def test_crowding_is_due_when_its_hold_or_release_is_over() -> None:
    judge = judge_of(CrowdingRule(id="crowd", levels=(1,), hold_s=10, release_s=10, margin=0.0))
    see(judge, 0, CAR, label="person")
    assert judge.needs(NOON).due_s == 10.0
    assert [change for at in range(2, 12, 2) for change in see(judge, at, CAR, label="person")] == ["open"]
    assert judge.needs(NOON).due_s == math.inf
    see(judge, 12)
    see(judge, 14)
    assert judge.needs(NOON).due_s == 22.0


def test_out_of_its_hours_a_rule_needs_nothing_once_nothing_is_open() -> None:
    judge = judge_of(ParkingRule(id="park", dwell_s=4, schedule=MORNING))
    assert judge.needs(NOON).every_s is None
    before = NOON - timedelta(minutes=5)
    assert judge.needs(before).every_s is not None
    for seconds in range(-300, -290, 2):
        see(judge, seconds, CAR)
    assert judge.needs(NOON).every_s is not None, "what is open must be told to be over"
    assert see(judge, 0, CAR) == ["close"]
    assert judge.needs(NOON).every_s is None


def test_a_camera_without_rules_needs_nothing() -> None:
    source = RtspSource(url="rtsp://192.0.2.1/main")
    judge = CameraJudge(CameraSpec(id="gate", name_zh="门", name_en="Gate", source=source))
    assert judge.needs(NOON).every_s is None
