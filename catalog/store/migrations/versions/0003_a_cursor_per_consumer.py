"""Each consumer has a cursor over the revisions, and each source a lease."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    consumers = op.create_table(
        "consumers",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "deliveries",
        sa.Column("consumer", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.Float(), nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("consumer", "model"),
    )
    # The index was the only consumer, and the outbox held all that it lacked.
    newest = op.get_bind().execute(sa.text("SELECT coalesce(max(serial), 0) FROM revisions")).scalar_one()
    op.bulk_insert(consumers, [{"name": "index", "position": newest}])
    op.execute(
        "INSERT INTO deliveries (consumer, model, revision, state, reason, attempts, next_try)"
        " SELECT 'index', model, revision, state, reason, attempts, next_try FROM outbox"
    )
    op.create_index("deliveries_by_claim", "deliveries", ["consumer", "state", "claimed_by", "next_try"])
    op.drop_index("outbox_by_state", table_name="outbox")
    op.drop_table("outbox")
    with op.batch_alter_table("leases") as leases:  # the address of a source may be longer than 64 letters
        leases.alter_column(
            "name", type_=sa.Text(), existing_type=sa.String(length=64), existing_nullable=False
        )
