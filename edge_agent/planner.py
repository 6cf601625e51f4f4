"""Turns what the judges need into what the decoders give and the scheduler goes by, within the CPU budget."""

from collections.abc import Callable, Mapping
from typing import Protocol

from camera_configs.camera import CameraSpec, DecodePolicy
from edge_agent.clock import Clock
from edge_agent.cpu_budget import CpuBudget, Effort
from edge_agent.detect.scheduler import Pace, Scheduler
from edge_agent.types import CaptureStatus, Demand, Need

REVIEW_EVERY_S = 0.5
# Key frames do for a period that is somewhat shorter than the gap between them: decoding everything costs nine times as
# much.
KEY_FRAMES_DO = 1.5
IDLE = Demand("idle")
KEYFRAMES = Demand("keyframes")


class Capture(Protocol):
    """What the cameras can be told and asked."""

    def demand(self, camera_id: str, demand: Demand) -> None:
        """Say what a camera's decoder shall give."""
        ...

    def status(self) -> Mapping[str, CaptureStatus]:
        """Each camera's status by its id."""
        ...


class Watcher(Protocol):
    """What judges one camera."""

    def need(self) -> Need:
        """How often it must see its camera now."""
        ...

    @property
    def moving(self) -> bool:
        """Whether the last look saw something move."""
        ...


class Planner:
    """Reviews all cameras twice a second and one after each of its looks; used by the looking thread only.

    A camera whose judges need nothing gives frames only while `preview_due` says that one is wanted of it.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        cameras: Mapping[str, CameraSpec],
        capture: Capture,
        watchers: Mapping[str, Watcher],
        scheduler: Scheduler,
        budget: CpuBudget,
        clock: Clock,
    ) -> None:
        self._policies = {camera_id: spec.decode for camera_id, spec in cameras.items()}
        self._capture = capture
        self._watchers = watchers
        self._scheduler = scheduler
        self._budget = budget
        self._clock = clock
        self._key_intervals: dict[str, float | None] = {}
        self._demanded: dict[str, Demand] = {}
        self._reviewed_s = float("-inf")
        self.periods: dict[str, float | None] = {}

    @property
    def effort(self) -> Effort:
        """What the CPU budget allows now."""
        return self._budget.effort

    def review(self, preview_due: Callable[[str], bool]) -> None:
        """Plan all cameras, unless that was done within the last half second."""
        now_s = self._clock.monotonic()
        if now_s - self._reviewed_s < REVIEW_EVERY_S:
            return
        self._reviewed_s = now_s
        self._budget.review()
        self._key_intervals = {camera_id: each.key_interval_s for camera_id, each in self._capture.status().items()}
        for camera_id in self._policies:
            self.plan(camera_id, preview_due=preview_due(camera_id))

    def plan(self, camera_id: str, *, preview_due: bool) -> None:
        """Plan one camera."""
        watcher, policy, effort = self._watchers[camera_id], self._policies[camera_id], self._budget.effort
        need = watcher.need()
        period_s = _period_s(need, policy, effort)
        self.periods[camera_id] = period_s
        now_s = self._clock.monotonic()
        if period_s is not None:
            self._scheduler.pace(camera_id, Pace(period_s, due=need.due_s <= now_s, moving=watcher.moving))
        key_interval_s = self._key_intervals.get(camera_id)
        demand = _demand(period_s, key_interval_s, policy, effort)
        if demand.mode == "keyframes" and policy.mode == "auto" and period_s is not None and key_interval_s:
            # The last key frame before the look is due must be decoded, and the next review may be half a second away.
            rest_until_s = self._scheduler.looked_s(camera_id) + period_s - key_interval_s - REVIEW_EVERY_S
            demand = IDLE if now_s < rest_until_s else demand
        self._tell(camera_id, KEYFRAMES if preview_due and demand == IDLE else demand)

    def _tell(self, camera_id: str, demand: Demand) -> None:
        if self._demanded.get(camera_id) != demand:
            self._demanded[camera_id] = demand
            self._capture.demand(camera_id, demand)


def _period_s(need: Need, policy: DecodePolicy, effort: Effort) -> float | None:
    if policy.mode == "full" and effort.full:
        return 1 / policy.fps
    if need.every_s is None:
        return None
    return max(need.every_s, 1 / policy.fps, effort.suspect_s if need.suspects else effort.calm_s)


def _demand(period_s: float | None, key_interval_s: float | None, policy: DecodePolicy, effort: Effort) -> Demand:
    if policy.mode == "full" and effort.full:
        return Demand("full", policy.fps)
    if policy.mode == "keyframes":
        return KEYFRAMES
    if period_s is None:
        return IDLE
    if not effort.full or key_interval_s is None or key_interval_s <= KEY_FRAMES_DO * period_s:
        return KEYFRAMES
    return Demand("full", 1 / period_s)
