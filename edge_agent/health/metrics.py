"""The figures of a box for Prometheus, read from the stages' own status when somebody asks, on 127.0.0.1 only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Protocol
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge_agent.errors import SettingsError
from edge_agent.stages import LookFigures
from edge_agent.types import CaptureStatus, ConnectionState
from mqtt.states import OutboxStatus

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class CameraFigures:
    """One camera: its connection's status, its looks, frames dropped by reason, and seconds between looks as planned.

    `period_s` is None while nothing needs the camera.
    """

    camera_id: str
    status: CaptureStatus
    looks: LookFigures
    dropped: Mapping[str, int]
    period_s: float | None


@dataclass(frozen=True, slots=True)
class BoxFigures:
    """What the agent uses of the processor, in cores, and what it gave up: a step of the ladder, and in words."""

    used_cores: float
    step: int
    lost: str | None


class Sources(Protocol):
    """Where the figures are read."""

    def figures(self) -> Sequence[CameraFigures]:
        """Each camera."""
        ...

    def outbox(self) -> OutboxStatus:
        """The outbox's milestones."""
        ...

    def box(self) -> BoxFigures:
        """The processor's part."""
        ...


class BoxCollector(Collector):
    """Reads cameras, outbox and processor at each scrape; keeps nothing itself."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are now."""
        yield from _camera_metrics(self._sources.figures())
        yield from _outbox_metrics(self._sources.outbox())
        yield from _box_metrics(self._sources.box())


def event_lag(registry: CollectorRegistry) -> Histogram:
    """A histogram of the seconds from a frame's capture to its event on disk, inference not counted."""
    return Histogram(
        "tianrui_event_on_disk_seconds",
        "Seconds from the capture of a frame to its event on disk, without inference",
        buckets=(0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 5.0),
        registry=registry,
    )


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
    return [state, fps, *(family for family, _ in counters.values()), *_look_metrics(cameras)]


def _look_metrics(cameras: Sequence[CameraFigures]) -> Iterable[Metric]:
    stages = CounterMetricFamily(
        "tianrui_camera_stage_seconds", "Seconds spent on a camera by stage", labels=["camera", "stage"]
    )
    dropped = CounterMetricFamily(
        "tianrui_camera_dropped", "Frames that were not judged, by reason", labels=["camera", "reason"]
    )
    period = GaugeMetricFamily("tianrui_camera_period_seconds", "Seconds between looks as planned", labels=["camera"])
    lag = GaugeMetricFamily(
        "tianrui_camera_lag_seconds", "From the capture of the last frame to the end of its look", labels=["camera"]
    )
    decoder = GaugeMetricFamily("tianrui_camera_decoder", "1 for the decoder in use", labels=["camera", "decoder"])
    for camera in cameras:
        for stage, spent_s in (*camera.looks.spent_s.items(), ("decode", camera.status.decode_s)):
            stages.add_metric([camera.camera_id, stage], spent_s)
        for reason, count in camera.dropped.items():
            dropped.add_metric([camera.camera_id, reason], count)
        if camera.period_s is not None:
            period.add_metric([camera.camera_id], camera.period_s)
        if camera.looks.lag_s is not None:
            lag.add_metric([camera.camera_id], camera.looks.lag_s)
        if camera.status.decoder is not None:
            decoder.add_metric([camera.camera_id, camera.status.decoder], 1.0)
    return [stages, dropped, period, lag, decoder]


def _box_metrics(box: BoxFigures) -> Iterable[Metric]:
    return [
        GaugeMetricFamily("tianrui_cpu_cores", "Cores that the agent used of late", value=box.used_cores),
        GaugeMetricFamily("tianrui_cpu_step", "Steps by which looking was cut down for want of cores", value=box.step),
    ]


_CAMERA_COUNTERS: tuple[tuple[str, str, Callable[[CameraFigures], float]], ...] = (
    ("packets", "Packets received", lambda camera: camera.status.packets),
    ("decoded", "Frames decoded", lambda camera: camera.status.decoded),
    ("reconnects", "Connections opened again", lambda camera: camera.status.reconnects),
    ("stalls", "Times that frames stopped coming", lambda camera: camera.status.stalls),
    ("corrupt", "Packets or frames that could not be used", lambda camera: camera.status.corrupt),
    ("looks", "Frames that were judged", lambda camera: camera.looks.looks),
    ("inferences", "Frames that a detector saw", lambda camera: camera.looks.inferences),
    (
        "inference_seconds",
        "Seconds that detectors spent on this camera",
        lambda camera: camera.looks.spent_s["inference"],
    ),
)


def _outbox_metrics(status: OutboxStatus) -> Iterable[Metric]:
    held = GaugeMetricFamily("tianrui_outbox_events", "Events on this box's disk", labels=["state"])
    held.add_metric(["pending"], status.pending)
    held.add_metric(["sent"], status.sent)
    gone = CounterMetricFamily("tianrui_outbox_milestone", "Events that reached this milestone", labels=["milestone"])
    for name in ("born", "acked", "refused", "shed"):
        gone.add_metric([name], getattr(status, name))
    return [held, gone]
