"""Litter that lies there while the clean reference is learned again, from pixels to verdicts."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import pytest

from camera_configs.rules import LitterRule
from edge_agent.judge.litter import LEARNED_AGAIN, TAKEN_AWAY, LitterJudge
from edge_agent.track.zones import Zones
from edge_agent.types import Change, FrameTime, Image, Verdict
from tests.lab.pictures import PaintedPicture
from tests.unit.edge_agent.track.lawn import TILES, WHOLE, at, bottle, frame, lawn

LEFT_AT_S, UPSET_AT_S = 20, 90
RULE = LitterRule(id="litter", hold_s=30, release_s=20)
Upset = Callable[[Image, FrameTime], tuple[Image, FrameTime]]


def other_size(image: Image, time: FrameTime) -> tuple[Image, FrameTime]:
    return cv2.resize(image, (640, 480)), time


def restart(image: Image, time: FrameTime) -> tuple[Image, FrameTime]:
    return image, replace(time, monotonic_s=time.monotonic_s - UPSET_AT_S)


def other_ground(image: Image, time: FrameTime) -> tuple[Image, FrameTime]:
    return image + TILES // 2, time


def judge(upset: Upset, taken_at_s: int, last_s: int) -> list[tuple[int, Verdict]]:
    things, zones, subject = lawn(), Zones({"lawn": WHOLE}), LitterJudge(RULE)
    verdicts = []
    for t in range(last_s):
        image, time = bottle(frame()) if LEFT_AT_S <= t < taken_at_s else frame(), at(t)
        if t >= UPSET_AT_S:
            image, time = upset(image, time)
        for observation in zones.split(time, (), things.update(PaintedPicture(image), (), time)):
            verdicts += [(t, verdict) for verdict in subject.observe(observation)]
    return verdicts


@pytest.mark.parametrize("upset", [other_size, restart, other_ground])
def test_it_stays_open_and_closes_when_it_is_taken_away(upset: Upset) -> None:
    verdicts = judge(upset, taken_at_s=200, last_s=240)
    assert [(v.change, v.limits[1:]) for _, v in verdicts] == [
        (Change.SUSPECT, ()),
        (Change.OPEN, ()),
        (Change.UPDATE, (LEARNED_AGAIN,)),
        (Change.CLOSE, (TAKEN_AWAY,)),
    ]
    said_at_s, closed_at_s = verdicts[2][0], verdicts[3][0]
    assert UPSET_AT_S < said_at_s <= UPSET_AT_S + 45
    assert 200 + RULE.release_s <= closed_at_s <= 200 + RULE.release_s + 6


@pytest.mark.parametrize("upset", [other_size, restart, other_ground])
def test_what_is_taken_away_before_the_new_reference_stays_open_for_nobody_can_know(upset: Upset) -> None:
    verdicts = judge(upset, taken_at_s=UPSET_AT_S, last_s=200)
    assert [v.change for _, v in verdicts] == [Change.SUSPECT, Change.OPEN, Change.UPDATE]
