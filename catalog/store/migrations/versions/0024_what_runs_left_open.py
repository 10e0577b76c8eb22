"""What a run left open: how far its listing came, for the next one to go on from there, and models that could not be made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

NOT_MADE = sa.text("signature = ''")


def upgrade() -> None:
    """Runs of before are not gone on with: what they listed is listed from its beginning."""
    op.add_column("runs", sa.Column("listed_to", sa.LargeBinary()))
    op.create_index(
        "records_not_made", "records", ["source"], sqlite_where=NOT_MADE, postgresql_where=NOT_MADE
    )


def downgrade() -> None:
    op.drop_index("records_not_made", "records")
    op.drop_column("runs", "listed_to")
