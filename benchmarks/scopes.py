"""A search by somebody who sees one source of ten against the same search by who sees everything, in one run.

    python benchmarks/scopes.py [--documents 100000] [--rounds 5]

Both ask one index through the one reading door, in turn; the medians are compared. Aim: at most 1.2 times. The page of
the viewer finds a tenth of what the other finds, so the search is also asked of all models by somebody whose scope
holds them all without being everything: there both find the same.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from catalog.access.catalog import Catalogs
from catalog.access.principals import OWNER, Principal
from catalog.access.scopes import scope_of_text
from catalog.errors import StoreUnavailable
from catalog.query.request import SearchRequest, TermsAgg
from catalog.query.state import SearchState
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from catalog.testing.documents import documents
from indexer.engines import open_engine, open_writer
from indexer.engines.memory.matching import satisfies

SOURCES = 10
FACETS = ("task", "framework", "format", "license", "architecture", "precision", "language", "tags")
SCOPES = {
    "one source of ten": 'source:"file:///source-3"',
    "all sources by name": " OR ".join(f'source:"file:///source-{number}"' for number in range(SOURCES)),
    "all but one tag": "-tag:nobody-has-it",
}
CALLS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        fill(settings, chosen.documents)
        with closing(open_engine(settings)) as engine:
            catalogs = Catalogs(engine, _no_store, lambda: satisfies)
            print(f"{chosen.documents:,} models of {SOURCES} sources", flush=True)
            for name, text in SCOPES.items():
                scope = scope_of_text(text)
                assert scope is not None
                viewer = Principal(id="vera", name="vera", scope=scope)
                compare(name, catalogs, viewer, chosen.rounds)


def _no_store() -> Any:
    raise StoreUnavailable("there is no store: the index alone answers")


def fill(settings: Settings, number: int) -> None:
    """An index of documents that are all different, a tenth of them in each source."""
    with closing(open_writer(settings)) as writer:
        part: list[IndexAction] = []
        for place, document in enumerate(documents(number)):
            document["source"] = f"file:///source-{place % SOURCES}"
            part.append(IndexAction(id=document["id"], revision=1, document=document))
            if len(part) == 5_000:
                writer.write(part)
                part = []
        if part:
            writer.write(part)
        writer.refresh()


def compare(name: str, catalogs: Catalogs, viewer: Principal, rounds: int) -> None:
    readers = [catalogs.of(OWNER), catalogs.of(viewer)]
    for what, text in (("all models", ""), ("accuracy > 0.5", "accuracy > 0.5"), ("words", "bert text")):
        report(f"{name}: 8 facets, {what}", *in_turn(rounds, *(partial(asked, one, text) for one in readers)))
    page = SearchState(text="accuracy > 0.5")
    report(f"{name}: whole page", *in_turn(rounds, *(partial(one.page, page) for one in readers)))


def asked(catalog: Any, text: str) -> int:
    request = catalog.request(SearchState(text=text))
    facets = {field: TermsAgg(field=field, size=10) for field in FACETS}
    answer = catalog.search(
        SearchRequest(query=request.query, sort=request.sort, size=20, aggregations=facets)
    )
    total: int = answer.total
    return total


def in_turn(rounds: int, *calls: Callable[[], Any]) -> list[float]:
    """The median milliseconds of each call, all called in turn, so that what else the machine does hits all alike."""
    for call in calls:
        call()
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds * CALLS):
        for place, call in enumerate(calls):
            start = time.perf_counter()
            call()
            taken[place].append(1000 * (time.perf_counter() - start))
    return [statistics.median(column) for column in taken]


def report(what: str, whole: float, scoped: float) -> None:
    print(
        f"  {what:55s} everything {whole:7.1f} ms   scope {scoped:7.1f} ms   ratio {scoped / whole:5.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
