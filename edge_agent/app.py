"""The agent of one box: builds every part, starts them in order, and stops them in reverse."""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TextIO
from uuid import UUID

from prometheus_client import CollectorRegistry

from camera_configs.camera import CameraSpec
from camera_configs.load import load_cameras
from edge_agent.capture.cameras import Cameras
from edge_agent.clock import Clock, Ids
from edge_agent.cpu_budget import FULL_SHARE, CpuBudget
from edge_agent.detect.backend import Detector, load_detector
from edge_agent.detect.mailbox import Mailboxes
from edge_agent.detect.options import InferenceOptions
from edge_agent.detect.scheduler import Pace, Scheduler
from edge_agent.errors import SettingsError
from edge_agent.evidence.store import EvidenceStore
from edge_agent.evidence.uploader import MediaClient, Uploader
from edge_agent.health.metrics import BoxCollector, BoxFigures, MetricsServer, event_lag
from edge_agent.incidents import OpenIncidents
from edge_agent.judge.looks import CALM_S
from edge_agent.link import FirstWords, Link, Wire, broker_options
from edge_agent.looker import Looker
from edge_agent.outbox.budget import DiskBudget, DiskLimits
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.sender import Sender
from edge_agent.outbox.store import Outbox
from edge_agent.pipeline import CameraPipeline, Doors
from edge_agent.planner import Planner
from edge_agent.reporter import IncidentReporter, close_unconfigured
from edge_agent.settings import EdgeSettings
from edge_agent.status import BoxStatus, StatusSources
from edge_agent.types import StoredPicture
from edge_agent.waiting import Shot, WaitingEvents
from edge_agent.wall_clock import WallClock
from models.registry import FoundModel, find, search_path
from mqtt.connection import ConnectionOptions
from mqtt.messages import FindingBody, SeenBy

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
    broker = broker_options(settings, token)
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
        self._scheduler = Scheduler(clock, Pace(CALM_S))
        self._mailboxes = Mailboxes(self._scheduler.choose)
        self._cameras = Cameras(ready.cameras, self._mailboxes.put, clock, settings.hwaccel)
        self._store.sweep(self._outbox.pictures.names, clock.now())
        incidents = OpenIncidents(self._outbox.incidents, ids)
        self._waiting = WaitingEvents(self._keep, self._emit, clock)
        close_unconfigured(incidents, ready.cameras, self._seen_by(0), self._waiting, clock)
        registry = CollectorRegistry()
        on_event = event_lag(registry).observe
        self._pipelines = {camera.id: self._pipeline(camera, incidents, on_event) for camera in ready.cameras}
        cores = settings.cpu_budget_cores or FULL_SHARE * len(os.sched_getaffinity(0))
        self._cpu = CpuBudget(cores, clock, time.process_time)
        specs = {camera.id: camera for camera in ready.cameras}
        self._planner = Planner(specs, self._cameras, self._pipelines, self._scheduler, self._cpu, clock)
        self._looker = Looker(
            self._mailboxes, self._pipelines, self._planner, settings.snapshot_s, clock, self._previews_are_of_use
        )
        self._status = self._make_status()
        self._sender = Sender(self._outbox, settings.edge_id, clock)
        wire = Wire(self._emitter, self._outbox, self._sender)
        self._link = Link(ready.broker, settings, wire, self._status, self._first_words())
        registry.register(BoxCollector(self._status))
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
            (self._link.start, self._link.say_farewell),
            (self._uploader.start, self._uploader.stop),
            (lambda: self._sender.start(self._link.connection), self._sender.stop),
            (self._link.heartbeat.start, self._link.heartbeat.stop),
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

    def _pipeline(
        self, camera: CameraSpec, incidents: OpenIncidents, on_event: Callable[[float], None]
    ) -> CameraPipeline:
        reporter = IncidentReporter(camera, self._seen_by(camera.version), incidents, self._waiting)
        doors = Doors(reporter, self._offer, self._cameras, on_event)
        return CameraPipeline(camera, self._ready.detector, doors, self._clock)

    def _previews_are_of_use(self) -> bool:
        return self._budget.previews_allowed and self._link.connection.connected

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
            failed=self._looker.failures,
            periods=self._planner.periods,
            looks={camera_id: pipeline.figures for camera_id, pipeline in self._pipelines.items()},
            snapshot=self._uploader.latest,
            counts=self._outbox.counts,
            box=lambda: BoxFigures(self._cpu.used_cores, self._cpu.step, self._cpu.effort.lost),
        )
        return BoxStatus(self._ready.cameras, sources, self._clock)

    def _first_words(self) -> FirstWords:
        cameras = self._ready.cameras
        return FirstWords(
            f"tianrui {version('tianrui')}", self._model, max((camera.version for camera in cameras), default=0)
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
