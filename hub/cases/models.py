"""The tables of cases, their history and evidence, the pictures that will not come, and the counters of numbers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, validates

from hub.db.base import Base, code

SERIAL_DIGITS = 6
"""The last digits of a case number, which people say to each other; filed beside it because no index finds an end."""


class CaseRow(Base):
    """One case. `described_*` name the message that the descriptive columns come from, `version` counts messages."""

    __tablename__ = "grid_case"
    __table_args__ = (
        UniqueConstraint("edge_id", "incident_id"),
        Index("ix_grid_case_opened_at_id", "opened_at", "id"),
        Index("ix_grid_case_stage_opened_at_id", "stage", "opened_at", "id"),
        Index("ix_grid_case_item_key_opened_at_id", "item_key", "opened_at", "id"),
        Index("ix_grid_case_stage_item_key_opened_at_id", "stage", "item_key", "opened_at", "id"),
        Index("ix_grid_case_stage_grid_code", "stage", "grid_code"),
        Index("ix_grid_case_edge_id_camera_id_opened_at_id", "edge_id", "camera_id", "opened_at", "id"),
        Index("ix_grid_case_serial_opened_at_id", "serial", "opened_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_no: Mapped[str] = mapped_column(code(32), unique=True)
    serial: Mapped[str] = mapped_column(String(SERIAL_DIGITS))
    edge_id: Mapped[str] = mapped_column(String(63))
    incident_id: Mapped[UUID]
    item_key: Mapped[str] = mapped_column(String(40))
    item_code: Mapped[str] = mapped_column(String(20))
    scheme: Mapped[str] = mapped_column(String(40))
    stage: Mapped[str] = mapped_column(String(16))
    camera_id: Mapped[str] = mapped_column(String(63))
    zone_id: Mapped[str] = mapped_column(String(63))
    rule_id: Mapped[str] = mapped_column(String(63))
    grid_code: Mapped[str | None] = mapped_column(code(15))
    opened_at: Mapped[datetime]
    clock_ahead: Mapped[bool]
    updated_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    level: Mapped[int | None]
    score: Mapped[float]
    uncertainty_m: Mapped[float | None]
    measures: Mapped[list[Any]]
    box: Mapped[list[Any] | None]
    model_name: Mapped[str] = mapped_column(String(100))
    model_version: Mapped[str] = mapped_column(String(100))
    config_version: Mapped[int] = mapped_column(BigInteger)
    limits: Mapped[list[Any]]
    described_by_close: Mapped[bool]
    described_boot: Mapped[UUID]
    described_seq: Mapped[int] = mapped_column(BigInteger)
    history_length: Mapped[int]
    version: Mapped[int] = mapped_column()

    @validates("case_no")
    def _keep_serial(self, name: str, case_no: str) -> str:  # noqa: ARG002
        self.serial = case_no[-SERIAL_DIGITS:]
        return case_no

    # The version is set by the fold, and a flush over another version raises StaleDataError (DESIGN 5, row 9).
    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}  # noqa: RUF012


class CaseHistoryRow(Base):
    """One step in the life of a case; rows are added and never changed."""

    __tablename__ = "case_history"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("grid_case.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(128))
    from_stage: Mapped[str | None] = mapped_column(String(16))
    to_stage: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(500))
    note: Mapped[str | None] = mapped_column(String(500))
    event_id: Mapped[UUID | None]


class CaseEvidenceRow(Base):
    """One picture of a case; whether its bytes are here is the media store's knowledge."""

    __tablename__ = "case_evidence"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("grid_case.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    taken_at: Mapped[datetime]
    size: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int] = mapped_column(BigInteger)
    height: Mapped[int] = mapped_column(BigInteger)


class ShedPictureRow(Base):
    """A picture that its box let go of; it may be told before the case that the picture belongs to."""

    __tablename__ = "shed_picture"

    edge_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)


class CaseCounterRow(Base):
    """How many cases a district has numbered on a day of its own calendar."""

    __tablename__ = "case_counter"

    district: Mapped[str] = mapped_column(String(6), primary_key=True)
    day: Mapped[str] = mapped_column(String(8), primary_key=True)
    last: Mapped[int]
