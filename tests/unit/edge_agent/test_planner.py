"""What is demanded of the decoders: no more than the judges need, and less when the box is too small."""

from datetime import UTC, datetime
from typing import Any

import pytest

from camera_configs.camera import CameraSpec
from edge_agent.cpu_budget import LADDER, CpuBudget
from edge_agent.detect.scheduler import Pace, Scheduler
from edge_agent.planner import Planner
from edge_agent.types import CaptureStatus, ConnectionState, Demand, Need

IDLE, KEYFRAMES = Demand("idle"), Demand("keyframes")
KEYFRAMES_ONLY, CALM_LATER, ALL_LATER = 3, 5, 6


class Bench:
    """One camera with all that decides about it, on a clock that a test moves; it records what is demanded."""

    def __init__(self, key_interval_s: float | None = 2.0, **decode: Any) -> None:
        self.now_s, self.cpu_s = 100.0, 0.0
        self.needed = Need(2.0)
        self.moving = False
        self.told: list[Demand] = []
        self.key_interval_s = key_interval_s
        source = {"kind": "rtsp", "url": "rtsp://192.0.2.1/main"}
        names = {"id": "gate", "name_zh": "门", "name_en": "Gate"}
        spec = CameraSpec.model_validate(names | {"source": source, "decode": decode})
        self.scheduler = Scheduler(self, Pace(2.0))
        self.budget = CpuBudget(1.0, self, lambda: self.cpu_s)
        self.planner = Planner({"gate": spec}, self, {"gate": self}, self.scheduler, self.budget, self)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, UTC)

    def monotonic(self) -> float:
        return self.now_s

    def thread_cpu_s(self) -> float:
        return 0.0

    def need(self) -> Need:
        return self.needed

    def demand(self, camera_id: str, demand: Demand) -> None:
        assert camera_id == "gate"
        self.told.append(demand)

    def status(self) -> dict[str, CaptureStatus]:
        return {"gate": CaptureStatus(ConnectionState.LIVE, self.now(), key_interval_s=self.key_interval_s)}

    def review(self, after_s: float = 1.0, *, preview_due: bool = False) -> Demand:
        """What holds after a review."""
        self.now_s += after_s
        self.planner.review(lambda _: preview_due)
        return self.told[-1]

    def look(self) -> None:
        self.scheduler.choose(["gate"])


@pytest.mark.parametrize(
    ("key_interval_s", "every_s", "demand"),
    [
        (2.0, 2.0, KEYFRAMES),
        (2.6, 2.0, KEYFRAMES),
        (None, 2.0, KEYFRAMES),
        (10.0, 2.0, Demand("full", 0.5)),
        (2.0, 1.0, Demand("full", 1.0)),
        (2.0, 0.1, Demand("full", 2.0)),
        (2.0, None, IDLE),
    ],
)
def test_key_frames_are_decoded_unless_the_judges_need_more(
    key_interval_s: float | None, every_s: float | None, demand: Demand
) -> None:
    bench = Bench(key_interval_s)
    bench.needed = Need(every_s)
    assert bench.review() == demand


def test_a_camera_that_nothing_needs_gives_a_frame_only_when_a_preview_is_due() -> None:
    bench = Bench()
    bench.needed = Need(None)
    assert [bench.review(preview_due=due) for due in (True, False, False, True)] == [KEYFRAMES, IDLE, IDLE, KEYFRAMES]
    assert bench.told == [KEYFRAMES, IDLE, KEYFRAMES]


def test_between_looks_a_camera_with_many_key_frames_rests() -> None:
    bench = Bench(key_interval_s=0.5)
    bench.review()
    bench.look()
    assert [bench.review(0.5) for _ in range(4)] == [IDLE, KEYFRAMES, KEYFRAMES, KEYFRAMES]


@pytest.mark.parametrize(
    ("decode", "demand"),
    [({"mode": "keyframes"}, KEYFRAMES), ({"mode": "full", "fps": 5}, Demand("full", 5.0))],
)
def test_a_policy_that_forces_is_obeyed(decode: dict[str, Any], demand: Demand) -> None:
    bench = Bench(**decode)
    bench.needed = Need(1.0)
    assert bench.review() == demand


def test_a_box_without_cores_sees_calm_cameras_less_and_those_that_suspect_last() -> None:
    bench = Bench()
    bench.needed = Need(1.0, suspects=True)
    assert bench.review() == Demand("full", 1.0)
    bench.budget.step = KEYFRAMES_ONLY
    assert bench.review() == KEYFRAMES
    bench.budget.step = CALM_LATER
    bench.review()
    assert bench.planner.periods == {"gate": 1.0}
    bench.needed = Need(2.0)
    bench.look()
    assert bench.review() == IDLE
    assert bench.planner.periods == {"gate": 8.0}
    assert [bench.review() for _ in range(7)][-2:] == [KEYFRAMES, KEYFRAMES]
    bench.budget.step, bench.needed = ALL_LATER, Need(1.0, suspects=True)
    bench.review()
    assert bench.planner.periods == {"gate": 8.0}


def test_the_decoder_is_told_only_what_changed() -> None:
    bench = Bench()
    for _ in range(5):
        bench.review()
    assert bench.told == [KEYFRAMES]


def test_the_budget_goes_down_a_step_a_window_and_comes_back_slowly() -> None:
    bench = Bench()
    steps = []
    for cores in (1.5, 1.5, 0.9, 0.7, 0.7, 0.9, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7):
        bench.cpu_s += 5.0 * cores
        bench.review(5.0)
        steps.append(bench.budget.step)
    assert steps == [1, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 0]


def test_the_ladder_ends_and_says_what_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for _ in range(2 * len(LADDER)):
        bench.cpu_s += 10.0
        bench.review(5.0)
    assert bench.budget.effort is LADDER[-1]
    assert len(caplog.records) == len(LADDER) - 1, "each step is told once"
    assert "2.00 of 1.00 cores used: previews come less often" in caplog.text
    assert all(effort.lost for effort in LADDER[1:])


@pytest.mark.parametrize("key_interval_s", [0.25, 0.4, 0.5, 1.2, 1.3, 2.0])
def test_resting_never_makes_a_look_late(key_interval_s: float) -> None:
    bench = Bench(key_interval_s)
    bench.review()
    bench.look()
    looks, next_key_s = [bench.now_s], bench.now_s + key_interval_s
    while bench.now_s < 200.0:
        demand = bench.review(0.05)
        if bench.now_s >= next_key_s:
            next_key_s += key_interval_s
            if demand == KEYFRAMES:
                bench.look()
                looks.append(bench.now_s)
    assert max(later - sooner for sooner, later in zip(looks, looks[1:], strict=False)) <= 2.0 + 0.11


def test_a_load_that_is_always_the_same_does_not_swing_for_ever() -> None:
    bench = Bench()
    steps = []
    for _ in range(720):
        bench.cpu_s += 5.0 * (0.7 if bench.budget.step >= KEYFRAMES_ONLY else 1.2)
        bench.review(5.0)
        steps.append(bench.budget.step)
    changes = sum(a != b for a, b in zip(steps, steps[1:], strict=False))
    assert KEYFRAMES_ONLY - 1 in steps[50:], "it is tried again now and then"
    assert changes < 50
