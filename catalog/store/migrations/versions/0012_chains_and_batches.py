"""Revisions say who made them and why, and are chained; edits of one go are one batch.

The chain of what earlier versions wrote is made of what they wrote: number, hashes, kind and time of each revision, in
order, none left out and none changed. The author of an edit is the one of the edit of the same model and time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from catalog.store.chain import chain_sha256

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

PAGE = 1_000

records = sa.table("records", sa.column("id"), sa.column("chain_sha256"))
revisions = sa.table(
    "revisions",
    *map(
        sa.column,
        ("serial", "model", "number", "sha256", "made_by", "made_at", "author", "chain_sha256"),
    ),
)
edits = sa.table("edits", *map(sa.column, ("model", "made_by", "made_at")))


def upgrade() -> None:
    for name in ("author", "cause"):
        op.add_column("revisions", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("revisions", sa.Column("chain_sha256", sa.String(64), nullable=False, server_default=""))
    op.add_column("records", sa.Column("chain_sha256", sa.String(64), nullable=False, server_default=""))
    op.add_column("edits", sa.Column("kind", sa.String(8), nullable=False, server_default="set"))
    op.add_column("edits", sa.Column("batch", sa.String(32), nullable=False, server_default=""))
    op.add_column("edits", sa.Column("before", sa.LargeBinary(), nullable=True))
    op.add_column("edits", sa.Column("overrides", sa.LargeBinary(), nullable=True))
    op.create_index("edits_by_batch", "edits", ["batch"], unique=False)
    _chain(op.get_bind())


def downgrade() -> None:
    op.drop_index("edits_by_batch", table_name="edits")
    for name in ("overrides", "before", "batch", "kind"):
        op.drop_column("edits", name)
    op.drop_column("records", "chain_sha256")
    for name in ("chain_sha256", "cause", "author"):
        op.drop_column("revisions", name)


def _chain(connection: sa.Connection) -> None:
    model, parent = "", ""
    for page in _pages(connection):
        authors = _authors(connection, page)
        chained, newest = [], {}
        for row in page:
            author = authors.get((row.model, row.made_at), "") if row.made_by == "edit" else ""
            parent = chain_sha256(
                model=row.model,
                number=row.number,
                sha256=row.sha256,
                parent=parent if row.model == model else "",
                made_by=row.made_by,
                author=author,
                cause="",
                made_at=row.made_at,
            )
            model = row.model
            chained.append({"of": row.serial, "by": author, "hash": parent})
            newest[model] = parent
        if not chained:
            return
        connection.execute(
            sa.update(revisions)
            .where(revisions.c.serial == sa.bindparam("of"))
            .values(author=sa.bindparam("by"), chain_sha256=sa.bindparam("hash")),
            chained,
        )
        connection.execute(
            sa.update(records)
            .where(records.c.id == sa.bindparam("of"))
            .values(chain_sha256=sa.bindparam("hash")),
            [{"of": model, "hash": digest} for model, digest in newest.items()],
        )


def _pages(connection: sa.Connection) -> Iterator[list[Any]]:
    columns = [revisions.c[name] for name in ("serial", "model", "number", "sha256", "made_by", "made_at")]
    place = ("", 0)
    while True:
        newer = sa.tuple_(revisions.c.model, revisions.c.number) > sa.tuple_(*map(sa.literal, place))
        statement = sa.select(*columns).where(newer).order_by(revisions.c.model, revisions.c.number)
        page = list(connection.execute(statement.limit(PAGE)))
        yield page
        if len(page) < PAGE:
            return
        place = (page[-1].model, page[-1].number)


def _authors(connection: sa.Connection, page: list[Any]) -> dict[tuple[str, str], str]:
    """Who made the edits of these revisions."""
    edited = sorted({row.model for row in page if row.made_by == "edit"})
    authors: dict[tuple[str, str], str] = {}
    for start in range(0, len(edited), 500):
        chosen = sa.select(edits).where(edits.c.model.in_(edited[start : start + 500]))
        authors |= {(row.model, row.made_at): row.made_by for row in connection.execute(chosen)}
    return authors
