"""What a record's row has of its document is called so.

A program of an earlier version that is under way while the store is brought up to date takes it for the whole document: it would
index that, and make the next revision of it. Now it finds no such column, and ends with a sentence.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.store.sql_views import NAMES, create_views, drop_views

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
    others = _apart(connection) if connection.dialect.name == "sqlite" else []
    drop_views(connection)
    connection.exec_driver_sql(f"ALTER TABLE records RENAME COLUMN {before} TO {after}")
    create_views(connection, text_column=after)
    for statement in others:
        connection.exec_driver_sql(statement)


def _apart(connection: sa.Connection) -> list[str]:
    """Takes away what people built on our views, without which SQLite finds fault with it; how each is made again.

    Before our views go, since SQLite takes a trigger away with the view that it stands on.
    """
    definitions = "SELECT type, name, sql FROM sqlite_master WHERE type = ? ORDER BY rowid"
    dependents = [
        row
        for kind in ("view", "trigger")
        for row in connection.exec_driver_sql(definitions, (kind,))
        if row.name not in NAMES
    ]
    for kind, name, _ in dependents:
        quoted = name.replace('"', '""')
        connection.exec_driver_sql(f'DROP {kind} IF EXISTS "{quoted}"')
    return [statement for _, _, statement in dependents]
