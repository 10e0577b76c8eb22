"""An index that has lost what it was given, told apart from a catalog in which nothing is yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from catalog.errors import EngineUnavailable
from catalog.store import INDEX

if TYPE_CHECKING:
    from catalog.settings import Settings

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


def check_presence(engine: str, store: StoreCounts) -> int:
    """For an index that holds nothing: how many models wait to be written to it; none when there are none at all.

    Raises EngineUnavailable when it was given models and has lost them.
    """
    models, waiting = store.records.count(), store.consumer(INDEX).size()
    if models > waiting:
        many = "1 model" if models == 1 else f"{models:,} models"
        raise EngineUnavailable(engine, f"the index is empty, and the catalog holds {many}.", advice=REINDEX)
    return waiting


def check_presence_in(settings: Settings) -> int:
    """The same, for whoever has no store open. Where no store was ever made, nothing waits."""
    kind, _, path = settings.store_url.partition(":///")
    if kind == "sqlite" and not Path(path).exists():
        return 0
    from catalog.store.store import open_store  # noqa: PLC0415 - SQLAlchemy costs a quarter of a second

    with open_store(settings, write=False) as store:
        return check_presence(settings.engine, store)
