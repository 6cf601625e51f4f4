"""The looking thread: a failed look costs that look, snapshots come at their pace."""

import threading
from collections import deque
from datetime import UTC, datetime

import numpy as np

from edge_agent.errors import BackendError
from edge_agent.looker import Looker
from edge_agent.types import Frame, FrameTime
from tests.lab.pictures import PaintedPicture
from tests.lab.processes import wait_until


class Frames:
    """Frames in the order in which they are given out; then none."""

    def __init__(self, *camera_ids: str) -> None:
        self._waiting = deque(camera_ids)
        self.empty = threading.Event()

    def take(self, timeout: float) -> Frame | None:
        if not self._waiting:
            self.empty.set()
            return None
        time = FrameTime(datetime(2026, 11, 24, tzinfo=UTC), 0.0, "arrival")
        return Frame(self._waiting.popleft(), 0, PaintedPicture(np.zeros((2, 2, 3), np.uint8)), time)


class Looks:
    """A pipeline that remembers its looks and may fail them."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.offers: list[bool] = []

    def look(self, frame: Frame, *, offer_snapshot: bool) -> None:
        self.offers.append(offer_snapshot)
        if self.fails:
            raise BackendError("the model gave nothing")


class Seconds:
    """A clock that moves by one second each time it is read."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)

    def monotonic(self) -> float:
        self._now_s += 1.0
        return self._now_s


def run(frames: Frames, pipelines: dict[str, Looks], snapshot_s: float = 3.0, allowed: bool = True) -> Looker:
    looker = Looker(frames, pipelines, snapshot_s, Seconds(), lambda: allowed)
    looker.start()
    wait_until(frames.empty.is_set, "every frame was looked at")
    assert looker.stop()
    return looker


def test_a_failing_camera_costs_the_others_nothing(caplog) -> None:
    good, bad = Looks(), Looks(fails=True)
    looker = run(Frames("bad", "good", "bad", "good", "bad"), {"good": good, "bad": bad})
    assert (len(good.offers), len(bad.offers), looker.failures) == (2, 3, 3)
    assert caplog.text.count("camera bad: a look failed: the model gave nothing") == 1


def test_a_snapshot_is_due_at_the_first_look_and_then_at_its_pace() -> None:
    camera = Looks()
    run(Frames(*["gate"] * 7), {"gate": camera})
    assert camera.offers == [True, False, False, True, False, False, True]


def test_a_box_that_is_short_of_disk_makes_no_snapshots() -> None:
    camera = Looks()
    run(Frames(*["gate"] * 4), {"gate": camera}, allowed=False)
    assert camera.offers == [False] * 4
