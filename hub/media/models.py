"""The table of stored pictures."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base


class Purpose(StrEnum):
    """Why a box delivered a picture: evidence stays with its case, a snapshot goes when a newer one is there."""

    EVIDENCE = "evidence"
    SNAPSHOT = "snapshot"


class MediaRow(Base):
    """A picture that is on disk; `edge_id` is the box that sent it first."""

    __tablename__ = "media"
    __table_args__ = (Index("ix_media_purpose_stored_at", "purpose", "stored_at"),)

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int]
    content_type: Mapped[str] = mapped_column(String(32))
    edge_id: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(String(16))
    stored_at: Mapped[datetime]
