"""The tables of messages that were taken, and of those that never will be."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base


class EventRow(Base):
    """A message that was taken, once; `content_sha256` tells a repeated one from another with the same id."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_edge_id_boot_id_seq", "edge_id", "boot_id", "seq"),)

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    edge_id: Mapped[str] = mapped_column(String(63))
    boot_id: Mapped[UUID]
    seq: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    emitted_at: Mapped[datetime]
    captured_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    clock: Mapped[dict[str, Any]]
    body: Mapped[dict[str, Any]]
    content_sha256: Mapped[str] = mapped_column(String(64))


class DeadLetterRow(Base):
    """A message that was refused; `fingerprint` makes one that is sent again raise `times` instead of adding a row."""

    __tablename__ = "dead_letter"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
    times: Mapped[int]
    topic: Mapped[str] = mapped_column(String(300))
    edge_id: Mapped[str | None] = mapped_column(String(63))
    reason: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(String(500))
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int]
