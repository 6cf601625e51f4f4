"""Says which camera is looked at next: the one whose deadline comes first."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from edge_agent.clock import Clock

# The deadline of a camera is this share of its period after its last look when its judges are about to decide, and
# when something moves in it.
WHEN_DUE = 0.25
WHEN_MOVING = 0.5


@dataclass(frozen=True, slots=True)
class Pace:
    """How a camera is to be looked at: every `period_s` seconds; `due` and `moving` put it before others."""

    period_s: float
    due: bool = False
    moving: bool = False

    @property
    def deadline_s(self) -> float:
        """Seconds from one look to the deadline of the next."""
        return self.period_s * (WHEN_DUE if self.due else WHEN_MOVING if self.moving else 1.0)


class Scheduler:
    """The deadlines of all cameras, used by the looking thread only.

    A deadline counts from a camera's last look. So no camera starves, whatever the others ask for: once its deadline
    is past, each other camera comes before it at most once, for the next deadline of that one lies in the future.
    """

    def __init__(self, clock: Clock, default: Pace) -> None:
        self._clock = clock
        self._default = default
        self._paces: dict[str, Pace] = {}
        self._looked_s: dict[str, float] = {}

    def pace(self, camera_id: str, pace: Pace) -> None:
        """Set how a camera is to be looked at from now on."""
        self._paces[camera_id] = pace

    def choose(self, waiting: Collection[str]) -> str:
        """The camera out of `waiting`, which must not be empty, that is looked at now; a new one comes first."""
        camera_id = min(waiting, key=self._deadline_s)
        self._looked_s[camera_id] = self._clock.monotonic()
        return camera_id

    def looked_s(self, camera_id: str) -> float:
        """The monotonic time of a camera's last look; minus infinity when there was none."""
        return self._looked_s.get(camera_id, -math.inf)

    def _deadline_s(self, camera_id: str) -> float:
        return self.looked_s(camera_id) + self._paces.get(camera_id, self._default).deadline_s
