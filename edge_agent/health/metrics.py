"""The figures of a box for Prometheus, read from the stages' own status when somebody asks, on 127.0.0.1 only."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge_agent.errors import SettingsError
from edge_agent.types import CaptureStatus, ConnectionState
from mqtt.messages import OutboxStatus

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class CameraFigures:
    """One camera: its connection's status, frames that gave way to newer ones, seconds of inference, inferences."""

    camera_id: str
    status: CaptureStatus
    dropped: int
    inference_s: float
    inferences: int


class BoxCollector(Collector):
    """Reads cameras and outbox at each scrape; keeps nothing itself."""

    def __init__(self, cameras: Callable[[], Sequence[CameraFigures]], outbox: Callable[[], OutboxStatus]) -> None:
        self._cameras = cameras
        self._outbox = outbox

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are now."""
        yield from _camera_metrics(self._cameras())
        yield from _outbox_metrics(self._outbox())


class MetricsServer:
    """`/metrics` on 127.0.0.1; without a port nothing listens at all."""

    def __init__(self, registry: CollectorRegistry, port: int | None) -> None:
        self._registry = registry
        self._port = port
        self._running: tuple[WSGIServer, Thread] | None = None

    def start(self) -> None:
        """Listen, if there is a port.

        Raises:
            SettingsError: the port is taken or not allowed.
        """
        if not self._port:
            return
        try:
            self._running = start_http_server(self._port, addr=LOOPBACK, registry=self._registry)
        except OSError as error:
            msg = f"metrics_port {self._port}: cannot listen on {LOOPBACK}: {error.strerror}; choose another or none"
            raise SettingsError(msg) from error

    def stop(self) -> None:
        """Stop listening."""
        if self._running is None:
            return
        server, thread = self._running
        self._running = None
        server.shutdown()
        server.server_close()
        thread.join()


def _camera_metrics(cameras: Sequence[CameraFigures]) -> Iterable[Metric]:
    state = GaugeMetricFamily(
        "tianrui_camera_state", "1 for the state that the camera's connection is in", labels=["camera", "state"]
    )
    fps = GaugeMetricFamily("tianrui_camera_fps", "Frames per second that arrive", labels=["camera"])
    counters: dict[str, tuple[CounterMetricFamily, Callable[[CameraFigures], float]]] = {
        name: (CounterMetricFamily(f"tianrui_camera_{name}", text, labels=["camera"]), read)
        for name, text, read in _CAMERA_COUNTERS
    }
    for camera in cameras:
        for each in ConnectionState:
            state.add_metric([camera.camera_id, each], float(camera.status.state is each))
        fps.add_metric([camera.camera_id], camera.status.fps)
        for family, read in counters.values():
            family.add_metric([camera.camera_id], read(camera))
    return [state, fps, *(family for family, _ in counters.values())]


_CAMERA_COUNTERS: tuple[tuple[str, str, Callable[[CameraFigures], float]], ...] = (
    ("packets", "Packets received", lambda camera: camera.status.packets),
    ("decoded", "Frames decoded", lambda camera: camera.status.decoded),
    ("reconnects", "Connections opened again", lambda camera: camera.status.reconnects),
    ("stalls", "Times that frames stopped coming", lambda camera: camera.status.stalls),
    ("corrupt", "Packets or frames that could not be used", lambda camera: camera.status.corrupt),
    ("dropped", "Frames that gave way to newer ones before a detector saw them", lambda camera: camera.dropped),
    ("inferences", "Frames that a detector saw", lambda camera: camera.inferences),
    ("inference_seconds", "Seconds that detectors spent on this camera", lambda camera: camera.inference_s),
)


def _outbox_metrics(status: OutboxStatus) -> Iterable[Metric]:
    held = GaugeMetricFamily("tianrui_outbox_events", "Events on this box's disk", labels=["state"])
    held.add_metric(["pending"], status.pending)
    held.add_metric(["sent"], status.sent)
    gone = CounterMetricFamily("tianrui_outbox_milestone", "Events that reached this milestone", labels=["milestone"])
    for name in ("born", "acked", "refused", "shed"):
        gone.add_metric([name], getattr(status, name))
    return [held, gone]
