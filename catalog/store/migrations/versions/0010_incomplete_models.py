"""Records know whether their weights are all there, so that a run can count those of which a part is missing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Records of before count as complete until the next crawl, which makes them anew."""
    op.add_column("records", sa.Column("incomplete", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("records", "incomplete")
