"""Which keys a listing saw, and which of the manifest it did not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from sqlalchemy import (
    Column,
    Engine,
    LargeBinary,
    func,
    select,
)

from catalog.records import ObjectKey, SourceId
from catalog.store.database import insert_ignoring
from catalog.store.documents import LIVE
from catalog.store.tables import objects
from catalog.store.temporary import TemporaryTable

PAGE = 1000


class Sightings(TemporaryTable):
    """The keys that one listing saw, in a temporary table: a listing may be larger than memory."""

    def __init__(self, engine: Engine, source: SourceId) -> None:
        super().__init__(engine, "seen", Column("key", LargeBinary, primary_key=True))
        self._source = source

    def add(self, keys: Iterable[ObjectKey]) -> None:
        rows = [{"key": os.fsencode(key)} for key in keys]
        if rows:
            with self._transaction() as connection:
                insert_ignoring(connection, self._table, rows)

    def count(self) -> int:
        return int(self._rows(select(func.count()).select_from(self._table))[0][0])

    def unseen(self) -> Iterator[ObjectKey]:
        """Live objects of the manifest that the listing did not show, in key order."""
        last = b""
        while True:
            seen = select(self._table.c.key).where(self._table.c.key == objects.c.key).exists()
            chosen = (
                (objects.c.source == self._source)
                & (objects.c.state == LIVE)
                & (objects.c.key > last)
                & ~seen
            )
            rows = self._rows(select(objects.c.key).where(chosen).order_by(objects.c.key).limit(PAGE))
            yield from (ObjectKey(os.fsdecode(row.key)) for row in rows)
            if len(rows) < PAGE:
                return
            last = rows[-1].key
