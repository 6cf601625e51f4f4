"""The thread that looks: takes the newest frames out of the mailboxes, camera by camera, and has them judged."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from edge_agent.clock import Clock
from edge_agent.errors import EdgeError
from edge_agent.types import Frame

log = logging.getLogger(__name__)

WAIT_S = 0.5
LOUD_EVERY_S = 60.0


class Frames(Protocol):
    """Where the newest frames wait."""

    def take(self, timeout: float) -> Frame | None:
        """The frame of the camera that was not looked at for longest, or None when none came in `timeout` seconds."""
        ...


class Pipeline(Protocol):
    """What judges the frames of one camera."""

    def look(self, frame: Frame, *, offer_snapshot: bool) -> None:
        """Judge one frame; may raise EdgeError."""
        ...


class Looker:
    """Runs the pipelines of all cameras in one thread; a fault of one camera's look costs that look only.

    A snapshot for the live preview is made every `snapshot_s` seconds while `previews_allowed` says so.
    """

    def __init__(
        self,
        frames: Frames,
        pipelines: Mapping[str, Pipeline],
        snapshot_s: float,
        clock: Clock,
        previews_allowed: Callable[[], bool],
    ) -> None:
        self.failures = 0
        self._frames = frames
        self._pipelines = pipelines
        self._snapshot_s = snapshot_s
        self._clock = clock
        self._previews_allowed = previews_allowed
        self._snapshot_at: dict[str, float] = {}
        self._loud_at: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="looker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End the thread after the look that it is in; False when it did not end in time."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            frame = self._frames.take(WAIT_S)
            if frame is not None:
                self._look(frame)

    def _look(self, frame: Frame) -> None:
        now_s = self._clock.monotonic()
        due = now_s - self._snapshot_at.get(frame.camera_id, float("-inf")) >= self._snapshot_s
        due = due and self._previews_allowed()
        if due:
            self._snapshot_at[frame.camera_id] = now_s
        try:
            self._pipelines[frame.camera_id].look(frame, offer_snapshot=due)
        except EdgeError as error:
            self.failures += 1
            if now_s - self._loud_at.get(frame.camera_id, float("-inf")) >= LOUD_EVERY_S:
                self._loud_at[frame.camera_id] = now_s
                log.error("camera %s: a look failed: %s", frame.camera_id, error)
