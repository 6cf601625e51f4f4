"""Messages of a box for the hub's tests, valid unless the test spoils them."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hub.clock import SystemIds
from mqtt.connection import Message
from mqtt.envelope import ClockReport, Envelope, encode
from mqtt.fields import Picture
from mqtt.messages import Body, Evidence, EvidenceRole, Finding, FindingBody, Measure, Phase, ReadingBody, SeenBy
from mqtt.messages import Box as PictureBox
from mqtt.states import BirthBody, CameraState, CameraStatus, DeathBody, HealthBody, OutboxStatus
from mqtt.topic import Channel, Topic

START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
GRID = "110102012003007"
SHA = "ab" * 32
CHANNELS = {
    "finding": Channel.EVENT,
    "shed": Channel.EVENT,
    "reading": Channel.READING,
    "result": Channel.RESULT,
}
OUTBOX = OutboxStatus(born=9, pending=1, sent=2, acked=6, refused=0, shed=0)
SETTLED = OutboxStatus(born=9, pending=0, sent=0, acked=9, refused=0, shed=0)

_ids = SystemIds()


def new_id() -> UUID:
    return _ids.new()


class BoxVoice:
    """What one boot of a box says; time moves on by a second with each message, and events count up `seq`."""

    def __init__(self, edge_id: str = "edge-1", boot_id: UUID | None = None, start: datetime = START) -> None:
        self.edge_id = edge_id
        self.boot_id = boot_id or new_id()
        self._start = start
        self._seconds = itertools.count(1)
        self._born = 0

    def say(self, body: Body, **changes: Any) -> Envelope:
        at = self._start + timedelta(seconds=next(self._seconds))
        if body.kind in CHANNELS:
            self._born += 1
        fields: dict[str, Any] = {
            "edge_id": self.edge_id,
            "boot_id": self.boot_id,
            "seq": self._born,
            "event_id": new_id(),
            "kind": body.kind,
            "emitted_at": at,
            "captured_at": at,
            "clock": ClockReport(source="ntp", offset_ms=12),
            "body": body,
        }
        return Envelope(**(fields | changes))

    def finding(self, incident_id: UUID, phase: Phase = Phase.OPEN, **changes: Any) -> Envelope:
        return self.say(finding_body(incident_id, phase, **changes))

    def reading(self, value: float = 1.5) -> Envelope:
        return self.say(ReadingBody(sensor_id="rain-1", quantity="rain", value=value, unit="mm"))

    def birth(self, *cameras: CameraStatus) -> Envelope:
        return self.say(BirthBody(software="0.1.0", config_version=1, cameras=cameras, outbox=OUTBOX))

    def health(self, *cameras: CameraStatus) -> Envelope:
        return self.say(HealthBody(cameras=cameras, outbox=OUTBOX))

    def death(self) -> Envelope:
        return self.say(DeathBody(reason="lost"))


def finding_body(incident_id: UUID, phase: Phase = Phase.OPEN, **changes: Any) -> FindingBody:
    fields: dict[str, Any] = {
        "incident_id": incident_id,
        "phase": phase,
        "finding": Finding.ILLEGAL_PARKING,
        "camera_id": "cam-1",
        "zone_id": "zone-1",
        "rule_id": "parking",
        "opened_at": START,
        "level": 2,
        "score": 0.8,
        "measures": (Measure(name="dwell", value=61.0, unit="s", threshold=60.0),),
        "box": PictureBox(x1=0.1, y1=0.2, x2=0.3, y2=0.4),
        "grid_code": GRID,
        "uncertainty_m": 1.5,
        "seen_by": SeenBy(model="street-n", model_version="1.2", backend="onnx", config_version=3),
        "limits": ("night",),
        "evidence": (),
    }
    return FindingBody(**(fields | changes))


def evidence(role: EvidenceRole = EvidenceRole.T1, sha256: str = SHA) -> Evidence:
    return Evidence(role=role, **picture(sha256).model_dump())


def picture(sha256: str = SHA) -> Picture:
    return Picture(sha256=sha256, size=1000, width=768, height=576, taken_at=START)


def camera(camera_id: str = "cam-1", **changes: Any) -> CameraStatus:
    fields: dict[str, Any] = {
        "camera_id": camera_id,
        "name_zh": "什刹海 1 号",
        "name_en": "Shichahai 1",
        "grid_code": GRID,
        "state": CameraState.LIVE,
        "since": START,
        "fps": 10.0,
        "last_frame_at": START,
    }
    return CameraStatus(**(fields | changes))


def topic_of(envelope: Envelope) -> str:
    return str(Topic(envelope.edge_id, CHANNELS.get(envelope.kind, Channel.STATE)))


def on_wire(envelope: Envelope, *, retained: bool = False) -> Message:
    return Message(topic_of(envelope), encode(envelope), retained)
