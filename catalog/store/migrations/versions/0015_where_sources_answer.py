"""Where the storage of a source answered when it was last crawled, so that another one in its place is noticed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Sources of before are taken at their word once."""
    op.add_column("sources", sa.Column("endpoint", sa.Text()))


def downgrade() -> None:
    op.drop_column("sources", "endpoint")
