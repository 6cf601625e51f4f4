"""Keeps the agent within its share of the processor: what is given up first, what last, and when it comes back."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge_agent.clock import Clock

log = logging.getLogger(__name__)

WINDOW_S = 5.0
# A step down after each window over the budget; a step back after so many windows under this share of it.
CALM_SHARE = 0.8
CALM_WINDOWS = 3
# A step back that has to be undone soon is tried again after twice as many windows, at most these.
MOST_PATIENT = 48
# Of a whole machine a process cannot use more than all: this much of it is taken for all.
FULL_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Effort:
    """What is done for the cameras; `lost` says what is given up, None when nothing is.

    `preview_factor` stretches the pause between previews. `stale_s` is how old detections may be that are held
    because nothing changed: long enough to save nearly all inference on a still scene, short enough that what the
    detector missed once is found well within the shortest usual hold. `calm_s` and `suspect_s` are the least seconds
    between looks at cameras without and with something suspected.
    """

    lost: str | None = None
    preview_factor: float = 1.0
    stale_s: float = 15.0
    full: bool = True
    calm_s: float = 0.0
    suspect_s: float = 0.0


WHOLE = Effort()
_RARE_PREVIEWS = replace(WHOLE, lost="previews come less often", preview_factor=4.0)
_STALE = replace(_RARE_PREVIEWS, lost="still scenes are detected on once a minute", stale_s=60.0)
_KEYFRAMES = replace(_STALE, lost="cameras are seen by key frames only", full=False)
# The order in which the box degrades (each step keeps those before it).
LADDER = (
    WHOLE,
    _RARE_PREVIEWS,
    _STALE,
    _KEYFRAMES,
    replace(_KEYFRAMES, lost="calm cameras are looked at every 4 s", calm_s=4.0),
    replace(_KEYFRAMES, lost="calm cameras are looked at every 8 s", calm_s=8.0),
    replace(_KEYFRAMES, lost="all cameras are looked at every 8 s", calm_s=8.0, suspect_s=8.0),
)


class CpuBudget:
    """Watches what the process uses of `cores`, a step of the ladder at a time; used by one thread.

    `process_cpu_s` gives the CPU seconds of the whole process so far.
    """

    def __init__(self, cores: float, clock: Clock, process_cpu_s: Callable[[], float]) -> None:
        self._cores = cores
        self._clock = clock
        self._process_cpu_s = process_cpu_s
        self._began_s, self._began_cpu_s = clock.monotonic(), process_cpu_s()
        self._calm_windows = 0
        self._patience = CALM_WINDOWS
        self._since_back: int | None = None
        self.step = 0
        self.used_cores = 0.0

    @property
    def effort(self) -> Effort:
        """What may be done now."""
        return LADDER[self.step]

    def review(self) -> Effort:
        """Measure when a window has passed; what may be done from now on."""
        passed_s = self._clock.monotonic() - self._began_s
        if passed_s >= WINDOW_S:
            cpu_s = self._process_cpu_s()
            self.used_cores = (cpu_s - self._began_cpu_s) / passed_s
            self._began_s, self._began_cpu_s = self._began_s + passed_s, cpu_s
            self._move()
        return self.effort

    def _move(self) -> None:
        before = self.step
        self._calm_windows = self._calm_windows + 1 if self.used_cores < CALM_SHARE * self._cores else 0
        self._remember_trial()
        if self.used_cores > self._cores:
            self.step = min(self.step + 1, len(LADDER) - 1)
        elif self.step and self._calm_windows >= self._patience:
            self.step, self._calm_windows, self._since_back = self.step - 1, 0, 0
        if self.step != before:
            lost = self.effort.lost or "nothing is given up any more"
            level = logging.WARNING if self.step > before else logging.INFO
            log.log(level, "%.2f of %.2f cores used: %s", self.used_cores, self._cores, lost)

    def _remember_trial(self) -> None:
        """Whether the last step back proved right: a load that is always the same must not swing for ever."""
        if self._since_back is None:
            return
        self._since_back += 1
        if self.used_cores > self._cores:
            self._patience, self._since_back = min(2 * self._patience, MOST_PATIENT), None
        elif self._since_back >= self._patience:
            self._patience, self._since_back = CALM_WINDOWS, None
