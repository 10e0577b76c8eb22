"""Smaller: what views show of a document stands in its row without names, and without what the row has anyway.

The column has another name, so that a program of an earlier version that is under way ends with a sentence: it can read neither this
nor what is packed from now on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from catalog.records import Document
from catalog.store.codec import UNREADABLE, read_object, unpack_json
from catalog.store.digests import digest_text
from catalog.store.sql_views import without_views
from catalog.store.view_values import shown_document, view_values

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

PAGE = 200
BEFORE, AFTER = "shown", "view_values"
log = logging.getLogger(__name__)

Row = dict[str, Any]

revisions = sa.table("revisions", *map(sa.column, ("model", "number", "document")))


def upgrade() -> None:
    with without_views(op.get_bind(), text_column=AFTER):
        _rename(BEFORE, AFTER)
        _rewrite(AFTER, _values, lambda text, _row: read_object(text))


def downgrade() -> None:
    with without_views(op.get_bind(), text_column=BEFORE):
        _rename(AFTER, BEFORE)
        _rewrite(BEFORE, _by_name, shown_document)


def _rename(before: str, after: str) -> None:
    op.get_bind().exec_driver_sql(f"ALTER TABLE records RENAME COLUMN {before} TO {after}")


def _values(document: Document, row: Row) -> str:
    return view_values(document, row)


def _by_name(document: Document, row: Row) -> str:
    return json.dumps(shown_document(view_values(document, row), row), ensure_ascii=False)


def _rewrite(
    column: str, text_of: Callable[[Document, Row], str], left: Callable[[str, Row], Document]
) -> None:
    """Of the newest revisions; of one that is damaged what the row had of it."""
    connection = op.get_bind()
    records = _records(column)
    changed = sa.update(records).where(records.c.id == sa.bindparam("model"))
    for page in _pages(connection, column):
        texts = [{"model": row.id, "text": _text(row, text_of, left)} for row in page]
        connection.execute(changed.values({column: sa.bindparam("text")}), texts)


def _records(column: str) -> Any:
    return sa.table("records", *map(sa.column, ("id", "name", "source", "fingerprint", "revision", column)))


def _pages(connection: sa.Connection, column: str) -> Iterator[list[Any]]:
    records = _records(column)
    newest = (revisions.c.model == records.c.id) & (revisions.c.number == records.c.revision)
    columns = records.c.id, records.c.name, records.c.source, records.c.fingerprint
    statement = (
        sa.select(*columns, records.c[column].label("text"), revisions.c.document.label("packed"))
        .select_from(records.outerjoin(revisions, newest))
        .order_by(records.c.id)
        .limit(PAGE)
    )
    last = b""
    while page := list(connection.execute(statement.where(records.c.id > last))):
        yield page
        last = page[-1].id


def _text(row: Any, text_of: Callable[[Document, Row], str], left: Callable[[str, Row], Document]) -> str:
    beside = {"source": row.source, "fingerprint": digest_text(row.fingerprint)}
    try:
        return text_of(unpack_json(row.packed), beside)
    except (*UNREADABLE, AttributeError):
        log.warning("the last revision of a model is damaged name=%.100s", row.name)
        return text_of(left(row.text, beside), beside)
