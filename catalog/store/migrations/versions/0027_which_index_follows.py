"""Of a consumer that has its work done in a place of its own, as an index in a home is: which place that is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consumers", sa.Column("place", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("consumers", "place")
