"""Nothing secret at rest in clear: what earlier versions stored raw is masked with today's rules.

Readings held the values of files raw; documents and revisions hold what earlier rules did not know for a secret. A
revision keeps its hash and its parent's, which are of what was; `redacted_sha256` is the hash of what is left
(docs/adr/0008). Documents that change wait for the index once more, and their sources are normalised anew.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from catalog.normalise.masking import masked_document, masked_extraction, masked_record
from catalog.normalise.values.secrets import masked_text
from catalog.records import Extraction, ModelRecord
from catalog.store.canonical import document_sha256
from catalog.store.codec import pack, pack_json, unpack, unpack_json

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PAGE = 200

log = logging.getLogger(__name__)


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *map(sa.column, columns))


extractions = _table("extractions", "source", "key", "body")
objects = _table("objects", "source", "key", "outline", "error")
records = _table("records", "id", "source", "name", "revision", "record", "document")
revisions = _table("revisions", "serial", "document", "redacted_sha256")
deliveries = _table(
    "deliveries",
    "consumer",
    "model",
    "revision",
    "state",
    "reason",
    "attempts",
    "next_try",
    "claimed_by",
    "claimed_until",
)
consumers = _table("consumers", "name")
sources = _table("sources", "id", "recipe")
runs = _table("runs", "id", "problems")
scopes = _table("scopes", "run", "scope", "error")


def upgrade() -> None:
    op.add_column("revisions", sa.Column("redacted_sha256", sa.String(64), nullable=True))
    connection = op.get_bind()
    _rewrite(connection, extractions, ("source", "key"), _extraction)
    _rewrite(connection, objects, ("source", "key"), _object)
    _rewrite(connection, revisions, ("serial",), _revision)
    _rewrite(connection, runs, ("id",), _run)
    _rewrite(connection, scopes, ("run", "scope"), lambda row: {"error": masked_text(row.error)})
    _rewrite(connection, deliveries, ("consumer", "model"), _delivery)
    for row in _rewrite(connection, records, ("id",), _record):
        _deliver_again(connection, row)


def downgrade() -> None:
    op.drop_column("revisions", "redacted_sha256")


def _rewrite(
    connection: sa.Connection,
    table: sa.TableClause,
    keys: tuple[str, ...],
    masked: Callable[[Any], dict[str, Any]],
) -> list[Any]:
    """Masks every row, and returns those that changed. One that cannot be decoded stays: whoever reads it says so."""
    changed = []
    for row in _rows(connection, table, keys):
        try:
            values = masked(row)
        except Exception:  # noqa: BLE001 - a damaged row is not this migration's to mend, and the others must be masked
            log.warning("a row could not be read to mask it table=%s", table.name)
            continue
        if all(getattr(row, name) == value for name, value in values.items()):
            continue
        chosen = sa.and_(*(table.c[key] == getattr(row, key) for key in keys))
        connection.execute(sa.update(table).where(chosen).values(**values))
        changed.append(row)
    return changed


def _rows(connection: sa.Connection, table: sa.TableClause, keys: tuple[str, ...]) -> Iterator[Any]:
    columns = [table.c[key] for key in keys]
    place: tuple[Any, ...] | None = None
    while True:
        statement = sa.select(table).order_by(*columns).limit(PAGE)
        if place is not None:
            statement = statement.where(sa.tuple_(*columns) > sa.tuple_(*map(sa.literal, place)))
        page = list(connection.execute(statement))
        yield from page
        if len(page) < PAGE:
            return
        place = tuple(getattr(page[-1], key) for key in keys)


def _extraction(row: Any) -> dict[str, Any]:
    extraction = unpack(Extraction, row.body)
    masked = masked_extraction(extraction)
    return {"body": row.body if masked is extraction else pack(masked)}


def _object(row: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"error": row.error and masked_text(row.error)}
    if row.outline is not None:
        outline = unpack(Extraction, row.outline)
        masked = masked_extraction(outline)
        values["outline"] = row.outline if masked is outline else pack(masked)
    return values


def _record(row: Any) -> dict[str, Any]:
    before = unpack(ModelRecord, row.record)
    masked = masked_record(before)
    document = json.loads(row.document)
    clean = masked_document(document)
    if masked is before and clean is document:
        return {}
    text = json.dumps(clean, ensure_ascii=False, separators=(",", ":"))
    return {"record": pack(masked), "document": text, "name": masked_text(row.name)}


def _revision(row: Any) -> dict[str, Any]:
    document = unpack_json(row.document)
    clean = masked_document(document)
    if clean is document:
        return {}
    return {"document": pack_json(clean), "redacted_sha256": document_sha256(clean)}


def _run(row: Any) -> dict[str, Any]:
    problems = json.loads(row.problems)
    clean = [masked_text(str(problem)) for problem in problems]
    return {"problems": row.problems if clean == problems else json.dumps(clean)}


def _delivery(row: Any) -> dict[str, Any]:
    return {"reason": row.reason and masked_text(row.reason)}


def _deliver_again(connection: sa.Connection, row: Any) -> None:
    """Every consumer has the document with the secret; it gets the other, and the source makes its records anew."""
    waiting = {"revision": row.revision, "state": "pending", "reason": None, "attempts": 0, "next_try": 0.0}
    for name in list(connection.execute(sa.select(consumers.c.name)).scalars()):
        chosen = (deliveries.c.consumer == name) & (deliveries.c.model == row.id)
        free = {"claimed_by": None, "claimed_until": None}
        if not connection.execute(sa.update(deliveries).where(chosen).values(**waiting, **free)).rowcount:
            connection.execute(sa.insert(deliveries).values(consumer=name, model=row.id, **waiting))
    connection.execute(sa.update(sources).where(sources.c.id == row.source).values(recipe=""))
