"""The tables of boxes and cameras as their last state message told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, code


class EdgeRow(Base):
    """A box; `state_*` name the last state message of `boot_id`, `previous_boot_id` is the boot that it replaced."""

    __tablename__ = "edge_state"

    edge_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    boot_id: Mapped[UUID]
    previous_boot_id: Mapped[UUID | None]
    state_seq: Mapped[int] = mapped_column(BigInteger)
    state_event_id: Mapped[UUID | None]
    state_emitted_at: Mapped[datetime | None]
    online: Mapped[bool]
    since: Mapped[datetime]
    software: Mapped[str | None] = mapped_column(String(50))
    last_seen_at: Mapped[datetime]
    clock_offset_ms: Mapped[int | None] = mapped_column(BigInteger)
    outbox: Mapped[dict[str, Any] | None]


class CameraRow(Base):
    """A camera; one that its box does not list any more is kept, not `present`, for the names in old cases."""

    __tablename__ = "camera_state"
    __table_args__ = (Index("ix_camera_state_grid_code", "grid_code"),)

    edge_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    present: Mapped[bool]
    name_zh: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    grid_code: Mapped[str | None] = mapped_column(code(15))
    state: Mapped[str] = mapped_column(String(16))
    since: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(String(500))
    last_frame_at: Mapped[datetime | None]
    fps: Mapped[float | None]
    snapshot_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    snapshot_taken_at: Mapped[datetime | None]
    snapshot_width: Mapped[int | None] = mapped_column(BigInteger)
    snapshot_height: Mapped[int | None] = mapped_column(BigInteger)


class GapRow(Base):
    """Events of a boot that the hub never had, `first_seq` to `last_seq`; the ingest keeps them, the fleet shows them.

    One without `told_at` is too young to be news; one with `lost_at` will not come any more, as far as anyone knows.
    """

    __tablename__ = "seq_gap"

    edge_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    boot_id: Mapped[UUID] = mapped_column(primary_key=True)
    first_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    noticed_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    lost_at: Mapped[datetime | None]
