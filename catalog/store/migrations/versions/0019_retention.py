"""Plans of retention, and how far each of their objects is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_plans",
        sa.Column("id", sa.String(length=16), primary_key=True),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
    )
    op.create_table(
        "retention_models",
        sa.Column("plan", sa.String(length=16), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("goes", sa.Integer(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
    )
    op.create_index("retention_models_by_state", "retention_models", ["plan", "goes", "number"])
    op.create_table(
        "retention_objects",
        sa.Column("plan", sa.String(length=16), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
    )
    op.create_index("retention_objects_by_model", "retention_objects", ["plan", "model"])


def downgrade() -> None:
    for table in ("retention_objects", "retention_models", "retention_plans"):
        op.drop_table(table)
