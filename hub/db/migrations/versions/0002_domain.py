"""Taken messages and dead letters, cases with history and evidence, boxes and cameras."""

import sqlalchemy as sa
from alembic import op

from hub.db.base import Json, UtcDateTime, code

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _ingest()
    _cases()
    _case_parts()
    _fleet()


def _ingest() -> None:
    op.create_table(
        "event",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("edge_id", sa.String(63), nullable=False),
        sa.Column("boot_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("emitted_at", UtcDateTime(), nullable=False),
        sa.Column("captured_at", UtcDateTime(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("clock", Json, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_event"),
    )
    op.create_index("ix_event_edge_id_boot_id_seq", "event", ["edge_id", "boot_id", "seq"])
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(300), nullable=False),
        sa.Column("edge_id", sa.String(63), nullable=True),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("detail", sa.String(500), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letter"),
        sa.UniqueConstraint("fingerprint", name="uq_dead_letter_fingerprint"),
    )
    op.create_index("ix_dead_letter_received_at", "dead_letter", ["received_at"])


def _cases() -> None:
    op.create_table(
        "grid_case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_no", code(32), nullable=False),
        sa.Column("serial", sa.String(6), nullable=False),
        sa.Column("edge_id", sa.String(63), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("item_key", sa.String(40), nullable=False),
        sa.Column("item_code", sa.String(20), nullable=False),
        sa.Column("scheme", sa.String(40), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("camera_id", sa.String(63), nullable=False),
        sa.Column("zone_id", sa.String(63), nullable=False),
        sa.Column("rule_id", sa.String(63), nullable=False),
        sa.Column("grid_code", code(15), nullable=True),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("clock_ahead", sa.Boolean(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("cleared_at", UtcDateTime(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("uncertainty_m", sa.Double(), nullable=True),
        sa.Column("measures", Json, nullable=False),
        sa.Column("box", Json, nullable=True),
        sa.Column("model_name", sa.String(100), nullable=False),
        sa.Column("model_version", sa.String(100), nullable=False),
        sa.Column("config_version", sa.BigInteger(), nullable=False),
        sa.Column("limits", Json, nullable=False),
        sa.Column("described_by_close", sa.Boolean(), nullable=False),
        sa.Column("described_boot", sa.Uuid(), nullable=False),
        sa.Column("described_seq", sa.BigInteger(), nullable=False),
        sa.Column("history_length", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_grid_case"),
        sa.UniqueConstraint("case_no", name="uq_grid_case_case_no"),
        sa.UniqueConstraint("edge_id", "incident_id", name="uq_grid_case_edge_id_incident_id"),
    )
    op.create_index("ix_grid_case_opened_at_id", "grid_case", ["opened_at", "id"])
    op.create_index("ix_grid_case_stage_opened_at_id", "grid_case", ["stage", "opened_at", "id"])
    op.create_index("ix_grid_case_item_key_opened_at_id", "grid_case", ["item_key", "opened_at", "id"])
    op.create_index("ix_grid_case_stage_item_key_opened_at_id", "grid_case", ["stage", "item_key", "opened_at", "id"])
    op.create_index("ix_grid_case_stage_grid_code", "grid_case", ["stage", "grid_code"])
    camera = ["edge_id", "camera_id", "opened_at", "id"]
    op.create_index("ix_grid_case_edge_id_camera_id_opened_at_id", "grid_case", camera)
    op.create_index("ix_grid_case_serial_opened_at_id", "grid_case", ["serial", "opened_at", "id"])


def _case_parts() -> None:
    op.create_table(
        "case_history",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("from_stage", sa.String(16), nullable=True),
        sa.Column("to_stage", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(500), nullable=True),
        sa.Column("note", sa.String(500), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["grid_case.id"], name="fk_case_history_case_id"),
        sa.PrimaryKeyConstraint("case_id", "seq", name="pk_case_history"),
    )
    op.create_table(
        "case_evidence",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["grid_case.id"], name="fk_case_evidence_case_id"),
        sa.PrimaryKeyConstraint("case_id", "role", "sha256", name="pk_case_evidence"),
    )
    op.create_index("ix_case_evidence_sha256", "case_evidence", ["sha256"])
    op.create_table(
        "case_counter",
        sa.Column("district", sa.String(6), nullable=False),
        sa.Column("day", sa.String(8), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("district", "day", name="pk_case_counter"),
    )


def _fleet() -> None:
    op.create_table(
        "edge_state",
        sa.Column("edge_id", sa.String(63), nullable=False),
        sa.Column("boot_id", sa.Uuid(), nullable=False),
        sa.Column("previous_boot_id", sa.Uuid(), nullable=True),
        sa.Column("state_seq", sa.BigInteger(), nullable=False),
        sa.Column("state_event_id", sa.Uuid(), nullable=True),
        sa.Column("state_emitted_at", UtcDateTime(), nullable=True),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("software", sa.String(50), nullable=True),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=True),
        sa.Column("outbox", Json, nullable=True),
        sa.PrimaryKeyConstraint("edge_id", name="pk_edge_state"),
    )
    op.create_table(
        "camera_state",
        sa.Column("edge_id", sa.String(63), nullable=False),
        sa.Column("camera_id", sa.String(63), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("name_zh", sa.String(100), nullable=False),
        sa.Column("name_en", sa.String(100), nullable=False),
        sa.Column("grid_code", code(15), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=True),
        sa.Column("last_frame_at", UtcDateTime(), nullable=True),
        sa.Column("fps", sa.Double(), nullable=True),
        sa.Column("snapshot_sha256", sa.String(64), nullable=True),
        sa.Column("snapshot_taken_at", UtcDateTime(), nullable=True),
        sa.Column("snapshot_width", sa.BigInteger(), nullable=True),
        sa.Column("snapshot_height", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("edge_id", "camera_id", name="pk_camera_state"),
    )
    op.create_index("ix_camera_state_snapshot_sha256", "camera_state", ["snapshot_sha256"])
    op.create_index("ix_camera_state_grid_code", "camera_state", ["grid_code"])


def downgrade() -> None:
    tables = "camera_state edge_state case_counter case_evidence case_history grid_case dead_letter event"
    for table in tables.split():
        op.drop_table(table)
