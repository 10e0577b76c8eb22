"""The neighbours that say more of models, as the worker reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.settings import HiveSettings, MongodbSettings

if TYPE_CHECKING:
    from catalog.settings import Settings
    from catalog.store import Store


@dataclass(slots=True)
class Neighbour:
    """One of them: how often it is read, and by what."""

    name: str
    every_seconds: float
    read: Callable[[Store], str]
    """What came of it, for the log. Raises ModeldexError."""


def neighbours(settings: Settings) -> list[Neighbour]:
    """Those that are set up, and are read by the worker."""
    mongodb, hive = settings.section(MongodbSettings), settings.section(HiveSettings)
    known = []
    if mongodb.url and mongodb.said_in and mongodb.every_seconds:
        known.append(
            Neighbour("mongodb", mongodb.every_seconds, lambda store: _read_mongodb(settings, store))
        )
    if hive.addresses() and hive.every_seconds:
        known.append(Neighbour("hive", hive.every_seconds, lambda store: _read_hive(settings, store)))
    return known


def _read_mongodb(settings: Settings, store: Store) -> str:
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - most workers read none
    from indexer.mongodb.statements import pull  # noqa: PLC0415

    with open_catalog(settings) as catalog:
        joined = pull(settings, store, catalog)
    problems = len(joined.problems) + joined.more_problems
    return f"documents={joined.documents} models={joined.models} changed={joined.changed} problems={problems}"


def _read_hive(settings: Settings, store: Store) -> str:
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - most workers read none
    from indexer.hive.pull import pull  # noqa: PLC0415

    with open_catalog(settings) as catalog:
        pulled = pull(settings, store, catalog)
    problems = len(pulled.problems) + pulled.more_problems
    return f"tables={pulled.tables} models={pulled.models} changed={pulled.changed} problems={problems}"
