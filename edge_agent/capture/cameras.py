"""All cameras of the box: a supervisor for each stream, and one watchdog thread that looks after all of them."""

from collections.abc import Iterable
from dataclasses import replace
from threading import Event, Thread

from camera_configs.camera import CameraSpec
from camera_configs.source import RtspSource
from edge_agent.capture.detection_stream import DetectionStream
from edge_agent.capture.hwaccel import choose_device
from edge_agent.capture.main_stream import MainStream
from edge_agent.capture.supervisor import Stream, StreamSupervisor
from edge_agent.clock import Clock
from edge_agent.types import CaptureStatus, ConnectionState, Demand, FrameSink, FrameTime, Picture

WATCH_EVERY_S = 0.5


class Cameras:
    """Starts, watches and stops the capture of many cameras; `sink` gets frames on each camera's own thread.

    `hwaccel` is `none`, `auto` or a kind of device, see `choose_device`.
    """

    def __init__(self, cameras: Iterable[CameraSpec], sink: FrameSink, clock: Clock, hwaccel: str = "none") -> None:
        self._clock = clock
        device = choose_device(hwaccel)
        self._cameras = {camera.id: _Camera(camera, sink, clock, device) for camera in cameras}
        self._supervisors = [supervisor for camera in self._cameras.values() for supervisor in camera.supervisors]
        self._stop = Event()
        self._watchdog = Thread(target=self._watch, name="capture-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to connect to every camera."""
        for supervisor in self._supervisors:
            supervisor.start()
        self._watchdog.start()

    def stop(self, timeout_s: float) -> bool:
        """Stop all within `timeout_s` together; False when some thread hangs in its camera and was left behind."""
        self._stop.set()
        for supervisor in self._supervisors:
            supervisor.ask_to_stop()
        deadline_s = self._clock.monotonic() + timeout_s
        if self._watchdog.is_alive():
            self._watchdog.join(timeout_s)
        stopped = [supervisor.stop(max(0.0, deadline_s - self._clock.monotonic())) for supervisor in self._supervisors]
        return all(stopped)

    def status(self) -> dict[str, CaptureStatus]:
        """A copy of each camera's status by camera id."""
        return {camera_id: camera.status() for camera_id, camera in self._cameras.items()}

    def demand(self, camera_id: str, demand: Demand) -> None:
        """Say what a camera's decoder shall give from its next packet on, within its decode policy; from any thread.

        `full` in the middle of a group of pictures decodes the group from its key frame and gives the newest picture
        at once. Until the first demand a camera does what its policy says: `full`, or else key frames.

        Raises:
            KeyError: there is no such camera.
        """
        self._cameras[camera_id].detection.demand(demand)

    def main_picture(self, camera_id: str, at: FrameTime) -> Picture | None:
        """Decode, on the caller's thread, the picture of the main stream nearest to `at`, one thread at a time.

        None where the camera has one stream only, or where nothing within 0.5 s is held, such as during an outage.

        Raises:
            KeyError: there is no such camera.
        """
        main = self._cameras[camera_id].main
        return None if main is None else main.picture(at)

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_EVERY_S):
            for supervisor in self._supervisors:
                supervisor.watch()


class _Camera:
    """One camera's stream or streams: the sub-stream is looked at where there is one, and the main one kept for it."""

    def __init__(self, camera: CameraSpec, sink: FrameSink, clock: Clock, device: str | None) -> None:
        self.detection = DetectionStream(camera.id, camera.decode, device, clock)
        self.main: MainStream | None = None
        name, source = f"camera {camera.id}", camera.source
        sub = source.sub if isinstance(source, RtspSource) else None
        streams = [Stream(name, sub or source, self.detection.connect, sink)]
        if sub is not None:
            self.main = MainStream(clock)
            streams.append(Stream(f"{name}, main stream", source, self.main.connect, sink))
        self.supervisors = [StreamSupervisor(stream, clock) for stream in streams]

    def status(self) -> CaptureStatus:
        """The status of the stream that is looked at; an outage of the main one is told in its reason only."""
        status, *others = (supervisor.status() for supervisor in self.supervisors)
        if self.main is None:
            return status
        (main,) = others
        reasons = [status.reason, None if main.state is ConnectionState.LIVE else main.reason]
        reason = "; ".join(reason for reason in reasons if reason) or None
        return replace(status, reason=reason, decode_s=status.decode_s + self.main.decode_s)
