"""All cameras of the box: one supervisor each, and one watchdog thread that looks after all of them."""

from collections.abc import Iterable
from threading import Event, Thread

from camera_configs.camera import CameraSpec
from edge_agent.capture.supervisor import CameraSupervisor
from edge_agent.clock import Clock
from edge_agent.types import CaptureStatus, FrameSink

WATCH_EVERY_S = 0.5


class Cameras:
    """Starts, watches and stops the capture of many cameras; `sink` gets frames on each camera's own thread."""

    def __init__(self, cameras: Iterable[CameraSpec], sink: FrameSink, clock: Clock) -> None:
        self._clock = clock
        self._supervisors = {camera.id: CameraSupervisor(camera, sink, clock) for camera in cameras}
        self._stop = Event()
        self._watchdog = Thread(target=self._watch, name="capture-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to connect to every camera."""
        for supervisor in self._supervisors.values():
            supervisor.start()
        self._watchdog.start()

    def stop(self, timeout_s: float) -> bool:
        """Stop all within `timeout_s` together; False when some thread hangs in its camera and was left behind."""
        self._stop.set()
        for supervisor in self._supervisors.values():
            supervisor.ask_to_stop()
        deadline_s = self._clock.monotonic() + timeout_s
        if self._watchdog.is_alive():
            self._watchdog.join(timeout_s)
        stopped = [
            supervisor.stop(max(0.0, deadline_s - self._clock.monotonic())) for supervisor in self._supervisors.values()
        ]
        return all(stopped)

    def status(self) -> dict[str, CaptureStatus]:
        """A copy of each camera's status by camera id."""
        return {camera_id: supervisor.status() for camera_id, supervisor in self._supervisors.items()}

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_EVERY_S):
            for supervisor in self._supervisors.values():
                supervisor.watch()
