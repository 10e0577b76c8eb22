"""A result set as one Parquet file, written as it is read: a row group after the other, the index of them at the end."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from mappings import Field, fields
from webui.api.export import IDENTIFIER, NAME, field_columns, metric_names, ordered_documents, table_columns
from webui.columns import METRIC, SETTING, Column, measured, raw_value
from webui.documents import number_at, value_at, values_at
from webui.numbers import as_datetime
from webui.rendering import dumps

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.query.state import SearchState

GROUP_ROWS = 5_000
LONGEST_INTEGER = 2**63
TEXT, TEXTS, INTEGER, REAL, BOOLEAN, INSTANT = "text", "texts", "integer", "real", "boolean", "instant"
_KINDS = {"long": INTEGER, "double": REAL, "boolean": BOOLEAN, "date": INSTANT}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetColumn:
    """A column with the type of its values, one of TEXT to INSTANT. `read` gives None where a model says nothing."""

    name: str
    kind: str
    read: Callable[[Mapping[str, Any]], Any]


def parquet_parts(catalog: Catalog, state: SearchState) -> Iterator[bytes]:
    """The file in parts, its columns those of the CSV of the same search. Raises UserError without pyarrow."""
    try:
        from pyarrow import parquet  # noqa: PLC0415 - an extra
    except ImportError:
        raise UserError(
            "Parquet is written by pyarrow, which is not installed.",
            advice="Install it with: pip install 'modeldex[parquet]', or take CSV or NDJSON.",
        ) from None
    chosen = table_columns(state)
    columns = _whole_columns(catalog, state) if chosen is None else list(_table(chosen))
    return _parts(parquet.ParquetWriter, columns, ordered_documents(catalog, state))


def _whole_columns(catalog: Catalog, state: SearchState) -> list[ParquetColumn]:
    metrics = [
        ParquetColumn(name=f"metrics.{name}", kind=REAL, read=_Metric(name))
        for name in metric_names(catalog, state)
    ]
    return [*(_of_field(field) for field in field_columns()), *metrics]


def _of_field(field: Field) -> ParquetColumn:
    kind = TEXTS if field.list else _KINDS.get(field.type, TEXT)
    read = (lambda document: values_at(document, field.name)) if field.list else _Value(field.name)
    return ParquetColumn(name=field.name, kind=kind, read=read)


@dataclass(frozen=True, slots=True)
class _Value:
    name: str

    def __call__(self, document: Mapping[str, Any]) -> Any:
        return value_at(document, self.name)


@dataclass(frozen=True, slots=True)
class _Metric:
    name: str

    def __call__(self, document: Mapping[str, Any]) -> Any:
        metrics = document.get("metrics")
        return number_at(metrics, self.name) if isinstance(metrics, Mapping) else None


def _table(chosen: Iterable[Column]) -> Iterator[ParquetColumn]:
    """A metric has what it was measured on beside it, a hyper-parameter its words where it is no number."""
    yield ParquetColumn(name=NAME, kind=TEXT, read=_Value(NAME))
    for of in chosen:
        yield from _of_column(of)
    yield ParquetColumn(name=IDENTIFIER, kind=TEXT, read=_Value(IDENTIFIER))


def _of_column(of: Column) -> Iterator[ParquetColumn]:
    def value(document: Mapping[str, Any]) -> Any:
        return raw_value(document, of)

    def basis(document: Mapping[str, Any]) -> Any:
        measure = measured(document, of)
        return measure.basis if measure else None

    def words(document: Mapping[str, Any]) -> Any:
        setting = raw_value(document, of)
        return None if _real(setting) is not None else setting

    if of.kind in {METRIC, SETTING}:
        yield ParquetColumn(name=of.name, kind=REAL, read=value)
        beside = (f"{of.name} measured on", basis) if of.kind == METRIC else (f"{of.name} as text", words)
        yield ParquetColumn(name=beside[0], kind=TEXT, read=beside[1])
        return
    row = fields()[of.path]
    yield ParquetColumn(name=of.name, kind=TEXTS if row.list else _KINDS.get(row.type, TEXT), read=value)


def _parts(
    writer_of: Callable[..., Any], columns: list[ParquetColumn], documents: Iterator[Mapping[str, Any]]
) -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415 - an extra

    types = {
        TEXT: pa.string(),
        TEXTS: pa.list_(pa.string()),
        INTEGER: pa.int64(),
        REAL: pa.float64(),
        BOOLEAN: pa.bool_(),
        INSTANT: pa.timestamp("ms", tz="UTC"),
    }
    columns = list({column.name: column for column in columns}.values())
    schema = pa.schema([(column.name, types[column.kind]) for column in columns])
    sink = _Sink()
    writer = writer_of(sink, schema, compression="zstd")
    try:
        while group := list(islice(documents, GROUP_ROWS)):
            arrays = [
                pa.array([_CAST[column.kind](column.read(row)) for row in group], types[column.kind])
                for column in columns
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield sink.drained()
    finally:
        writer.close()
    yield sink.drained()


class _Sink(io.RawIOBase):
    """Takes what a writer writes and gives it away in parts; its place is that of the whole file."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, part: Any) -> int:
        taken = bytes(part)
        self._parts.append(taken)
        self._written += len(taken)
        return len(taken)

    def drained(self) -> bytes:
        part = b"".join(self._parts)
        self._parts.clear()
        return part


def _text(value: Any) -> str | None:
    if value is None or value in ("", []):
        return None
    text = value if isinstance(value, str) else dumps(value)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # half a character is no text in Parquet


def _texts(value: Any) -> list[str] | None:
    values = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return [text for part in values if (text := _text(part)) is not None] or None


def _integer(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and -LONGEST_INTEGER <= value < LONGEST_INTEGER else None


def _real(value: Any) -> float | None:
    number = number_at({"value": value}, "value")
    return None if number is None else float(number)


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


_CAST: Mapping[str, Callable[[Any], Any]] = {
    TEXT: _text,
    TEXTS: _texts,
    INTEGER: _integer,
    REAL: _real,
    BOOLEAN: _boolean,
    INSTANT: as_datetime,
}
