"""The files of a source that lie in some of its directories."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    bindparam,
    func,
    select,
)

from catalog.lazy_dataclasses import dataclass
from catalog.records import SourceId
from catalog.store.documents import LIVE
from catalog.store.tables import objects

ROWS_PER_STATEMENT = 20
"""So many rows that nobody asked for cost as much as a statement."""
LONGER_THAN_KEYS = b"\xff" * 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The files that lie directly in a directory (empty: the root), or all below it."""

    directory: str
    deep: bool


def files_in(connection: Connection, source: SourceId, spans: Sequence[Span], about: int) -> list[Any]:
    """The rows of `objects` in key order that lie in one of these directories and say something about a model. `about` so many
    are expected: where little else lies between them, one statement reads them all.
    """
    ranges = [(span, *keys_below(span.directory)) for span in spans]
    rows = _rows_between(connection, source, ranges, about) if len(ranges) > 1 else None
    if rows is not None:
        return rows
    by_key = {row.key: row for span in ranges for row in _rows_in(connection, source, *span)}
    return [by_key[key] for key in sorted(by_key)]


def _rows_in(connection: Connection, source: SourceId, span: Span, first: bytes, end: bytes) -> Iterable[Any]:
    bounds: dict[str, Any] = {"source": source, "first": first, "end": end}
    statement = _ALL_BELOW
    if not span.deep:
        statement, bounds["start"] = _DIRECTLY_IN[connection.dialect.name], len(first) + 1
    return connection.execute(statement, bounds)


def _rows_between(
    connection: Connection, source: SourceId, ranges: Sequence[tuple[Span, bytes, bytes]], about: int
) -> list[Any] | None:
    """Those of the rows from the first range to the last that lie in one, in key order; None where more lie there than
    the statements saved are worth.

    Several ranges in one condition are no way: SQLite then reads the whole source.
    """
    most = 2 * about + ROWS_PER_STATEMENT * len(ranges)
    bounds = {
        "source": source,
        "first": min(first for _, first, _ in ranges),
        "end": max(end for _, _, end in ranges),
        "most": most + 1,
    }
    rows = connection.execute(_FIRST_BELOW, bounds).all()
    if len(rows) > most:
        return None
    flat = {first for span, first, _ in ranges if not span.deep}
    deep = {first for span, first, _ in ranges if span.deep}
    is_within = cache(partial(_is_within, flat=flat, deep=deep))
    return [row for row in rows if is_within(row.key[: row.key.rfind(b"/") + 1])]


def _files_in(*more: ColumnElement[bool]) -> Select[Any]:
    inside = (objects.c.key >= bindparam("first")) & (objects.c.key < bindparam("end"))
    chosen = (objects.c.source == bindparam("source")) & inside & (objects.c.state == LIVE)
    return select(objects).where(chosen, objects.c.outline.is_not(None), *more)


def keys_below(directory: str) -> tuple[bytes, bytes]:
    """The keys below a directory (empty: all): from the first on, and before the end."""
    first = os.fsencode(f"{directory}/") if directory else b""
    return first, first[:-1] + b"0" if first else LONGER_THAN_KEYS


def _is_within(directory: bytes, *, flat: Collection[bytes], deep: Collection[bytes]) -> bool:
    """Whether the directory, with its stroke, is one of the flat ones, or lies in a deep one or is one."""
    if directory in flat:
        return True
    while directory:
        if directory in deep:
            return True
        directory = directory[: directory.rfind(b"/", 0, -1) + 1]
    return b"" in deep


_REST = func.substr(objects.c.key, bindparam("start", type_=Integer))
_ALL_BELOW = _files_in()
_FIRST_BELOW = _ALL_BELOW.order_by(objects.c.key).limit(bindparam("most", type_=Integer))
_DIRECTLY_IN = {
    "sqlite": _files_in(func.instr(_REST, b"/") == 0),
    "postgresql": _files_in(func.pg_catalog.position(_REST, b"/") == 0),
}
