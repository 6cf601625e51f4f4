"""The order of each boot, its gaps, and what boxes were asked to send again."""

import json
from collections.abc import Iterator
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from hub.db.base import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    order = op.create_table(
        "boot_order",
        sa.Column("edge_id", sa.String(63), nullable=False),
        sa.Column("boot_id", sa.Uuid(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("edge_id", "boot_id", name="pk_boot_order"),
    )
    op.create_table(
        "seq_gap",
        sa.Column("edge_id", sa.String(63), nullable=False),
        sa.Column("boot_id", sa.Uuid(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("noticed_at", UtcDateTime(), nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.Column("lost_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("edge_id", "boot_id", "first_seq", name="pk_seq_gap"),
    )
    refused = op.create_table(
        "refused_seq",
        sa.Column("edge_id", sa.String(63), nullable=False),
        sa.Column("boot_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("refused_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("edge_id", "boot_id", "seq", name="pk_refused_seq"),
    )
    op.create_table(
        "resync",
        sa.Column("edge_id", sa.String(63), nullable=False),
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(16), nullable=True),
        sa.Column("answer_boot_id", sa.Uuid(), nullable=True),
        sa.Column("answer_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("edge_id", name="pk_resync"),
    )
    _summarise(order)
    _remember_refusals(refused)


def _summarise(order: sa.Table) -> None:
    """Past boots are closed as they are; the one that a box is in is looked at from its first event by the hub."""
    event = sa.table("event", sa.column("edge_id"), sa.column("boot_id"), sa.column("seq"))
    state = sa.table("edge_state", sa.column("edge_id"), sa.column("boot_id"))
    now_in = sa.exists().where(state.c.edge_id == event.c.edge_id, state.c.boot_id == event.c.boot_id)
    seen = sa.case((now_in, 0), else_=sa.func.max(event.c.seq))
    boots = sa.select(event.c.edge_id, event.c.boot_id, seen, sa.literal(0)).group_by(event.c.edge_id, event.c.boot_id)
    op.execute(order.insert().from_select(["edge_id", "boot_id", "seen", "version"], boots))


def _remember_refusals(refused: sa.Table) -> None:
    letters = sa.table(
        "dead_letter", sa.column("edge_id"), sa.column("payload"), sa.column("received_at", UtcDateTime())
    )
    query = sa.select(letters).where(letters.c.edge_id.is_not(None))
    rows = {}
    # A hundred at a time: ten thousand letters of 64 KiB do not belong into memory.
    for edge_id, payload, received_at in op.get_bind().execute(query, execution_options={"yield_per": 100}):
        for boot_id, seq in _place(payload):
            rows[edge_id, boot_id, seq] = received_at
    values = [
        {"edge_id": edge_id, "boot_id": boot_id, "seq": seq, "refused_at": received_at}
        for (edge_id, boot_id, seq), received_at in rows.items()
    ]
    if values:
        op.get_bind().execute(refused.insert(), values)


def _place(payload: bytes) -> Iterator[tuple[UUID, int]]:
    try:
        fields = json.loads(payload)
        boot_id, seq = UUID(fields["boot_id"]), fields["seq"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return
    if type(seq) is int and 0 < seq < 2**63:
        yield boot_id, seq


def downgrade() -> None:
    for table in ("resync", "refused_seq", "seq_gap", "boot_order"):
        op.drop_table(table)
