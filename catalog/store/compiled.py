"""Statements of SQLite compiled once for a process, however many stores it opens."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache

CAPACITY = 1000
"""A crawl, a search and an edit together take about 300 statements; SQLAlchemy keeps 500 for each engine."""


class SharedStatements(LRUCache[Any, Any]):
    """A `compiled_cache` for engines whose dialects are alike: all SQLite of one process are one library.

    SQLAlchemy keeps its own with each engine, and tells statements of two engines apart by their dialect objects. To
    compile what one crawl of a small source asks takes twice as long as to run it.
    """

    __slots__ = ()

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_without_dialect(key), default)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_without_dialect(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_without_dialect(key), value)


def _without_dialect(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([part for part in key if not isinstance(part, Dialect)])
