"""Records know the identity of their tensors beside that of their files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("records", sa.Column("tensors", sa.Text(), nullable=True))
    op.create_index("records_by_tensors", "records", ["tensors"], unique=False)


def downgrade() -> None:
    op.drop_index("records_by_tensors", table_name="records")
    op.drop_column("records", "tensors")
