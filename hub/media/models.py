"""The table of stored pictures."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base


class MediaRow(Base):
    """A picture that is on disk; `edge_id` is the box that sent it first."""

    __tablename__ = "media"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int]
    content_type: Mapped[str] = mapped_column(String(32))
    edge_id: Mapped[str] = mapped_column(String(64))
    stored_at: Mapped[datetime]
