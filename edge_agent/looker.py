"""The thread that looks: takes the newest frames out of the mailboxes, camera by camera, and has them judged."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from edge_agent.clock import Clock
from edge_agent.cpu_budget import Effort
from edge_agent.errors import EdgeError
from edge_agent.part import Part
from edge_agent.types import Frame

log = logging.getLogger(__name__)

WAIT_S = 0.25
LOUD_EVERY_S = 60.0


class Frames(Protocol):
    """Where the newest frames wait."""

    def take(self, timeout_s: float) -> Frame | None:
        """The frame that is to be looked at next, or None when none came in `timeout_s` seconds."""
        ...


class Pipeline(Protocol):
    """What judges the frames of one camera."""

    def look(self, frame: Frame, *, offer_snapshot: bool, stale_s: float) -> None:
        """Judge one frame, by detections of the last `stale_s` seconds if nothing changed; may raise EdgeError."""
        ...


class Plan(Protocol):
    """What decides how often each camera gives frames."""

    @property
    def effort(self) -> Effort:
        """What the CPU budget allows now."""
        ...

    def review(self, preview_due: Callable[[str], bool]) -> None:
        """Plan all cameras, if it is time to."""
        ...

    def plan(self, camera_id: str, *, preview_due: bool) -> None:
        """Plan one camera after a look."""
        ...


class Looker:
    """Runs the pipelines of all cameras in one thread; a fault of one camera's look costs that look only.

    A snapshot for the live preview is made every `snapshot_s` seconds, or more rarely when the CPU budget says so,
    while `previews_allowed` does.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        frames: Frames,
        pipelines: Mapping[str, Pipeline],
        plan: Plan,
        snapshot_s: float,
        clock: Clock,
        previews_allowed: Callable[[], bool],
    ) -> None:
        self.failures: Counter[str] = Counter()
        self._frames = frames
        self._pipelines = pipelines
        self._plan = plan
        self._snapshot_s = snapshot_s
        self._clock = clock
        self._previews_allowed = previews_allowed
        self._snapshot_at: dict[str, float] = {}
        self._loud_at: dict[str, float] = {}
        self._part = Part("looker", self._step)
        self.start, self.stop = self._part.start, self._part.stop

    def _step(self) -> None:
        self._plan.review(self._preview_due)
        frame = self._frames.take(WAIT_S)
        if frame is not None:
            self._look(frame)
            self._plan.plan(frame.camera_id, preview_due=self._preview_due(frame.camera_id))

    def _preview_due(self, camera_id: str) -> bool:
        pause_s = self._clock.monotonic() - self._snapshot_at.get(camera_id, float("-inf"))
        return pause_s >= self._snapshot_s * self._plan.effort.preview_factor and self._previews_allowed()

    def _look(self, frame: Frame) -> None:
        due = self._preview_due(frame.camera_id)
        if due:
            self._snapshot_at[frame.camera_id] = self._clock.monotonic()
        try:
            self._pipelines[frame.camera_id].look(frame, offer_snapshot=due, stale_s=self._plan.effort.stale_s)
        except EdgeError as error:
            self.failures[frame.camera_id] += 1
            now_s = self._clock.monotonic()
            if now_s - self._loud_at.get(frame.camera_id, float("-inf")) >= LOUD_EVERY_S:
                self._loud_at[frame.camera_id] = now_s
                log.error("camera %s: a look failed: %s", frame.camera_id, error)
