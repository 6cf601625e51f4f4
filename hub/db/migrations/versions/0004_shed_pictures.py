"""Pictures that boxes let go of before the hub had them."""

import json
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        "shed_picture",
        sa.Column("edge_id", sa.String(63), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("edge_id", "sha256", name="pk_shed_picture"),
    )
    if rows := [{"edge_id": edge_id, "sha256": sha256} for edge_id, sha256 in sorted(set(_told()))]:
        op.bulk_insert(table, rows)


def _told() -> Iterator[tuple[str, str]]:
    """What boxes told before there was a table for it."""
    for edge_id, body in op.get_bind().execute(sa.text("SELECT edge_id, body FROM event WHERE kind = 'shed'")):
        told = json.loads(body) if isinstance(body, str) else body
        yield from ((edge_id, sha256) for sha256 in told["pictures"])


def downgrade() -> None:
    op.drop_table("shed_picture")
