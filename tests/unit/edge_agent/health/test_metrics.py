"""The figures are read when somebody asks, on loopback only, and without a port nothing listens."""

import socket
from datetime import UTC, datetime
from http.client import HTTPConnection

import pytest
from prometheus_client import CollectorRegistry

from edge_agent.errors import SettingsError
from edge_agent.health.metrics import BoxCollector, BoxFigures, CameraFigures, MetricsServer, event_lag
from edge_agent.stages import LookFigures
from edge_agent.types import CaptureStatus, ConnectionState
from mqtt.states import OutboxStatus
from tests.lab.processes import listens

OUTBOX = OutboxStatus(born=10, pending=1, sent=2, acked=4, refused=2, shed=1)


def status() -> CaptureStatus:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    counts = {"packets": 30, "decoded": 20, "decode_s": 0.5}
    return CaptureStatus(ConnectionState.LIVE, since, fps=12.5, decoder="h264", **counts)


class Box:
    """A box with one camera, on which little time was left."""

    def __init__(self, camera: CaptureStatus) -> None:
        self._camera = camera

    def figures(self) -> list[CameraFigures]:
        looks = LookFigures(looks=20, inferences=17, lag_s=0.25)
        looks.spent_s["inference"] = 1.5
        return [CameraFigures("gate", self._camera, looks, {"newer": 3, "failed": 1}, 2.0)]

    def outbox(self) -> OutboxStatus:
        return OUTBOX

    def box(self) -> BoxFigures:
        return BoxFigures(0.75, 1, "previews come less often")


def registry_of(camera: CaptureStatus) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(BoxCollector(Box(camera)))
    event_lag(registry).observe(0.03)
    return registry


def scrape(port: int) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_a_scrape_shows_cameras_and_outbox_as_they_are_now(free_port: int) -> None:
    camera = status()
    server = MetricsServer(registry_of(camera), free_port)
    server.start()
    lines = scrape(free_port).splitlines()
    assert {
        'tianrui_camera_state{camera="gate",state="live"} 1.0',
        'tianrui_camera_state{camera="gate",state="stalled"} 0.0',
        'tianrui_camera_fps{camera="gate"} 12.5',
        'tianrui_camera_decoded_total{camera="gate"} 20.0',
        'tianrui_camera_dropped_total{camera="gate",reason="newer"} 3.0',
        'tianrui_camera_dropped_total{camera="gate",reason="failed"} 1.0',
        'tianrui_camera_looks_total{camera="gate"} 20.0',
        'tianrui_camera_inferences_total{camera="gate"} 17.0',
        'tianrui_camera_stage_seconds_total{camera="gate",stage="inference"} 1.5',
        'tianrui_camera_stage_seconds_total{camera="gate",stage="decode"} 0.5',
        'tianrui_camera_period_seconds{camera="gate"} 2.0',
        'tianrui_camera_lag_seconds{camera="gate"} 0.25',
        'tianrui_camera_decoder{camera="gate",decoder="h264"} 1.0',
        "tianrui_cpu_cores 0.75",
        "tianrui_cpu_step 1.0",
        'tianrui_event_on_disk_seconds_bucket{le="0.05"} 1.0',
        'tianrui_event_on_disk_seconds_bucket{le="0.02"} 0.0',
        'tianrui_camera_inference_seconds_total{camera="gate"} 1.5',
        'tianrui_outbox_events{state="pending"} 1.0',
        'tianrui_outbox_events{state="sent"} 2.0',
        'tianrui_outbox_milestone_total{milestone="born"} 10.0',
        'tianrui_outbox_milestone_total{milestone="acked"} 4.0',
    } <= set(lines)
    camera.state = ConnectionState.STALLED
    assert 'tianrui_camera_state{camera="gate",state="stalled"} 1.0' in scrape(free_port)
    server.stop()
    assert not listens(free_port)


def test_only_loopback_can_ask(free_port: int) -> None:
    server = MetricsServer(registry_of(status()), free_port)
    server.start()
    assert server._running is not None
    assert server._running[0].server_address[0] == "127.0.0.1"
    server.stop()


@pytest.mark.parametrize("port", [None, 0])
def test_without_a_port_nothing_listens(port: int | None) -> None:
    server = MetricsServer(registry_of(status()), port)
    server.start()
    assert server._running is None
    server.stop()


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"metrics_port {port}.*in use"):
            MetricsServer(registry_of(status()), port).start()
