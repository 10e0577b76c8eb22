"""Views for people who ask in SQL: the same names and columns on SQLite and PostgreSQL, made of what the store holds.

They are a promise (docs/sql.md), the tables behind them are not. They cannot unpack a document, so its row has as JSON what
they show of it (`views_text`), written with each revision: they are never behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection

from catalog.lazy_dataclasses import dataclass

WHOLE = "numeric"
"""A document holds integers of any length: one that is too long for 64 bits must not cost a whole question."""
NUMBER = "double precision"
WORDS = "text"


@dataclass(frozen=True, slots=True)
class JsonColumn:
    """A column that stands in the document under this path (or in one entry of a list of it)."""

    name: str
    path: str
    kind: str = WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """One row for each entry of a list of the document."""

    name: str
    field: str
    columns: tuple[JsonColumn, ...]


MODELS = (
    JsonColumn("version", "version"),
    JsonColumn("title", "title"),
    JsonColumn("description", "description"),
    JsonColumn("task", "task"),
    JsonColumn("framework", "framework"),
    JsonColumn("library", "library"),
    JsonColumn("architecture", "architecture"),
    JsonColumn("model_type", "model_type"),
    JsonColumn("license", "license"),
    JsonColumn("owner", "owner"),
    JsonColumn("parameters", "parameters", WHOLE),
    JsonColumn("precision", "precision"),
    JsonColumn("size_bytes", "size_bytes", WHOLE),
    JsonColumn("memory_bytes", "memory_bytes", WHOLE),
    JsonColumn("context_length", "context_length", WHOLE),
    JsonColumn("learning_rate", "training.learning_rate", NUMBER),
    JsonColumn("batch_size", "training.batch_size", WHOLE),
    JsonColumn("epochs", "training.epochs", NUMBER),
    JsonColumn("status", "status"),
    JsonColumn("risk_severity", "risk_severity"),
    JsonColumn("date", "best_date"),
    JsonColumn("trained_at", "trained_at"),
    JsonColumn("created_at", "created_at"),
    JsonColumn("code_version", "code_version"),
    JsonColumn("run_id", "run_id"),
    JsonColumn("content_hash", "content_hash"),
    JsonColumn("uri", "uri"),
    JsonColumn("path", "path"),
)
LISTS = (
    ListView(name="tags", field="tags", columns=(JsonColumn("tag", ""),)),
    ListView(
        name="evaluations",
        field="evaluations",
        columns=(
            JsonColumn("metric", "metric"),
            JsonColumn("value", "value", NUMBER),
            JsonColumn("unit", "unit"),
            JsonColumn("dataset", "dataset"),
            JsonColumn("split", "split"),
            JsonColumn("raw_name", "raw_name"),
            JsonColumn("raw_value", "raw_value"),
            JsonColumn("source", "source"),
            JsonColumn("evaluated_at", "evaluated_at"),
        ),
    ),
    ListView(
        name="files",
        field="files",
        columns=(
            JsonColumn("key", "key"),
            JsonColumn("size_bytes", "size_bytes", WHOLE),
            JsonColumn("format", "format"),
            JsonColumn("sha256", "sha256"),
        ),
    ),
)
NAMES = ("models", "versions", *(view.name for view in LISTS))
"""Whoever adds a column adds a migration, too, that writes `views_text` of every record anew (as 0029 does)."""

_LIVE = "records.state <> 'gone'"


def views_text(document: Mapping[str, Any]) -> str:
    """What the views show of this document, as JSON. A value that is not of the form they expect is left as it is."""
    import orjson  # noqa: PLC0415 - 20 ms that only the writing side needs

    shown = _cut(document, _shown_paths())
    for view in LISTS:
        if (entries := document.get(view.field)) is not None:
            shown[view.field] = _entries(entries, view)
    try:
        return orjson.dumps(shown).decode()
    except orjson.JSONEncodeError:  # deeper than it goes
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


@cache
def _shown_paths() -> dict[str, Any]:
    """The paths of `MODELS` as a tree."""
    tree: dict[str, Any] = {}
    for column in MODELS:
        *above, last = column.path.split(".")
        branch = tree
        for name in above:
            branch = branch.setdefault(name, {})
        branch[last] = None
    return tree


def _cut(value: Mapping[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, below in tree.items():
        if name not in value:
            continue
        inner = value[name]
        if below is None:
            kept[name] = inner
        elif isinstance(inner, Mapping) and (branch := _cut(inner, below)):
            kept[name] = branch
    return kept


def _entries(entries: Any, view: ListView) -> Any:
    names = [column.path for column in view.columns]
    if not isinstance(entries, list) or "" in names:
        return entries
    return [
        {name: entry[name] for name in names if name in entry} if isinstance(entry, dict) else entry
        for entry in entries
    ]


def create_views(connection: Connection, *, of_bytes: bool = True, text_column: str = "shown") -> None:
    """The views are there and are those of this version. `of_bytes`: digests are no text, as they were before 0028. `text_column` has
    what they show, and was called `document` before 0030.
    """
    drop_views(connection)
    for statement in statements(connection.dialect.name, of_bytes=of_bytes, text_column=text_column):
        connection.exec_driver_sql(statement)


def drop_views(connection: Connection) -> None:
    """No view is there, nor what somebody built on one: whoever changes a table behind them begins with this."""
    dependents = " CASCADE" if connection.dialect.name == "postgresql" else ""
    for name in NAMES:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}{dependents}")


def statements(dialect: str, *, of_bytes: bool = True, text_column: str = "shown") -> Iterator[str]:
    """What makes the views on this database."""
    is_sqlite = dialect == "sqlite"
    extracted = _of_sqlite if is_sqlite else _of_postgresql
    shown = (_hex_of_sqlite if is_sqlite else _hex_of_postgresql) if of_bytes else str
    document = f"records.{text_column}" if is_sqlite else "parsed.document"
    columns = ", ".join(f'{extracted(document, column)} AS "{column.name}"' for column in MODELS)
    parsed = (
        "records"
        if is_sqlite
        else f"records CROSS JOIN LATERAL (SELECT records.{text_column}::jsonb) AS parsed (document)"
    )
    yield (
        f"CREATE VIEW models AS SELECT {shown('records.id')} AS model_id, records.name AS name, "
        "records.source AS source, records.state AS state, records.revision AS version_number, "
        f"{shown('records.sha256')} AS version_hash, "
        "records.first_seen AS first_seen, records.missing_since AS missing_since, "
        f"{columns} FROM {parsed} WHERE {_LIVE}"
    )
    # Joined for the index of `tables.SHOWN_ID`.
    yield (
        f"CREATE VIEW versions AS SELECT {shown('records.id' if of_bytes else 'revisions.model')} AS model_id, "
        f"revisions.number AS version_number, {shown('revisions.sha256')} AS version_hash, "
        f"{shown('revisions.parent_sha256')} AS parent_hash, revisions.made_by AS made_by, "
        "revisions.author AS author, revisions.cause AS cause, revisions.made_at AS created_at "
        f"FROM revisions{' JOIN records ON records.id = revisions.model' if of_bytes else ''}"
    )
    for view in LISTS:
        if is_sqlite:
            entries = f"json_each(records.{text_column}, '$.{view.field}') AS entry"
            columns = ", ".join(
                f'{_of_sqlite("entry.value", column)} AS "{column.name}"' for column in view.columns
            )
        else:
            # A document whose field is no list (it is written so by nobody) has no rows, and costs the others none.
            listed = f"records.{text_column}::jsonb -> '{view.field}'"
            safe = f"CASE jsonb_typeof({listed}) WHEN 'array' THEN {listed} ELSE '[]'::jsonb END"
            entries = f"LATERAL jsonb_array_elements({safe}) AS entry (value)"
            columns = ", ".join(
                f'{_of_postgresql("entry.value", column)} AS "{column.name}"' for column in view.columns
            )
        yield (
            f"CREATE VIEW {view.name} AS SELECT {shown('records.id')} AS model_id, {columns} "
            f"FROM records CROSS JOIN {entries} WHERE {_LIVE}"
        )


def _hex_of_sqlite(digest: str) -> str:
    """As `tables.SHOWN_ID` has it, for the index by which models are joined. SQLite writes nothing of NULL as an empty text."""
    shown = f"lower(hex({digest}))"
    return f"nullif({shown}, '')" if digest.endswith("parent_sha256") else shown


def _hex_of_postgresql(digest: str) -> str:
    return f"encode({digest}, 'hex')"


def _of_sqlite(value: str, column: JsonColumn) -> str:
    if not column.path:
        return value
    return f"json_extract({value}, '$.{column.path}')"


def _of_postgresql(value: str, column: JsonColumn) -> str:
    path = "{" + column.path.replace(".", ",") + "}"
    extracted = f"{value} #>> '{path}'"
    return f"({extracted})" if column.kind == WORDS else f"({extracted})::{column.kind}"
