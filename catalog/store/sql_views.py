"""Views for people who ask in SQL: the same names and columns on SQLite and PostgreSQL, made of what the store holds.

They are a promise (docs/sql.md), the tables behind them are not. They cannot unpack a document, so its row has as JSON what
they show of it (`catalog.store.view_values`), written with each revision: they are never behind.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from contextlib import contextmanager
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
LETTERS = dict(zip((column.path for column in MODELS), string.ascii_letters, strict=False))
"""What a row calls the columns of `models`: their names were half of its text."""
NUMBERS = {view.field: str(number) for number, view in enumerate(LISTS)}
"""What it calls the lists. An entry of one is a list of its columns in order, where those are more than one."""
COLUMN = "view_values"
"""Whoever adds a column adds it last, and a migration that writes this of every record anew (as 0031 does)."""
REPEATED = 1
"""In place of an address that is the source's and the path, of a hash that is the fingerprint of the row, and of a key that is the
path. A key below the path is a list of what comes after it."""

_LIVE = "records.state <> 'gone'"


def create_views(connection: Connection, *, of_bytes: bool = True, text_column: str = COLUMN) -> None:
    """The views are there and are those of this version. `of_bytes`: digests are no text, as they were before 0028. `text_column` has
    what they show: before 0031 by the names of the document, as `shown` and, before 0030, as `document`.
    """
    drop_views(connection)
    for statement in statements(connection.dialect.name, of_bytes=of_bytes, text_column=text_column):
        connection.exec_driver_sql(statement)


def drop_views(connection: Connection) -> None:
    """No view is there, nor what somebody built on one: whoever changes a table behind them begins with this."""
    dependents = " CASCADE" if connection.dialect.name == "postgresql" else ""
    for name in NAMES:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}{dependents}")


@contextmanager
def without_views(connection: Connection, *, text_column: str = COLUMN) -> Iterator[None]:
    """No view is there in this block, and afterwards ours, of this column, are; on SQLite what people built on them, too."""
    others = _taken_apart(connection) if connection.dialect.name == "sqlite" else []
    drop_views(connection)
    yield
    create_views(connection, text_column=text_column)
    for statement in others:
        connection.exec_driver_sql(statement)


def _taken_apart(connection: Connection) -> list[str]:
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


def statements(dialect: str, *, of_bytes: bool = True, text_column: str = COLUMN) -> Iterator[str]:
    """What makes the views on this database."""
    database = _DATABASES[dialect](f"records.{text_column}")
    expressions = _Expressions(database, by_name=text_column != COLUMN)
    shown = database.hex if of_bytes else str
    columns = ", ".join(f'{expressions.of_model(column)} AS "{column.name}"' for column in MODELS)
    yield (
        f"CREATE VIEW models AS SELECT {shown('records.id')} AS model_id, records.name AS name, "
        "records.source AS source, records.state AS state, records.revision AS version_number, "
        f"{shown('records.sha256')} AS version_hash, "
        "records.first_seen AS first_seen, records.missing_since AS missing_since, "
        f"{columns} FROM {database.parsed} WHERE {_LIVE}"
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
        columns = ", ".join(
            f'{expressions.of_entry(view, number)} AS "{column.name}"'
            for number, column in enumerate(view.columns)
        )
        entries = database.entries(expressions.list_name(view))
        yield (
            f"CREATE VIEW {view.name} AS SELECT {shown('records.id')} AS model_id, {columns} "
            f"FROM {database.parsed} CROSS JOIN {entries} WHERE {_LIVE}"
        )


class _Sqlite:
    """How SQLite is asked for what is inside JSON, by the names and numbers that lead there."""

    def __init__(self, document: str) -> None:
        self.document = document
        self.parsed = "records"
        self.entry = "entry.value"

    def value(self, json: str, *way: str | int, kind: str = WORDS) -> str:  # noqa: ARG002 - PostgreSQL's
        return f"json_extract({json}, '{_way(way)}')"

    def is_repeated(self, json: str, *way: str | int) -> str:
        return f"json_type({json}, '{_way(way)}') = 'integer' AND {self.value(json, *way)} = {REPEATED}"

    def is_list(self, json: str, *way: str | int) -> str:
        return f"json_type({json}, '{_way(way)}') = 'array'"

    def entries(self, name: str) -> str:
        return f"json_each({self.document}, '{_way((name,))}') AS entry"

    @staticmethod
    def hex(digest: str) -> str:
        """As `tables.SHOWN_ID` has it, for the index by which models are joined. SQLite writes nothing of NULL as an empty text."""
        shown = f"lower(hex({digest}))"
        return f"nullif({shown}, '')" if digest.endswith("parent_sha256") else shown


def _way(way: tuple[str | int, ...]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in way)


class _Postgresql:
    """The same of PostgreSQL, where JSON is text until somebody asks."""

    def __init__(self, column: str) -> None:
        self.document = "parsed.document"
        self.parsed = f"records CROSS JOIN LATERAL (SELECT {column}::jsonb) AS parsed (document)"
        self.entry = "entry.value"

    def value(self, json: str, *way: str | int, kind: str = WORDS) -> str:
        extracted = f"{json} #>> '{self._way(way)}'"
        return f"({extracted})" if kind == WORDS else f"({extracted})::{kind}"

    def is_repeated(self, json: str, *way: str | int) -> str:
        return f"({json} #> '{self._way(way)}') = '{REPEATED}'::jsonb"

    def is_list(self, json: str, *way: str | int) -> str:
        return f"jsonb_typeof({json} #> '{self._way(way)}') = 'array'"

    def entries(self, name: str) -> str:
        """A document whose field is no list (it is written so by nobody) has no rows, and costs the others none."""
        listed = f"{self.document} -> '{name}'"
        safe = f"CASE jsonb_typeof({listed}) WHEN 'array' THEN {listed} ELSE '[]'::jsonb END"
        return f"LATERAL jsonb_array_elements({safe}) AS entry (value)"

    @staticmethod
    def _way(way: tuple[str | int, ...]) -> str:
        return "{" + ",".join(map(str, way)) + "}"

    @staticmethod
    def hex(digest: str) -> str:
        return f"encode({digest}, 'hex')"


_DATABASES: dict[str, Any] = {"sqlite": _Sqlite, "postgresql": _Postgresql}


class _Expressions:
    """What each column of a view is. `by_name`: rows have the names of documents and repeat what stands beside them."""

    def __init__(self, database: Any, *, by_name: bool) -> None:
        self._database = database
        self._by_name = by_name

    def of_model(self, column: JsonColumn) -> str:
        document = self._database.document
        if self._by_name:
            return self._value(document, *column.path.split("."), kind=column.kind)
        letter = LETTERS[column.path]
        value = self._value(document, letter, kind=column.kind)
        if column.path == "uri":
            return self._unless_repeated(value, f"records.source || '/' || {self._path}", document, letter)
        if column.path == "content_hash":
            return self._unless_repeated(value, self._fingerprint, document, letter)
        return value

    def list_name(self, view: ListView) -> str:
        return view.field if self._by_name else NUMBERS[view.field]

    def of_entry(self, view: ListView, number: int) -> str:
        column, entry = view.columns[number], self._database.entry
        if not column.path:
            return self._whole_entry
        if self._by_name:
            return self._value(entry, *column.path.split("."), kind=column.kind)
        value = self._value(entry, number, kind=column.kind)
        if view.field == "files" and column.path == "sha256":
            return self._unless_repeated(value, self._fingerprint, entry, number)
        if view.field == "files" and column.path == "key":
            below = f"{self._path} || '/' || {self._value(entry, number, 0)}"
            value = f"CASE WHEN {self._database.is_list(entry, number)} THEN {below} ELSE {value} END"
            return self._unless_repeated(value, self._path, entry, number)
        return value

    @property
    def _whole_entry(self) -> str:
        return self._database.entry if self._database.parsed == "records" else "(entry.value #>> '{}')"

    @property
    def _path(self) -> str:
        return self._value(self._database.document, LETTERS["path"])

    @property
    def _fingerprint(self) -> str:
        return str(self._database.hex("records.fingerprint"))

    def _value(self, json: str, *way: str | int, kind: str = WORDS) -> str:
        return str(self._database.value(json, *way, kind=kind))

    def _unless_repeated(self, value: str, other: str, json: str, *way: str | int) -> str:
        return f"CASE WHEN {self._database.is_repeated(json, *way)} THEN {other} ELSE {value} END"
