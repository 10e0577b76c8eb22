"""Searches that people keep under a name, and what each reader had seen of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.String(length=16), primary_key=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
    )
    op.create_index("saved_searches_by_slug", "saved_searches", ["owner", "slug"], unique=True)
    op.create_table(
        "saved_looks",
        sa.Column("search", sa.String(length=16), primary_key=True),
        sa.Column("reader", sa.Text(), primary_key=True),
        sa.Column("looked_at", sa.String(length=32), nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("saved_looks")
    op.drop_table("saved_searches")
