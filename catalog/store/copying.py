"""A whole store into an empty one, from SQLite to PostgreSQL or back: all of it and proven equal, or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, insert, inspect, select, text

from catalog.errors import StoreError, UserError
from catalog.lazy_dataclasses import dataclass
from catalog.store.leases import has_run_out
from catalog.store.schema import VERSIONS, version_of
from catalog.store.store import Store
from catalog.store.tables import leases, metadata

READ_ROWS, PAGE_ROWS = 50, 500
PAGE_BYTES = 16 * 1024 * 1024
"""A page is written when it holds so much, however few rows that are: a document may have megabytes."""
BEGUN_WITH = frozenset({"consumers"})
"""What a new store has in it."""
LEFT = frozenset({leases.name})
"""Who is writing to the old store says nothing of the new one."""
MODULUS = 1 << 256

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedTable:
    """A table that is the same in both stores: its rows, and the sum of their SHA-256 in whatever order."""

    name: str
    rows: int
    sha256: str


def copy_store(
    source: Store, target: Store, *, progress: Progress = lambda _table, _rows: None
) -> list[CopiedTable]:
    """Copies every table in one transaction and reads it back from there; what is read must be what was written.

    The source is read as it was at one moment, whoever writes to it later. Raises UserError if the target holds
    something, or while somebody writes to the source; StoreError if the two differ in the end.
    """
    with _snapshot(source.engine) as reading, target.engine.begin() as writing:
        _check(reading, writing)
        copied = [
            _copy(reading, writing, table, progress)
            for table in metadata.sorted_tables
            if table.name not in LEFT
        ]
        for table in copied:
            back = _proof(table.name, _rows(writing, metadata.tables[table.name]))
            if back != table:
                raise StoreError(f"The table {table.name} is not the same over there; nothing was kept.")
        _count_on(writing)
    return copied


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """All reading sees one moment: a transaction of SQLite does, one of PostgreSQL where it is asked to."""
    connection = engine.connect()
    if engine.dialect.name == "postgresql":
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
    with connection, connection.begin():
        yield connection


def _check(reading: Connection, writing: Connection) -> None:
    if version_of(reading) != VERSIONS[-1] or version_of(writing) != VERSIONS[-1]:
        raise StoreError("The two stores are of different versions.")
    if _place(reading) == _place(writing):
        raise UserError("That is the store itself.", advice="Give the URL of another database.")
    busy = reading.execute(select(leases.c.name).where(~has_run_out(leases.c.expires)).limit(1)).scalar()
    if busy is not None:
        raise UserError(
            "Somebody writes to this store.",
            advice="End workers and crawls first: what they write would be lost.",
        )
    for table in metadata.sorted_tables:
        if (
            table.name not in BEGUN_WITH | LEFT
            and writing.execute(select(table).limit(1)).first() is not None
        ):
            raise UserError(
                f"There is something in the table {table.name} over there.",
                advice="Give a database that is empty.",
            )
    for name in BEGUN_WITH:
        writing.execute(metadata.tables[name].delete())


def _place(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        listed = connection.execute(text("PRAGMA database_list")).all()
        return str(next(row.file for row in listed if row.name == "main"))
    asked = "SELECT concat_ws(' ', current_database(), inet_server_addr(), inet_server_port(), pg_postmaster_start_time())"
    return str(connection.execute(text(asked)).scalar())


def _rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """Every row, a page in memory at a time."""
    streamed = {"stream_results": True, "yield_per": READ_ROWS}
    with connection.execute(select(table), execution_options=streamed) as result:
        for row in result:
            yield tuple(row)


def _copy(reading: Connection, writing: Connection, table: Table, progress: Progress) -> CopiedTable:
    names = [column.name for column in table.columns]

    def passed() -> Iterator[tuple[Any, ...]]:
        page: list[dict[str, Any]] = []
        held_bytes, rows = 0, 0
        for row in _rows(reading, table):
            yield row
            page.append(dict(zip(names, row, strict=True)))
            held_bytes += sum(len(value) for value in row if isinstance(value, str | bytes))
            if len(page) >= PAGE_ROWS or held_bytes >= PAGE_BYTES:
                writing.execute(insert(table), page)
                rows += len(page)
                progress(table.name, rows)
                page, held_bytes = [], 0
        if page:
            writing.execute(insert(table), page)
            progress(table.name, rows + len(page))

    return _proof(table.name, passed())


def _proof(name: str, rows: Iterator[tuple[Any, ...]]) -> CopiedTable:
    """The sum does not depend on the order, in which two databases need not agree."""
    count, total = 0, 0
    for row in rows:
        count += 1
        digest = hashlib.sha256(repr(tuple(map(_plain, row))).encode("utf-8", "surrogatepass")).digest()
        total = (total + int.from_bytes(digest, "big")) % MODULUS
    return CopiedTable(name=name, rows=count, sha256=f"{total:064x}")


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview | bytearray) else value


def _count_on(connection: Connection) -> None:
    """Numbers that the database gives go on behind the highest one: PostgreSQL does not learn of those it is given."""
    if connection.dialect.name != "postgresql":
        return
    known = set(inspect(connection).get_table_names())
    for table in metadata.sorted_tables:
        serial = table.autoincrement_column
        if serial is None or table.name not in known:
            continue
        highest = connection.execute(select(func.max(serial))).scalar()
        sequence = connection.execute(
            text("SELECT pg_get_serial_sequence(:table, :serial)"),
            {"table": table.name, "serial": serial.name},
        ).scalar()
        if highest is not None and sequence is not None:
            connection.execute(
                text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": highest}
            )
