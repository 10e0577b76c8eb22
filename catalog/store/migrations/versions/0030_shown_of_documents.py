"""What a record's row has of its document is called so.

A program of an earlier version that is under way while the store is brought up to date takes it for the whole document: it would
index that, and make the next revision of it. Now it finds no such column, and ends with a sentence.
"""

from __future__ import annotations

from alembic import op

from catalog.store.sql_views import without_views

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rename("document", "shown")


def downgrade() -> None:
    _rename("shown", "document")


def _rename(before: str, after: str) -> None:
    connection = op.get_bind()
    with without_views(connection, text_column=after):
        connection.exec_driver_sql(f"ALTER TABLE records RENAME COLUMN {before} TO {after}")
