"""Tables that models were trained on, as a Hive Metastore described them last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "data_tables",
        sa.Column("name", sa.String(length=512), primary_key=True),
        sa.Column("facts", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("data_tables")
