"""What a box says of itself: born, alive, dead, and how its cameras and its outbox are."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from mqtt.fields import Count, GridCode, Label, Moment, Name, Picture, Text, WireModel


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
