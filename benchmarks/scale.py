"""How store, index and answers grow with the catalog: one catalog that is filled step by step, measured at each.

    python benchmarks/scale.py [--home FOLDER] [--models 10000,100000] [--url DATABASE_URL]

With `--home` the catalog stays, and a later call goes on where this one ended. Each line of the output is one step as
JSON; `slopes` at the end are what each further model costs between the first and the last step of that home.

The records are generated documents without provenance, so the store of a crawled catalog is larger (docs/benchmarks.md
has that figure); the index holds the same either way.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.edits import record_of
from benchmarks.engines import PAGE, request
from catalog.search.service import SearchService
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.store import Store
from catalog.testing.documents import document
from crawler.commands.index_state import bring_up_to_date
from indexer.engines import open_engine

PER_COMMIT = 1_000
CALLS = 15
STEPS = "scale.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--models", default="10000,100000")
    parser.add_argument("--url", default="")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = chosen.home or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        settings = Settings(home=home, **({"database_url": chosen.url} if chosen.url else {}))
        for number in map(int, chosen.models.split(",")):
            grown = grow(settings, number)
            step = {"models": number, **grown, **asked(settings), **sizes(settings)}
            with (home / STEPS).open("a") as file:
                print(json.dumps(step), file=file)
            print(json.dumps(step), flush=True)
        print(json.dumps({"slopes": slopes(home)}))


def grow(settings: Settings, models: int) -> dict[str, Any]:
    """Fills the store, then the index, up to that many models, and says how many a second each took."""
    with open_store(settings, write=True) as store:
        before = store.records.count()
        stored = seconds(lambda: fill(store, before, models))
        indexed = seconds(lambda: bring_up_to_date(settings, store))
    added = models - before
    return {
        "added": added,
        "stored_per_second": round(added / stored),
        "indexed_per_second": round(added / indexed),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def fill(store: Store, before: int, models: int) -> None:
    rows = (record_of(document(number)) for number in range(before, models))
    while page := list(islice(rows, PER_COMMIT)):
        with store.lease("source:bench") as lease:
            store.records.commit(page, lease=lease)


def asked(settings: Settings) -> dict[str, Any]:
    """Medians of a search with 8 facets, of a whole page, and of an info, each by a reader that is warm."""
    with closing(open_engine(settings)) as engine:
        service, asked_for = SearchService(engine), request()
        return {
            "search_ms": median_ms(lambda: engine.search(asked_for)),
            "page_ms": median_ms(lambda: service.page(PAGE)),
            "info_ms": median_ms(engine.info),
        }


def sizes(settings: Settings) -> dict[str, int]:
    """Bytes on disk, a thousand bytes a kilobyte."""
    store = sum(path.stat().st_size for path in settings.home.glob("store.sqlite3*"))
    index = sum(path.stat().st_size for path in settings.index_path.rglob("*") if path.is_file())
    return {"store_kb": store // 1000, "index_kb": index // 1000}


def slopes(home: Path) -> dict[str, float]:
    """What each further thousand models cost between the smallest and the largest step of this home."""
    steps = sorted(map(json.loads, (home / STEPS).read_text().splitlines()), key=lambda step: step["models"])
    first, last = steps[0], steps[-1]
    between = (last["models"] - first["models"]) / 1000
    names = ("store_kb", "index_kb", "search_ms", "page_ms")
    return {name: round((last[name] - first[name]) / between, 4) for name in names} if between else {}


def seconds(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return max(time.perf_counter() - begin, 1e-9)


def median_ms(work: Callable[[], Any]) -> float:
    work()
    return round(1000 * statistics.median(seconds(work) for _ in range(CALLS)), 2)


if __name__ == "__main__":
    os.nice(10)
    main()
