"""Smaller: a record's row has of its document what the views for SQL show; the whole is that of its newest revision alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from catalog.store.codec import UNREADABLE, pack_json, unpack_json
from catalog.store.sql_views import LISTS, MODELS

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

PAGE = 200
log = logging.getLogger(__name__)

records = sa.table("records", *map(sa.column, ("id", "name", "revision", "document")))
revisions = sa.table("revisions", *map(sa.column, ("serial", "model", "number", "document")))


def upgrade() -> None:
    _rewrite(_cut)


def downgrade() -> None:
    _rewrite(_whole)


def _rewrite(text_of: Callable[[sa.Connection, Any], str | None]) -> None:
    connection = op.get_bind()
    changed = sa.update(records).where(records.c.id == sa.bindparam("model"))
    for page in _pages(connection):
        texts = [{"model": row.id, "text": text_of(connection, row)} for row in page]
        known = [values for values in texts if values["text"] is not None]
        if known:
            connection.execute(changed.values(document=sa.bindparam("text")), known)


def _pages(connection: sa.Connection) -> Iterator[list[Any]]:
    newest = (revisions.c.model == records.c.id) & (revisions.c.number == records.c.revision)
    statement = (
        sa.select(records, revisions.c.serial, revisions.c.document.label("packed"))
        .select_from(records.outerjoin(revisions, newest))
        .order_by(records.c.id)
        .limit(PAGE)
    )
    last = b""
    while page := list(connection.execute(statement.where(records.c.id > last))):
        yield page
        last = page[-1].id


def _cut(connection: sa.Connection, row: Any) -> str:
    """Of the revision's document. One that cannot be read is written again as the record has it, if that has it."""
    try:
        document = unpack_json(row.packed)
        return views_text(document)
    except (*UNREADABLE, AttributeError):
        pass
    try:
        document = json.loads(row.document)
        document.pop("revision", None)
    except (ValueError, AttributeError):
        log.warning("neither the record nor the last revision of a model can be read name=%.100s", row.name)
        return "{}"
    if row.serial is None:
        log.warning("the last revision of a model is not there name=%.100s", row.name)
    else:
        mended = sa.update(revisions).where(revisions.c.serial == row.serial)
        connection.execute(mended.values(document=pack_json(document)))
    return views_text(document)


def views_text(document: Mapping[str, Any]) -> str:
    """What views show of the document, by its names."""
    shown: dict[str, Any] = {}
    for column in MODELS:
        *above, last = column.path.split(".")
        inner: Any = document
        for name in above:
            inner = inner.get(name) if isinstance(inner, Mapping) else None
        if isinstance(inner, Mapping) and last in inner:
            branch = shown
            for name in above:
                branch = branch.setdefault(name, {})
            branch[last] = inner[last]
    shown |= {view.field: document[view.field] for view in LISTS if view.field in document}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _whole(_connection: sa.Connection, row: Any) -> str | None:
    try:
        document = {**unpack_json(row.packed), "revision": row.revision}
    except UNREADABLE:
        return None
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
