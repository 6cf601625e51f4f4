"""What the routes of the fleet answer."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

EdgeState = Literal["online", "offline"]


class SnapshotView(BaseModel):
    """The latest picture of a camera; width and height in pixels."""

    sha256: str
    taken_at: datetime
    width: int
    height: int


class CameraView(BaseModel):
    """A camera; it is offline when its box is."""

    edge_id: str
    camera_id: str
    name_zh: str
    name_en: str
    grid_code: str | None
    state: Literal["connecting", "live", "stalled", "backoff", "auth_failed", "offline"]
    state_since: datetime
    last_frame_at: datetime | None
    fps: float | None
    reason: str | None
    snapshot: SnapshotView | None
    edge_state: EdgeState


class CameraList(BaseModel):
    """All cameras that the subject may see, and when this was so."""

    items: list[CameraView]
    as_of: datetime


class OutboxView(BaseModel):
    """How many messages of a box wait, are under way, have been acknowledged, were given up."""

    pending: int
    sent: int
    acked: int
    shed: int


class GapsView(BaseModel):
    """How many gaps there are in what a box sent: those that may still close, and those that will not."""

    open: int
    lost: int


class EdgeView(BaseModel):
    """A box; `cameras` counts those that the subject may see."""

    edge_id: str
    state: EdgeState
    since: datetime
    boot_id: UUID
    software: str | None
    last_seen_at: datetime
    clock_offset_ms: int | None
    outbox: OutboxView | None
    cameras: int
    gaps: GapsView


class EdgeList(BaseModel):
    """All boxes that the subject may see, and when this was so."""

    items: list[EdgeView]
    as_of: datetime
