"""Holds the newest frame of each camera until somebody has time to look at it."""

from collections.abc import Callable, Collection
from threading import Condition

from edge_agent.types import Frame

# Why a frame was dropped.
NEWER = "newer"
STOPPING = "stopping"

Choose = Callable[[Collection[str]], str]


class Mailboxes:
    """One slot a camera: a newer frame takes the place of one that nobody looked at, which is counted as dropped.

    `choose` names the camera to look at next out of those whose frames wait, first come first; it is called by the
    readers, one at a time.
    """

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self._changed = Condition()
        self._waiting: dict[str, Frame] = {}
        self._dropped: dict[tuple[str, str], int] = {}
        self._closed = False

    def put(self, frame: Frame) -> None:
        """Leave a frame; never waits for a reader. After `close` frames are dropped."""
        with self._changed:
            if self._closed:
                self._drop(frame.camera_id, STOPPING)
                return
            if frame.camera_id in self._waiting:
                self._drop(frame.camera_id, NEWER)
            self._waiting[frame.camera_id] = frame
            self._changed.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """Take the waiting frame of the camera that is chosen; None after `timeout_s` or `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._waiting), timeout_s)
            if self._closed or not self._waiting:
                return None
            return self._waiting.pop(self._choose(self._waiting.keys()))

    def close(self) -> None:
        """Wake all readers up and give out nothing more."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def dropped(self) -> dict[tuple[str, str], int]:
        """The number of frames that nobody looked at, by camera id and reason."""
        with self._changed:
            return dict(self._dropped)

    def _drop(self, camera_id: str, reason: str) -> None:
        self._dropped[camera_id, reason] = self._dropped.get((camera_id, reason), 0) + 1
