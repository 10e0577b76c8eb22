"""Tables that models were trained on: a line each on the page of a model, and a page of their own that leads to all models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.records.data_tables import DataTable
from webui.documents import text_at
from webui.numbers import Figure, figure, moment
from webui.text import shown
from webui.urls import Addresses

FIELD = "tables"
NAME_CHARACTERS = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFact:
    label: str
    figure: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLine:
    """One table in a few words. `facts` is empty where nothing but its name is known."""

    name: str
    url: str
    facts: str
    missing_since: str
    models: str
    search_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRow:
    name: str
    type: str
    comment: str
    is_partition_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    name: str
    url: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePage:
    """Everything that a table's page shows."""

    name: str
    comment: str
    missing_since: str
    facts: tuple[TableFact, ...]
    columns: tuple[ColumnRow, ...]
    more_columns: int
    models: tuple[TrainedModel, ...]
    models_count: int
    search_url: str
    read_at: str
    json_url: str


def table_lines(
    document: Mapping[str, Any], known: Sequence[tuple[DataTable, int]], addresses: Addresses
) -> Iterator[TableLine]:
    """The tables of a model's document, with what is known of each."""
    by_name = {table.name: (table, models) for table, models in known}
    names = document.get(FIELD)
    for name in names if isinstance(names, list) else ():
        table, models = by_name.get(str(name), (None, 0))
        yield TableLine(
            name=shown(name, NAME_CHARACTERS),
            url="" if table is None else addresses.table(table.name),
            facts="" if table is None else _summary(table),
            missing_since="" if table is None else _date(table.missing_since),
            models=f"{models:,}",
            search_url=addresses.selection(FIELD, str(name)),
        )


def table_page(
    table: DataTable, models: int, documents: Sequence[Mapping[str, Any]], addresses: Addresses
) -> TablePage:
    """The page of a table, with the first of its models."""
    return TablePage(
        name=shown(table.name, NAME_CHARACTERS),
        comment=shown(table.comment, 500),
        missing_since=_date(table.missing_since),
        facts=tuple(_facts(table)),
        columns=tuple(
            ColumnRow(
                name=shown(column.name, NAME_CHARACTERS),
                type=shown(column.type, 200),
                comment=shown(column.comment, 300),
                is_partition_key=column.is_partition_key,
            )
            for column in table.columns
        ),
        more_columns=table.more_columns,
        models=tuple(
            TrainedModel(
                name=shown(text_at(document, "name") or text_at(document, "id"), NAME_CHARACTERS),
                url=addresses.model(text_at(document, "id")),
                note=shown(
                    " · ".join(filter(None, (text_at(document, "version"), text_at(document, "path")))), 160
                ),
            )
            for document in documents
        ),
        models_count=models,
        search_url=addresses.selection(FIELD, table.name),
        read_at=_date(table.read_at),
        json_url=addresses.table_json(table.name),
    )


def _summary(table: DataTable) -> str:
    words = [
        f"{table.rows:,} rows" if table.rows is not None else "",
        f"{table.partitions:,} partitions" if table.partitions is not None else "",
        f"{len(table.columns) + table.more_columns:,} columns" if table.columns else "",
        f"owned by {shown(table.owner, 60)}" if table.owner else "",
        shown(table.location, 200),
    ]
    return " · ".join(word for word in words if word)


def _facts(table: DataTable) -> Iterator[TableFact]:
    rows: tuple[tuple[str, Any, str | None, str], ...] = (
        ("Rows", table.rows, "count", ""),
        ("Partitions", table.partitions, "count", ""),
        ("Size", table.size_bytes, "bytes", ""),
        ("Files", table.files, "count", ""),
        ("Kind", table.kind, None, ""),
        ("Format", table.format, None, ""),
        ("Owner", table.owner, None, ""),
        ("Location", table.location, None, ""),
        ("Created", table.created_at, None, "date"),
    )
    for label, value, unit, kind in rows:
        if value is not None and value != "":
            yield TableFact(label=label, figure=figure(value, unit, kind))


def _date(text: str) -> str:
    date = moment(text) if text else None
    return "" if date is None else date.text
