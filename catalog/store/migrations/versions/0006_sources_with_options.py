"""Sources are rows with a name, an address and options.

What was crawled before is a source with defaults. One all of whose models are gone was forgotten: the worker must not
bring it back.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sources", sa.Column("name", sa.Text(), nullable=True))
    op.add_column("sources", sa.Column("address", sa.Text(), nullable=True))
    op.add_column("sources", sa.Column("options", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("sources", sa.Column("state", sa.String(length=8), nullable=False, server_default="active"))
    op.add_column("sources", sa.Column("updated_at", sa.String(length=32), nullable=True))
    op.create_index("sources_by_name", "sources", ["name"], unique=True)
    op.execute(
        "UPDATE sources SET state = 'removed'"
        " WHERE EXISTS (SELECT 1 FROM records WHERE records.source = sources.id)"
        " AND NOT EXISTS (SELECT 1 FROM records WHERE records.source = sources.id AND records.state <> 'gone')"
    )


def downgrade() -> None:
    op.drop_index("sources_by_name", table_name="sources")
    for column in ("updated_at", "state", "options", "address", "name"):
        op.drop_column("sources", column)
