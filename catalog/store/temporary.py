"""A table of one connection, gone with it: what a run collects may be larger than memory."""

from __future__ import annotations

import itertools
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Column, Connection, Engine, MetaData, Table


class TemporaryTable:
    """There from entering to leaving. Whoever reads or writes it commits, so that no transaction stays open meanwhile."""

    _serial = itertools.count()

    def __init__(self, engine: Engine, name: str, *columns: Column[Any]) -> None:
        self._engine = engine
        self._table = Table(f"{name}_{next(self._serial)}", MetaData(), *columns, prefixes=["TEMPORARY"])
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        self._connection = self._engine.connect()
        self._table.create(self._connection)
        self._connection.commit()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._open()
        connection.rollback()
        self._table.drop(connection)
        connection.commit()
        connection.close()
        self._connection = None

    def _open(self) -> Connection:
        assert self._connection is not None, "a temporary table is used inside `with`"
        return self._connection
