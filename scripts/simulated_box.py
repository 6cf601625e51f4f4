"""One box without cameras: the agent's own outbox, evidence, sender, uploader and connection, and invented findings."""

import itertools
import os
import struct
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from edge_agent.clock import Clock, SystemClock, SystemIds
from edge_agent.evidence.store import EvidenceStore
from edge_agent.evidence.uploader import MediaClient, Uploader, UploadOptions
from edge_agent.outbox.budget import DiskBudget, DiskLimits
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.flow import FlowOptions
from edge_agent.outbox.sender import Sender
from edge_agent.types import StoredPicture
from edge_agent.waiting import Shot, WaitingEvents
from mqtt.connection import Backoff, ConnectionOptions, Will
from mqtt.envelope import encode
from mqtt.messages import Box, EvidenceRole, Finding, FindingBody, Measure, Phase, SeenBy
from mqtt.paho_connection import PahoConnection
from mqtt.states import DeathBody
from mqtt.topic import Channel, Topic
from scripts.births import NotedOutbox, Witness

PHASES = (Phase.OPEN, Phase.UPDATE, Phase.CLOSE)
SEVERE_EVERY = 10
SEVERE, MILD = 4, 1
SEEN_BY = SeenBy(model="simulated", model_version="0", backend="none", config_version=1)
# A real box waits up to half a minute between two tries, which only makes a test longer.
QUICK = Backoff(shortest_s=0.1, longest_s=1.0)
WIDTH, HEIGHT = 64, 48
SYSTEM = SystemClock()


@dataclass(frozen=True, slots=True)
class Peers:
    """Where the broker and the hub are; without a hub no pictures are made."""

    broker_host: str
    broker_port: int
    hub_url: str | None = None
    keepalive_s: int = 30


@dataclass(frozen=True, slots=True)
class Home:
    """Where a box keeps its things, and how much of the disk it may use; without limits it never sheds anything."""

    folder: Path
    limits: DiskLimits | None = None


