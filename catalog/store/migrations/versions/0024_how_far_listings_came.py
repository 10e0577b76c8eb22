"""How far the listing of each run came, so that the next one can go on from there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs of before are not gone on with: what they listed is listed from its beginning."""
    op.add_column("runs", sa.Column("listed_to", sa.LargeBinary()))


def downgrade() -> None:
    op.drop_column("runs", "listed_to")
