"""The looking thread: a failed look costs that look, snapshots come at their pace."""

import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from edge_agent.cpu_budget import WHOLE, Effort
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

    def take(self, timeout_s: float) -> Frame | None:
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

    def look(self, frame: Frame, *, offer_snapshot: bool, stale_s: float) -> None:
        self.offers.append(offer_snapshot)
        if self.fails:
            raise BackendError("the model gave nothing")


class Seconds:
    """A clock that moves by one second a look."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.now_s

    def thread_cpu_s(self) -> float:
        return self.now_s


class Plan:
    """Plans nothing; a second passes with each look."""

    def __init__(self, clock: Seconds, effort: Effort) -> None:
        self.effort = effort
        self._clock = clock

    def review(self, preview_due: Callable[[str], bool]) -> None:
        pass

    def plan(self, camera_id: str, *, preview_due: bool) -> None:
        self._clock.now_s += 1.0


def run(frames: Frames, pipelines: dict[str, Looks], allowed: bool = True, effort: Effort = WHOLE) -> Looker:
    clock = Seconds()
    looker = Looker(frames, pipelines, Plan(clock, effort), 3.0, clock, lambda: allowed)
    looker.start()
    wait_until(frames.empty.is_set, "every frame was looked at")
    assert looker.stop()
    return looker


def test_a_failing_camera_costs_the_others_nothing(caplog) -> None:
    good, bad = Looks(), Looks(fails=True)
    looker = run(Frames("bad", "good", "bad", "good", "bad"), {"good": good, "bad": bad})
    assert (len(good.offers), len(bad.offers), looker.failures) == (2, 3, {"bad": 3})
    assert caplog.text.count("camera bad: a look failed: the model gave nothing") == 1


def test_a_snapshot_is_due_at_the_first_look_and_then_at_its_pace() -> None:
    camera = Looks()
    run(Frames(*["gate"] * 7), {"gate": camera})
    assert camera.offers == [True, False, False, True, False, False, True]


def test_a_box_that_is_short_of_disk_makes_no_snapshots() -> None:
    camera = Looks()
    run(Frames(*["gate"] * 4), {"gate": camera}, allowed=False)
    assert camera.offers == [False] * 4


def test_a_box_that_is_short_of_cores_makes_snapshots_more_rarely() -> None:
    camera = Looks()
    run(Frames(*["gate"] * 8), {"gate": camera}, effort=Effort(preview_factor=2.0))
    assert [second for second, offered in enumerate(camera.offers) if offered] == [0, 6]
