"""A table of one connection, gone with it: what a run collects may be larger than memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Column, Connection, Engine, Executable, MetaData, Table
from sqlalchemy.exc import DBAPIError

from catalog.store.database import WRITES_NOTHING


class TemporaryTable:
    """There from entering to leaving. Each use of it is a transaction of its own, which ends however the use ends: a crawl
    that is told to stop in the middle of one still writes what it has read, by another connection.
    """

    _serial = itertools.count()

    def __init__(self, engine: Engine, name: str, *columns: Column[Any]) -> None:
        self._engine = engine
        self._table = Table(f"{name}_{next(self._serial)}", MetaData(), *columns, prefixes=["TEMPORARY"])
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        self._connection = self._engine.connect().execution_options(**{WRITES_NOTHING: True})
        with self._transaction() as connection:
            self._table.create(connection)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        assert connection is not None, "a temporary table is left once"
        try:
            if not connection.invalidated:
                connection.rollback()
                with connection.begin():
                    self._table.drop(connection)
        except DBAPIError as fault:
            if (
                not fault.connection_invalidated
            ):  # else the table went with it, and what happened before counts
                raise
        finally:
            connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        assert self._connection is not None, "a temporary table is used inside `with`"
        self._connection.rollback()  # of a use that was left before it had begun
        with self._connection.begin():
            yield self._connection

    def _rows(self, statement: Executable) -> Sequence[Any]:
        with self._transaction() as connection:
            return connection.execute(statement).all()
