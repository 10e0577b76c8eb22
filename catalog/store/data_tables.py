"""The tables that models were trained on, as a Hive Metastore described them last."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine, delete, select

from catalog.errors import StoreDamaged
from catalog.records.data_tables import DataTable, TableColumn
from catalog.store.database import begin_commit, parts, upsert
from catalog.store.tables import data_tables


class DataTables:
    """Read by anybody; written by who reads the Metastore."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, names: Collection[str]) -> dict[str, DataTable]:
        """Those of these names that are known. Raises StoreDamaged."""
        known: dict[str, DataTable] = {}
        with self._engine.connect() as connection:
            for part in parts(sorted(names)):
                chosen = select(data_tables.c.name, data_tables.c.facts).where(data_tables.c.name.in_(part))
                known |= {row.name: _table(row.name, row.facts) for row in connection.execute(chosen)}
        return known

    def all(self) -> list[DataTable]:
        """Every one, by name. Raises StoreDamaged."""
        chosen = select(data_tables.c.name, data_tables.c.facts).order_by(data_tables.c.name)
        with self._engine.connect() as connection:
            return [_table(row.name, row.facts) for row in connection.execute(chosen)]

    def put(self, tables: Iterable[DataTable], *, forgotten: Sequence[str] = ()) -> None:
        """These are known from now on, and those that no model names any more are not."""
        rows = [{"name": table.name, "facts": json.dumps(asdict(table))} for table in tables]
        with begin_commit(self._engine) as connection:
            upsert(connection, data_tables, rows)
            for part in parts(forgotten):
                connection.execute(delete(data_tables).where(data_tables.c.name.in_(part)))


def _table(name: str, facts: str) -> DataTable:
    try:
        values: dict[str, Any] = json.loads(facts)
        columns = tuple(TableColumn(**column) for column in values.pop("columns"))
        return DataTable(**values, columns=columns)
    except (ValueError, TypeError, KeyError) as error:
        raise StoreDamaged(f"the table {name}", str(error), "Read it again: modeldex hive pull") from error
