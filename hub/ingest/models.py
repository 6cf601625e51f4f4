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


class OrderRow(Base):
    """How far the order of a boot was looked at: up to `seen`, each event came or is in a gap (`hub.fleet.models`)."""

    __tablename__ = "boot_order"

    edge_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    boot_id: Mapped[UUID] = mapped_column(primary_key=True)
    seen: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)


class RefusedSeqRow(Base):
    """A message that came and was refused, so that its number is no gap; kept until the order has passed it."""

    __tablename__ = "refused_seq"

    edge_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    boot_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    refused_at: Mapped[datetime]


class ResyncRow(Base):
    """The last resync that a box with gaps was asked for; `answer_*` name the result that it gave to `command_id`."""

    __tablename__ = "resync"

    edge_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    command_id: Mapped[UUID]
    asked_at: Mapped[datetime]
    times: Mapped[int]
    answer: Mapped[str | None] = mapped_column(String(16))
    answer_boot_id: Mapped[UUID | None]
    answer_seq: Mapped[int | None] = mapped_column(BigInteger)
