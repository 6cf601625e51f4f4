"""All rules of one camera: names, zones, disabled rules and hours."""

from dataclasses import replace
from datetime import time, timedelta

import pytest

from camera_configs.camera import CameraSpec, ZoneSpec
from camera_configs.rules import CrowdingRule, LitterRule, ParkingRule, Rule, Window
from camera_configs.source import RtspSource
from edge_agent.judge.engine import OUT_OF_SCHEDULE, TOO_RARE, CameraJudge
from edge_agent.types import Change, StillThing, ZoneObservation
from tests.unit.edge_agent.judge.scene import PLACE, look, persons, seen

SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def camera(*rules: Rule) -> CameraSpec:
    zone = ZoneSpec(id="gate", name_zh="门", name_en="Gate", polygon=SQUARE, rules=rules)
    return CameraSpec(id="cam", name_zh="门", name_en="Gate", source=RtspSource(url="rtsp://camera/1"), zones=(zone,))


def everything(now_s: float) -> ZoneObservation:
    things = (StillThing(1, PLACE, 0.001, 0.0),)
    return look(now_s, (*persons(5, now_s), seen(90, "car", PLACE, now_s, first_s=0.0)), things)


def test_every_rule_reports_under_its_name() -> None:
    rules = (
        CrowdingRule(id="crowd", levels=(5,), hold_s=3),
        ParkingRule(id="park", dwell_s=4),
        ParkingRule(id="off", dwell_s=4, enabled=False),
    )
    subject = CameraJudge(camera(*rules))
    findings = [finding for t in range(8) for finding in subject.observe(everything(t))]
    opened = [(f.name, f.rule.id, f.zone_id) for f in findings if f.verdict.change is Change.OPEN]
    assert opened == [("crowding", "crowd", "gate"), ("illegal_parking", "park", "gate")]
    litter = CameraJudge(camera(LitterRule(id="litter", hold_s=3)))
    bare = [look(t, things=[StillThing(1, PLACE, 0.001, 0.0)]) for t in range(8)]
    assert {f.name for one in bare for f in litter.observe(one)} == {"litter"}


def test_the_end_of_the_hours_closes_what_is_open_and_nothing_is_judged_outside() -> None:
    # The scene starts at 12:00 in Shanghai.
    hours = (Window(start=time(11), end=time(12, 0, 10)),)
    subject = CameraJudge(camera(CrowdingRule(id="crowd", levels=(5,), hold_s=3, schedule=hours)))
    findings = [finding for t in range(60) for finding in subject.observe(everything(t))]
    assert [(f.verdict.change, f.verdict.time.monotonic_s) for f in findings] == [
        (Change.OPEN, 3.0),
        (Change.CLOSE, 10.0),
    ]
    assert findings[1].verdict.limits == (OUT_OF_SCHEDULE,)


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(KeyError):
        CameraJudge(camera(ParkingRule(id="park"))).observe(ZoneObservation(look(0).time, "nowhere"))


def test_a_rule_that_the_looks_are_too_rare_for_is_named_and_its_verdicts_say_so() -> None:
    rules = (ParkingRule(id="park", dwell_s=60), LitterRule(id="litter", hold_s=20))
    subject = CameraJudge(camera(*rules))
    for t in range(5):
        subject.observe(everything(t))
    assert subject.blind_rules == ()
    findings = [finding for t in range(5, 300, 15) for finding in subject.observe(everything(t))]
    assert subject.blind_rules == ("litter",)
    assert [f.rule.id for f in findings if f.verdict.change is Change.OPEN] == ["park"]
    gone = [finding for t in range(300, 600, 15) for finding in subject.observe(look(t))]
    assert {(f.rule.id, f.verdict.change, TOO_RARE in f.verdict.limits) for f in gone} == {
        ("litter", Change.DISMISS, True),
        ("park", Change.CLOSE, False),
    }


def test_a_jump_of_the_wall_clock_over_the_hours_closes_and_what_holds_must_hold_again() -> None:
    hours = (Window(start=time(11), end=time(13)),)
    subject = CameraJudge(camera(CrowdingRule(id="crowd", levels=(5,), hold_s=3, schedule=hours)))
    findings = []
    for t in range(30):
        jump_s = 86_400 * 366 + 7200 if 10 <= t < 20 else 0
        one = everything(t)
        wall = one.time.captured_at + timedelta(seconds=jump_s)
        findings += subject.observe(replace(one, time=replace(one.time, captured_at=wall)))
    assert [(f.verdict.change, f.verdict.time.monotonic_s) for f in findings] == [
        (Change.OPEN, 3.0),
        (Change.CLOSE, 10.0),
        (Change.OPEN, 23.0),
    ]
    assert findings[1].verdict.limits == (OUT_OF_SCHEDULE,)
