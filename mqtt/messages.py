"""The bodies that travel in an envelope: what a judge found, what a sensor read, what became of an order.

Places are in normalised picture coordinates: x to the right, y down, both 0..1 of the frame that was judged.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from mqtt.fields import (
    Count,
    GridCode,
    Label,
    Moment,
    Name,
    Number,
    Picture,
    Positive,
    Sha256,
    Text,
    Unit,
    UnitName,
    WireModel,
)
from mqtt.states import BirthBody, DeathBody, HealthBody


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