class SimulatedBox:
    """Every third event opens a new incident, the next ones update and close it; each tenth incident is severe."""

    def __init__(
        self, edge_id: str, token: SecretStr, peers: Peers, home: Home, births: Witness, clock: Clock = SYSTEM
    ) -> None:
        self._clock, self._ids = clock, SystemIds()
        folder = home.folder
        self.outbox = NotedOutbox(folder / edge_id / "outbox.sqlite", self._clock, births)
        self._store = EvidenceStore(folder / edge_id / "evidence")
        self._emitter = Emitter(self.outbox, edge_id, self._ids.new(), self._clock, self._ids)
        self._sender = Sender(self.outbox, edge_id, self._clock, FlowOptions(row_backoff=QUICK, hold=QUICK))
        self._waiting = WaitingEvents(self._keep, self._emit, self._clock)
        self._media: MediaClient | None = None
        self._uploader: Uploader | None = None
        self._jpeg = b""
        if peers.hub_url is not None:
            self._jpeg = small_jpeg()
            self._media = MediaClient(peers.hub_url, token)
            options = UploadOptions(retry=QUICK, aside=QUICK)
            self._uploader = Uploader(self._media, self._store, self.outbox.pictures, self._clock, options)
        state = str(Topic(edge_id, Channel.STATE))
        self._connection = PahoConnection(
            options=ConnectionOptions(
                peers.broker_host,
                peers.broker_port,
                f"edge-{edge_id}",
                edge_id,
                token,
                keepalive_s=peers.keepalive_s,
                session_expiry_s=0,
            ),
            subscriptions=self._sender.subscriptions,
            will=Will(state, encode(self._emitter.state(DeathBody(reason="lost"))), retain=True),
            on_message=self._sender.on_message,
            on_up=self._sender.on_up,
            on_down=self._sender.on_down,
            backoff=QUICK,
        )
        self._budget: DiskBudget | None = None
        if home.limits is not None:
            self._budget = DiskBudget(self._emitter, self.outbox, self._store, home.limits, lambda: free_bytes(folder))
        self._decided = itertools.count()
        self._incidents = itertools.count(1)
        self._incident, self._opened_at, self._severity = self._next_incident()

    def start(self) -> None:
        """Connect and send what is due."""
        self._connection.start()
        self._sender.start(self._connection)
        if self._budget is not None:
            self._budget.start()
        if self._uploader is not None:
            self._uploader.start()

    def stop(self) -> None:
        """Disconnect; what is not settled stays on disk."""
        if self._uploader is not None:
            self._uploader.stop()
        if self._media is not None:
            self._media.close()
        if self._budget is not None:
            self._budget.stop()
        self._sender.stop()
        self._connection.stop()
        self.outbox.close()

    def bear(self) -> None:
        """Decide the next event and put it on disk, or let it wait while the disk is full."""
        phase = PHASES[next(self._decided) % len(PHASES)]
        if phase is Phase.OPEN:
            self._incident, self._opened_at, self._severity = self._next_incident()
        self._tell(phase)

    def bear_severe(self) -> UUID:
        """Open a severe incident at once, whatever was going on, and return its id."""
        self._decided = itertools.count(1)
        self._incident, self._opened_at, self._severity = self._ids.new(), self._clock.now(), SEVERE
        self._tell(Phase.OPEN)
        return self._incident

    def _tell(self, phase: Phase) -> None:
        now = self._clock.now()
        shots = ((EvidenceRole.NOW, self._shot(now)),) if self._jpeg and phase is Phase.OPEN else ()
        self._waiting.put(self._body(phase), now, shots)

    @property
    def waits(self) -> bool:
        """Whether something decided is not on disk, or something on disk is not settled or not uploaded."""
        self._waiting.flush()
        pictures = self._uploader is not None and bool(self.outbox.pictures.pending(1))
        return bool(len(self._waiting)) or self.outbox.counts().kept > 0 or pictures

    def counts(self) -> dict[str, int]:
        """The milestones of the outbox."""
        counts = self.outbox.counts()
        return {name: getattr(counts, name) for name in ("born", "pending", "sent", "acked", "refused", "shed")}

    def _next_incident(self) -> tuple[UUID, datetime, int]:
        severe = next(self._incidents) % SEVERE_EVERY == 0
        return self._ids.new(), self._clock.now(), SEVERE if severe else MILD

    def _body(self, phase: Phase) -> FindingBody:
        return FindingBody(
            incident_id=self._incident,
            phase=phase,
            finding=Finding.ILLEGAL_PARKING,
            camera_id="simulated",
            zone_id="kerb",
            rule_id="parking",
            opened_at=self._opened_at,
            level=self._severity,
            score=0.5,
            measures=(Measure(name="dwell", value=300.0, unit="s", threshold=300.0),),
            box=Box(x1=0.1, y1=0.1, x2=0.2, y2=0.2),
            grid_code="110102009012004",
            seen_by=SEEN_BY,
        )

    def _shot(self, taken_at: datetime) -> Shot:
        return Shot(with_comment(self._jpeg, self._ids.new().bytes), WIDTH, HEIGHT, taken_at)

    def _keep(self, shot: Shot) -> StoredPicture:
        return self._store.put(shot.jpeg, shot.width, shot.height, shot.taken_at)

    def _emit(self, body: FindingBody, captured_at: datetime, pictures: tuple[StoredPicture, ...]) -> None:
        self._emitter.emit(body, captured_at, body.level or MILD, pictures)
        if pictures and self._uploader is not None:
            self._uploader.wake()


def free_bytes(folder: Path) -> int:
    """What the file system of this folder has for this user."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def small_jpeg() -> bytes:
    """A JPEG of 64 x 48 pixels of noise, some kilobytes."""
    return Path(__file__).with_name("simulated.jpg").read_bytes()


def with_comment(jpeg: bytes, comment: bytes) -> bytes:
    """The same JPEG with a comment segment, which gives it a SHA-256 of its own."""
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + jpeg[2:]
