"""An index that has lost what it was given, told apart from a catalog in which nothing is yet."""

from __future__ import annotations

from typing import Protocol

from catalog.errors import EngineUnavailable
from catalog.search.engine import INDEX

REINDEX = "Run `modeldex reindex` to build it anew from the record store."


class RecordCount(Protocol):
    def count(self) -> int: ...


class WaitingCount(Protocol):
    def size(self) -> int: ...


class StoreCounts(Protocol):
    """The part of the store that says how much an index should hold."""

    @property
    def records(self) -> RecordCount: ...

    def consumer(self, name: str) -> WaitingCount: ...


def check_presence(engine: str, store: StoreCounts) -> None:
    """For an index that holds nothing: raises EngineUnavailable when it was given models and has lost them."""
    models, waiting = store.records.count(), store.consumer(INDEX).size()
    if models > waiting:
        # No number: whoever is told need not see all of them.
        raise EngineUnavailable(engine, "the index is empty, and the catalog holds models.", advice=REINDEX)
