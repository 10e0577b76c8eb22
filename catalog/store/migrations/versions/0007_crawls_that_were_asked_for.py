"""A person may ask for a crawl: the next worker begins it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sources", sa.Column("asked_at", sa.String(length=32), nullable=True))


def downgrade() -> None:
    op.drop_column("sources", "asked_at")
