"""The agent of one box: builds every part, starts them in order, and stops them in reverse."""

import fcntl
import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TextIO
from uuid import UUID

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from camera_configs.camera import CameraSpec
from camera_configs.load import load_cameras
from edge_agent.capture.cameras import Cameras
from edge_agent.clock import Clock, Ids
from edge_agent.detect.backend import Detector, load_detector
from edge_agent.detect.mailbox import Mailboxes
from edge_agent.detect.options import InferenceOptions
from edge_agent.errors import EdgeError, SettingsError
from edge_agent.evidence.store import EvidenceStore
from edge_agent.evidence.uploader import MediaClient, Uploader
from edge_agent.health.heartbeat import HealthSources, Heartbeat
from edge_agent.health.metrics import BoxCollector, MetricsServer
from edge_agent.incidents import OpenIncidents
from edge_agent.looker import Looker
from edge_agent.outbox.budget import DiskBudget, DiskLimits
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.orders import Orders
from edge_agent.outbox.sender import Sender
from edge_agent.outbox.store import Outbox
from edge_agent.pipeline import CameraPipeline
from edge_agent.reporter import IncidentReporter, close_unconfigured
from edge_agent.settings import EdgeSettings
from edge_agent.status import BoxStatus, StatusSources
from edge_agent.types import StoredPicture
from edge_agent.waiting import Shot, WaitingEvents
from edge_agent.wall_clock import WallClock
from models.registry import FoundModel, find, search_path
from mqtt.connection import ConnectionOptions, Message, TlsOptions, Will
from mqtt.envelope import encode
from mqtt.errors import MessageError
from mqtt.messages import BirthBody, DeathBody, FindingBody, SeenBy
from mqtt.paho_connection import PahoConnection
from mqtt.topic import Channel, Topic

log = logging.getLogger(__name__)

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ready:
    """What was checked before anything starts: settings, cameras and a model that gave a first answer."""

    settings: EdgeSettings
    cameras: tuple[CameraSpec, ...]
    model: FoundModel
    detector: Detector
    broker: ConnectionOptions
    media: MediaClient


def prepare(settings: EdgeSettings) -> Ready:
    """Check everything that can be wrong before the start.

    Raises:
        ConfigError: a camera's configuration is wrong.
        ModelError: the weights are missing or not those of the manifest.
        BackendError: the model does not run.
        SettingsError: the token cannot be read, or the data folder cannot be written.
        ConnectionSetupError: the broker's TLS files are not usable.
        EvidenceError: the token cannot stand in an HTTP header.
    """
    _make_data_dir(settings.data_dir)
    token = settings.read_token()
    cameras = load_cameras(settings.cameras_dir)
    model = find(settings.model, search_path(settings.model_folders()))
    detector = load_detector(model, InferenceOptions(settings.inference_threads, settings.inference_device))
    broker = _broker_options(settings, token)
    return Ready(settings, cameras, model, detector, broker, MediaClient(settings.hub_url, token))


