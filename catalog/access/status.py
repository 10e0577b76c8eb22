"""What the catalog holds and how it came to be, as far as that can be had now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from catalog.errors import ModeldexError
from catalog.lazy_dataclasses import dataclass
from catalog.search.engine import INDEX

if TYPE_CHECKING:
    from catalog.access.readers import IndexTrouble, StoreReader
    from catalog.records import Run
    from catalog.search.engine import EngineInfo

RUNS_SHOWN = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogStatus:
    """What the catalog holds and how it came to be. None for a number that could not be had or is not for this reader."""

    runs: tuple[Run, ...]
    models: int | None
    indexed: int | None
    waiting: int | None
    troubles: tuple[IndexTrouble, ...]
    engine: str
    problem: str


def status_of(
    engine: str, info: Callable[[], EngineInfo], store: Callable[[], StoreReader] | None
) -> CatalogStatus:
    """The state of a catalog whose engine has this name. `store` is None for who does not see everything: runs and what waits
    for the index are about whole sources.
    """
    indexed, problem = None, ""
    try:
        known = info()
        indexed = known.documents
        engine = known.version if known.name in known.version else f"{known.name} {known.version}"
    except ModeldexError as error:  # an empty index asks the store whether it should be
        problem = error.public
    runs: Sequence[Run] = ()
    troubles: Sequence[IndexTrouble] = ()
    models = indexed if store is None else None
    waiting = None
    try:
        if store is not None:
            opened = store()
            consumer = opened.consumer(INDEX)
            runs, models, waiting, troubles = (
                opened.runs.latest(RUNS_SHOWN),
                _counted(opened.records.count),
                _counted(consumer.size),
                consumer.troubles(),
            )
    except ModeldexError as error:
        problem = problem or error.public
    return CatalogStatus(
        runs=tuple(runs),
        models=models,
        indexed=indexed,
        waiting=waiting,
        troubles=tuple(troubles),
        engine=engine,
        problem=problem,
    )


def _counted(counter: Callable[[], int]) -> int | None:
    try:
        return counter()
    except ModeldexError:
        return None
