"""Deadlines decide, nobody starves, and what is looked at is never old."""

import math
from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.detect.mailbox import Mailboxes
from edge_agent.detect.scheduler import Pace, Scheduler
from edge_agent.types import Frame, FrameTime
from tests.lab.pictures import PaintedPicture

PICTURE = PaintedPicture(np.zeros((1, 1, 3), np.uint8))
CALM = Pace(2.0)


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, UTC)

    def monotonic(self) -> float:
        return self.now_s

    def thread_cpu_s(self) -> float:
        return self.now_s


def frame(camera_id: str, now_s: float, seq: int = 1) -> Frame:
    return Frame(camera_id, seq, PICTURE, FrameTime(datetime.fromtimestamp(now_s, UTC), now_s, "arrival"))


def test_the_order_is_new_then_about_to_decide_then_moving_then_longest_ago() -> None:
    clock = Seconds()
    scheduler = Scheduler(clock, CALM)
    for camera_id in ("calm", "calmer", "moving", "due"):
        scheduler.choose([camera_id])
        clock.now_s += 0.1
    scheduler.pace("moving", Pace(2.0, moving=True))
    scheduler.pace("due", Pace(2.0, due=True, moving=True))
    waiting = ["calmer", "moving", "calm", "due", "new"]
    order = []
    while waiting:
        order.append(scheduler.choose(waiting))
        waiting.remove(order[-1])
    assert order == ["new", "due", "moving", "calm", "calmer"]


PACES = st.builds(Pace, st.floats(0.03, 8.0), st.booleans(), st.booleans())


@given(
    cameras=st.integers(1, 12),
    looks=st.lists(st.tuples(st.floats(0.001, 5.0), st.integers(0, 11), PACES), min_size=1, max_size=150),
)
def test_no_camera_waits_longer_than_its_deadline_and_one_look_at_each_other(
    cameras: int, looks: list[tuple[float, int, Pace]]
) -> None:
    """Every camera always has a frame; after each look, which takes any time, the pace of any camera changes."""
    clock = Seconds()
    scheduler = Scheduler(clock, CALM)
    ids = [str(number) for number in range(cameras)]
    longest_s = max(cost_s for cost_s, _, _ in looks)
    slowest_s = max([CALM.deadline_s, *(pace.deadline_s for _, _, pace in looks)])
    looked_s = dict.fromkeys(ids, clock.now_s)
    for cost_s, number, pace in looks:
        chosen = scheduler.choose(ids)
        assert clock.now_s - looked_s[chosen] <= slowest_s + cameras * longest_s
        looked_s[chosen] = clock.now_s
        clock.now_s += cost_s
        scheduler.pace(str(number % cameras), pace)
        oldest_s = clock.now_s - min(looked_s.values())
        assert oldest_s <= slowest_s + cameras * longest_s


def test_a_detector_of_one_look_a_second_never_looks_at_a_frame_two_frames_old() -> None:
    """Four cameras at 25 frames a second: the lag at the start of each look, on a simulated clock."""
    clock, interval_s = Seconds(), 0.04
    scheduler = Scheduler(clock, CALM)
    boxes = Mailboxes(scheduler.choose)
    ids, sent = ["a", "b", "c", "d"], dict.fromkeys(["a", "b", "c", "d"], 0)
    lags, order = [], []
    for look in range(40):
        ready_s = 100.0 + look
        for offset, camera_id in enumerate(ids):
            while (at_s := 100.0 + sent[camera_id] * interval_s + offset * 0.007) <= ready_s + 0.03:
                boxes.put(frame(camera_id, at_s, sent[camera_id]))
                sent[camera_id] += 1
        clock.now_s = ready_s + 0.03
        taken = boxes.take(0.0)
        assert taken is not None
        lags.append(clock.now_s - taken.time.monotonic_s)
        order.append(taken.camera_id)
    assert max(lags) < 2 * interval_s
    assert order == ids * 10
    assert sum(boxes.dropped().values()) == sum(sent.values()) - 40 - sum(boxes.take(0.0) is not None for _ in ids)


def test_a_camera_that_was_never_looked_at_says_so() -> None:
    assert Scheduler(Seconds(), CALM).looked_s("new") == -math.inf
