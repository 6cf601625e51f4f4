"""Holds the newest frame of each camera until somebody has time to look at it."""

from threading import Condition

from edge_agent.types import Frame


class Mailboxes:
    """One slot a camera: a newer frame takes the place of one that nobody looked at, which is counted as dropped."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: dict[str, Frame] = {}
        self._dropped: dict[str, int] = {}
        self._looks = 0
        self._last_look: dict[str, int] = {}
        self._closed = False

    def put(self, frame: Frame) -> None:
        """Leave a frame; never waits for a reader. After `close` frames are dropped."""
        with self._changed:
            if self._closed or frame.camera_id in self._waiting:
                self._dropped[frame.camera_id] = self._dropped.get(frame.camera_id, 0) + 1
            if not self._closed:
                self._waiting[frame.camera_id] = frame
                self._changed.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """Take the waiting frame of the camera that was looked at longest ago; None after `timeout_s` or `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._waiting), timeout_s)
            if self._closed or not self._waiting:
                return None
            camera_id = min(self._waiting, key=lambda waiting: self._last_look.get(waiting, 0))
            self._looks += 1
            self._last_look[camera_id] = self._looks
            return self._waiting.pop(camera_id)

    def close(self) -> None:
        """Wake all readers up and give out nothing more."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def dropped(self) -> dict[str, int]:
        """The number of frames by camera id that nobody looked at."""
        with self._changed:
            return dict(self._dropped)
