"""A part of the agent that does its work step by step in a thread of its own."""

from collections.abc import Callable
from threading import Event, Thread


class Part:
    """Calls `step` again and again until it is stopped, each time after a pause of `pause_s` seconds."""

    def __init__(self, name: str, step: Callable[[], None], pause_s: float = 0.0) -> None:
        self._step = step
        self._pause_s = pause_s
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End the thread after the step that it is in; False when it did not end in time."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.wait(self._pause_s):
            self._step()