class Agent:
    """One box's agent; `run` returns when `stop` was called or a part died.

    Raises:
        SettingsError: the data folder cannot be used, or another agent uses it.
        OutboxError: the outbox cannot be opened.
        EvidenceError: the evidence folder cannot be used.
    """

    def __init__(self, ready: Ready, clock: Clock, ids: Ids) -> None:
        self._ready = ready
        self._clock = clock
        self._stopping = threading.Event()
        self._died = False
        settings = ready.settings
        self._lock = _lock_data_dir(settings.data_dir)
        self._outbox = Outbox(settings.data_dir / "outbox.sqlite", clock)
        if self._outbox.moved_aside:
            log.error("outbox: %s", self._outbox.moved_aside)
        self._store = EvidenceStore(settings.data_dir / "evidence")
        self._boot_id: UUID = ids.new()
        self._emitter = Emitter(self._outbox, settings.edge_id, self._boot_id, clock, ids, WallClock(clock).report)
        self._budget = self._make_budget()
        self._uploader = Uploader(ready.media, self._store, self._outbox.pictures, clock)
        self._outbox.on_append(self._uploader.wake)
        self._mailboxes = Mailboxes()
        self._cameras = Cameras(ready.cameras, self._mailboxes.put, clock)
        self._store.sweep(self._outbox.pictures.names, clock.now())
        incidents = OpenIncidents(self._outbox.incidents, ids)
        self._waiting = WaitingEvents(self._keep, self._emit, clock)
        close_unconfigured(incidents, ready.cameras, self._seen_by(0), self._waiting, clock)
        self._pipelines = {camera.id: self._pipeline(camera, incidents) for camera in ready.cameras}
        self._looker = Looker(
            self._mailboxes, self._pipelines, settings.snapshot_s, clock, lambda: self._budget.previews_allowed
        )
        self._status = self._make_status()
        self._sender = Sender(self._outbox, settings.edge_id, clock)
        self._orders = Orders(self._outbox, self._emitter, self._sender, settings.edge_id, self._tell_birth)
        self._connection = self._make_connection()
        health = HealthSources(
            self._status.cameras, self._status.outbox, lambda: self._sender.trouble, self._emitter.state
        )
        self._heartbeat = Heartbeat(self._connection, settings.edge_id, health, settings.heartbeat_s)
        registry = CollectorRegistry()
        registry.register(BoxCollector(self._status.figures, self._status.outbox))
        self._metrics = MetricsServer(registry, settings.metrics_port)

    def stop(self) -> None:
        """Ask `run` to end; may be called from a signal handler."""
        self._stopping.set()

    def run(self) -> bool:
        """Start every part, wait, stop every part; False when a thread of it died by itself.

        A part without its thread would leave the box running and mute, so any thread that dies ends the agent, and
        whoever started it starts it again.

        Raises:
            SettingsError: the port for the figures is taken.
        """
        threading.excepthook = self._thread_died
        with ExitStack() as stack:
            stack.callback(self._outbox.close)
            stack.callback(self._flush)
            for start, stop in self._parts():
                start()
                stack.callback(stop)
            log.info(
                "box %s looks at %d cameras with %s", self._ready.settings.edge_id, len(self._pipelines), self._model
            )
            self._stopping.wait()
        return not self._died

    def _thread_died(self, death: threading.ExceptHookArgs) -> None:
        name = death.thread.name if death.thread else "unknown"
        trace = (death.exc_type, death.exc_value or death.exc_type(), death.exc_traceback)
        log.critical("thread %s died; the agent ends so that it is started again", name, exc_info=trace)
        self._died = True
        self._stopping.set()

    def _parts(self) -> tuple[tuple[Callable[[], object], Callable[[], object]], ...]:
        return (
            (self._metrics.start, self._metrics.stop),
            (self._budget.start, self._budget.stop),
            (self._connection.start, self._say_farewell),
            (self._uploader.start, self._uploader.stop),
            (lambda: self._sender.start(self._connection), self._sender.stop),
            (self._heartbeat.start, self._heartbeat.stop),
            (self._looker.start, self._looker.stop),
            (self._cameras.start, lambda: self._cameras.stop(5.0)),
        )

    @property
    def _model(self) -> str:
        return f"{self._ready.model.entry.name} {self._ready.model.version}"

    def _seen_by(self, config_version: int) -> SeenBy:
        model = self._ready.model
        return SeenBy(
            model=model.entry.name,
            model_version=model.version,
            backend=model.entry.format,
            config_version=config_version,
        )

    def _flush(self) -> None:
        # The queue belongs to the looking thread until that has ended.
        if self._looker.stop(0) and (lost := self._waiting.flush_now()):
            log.critical("%d decided events are lost: the disk takes nothing", lost)

    def _pipeline(self, camera: CameraSpec, incidents: OpenIncidents) -> CameraPipeline:
        reporter = IncidentReporter(camera, self._seen_by(camera.version), incidents, self._waiting)
        return CameraPipeline(camera, self._ready.detector, reporter, self._offer, self._clock)

    def _keep(self, shot: Shot) -> StoredPicture:
        return self._store.put(shot.jpeg, shot.width, shot.height, shot.taken_at)

    def _emit(self, body: FindingBody, captured_at: datetime, pictures: tuple[StoredPicture, ...]) -> None:
        self._emitter.emit(body, captured_at, body.level or 1, pictures)

    def _offer(self, camera_id: str, shot: Shot) -> None:
        self._uploader.offer(camera_id, shot.jpeg, shot.width, shot.height, shot.taken_at)

    def _make_budget(self) -> DiskBudget:
        settings = self._ready.settings
        limits = DiskLimits(settings.disk_budget_mb * MIB, settings.disk_reserve_mb * MIB)
        return DiskBudget(self._emitter, self._outbox, self._store, limits, self._free_on_disk)

    def _free_on_disk(self) -> int:
        disk = os.statvfs(self._ready.settings.data_dir)
        return disk.f_bavail * disk.f_frsize

    def _make_status(self) -> BoxStatus:
        sources = StatusSources(
            captures=self._cameras.status,
            dropped=self._mailboxes.dropped,
            looks={camera_id: pipeline.figures for camera_id, pipeline in self._pipelines.items()},
            snapshot=self._uploader.latest,
            counts=self._outbox.counts,
        )
        return BoxStatus(self._ready.cameras, sources)

    def _make_connection(self) -> PahoConnection:
        will = encode(self._emitter.state(DeathBody(reason="lost")))
        return PahoConnection(
            options=self._ready.broker,
            subscriptions=(*self._sender.subscriptions, self._orders.topic),
            will=Will(str(self._state_topic), will, qos=1, retain=True),
            on_message=self._on_message,
            on_up=self._greet,
            on_down=self._sender.on_down,
        )

    @property
    def _state_topic(self) -> Topic:
        return Topic(self._ready.settings.edge_id, Channel.STATE)

    def _on_message(self, message: Message) -> None:
        self._sender.on_message(message)
        self._orders.on_message(message)

    def _greet(self) -> None:
        # First, so that events flow also when the birth cannot be built.
        self._sender.on_up()
        self._tell_birth()

    def _tell_birth(self) -> None:
        try:
            birth = BirthBody(
                software=f"tianrui {version('tianrui')}",
                models=(self._model,),
                config_version=max(camera.version for camera in self._ready.cameras),
                cameras=self._status.cameras(),
                outbox=self._status.outbox(),
            )
            payload = encode(self._emitter.state(birth))
        except (EdgeError, MessageError) as error:
            log.error("the birth of this box could not be told, its health will be: %s", error)
            return
        self._connection.publish(str(self._state_topic), payload, 1, retain=True)

    def _say_farewell(self) -> None:
        farewell = encode(self._emitter.state(DeathBody(reason="stopped")))
        self._connection.stop((str(self._state_topic), farewell, True))


def _broker_options(settings: EdgeSettings, token: SecretStr) -> ConnectionOptions:
    tls = settings.mqtt_tls
    return ConnectionOptions(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        client_id=f"edge-{settings.edge_id}",
        username=settings.edge_id,
        password=token,
        tls=TlsOptions(tls.ca_file, tls.cert_file, tls.key_file) if tls else None,
        # The outbox sends again what a session would keep, and rumqttd gives a resumed session no retained message:
        # a killed agent never learned that the hub was there.
        session_expiry_s=0,
    )


def _make_data_dir(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir.chmod(0o700)
        (data_dir / "lock").touch()
    except OSError as error:
        msg = f"data_dir {data_dir}: cannot be used: {error.strerror}; give this user a folder of its own to write to"
        raise SettingsError(msg) from None


def _lock_data_dir(data_dir: Path) -> TextIO:
    """An open lock file; the lock goes with the process, also when it is killed."""
    lock = (data_dir / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        msg = f"data_dir {data_dir}: another agent uses it; stop that one or give this one its own folder"
        raise SettingsError(msg) from None
    return lock
