"""What data can be fetched whole."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnAnswer:
    """One column of a table."""

    name: str
    type: str
    comment: str
    is_partition_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAnswer:
    """A table that models were trained on, as a Hive Metastore described it at `read_at`. None: not known, or no partitions.

    `missing_since`: the Metastore has it no more, and this is how it was. `models_url` is the search for its models.
    """

    name: str
    kind: str
    format: str
    location: str
    owner: str
    comment: str
    created_at: str | None
    rows: int | None
    size_bytes: int | None
    files: int | None
    partitions: int | None
    columns: tuple[ColumnAnswer, ...]
    more_columns: int
    read_at: str | None
    missing_since: str | None
    models: int
    models_url: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesAnswer:
    """The tables that models were trained on, by name."""

    tables: tuple[TableAnswer, ...]
