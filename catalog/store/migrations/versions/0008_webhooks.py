"""Webhooks, and which state of each model each of them was told of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("name", sa.String(length=55), primary_key=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("added_at", sa.String(length=32), nullable=False),
        sa.Column("since_serial", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "webhook_states",
        sa.Column("webhook", sa.String(length=55), primary_key=True),
        sa.Column("model", sa.String(length=64), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("webhook_states")
    op.drop_table("webhooks")
