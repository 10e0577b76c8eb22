"""What a Metastore says of a table, as the catalog keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from catalog.normalise.values.secrets import masked_text, without_secrets
from catalog.records.data_tables import DataTable, TableColumn
from catalog.text.folding import well_formed
from indexer.hive.names import without_password

MAX_COLUMNS = 500
MAX_TEXT = 500
MAX_LOCATION = 2_000
FORMATS = (
    ("iceberg", "iceberg"),
    ("delta", "delta"),
    ("hudi", "hudi"),
    ("parquet", "parquet"),
    ("orc", "orc"),
    ("avro", "avro"),
    ("csv", "csv"),
    ("json", "json"),
    ("lazysimple", "text"),
    ("sequencefile", "sequence file"),
)
"""What stands in a table's kind, or in the class that reads it -> its format."""


def table_of(table: Any, partitions: tuple[int, Sequence[Any]] | None, read_at: datetime) -> DataTable:
    """`table` and `partitions` are as Thrift has them; None for a table without partitions, or whose were not to be had.

    Its location is as it is told, since models are matched by it: what is kept of it is `kept_table`.
    """
    parameters = _mapping(table.parameters)
    storage = table.sd
    keys = tuple(_columns(table.partitionKeys, is_partition_key=True))
    columns = (*keys, *_columns(getattr(storage, "cols", None)))
    parted = partitions is not None or bool(keys)
    sums = _sums(partitions) if parted else {name: _number(parameters, name) for name in _COUNTED}
    return DataTable(
        name=f"{table.dbName}.{table.tableName}".lower(),
        kind=_text(table.tableType).lower().replace("_", " "),
        format=_format(parameters, storage),
        location=_location(storage),
        owner=_text(table.owner),
        comment=_text(parameters.get("comment")),
        created_at=_instant(table.createTime),
        rows=sums["numRows"],
        size_bytes=sums["totalSize"],
        files=sums["numFiles"],
        partitions=None if partitions is None else partitions[0],
        columns=columns[:MAX_COLUMNS],
        more_columns=max(0, len(columns) - MAX_COLUMNS),
        read_at=read_at.isoformat(timespec="seconds"),
    )


_COUNTED = ("numRows", "totalSize", "numFiles")


def _sums(partitions: tuple[int, Sequence[Any]] | None) -> dict[str, int | None]:
    """Added up over all partitions; unknown where that of one is."""
    number, read = partitions or (0, ())
    if number != len(read) or not read:
        return dict.fromkeys(_COUNTED, 0 if partitions is not None and number == 0 else None)
    sums: dict[str, int | None] = {}
    for name in _COUNTED:
        counts = [_number(_mapping(partition.parameters), name) for partition in read]
        sums[name] = sum(count or 0 for count in counts) if None not in counts else None
    return sums


def _number(parameters: Mapping[str, str], name: str) -> int | None:
    """A count of Hive. It writes 0 and -1 also where nobody counted, so these are believed where it says that they are exact."""
    try:
        count = int(parameters.get(name, ""))
    except ValueError:
        return None
    if count > 0:
        return count
    return 0 if count == 0 and _is_exact(parameters) else None


def _is_exact(parameters: Mapping[str, str]) -> bool:
    """Source: Hive, StatsSetupConst: COLUMN_STATS_ACCURATE is JSON with BASIC_STATS, or `true` before Hive 2."""
    try:
        exact = json.loads(parameters.get("COLUMN_STATS_ACCURATE", "").lower())
    except (ValueError, RecursionError):
        return False
    return exact is True or (isinstance(exact, dict) and str(exact.get("basic_stats")) == "true")


def _format(parameters: Mapping[str, str], storage: Any) -> str:
    reader = getattr(getattr(storage, "serdeInfo", None), "serializationLib", None)
    for text in (
        parameters.get("table_type"),
        parameters.get("spark.sql.sources.provider"),
        reader,
        getattr(storage, "inputFormat", None),
    ):
        for part, name in FORMATS:
            if part in str(text).lower():
                return name
    return ""


def _columns(columns: Any, *, is_partition_key: bool = False) -> list[TableColumn]:
    return [
        TableColumn(
            name=_text(column.name),
            type=_text(column.type),
            comment=_text(column.comment),
            is_partition_key=is_partition_key,
        )
        for column in columns or ()
    ]


def _mapping(parameters: Any) -> Mapping[str, str]:
    return parameters if isinstance(parameters, dict) else {}


def _instant(seconds: Any) -> str:
    if not isinstance(seconds, int) or seconds <= 0:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _location(storage: Any) -> str:
    return well_formed(str(getattr(storage, "location", None) or ""))[:MAX_LOCATION]


def kept_table(table: DataTable) -> DataTable:
    """The table as it is kept and shown: without what in its location lets one in."""
    location = without_password(table.location)
    masked, has_secret = without_secrets(location)
    return replace(table, location=masked if has_secret else location)


def _text(value: Any) -> str:
    return masked_text(well_formed(str(value or "")))[:MAX_TEXT]
