"""Files that nobody finished writing, as retention saw them last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_unfinished",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.String(length=32), nullable=False),
        sa.Column("noted_at", sa.String(length=32), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("retention_unfinished")
