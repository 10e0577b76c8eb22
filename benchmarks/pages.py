"""The time of whole pages, on the server's side, against the bare engine's for the same facets, in one run.

    python benchmarks/pages.py [--documents 100000] [--rounds 30] [--folder FOLDER]

A page is asked of the application as a server does it, with all its facets, chips, links and HTML. The bare engine gets an
index of the same documents with the fields in the plainest way, and one request: the same condition and order, as many
hits, and of every facet of the page its terms, its bounds and bars. Aim: p50 and p95 at most 1.5 times and 5 ms more.
A page of a table with its 100 rows is held against the same request for 100 hits, and a table of 10,000 as a file and a plot of
10,000 against reading these 10,000 documents; aim: under 3 times. So are the door for Elasticsearch's clients, more values
of a facet, and a comparison; how much memory many pages at once take comes last.
All of a kind are asked in turn, so that what else the machine does hits both sides alike. Each is timed twice, by the clock and
by what it takes of a processor: with nothing else to do both are the same, and on a busy machine the second one says more.
Both indexes stay in FOLDER, where one is named, for the next run.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import tantivy
from engines import bare_row, bare_schema, handwritten, load_bare, load_ours, search_bare

from catalog.access.catalog import Catalogs
from catalog.errors import StoreUnavailable
from catalog.query.request import MAX_RESULT_WINDOW
from catalog.search.parameters import MAX_PER_PAGE
from catalog.settings import Settings
from catalog.testing.documents import documents
from indexer.engines import open_engine
from indexer.engines.memory.matching import satisfies
from mappings import facet_fields
from webui.app import create_app
from webui.commands.garbage import collect_seldom
from webui.contracts import Services

MONTH_MS = 30 * 24 * 3600 * 1000
PAGE, TABLE, WINDOW = 20, MAX_PER_PAGE, MAX_RESULT_WINDOW
MORE, COMPARED, AT_ONCE = 50, 6, 10
MANY = "accuracy > 0.1"
SEARCHES = {
    "all models": "",
    "accuracy > 0.5": "accuracy > 0.5",
    "a task": "task:text-classification",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        schema = bare_schema()
        settings = Settings(home=folder / "home")
        if not (folder / "loaded").exists():
            load(folder, settings, schema, chosen.documents)
        collect_seldom()
        index = tantivy.Index.open(str(folder / "bare"))
        with closing(open_engine(settings)) as engine:
            services = Services(catalogs=Catalogs(engine, _no_store, lambda: satisfies))
            client = create_app(settings, services).test_client()
            print(f"{chosen.documents:,} models, {len(list(facet_fields()))} facets", flush=True)
            for name, text in SEARCHES.items():
                query = bare_query(schema, text)
                compare(
                    f"page, {name}",
                    lambda query=query: bare_page(index, query),
                    lambda text=text: page(client, q=text),
                    chosen.rounds,
                    "1.5 times and 5 ms",
                )
            everything = bare_query(schema, MANY)
            few = max(5, chosen.rounds // 6)
            compare(
                f"table, {TABLE} a page",
                lambda: bare_page(index, everything, TABLE),
                lambda: page(client, q=MANY, view="table", per_page=str(TABLE)),
                chosen.rounds,
                "3 times",
            )
            whole: Mapping[str, Callable[[], None]] = {
                "table, as CSV": lambda: exported(client, q=f"{MANY} limit:{WINDOW}"),
                "plot": lambda: page(client, q=MANY, view="plot"),
            }
            for name, ours in whole.items():
                compare(
                    f"{name} of {WINDOW:,}",
                    lambda: bare_hits(index, everything, WINDOW),
                    ours,
                    few,
                    "3 times",
                )
            ids = [str(document["id"]) for document in bare_hits(index, everything, COMPARED)]
            doors: Mapping[str, tuple[Callable[[], object], Callable[[], object]]] = {
                "/es/, 8 facets": (
                    lambda: search_bare(index, schema),
                    lambda: searched(client, handwritten()),
                ),
                "more of a facet": (
                    lambda: index.searcher().aggregate(everything, {"tags": bare_terms("tags", MORE)}),
                    lambda: read(client, "/values/tags", q=MANY),
                ),
                f"compare {COMPARED}": (
                    lambda: [bare_hits(index, bare_id(schema, model), 1) for model in ids],
                    lambda: read(client, "/compare", ids=",".join(ids)),
                ),
            }
            for name, (bare, ours) in doors.items():
                compare(name, bare, ours, chosen.rounds, "3 times")
            report_memory(client)


def report_memory(client: Any) -> None:
    """The most memory that the process took before and after so many pages at once, some times over."""
    before = peak_megabytes()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(lambda _: read(client.application.test_client(), "/", q=MANY), range(10 * AT_ONCE)):
            pass
    print(
        f"  peak memory before and after {AT_ONCE} pages at once: {before:.0f} and {peak_megabytes():.0f} MB"
    )


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def load(folder: Path, settings: Settings, schema: tantivy.Schema, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(documents(count))
    load_bare(folder / "bare", schema, map(bare_row, rows))
    load_ours(settings, rows)
    (folder / "loaded").touch()


def _no_store() -> Any:
    raise StoreUnavailable("there is no store: the index alone answers")


def page(client: Any, **parameters: str) -> None:
    read(client, "/", **parameters)


def read(client: Any, path: str, **parameters: str) -> None:
    answer = client.get(path, query_string=parameters)
    assert answer.status_code == 200, answer.status
    assert "</html>" in answer.text


def searched(client: Any, body: dict[str, Any]) -> None:
    answer = client.post("/es/models/_search", json=body)
    assert answer.status_code == 200, answer.status
    assert len(answer.json["hits"]["hits"]) == PAGE


def exported(client: Any, **parameters: str) -> None:
    with client.get(
        "/api/v1/export.csv", query_string=parameters
    ) as answer:  # its place among exports is free again
        assert answer.status_code == 200, answer.status
        assert answer.text.count("\n") > WINDOW


def bare_query(schema: tantivy.Schema, text: str) -> tantivy.Query:
    if text.startswith("accuracy"):
        least = float(text.rpartition(" ")[2])
        return tantivy.Query.range_query(
            schema, "accuracy", tantivy.FieldType.Float, least, None, include_lower=False
        )
    if text.startswith("task:"):
        return tantivy.Query.term_query(schema, "task", text.partition(":")[2])
    return tantivy.Query.all_query()


def bare_id(schema: tantivy.Schema, model: str) -> tantivy.Query:
    return tantivy.Query.term_query(schema, "id", model)


def bare_terms(field: str, size: int) -> dict[str, Any]:
    return {"terms": {"field": field, "size": size}}


def bare_page(index: tantivy.Index, query: tantivy.Query, size: int = PAGE) -> None:
    bare_hits(index, query, size)
    asked: dict[str, Any] = {}
    for row in facet_fields():
        if row.type == "date":
            asked[row.name] = {"histogram": {"field": row.name, "interval": MONTH_MS}}
        elif row.numeric:
            bounds = [{"from": 10.0**place, "to": 10.0 ** (place + 1)} for place in range(12)]
            asked[row.name] = {"range": {"field": row.name, "ranges": bounds}}
            asked[f"{row.name}.stats"] = {"stats": {"field": row.name}}
        elif row.indexed_from is None and row.kind_of is None:
            asked[row.name] = bare_terms(row.name, 10)
    asked["accuracy"] = {"histogram": {"field": "accuracy", "interval": 0.05}}
    index.searcher().aggregate(query, asked)


def bare_hits(index: tantivy.Index, query: tantivy.Query, size: int) -> list[Any]:
    searcher = index.searcher()
    hits = searcher.search(query, size, order_by_field="best_date").hits
    return [json.loads(searcher.doc(address).get_first("_document")) for _, address in hits]


def compare(name: str, bare: Callable[[], object], ours: Callable[[], object], rounds: int, aim: str) -> None:
    calls = (bare, ours)
    for call in calls:
        call()
    taken = [[taken_by(call) for call in calls] for _ in range(rounds)]
    for clock, what in enumerate(("clock", "processor")):
        there, here = ([times[side][clock] for times in taken] for side in range(len(calls)))
        (bare_p50, bare_p95), (p50, p95) = quantiles(there), quantiles(here)
        print(
            f"  {name:22s} {what:9s} bare p50 {bare_p50:7.1f} p95 {bare_p95:7.1f}   page p50 {p50:7.1f} p95 {p95:7.1f} ms"
            f"   ratio {p50 / bare_p50:5.2f} / {p95 / bare_p95:5.2f}   (aim: {aim})",
            flush=True,
        )


def taken_by(call: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the clock and of a processor."""
    start, worked = time.perf_counter(), time.process_time()
    call()
    return 1000 * (time.perf_counter() - start), 1000 * (time.process_time() - worked)


def quantiles(times: list[float]) -> list[float]:
    """The p50 and the p95."""
    return [sorted(times)[int(share * (len(times) - 1))] for share in (0.5, 0.95)]


if __name__ == "__main__":
    main()
