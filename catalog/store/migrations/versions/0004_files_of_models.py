"""Which files make which model is a table, and which documents of copies are behind is written down."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PAGE = 500

_RECORDS = sa.table("records", sa.column("id"), sa.column("source"), sa.column("state"), sa.column("record"))
_FILES = sa.table(
    "record_files",
    *(sa.column(name) for name in ("model", "source", "key", "subject", "role", "distance", "sha256")),
)


def upgrade() -> None:
    op.create_table(
        "record_files",
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=True),
        sa.Column("distance", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("model", "key", "subject"),
        sqlite_with_rowid=False,
    )
    op.create_index("record_files_by_key", "record_files", ["source", "key"], unique=False)
    op.create_table(
        "copies_due",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("print", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("records", sa.Column("grouping", sa.Text(), nullable=True))
    connection = op.get_bind()
    for rows in _pages(connection):
        files = [row for record in rows for row in _files(record)]
        if files:
            connection.execute(_FILES.insert(), files)


def downgrade() -> None:
    op.drop_column("records", "grouping")
    op.drop_table("copies_due")
    op.drop_index("record_files_by_key", table_name="record_files")
    op.drop_table("record_files")


def _pages(connection: sa.Connection) -> Iterator[list[Any]]:
    last = ""
    while True:
        chosen = (_RECORDS.c.id > last) & (_RECORDS.c.state != "gone")
        rows = list(connection.execute(sa.select(_RECORDS).where(chosen).order_by(_RECORDS.c.id).limit(PAGE)))
        yield rows
        if len(rows) < PAGE:
            return
        last = rows[-1].id


def _files(row: Any) -> Iterator[dict[str, Any]]:
    """The keys that the record was made of. What else was known of its group is found by the next crawl."""
    for key in dict.fromkeys(json.loads(zlib.decompress(row.record)).get("file_keys", ())):
        yield {
            "model": row.id,
            "source": row.source,
            "key": os.fsencode(key),
            "subject": "",
            "role": None,
            "distance": 0,
            "sha256": None,
        }
