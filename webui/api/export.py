"""A whole result set as a stream: every matching model of one point in time, without a window limit."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from catalog.errors import UserError
from catalog.query.request import TermsAgg
from catalog.query.state import TABLE
from catalog.query.text.targets import short_name
from mappings import Field, fields
from webui.columns import METRIC, Column, column, measured, raw_value, usual_columns
from webui.documents import value_at, values_at
from webui.rendering import dumps

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.query.state import SearchState

METRIC_COLUMNS = 200
NAME, IDENTIFIER = "name", "id"
# A spreadsheet takes a cell that begins with one of these for a formula. Source: OWASP, CSV Injection.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def ndjson_lines(catalog: Catalog, state: SearchState) -> Iterator[bytes]:
    """One document a line."""
    columns = table_columns(state)
    documents = ordered_documents(catalog, state)
    if columns is not None:
        return ((dumps(_values(document, columns)) + "\n").encode("utf-8") for document in documents)
    return ((dumps(document) + "\n").encode("utf-8") for document in documents)


def csv_lines(catalog: Catalog, state: SearchState) -> Iterator[bytes]:
    """A header and one line per model: the fields of the table with one or several values, then reported metrics."""
    columns = table_columns(state)
    if columns is not None:
        return _table_lines(columns, ordered_documents(catalog, state))
    return _csv(field_columns(), metric_names(catalog, state), ordered_documents(catalog, state))


def ordered_documents(catalog: Catalog, state: SearchState) -> Iterator[Mapping[str, Any]]:
    """Every document found. The first is asked for before the answer begins, so that a refusal is still an error page."""
    return _started(catalog.export(state))


def field_columns() -> list[Field]:
    """The fields of a file with every column."""
    return [field for field in fields().values() if _is_column(field)]


def table_columns(state: SearchState) -> list[Column] | None:
    """The columns of a table, None where no table is shown. Raises UserError for one that nobody knows."""
    if state.view.kind != TABLE:
        return None
    names = state.view.columns or tuple(short_name(name) for name in usual_columns())
    known = {name: column(name) for name in names}
    unknown = [name for name, of in known.items() if of is None]
    if unknown:
        raise UserError(f"There is no column {', '.join(unknown)[:200]}.")
    return [of for of in known.values() if of is not None]


def _values(document: Mapping[str, Any], columns: list[Column]) -> dict[str, Any]:
    return {IDENTIFIER: document.get(IDENTIFIER), **{of.name: raw_value(document, of) for of in columns}}


def _table_lines(columns: list[Column], documents: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """A table as a spreadsheet opens it: with a byte order mark, and what each metric was measured on beside it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow([NAME, *(name for of in columns for name in _heads(of)), IDENTIFIER])
    for document in documents:
        cells = [written for of in columns for written in _table_cells(document, of)]
        writer.writerow([cell(document.get(NAME)), *cells, cell(document.get(IDENTIFIER))])
        yield buffer.getvalue().encode("utf-8", "backslashreplace")
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode("utf-8", "backslashreplace")


def _heads(of: Column) -> list[str]:
    name = str(cell(of.name))
    return [name, f"{name} measured on"] if of.kind == METRIC else [name]


def _table_cells(document: Mapping[str, Any], of: Column) -> list[str | int | float]:
    if of.kind == METRIC:
        measure = measured(document, of)
        return ["", ""] if measure is None else [measure.value, cell(measure.basis)]
    value = raw_value(document, of)
    return [cell("; ".join(str(part) for part in value) if isinstance(value, list) else value)]


def _csv(columns: list[Field], metrics: list[str], documents: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([*(field.name for field in columns), *(f"metrics.{name}" for name in metrics)])
    heads = [(field.name.partition(".")[0], field) for field in columns]
    for document in documents:
        writer.writerow(_cells(document, heads, metrics))
        yield buffer.getvalue().encode("utf-8", "backslashreplace")
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode("utf-8", "backslashreplace")


def _started(documents: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The same documents, the first of them already asked for."""
    documents = iter(documents)
    try:
        first = next(documents)
    except StopIteration:
        return iter(())
    return _chained(first, documents)


def _chained(first: Mapping[str, Any], rest: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    yield first
    yield from rest


def _is_column(field: Field) -> bool:
    return field.searchable and field.type != "flattened" and field.csv


def metric_names(catalog: Catalog, state: SearchState) -> list[str]:
    """The metrics that what is found reports, at most METRIC_COLUMNS of them."""
    asked = replace(
        catalog.request(state),
        aggregations={"names": TermsAgg(field="metric_names", size=METRIC_COLUMNS)},
        size=0,
        offset=0,
        sort=(),
        after=None,
    )
    return sorted(str(bucket.key) for bucket in catalog.search(asked).aggregations["names"].buckets)


def _cells(
    document: Mapping[str, Any], columns: Sequence[tuple[str, Field]], metrics: list[str]
) -> list[str | int | float]:
    """`columns` are the fields with the first part of their names: of a hundred of them a model has some thirty."""
    cells = [
        cell(_joined(document, field)) if head in document or field.name in document else ""
        for head, field in columns
    ]
    reported = document.get("metrics")
    numbers = reported if isinstance(reported, Mapping) else {}
    return [*cells, *(cell(numbers.get(name)) for name in metrics)]


def _joined(document: Mapping[str, Any], field: Field) -> Any:
    if field.list:
        return "; ".join(str(value) for value in values_at(document, field.name))
    return value_at(document, field.name)


def cell(value: Any) -> str | int | float:
    """The value for a spreadsheet: numbers stay numbers, text that would be a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    text = (
        value
        if isinstance(value, str)
        else value.isoformat()
        if hasattr(value, "isoformat")
        else dumps(value)
    )
    text = text.replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text
