"""Smaller: what files say stands in the order of its key, and no index but of the few files that could not be read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UNREAD = sa.text("reading IN ('failed', 'retry')")


def upgrade() -> None:
    op.drop_index("objects_by_reading", table_name="objects")
    op.create_index(
        "objects_unread", "objects", ["source", "key"], sqlite_where=UNREAD, postgresql_where=UNREAD
    )
    _rewrite_extractions(with_rowid=False)


def downgrade() -> None:
    _rewrite_extractions(with_rowid=True)
    op.drop_index("objects_unread", table_name="objects")
    op.create_index("objects_by_reading", "objects", ["source", "state", "reading"])


def _rewrite_extractions(*, with_rowid: bool) -> None:
    """SQLite kept each key twice: in the table, and in an index to its rows. PostgreSQL knows no other way."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.create_table(
        "extractions_anew",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("key", sa.LargeBinary(), primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=with_rowid,
    )
    op.execute(
        "INSERT INTO extractions_anew (source, key, body) SELECT source, key, body FROM extractions ORDER BY source, key"
    )
    op.drop_table("extractions")
    op.rename_table("extractions_anew", "extractions")
