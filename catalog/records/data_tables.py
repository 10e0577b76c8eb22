"""What a Hive Metastore says of a table that models were trained on."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass

AUTHOR, FORMER_AUTHOR = "hive:metastore", "hive"
"""Who says it, and who earlier versions called so, which a person may be called, too. One Metastore at a time: another address of
it is the same one.
"""
TABLES, SAYING = "tables", ("datasets", "data_sources")
"""The field of the tables, and those that they are told from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """One column. Those of a partition key are in no file of the table, but in the names of its directories."""

    name: str
    type: str
    comment: str = ""
    is_partition_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """One table as it was last read. `name` is `database.table` in lower case, with a catalog before it unless that is Hive's
    own. None: not known, which is not 0. `partitions` is None of a table that has none.

    `missing_since` is when the Metastore first did not have it any more; what models were trained on stays known.
    """

    name: str
    kind: str = ""
    format: str = ""
    location: str = ""
    owner: str = ""
    comment: str = ""
    created_at: str = ""
    rows: int | None = None
    size_bytes: int | None = None
    files: int | None = None
    partitions: int | None = None
    columns: tuple[TableColumn, ...] = ()
    more_columns: int = 0
    read_at: str = ""
    missing_since: str = ""
