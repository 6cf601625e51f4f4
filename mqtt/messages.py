"""The bodies that travel in an envelope, and the answers of the hub.

Places are in normalised picture coordinates: x to the right, y down, both 0..1 of the frame that was judged.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from mqtt.errors import RefusalReason
from mqtt.topic import EDGE_ID_PATTERN

Name = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,62})$")]
EdgeId = Annotated[str, Field(pattern=EDGE_ID_PATTERN)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
GridCode = Annotated[str, Field(pattern=r"^[0-9A-Z]{15}$")]
Unit = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Positive = Annotated[int, Field(gt=0, le=2**31 - 1)]
# PostgreSQL stores no NUL in a text.
NO_NUL = r"^[^\x00]*$"
Text = Annotated[str, Field(max_length=500, pattern=NO_NUL)]
Label = Annotated[str, Field(max_length=100, pattern=NO_NUL)]
UnitName = Annotated[str, Field(max_length=20, pattern=NO_NUL)]


def check_moment(moment: datetime) -> datetime:
    """Return `moment` when it can be turned into UTC and stored; a box with a dead clock sends 1970.

    Raises:
        ValueError: the year is before 1970 or after 9998.
    """
    if not 1970 <= moment.year <= 9998:  # noqa: PLR2004
        msg = f"the year {moment.year} is not in 1970..9998"
        raise ValueError(msg)
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(check_moment)]


class WireModel(BaseModel):
    """Base of everything on the wire: unknown fields are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Finding(StrEnum):
    """What a judge can find (DESIGN 6)."""

    CROWDING = "crowding"
    ILLEGAL_PARKING = "illegal_parking"
    LITTER = "litter"
    TAMPER = "tamper"


class Phase(StrEnum):
    """Where in its life an incident is."""

    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"


class Box(WireModel):
    """A rectangle in normalised picture coordinates."""

    x1: Unit
    y1: Unit
    x2: Unit
    y2: Unit

    @model_validator(mode="after")
    def _corners_in_order(self) -> Self:
        if self.x1 > self.x2 or self.y1 > self.y2:
            msg = "x1, y1 must be the top left corner and x2, y2 the bottom right one"
            raise ValueError(msg)
        return self


class Measure(WireModel):
    """One figure that the judge went by, with its unit and the threshold it was held against."""

    name: Name
    value: Number
    unit: UnitName
    threshold: Number | None = None


class EvidenceRole(StrEnum):
    """Which moment or view a picture shows."""

    T0 = "t0"
    MIDDLE = "middle"
    T1 = "t1"
    WIDE = "wide"
    NOW = "now"


class Picture(WireModel):
    """A picture that is uploaded over HTTPS under its hash; masks are already applied."""

    sha256: Sha256
    content_type: Literal["image/jpeg"] = "image/jpeg"
    size: Positive
    width: Positive
    height: Positive
    taken_at: Moment


class Evidence(Picture):
    """A picture with its part in the incident."""

    role: EvidenceRole


class SeenBy(WireModel):
    """What looked: model and config versions, so that a finding can be traced."""

    model: Label
    model_version: Label
    backend: Label
    config_version: Count


class FindingBody(WireModel):
    """A change in the life of one incident, decided by a judge on the box."""

    kind: Literal["finding"] = "finding"
    incident_id: UUID
    phase: Phase
    finding: Finding
    camera_id: Name
    zone_id: Name
    rule_id: Name
    opened_at: Moment
    level: Annotated[int, Field(ge=1, le=4)] | None = None
    score: Unit
    measures: Annotated[tuple[Measure, ...], Field(max_length=16)] = ()
    box: Box | None = None
    grid_code: GridCode | None = None
    uncertainty_m: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    seen_by: SeenBy
    limits: Annotated[tuple[Text, ...], Field(max_length=16)] = ()
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=8)] = ()


class ReadingBody(WireModel):
    """One value of a sensor."""

    kind: Literal["reading"] = "reading"
    sensor_id: Name
    quantity: Name
    value: Number
    unit: UnitName
    quality: Literal["good", "suspect", "bad"] = "good"


