"""The neighbours that say more of models, as the worker reads them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from catalog.lazy_dataclasses import dataclass
from indexer.settings import HiveSettings, MongodbSettings

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.settings import Settings
    from catalog.store import Store
    from indexer.pulling import Pull


@dataclass(frozen=True, slots=True)
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
        read = partial(_read, settings, _pull_mongodb, "documents")
        known.append(Neighbour("mongodb", mongodb.every_seconds, read))
    if hive.addresses() and hive.every_seconds:
        read = partial(_read, settings, _pull_hive, "tables")
        known.append(Neighbour("hive", hive.every_seconds, read))
    return known


def _read(
    settings: Settings, pull: Callable[[Settings, Store, Catalog], Pull], subject: str, store: Store
) -> str:
    """Reads one; its counts, that of `subject` first."""
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - most workers read none

    with open_catalog(settings) as catalog:
        outcome = pull(settings, store, catalog)
    counts = {
        subject: getattr(outcome, subject),
        "models": outcome.models,
        "changed": outcome.changed,
        "problems": outcome.problem_count,
    }
    return " ".join(f"{name}={count}" for name, count in counts.items())


def _pull_mongodb(settings: Settings, store: Store, catalog: Catalog) -> Pull:
    from indexer.mongodb.statements import pull  # noqa: PLC0415 - most workers read none

    return pull(settings, store, catalog)


def _pull_hive(settings: Settings, store: Store, catalog: Catalog) -> Pull:
    from indexer.hive.pull import pull  # noqa: PLC0415 - most workers read none

    return pull(settings, store, catalog)