class CameraState(StrEnum):
    """What the supervisor of a camera says of its connection."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    BACKOFF = "backoff"
    AUTH_FAILED = "auth_failed"


def _is_none(value: object) -> bool:
    return value is None


Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LookStatus(WireModel):
    """How well a box can look at one camera.

    `fps_asked` is what its rules need, None when they need nothing now, `fps_given` what it gets, in looks a second;
    `lag_ms` is from the capture of the last frame to the end of its look. `stage_ms` is milliseconds a look by stage,
    `dropped` frames by reason. `limit` says what the box gives up because it is too small.
    """

    fps_asked: Rate | None = None
    fps_given: Rate
    lag_ms: Rate | None = None
    decoder: Label | None = None
    stage_ms: Annotated[dict[Name, Rate], Field(max_length=8)] = {}
    dropped: Annotated[dict[Name, Count], Field(max_length=8)] = {}
    limit: Text | None = None


class CameraStatus(WireModel):
    """One camera as its box sees it; `look` is in a heartbeat only."""

    camera_id: Name
    name_zh: Label
    name_en: Label
    grid_code: GridCode | None = None
    state: CameraState
    since: Moment
    reason: Text | None = None
    last_frame_at: Moment | None = None
    fps: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    frames_dropped: Count = 0
    snapshot: Picture | None = None
    # Left out when there is none, as below.
    look: Annotated[LookStatus | None, Field(exclude_if=_is_none)] = None


class OutboxStatus(WireModel):
    """The milestones of the outbox; born = pending + sent + acked + refused + shed, always."""

    born: Count
    pending: Count
    sent: Count
    acked: Count
    refused: Count
    shed: Count


class BirthBody(WireModel):
    """The first state of a box after it connected."""

    kind: Literal["birth"] = "birth"
    software: Label
    models: Annotated[tuple[Text, ...], Field(max_length=16)] = ()
    config_version: Count
    cameras: Annotated[tuple[CameraStatus, ...], Field(max_length=64)] = ()
    outbox: OutboxStatus


class HealthBody(WireModel):
    """The state of a box, repeated while it lives; `trouble` says why its events do not go out, or is not there."""

    kind: Literal["health"] = "health"
    cameras: Annotated[tuple[CameraStatus, ...], Field(max_length=64)] = ()
    outbox: OutboxStatus
    # Left out when there is none: a hub of an earlier version refuses a field that it does not know.
    trouble: Annotated[Text | None, Field(exclude_if=_is_none)] = None


class DeathBody(WireModel):
    """The last state of a box: sent by itself on a clean stop, by the broker as its will otherwise."""

    kind: Literal["death"] = "death"
    reason: Literal["stopped", "lost"]


class SeqRange(WireModel):
    """Events of one boot, from `first` to `last`, both included."""

    boot_id: UUID
    first: Annotated[int, Field(ge=1, le=2**63 - 1)]
    last: Annotated[int, Field(ge=1, le=2**63 - 1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.last:
            msg = "first must not be above last"
            raise ValueError(msg)
        return self


class ShedBody(WireModel):
    """What a box let go of for want of disk space before the hub had it: it will never come.

    `pictures` or `events` name all of it. `severe` says that it belonged to findings of level 3 or 4; `oldest` and
    `newest` are when the pictures were taken or the events born. `over_budget`: the box may not take more of its disk;
    `disk_short`: others fill the disk.
    """

    kind: Literal["shed"] = "shed"
    what: Literal["pictures", "events"]
    count: Positive
    bytes: Count
    oldest: Moment
    newest: Moment
    severe: bool
    reason: Literal["over_budget", "disk_short"]
    pictures: Annotated[tuple[Sha256, ...], Field(max_length=256)] = ()
    events: Annotated[tuple[SeqRange, ...], Field(max_length=256)] = ()


class ReportedBody(WireModel):
    """What became of a desired configuration."""

    kind: Literal["reported"] = "reported"
    version: Count
    status: Literal["applied", "rejected", "rolled_back"]
    reason: Text | None = None


class ResultBody(WireModel):
    """The answer to a command."""

    kind: Literal["result"] = "result"
    command_id: UUID
    status: Literal["done", "failed", "refused"]
    reason: Text | None = None


Body = Annotated[
    FindingBody | ReadingBody | ShedBody | BirthBody | HealthBody | DeathBody | ReportedBody | ResultBody,
    Field(discriminator="kind"),
]


class Refusal(WireModel):
    """A nack for one message: it will not be taken, however often it is sent.

    `event_id` is None when it could not be read; `payload_sha256` names the bytes that arrived.
    """

    event_id: UUID | None
    payload_sha256: Sha256
    reason: RefusalReason
    detail: Text


class Ack(WireModel):
    """What the hub has committed (`settled`) and what it will never take (`refused`)."""

    v: Literal[1] = 1
    settled: Annotated[tuple[UUID, ...], Field(max_length=500)] = ()
    refused: Annotated[tuple[Refusal, ...], Field(max_length=100)] = ()


class HubState(WireModel):
    """Whether a hub takes events; retained, with an offline will: boxes hold instead of sending into the void."""

    v: Literal[1] = 1
    online: bool
    since: Moment


class Command(WireModel):
    """An order to a box; the verbs come with the issues that need them."""

    v: Literal[1] = 1
    command_id: UUID
    verb: Literal["resync"]


class Desired(WireModel):
    """A whole configuration document for a box, with the version that it must be newer than."""

    v: Literal[1] = 1
    version: Count
    document: dict[str, object]
