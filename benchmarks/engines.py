"""Indexing and searching through Modeldex against the bare engine on the same documents, in one run.

    python benchmarks/engines.py [--documents 10000,100000] [--engine tantivy] [--engine elasticsearch] [--rounds 3]

Up to 100,000 documents are all different; beyond, they come again under other ids. What is ready is made before the
clock starts, and frozen: a collector that walks a full heap again and again would be measured on both sides.

Tantivy: the bare engine gets rows that are ready, with the same fields and the text of every document once; aim:
at least half its rate. A second line counts what it takes to make the bare rows from the documents, which no program
is spared.

Elasticsearch: a real node (`tests/fixtures/elasticsearch.py`: one that is named, Docker, or one fetched by Maven) with
the same mapping; the bare side is elasticsearch-py's `parallel_bulk` of bodies that are ready, and the request that a
person would write by hand; aim: 0.8 of its rate. On both, a search with 8 facets and a histogram: within 3 ms or 1.3
times, whichever is larger.

Every pair runs in turn, as often as `--rounds` says; the medians are compared.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count as count_up
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import tantivy

from catalog.query.nodes import Range
from catalog.query.request import HistogramAgg, SearchRequest, SortKey, TermsAgg
from catalog.query.state import SearchState
from catalog.search.engine import IndexAction
from catalog.search.service import SearchService
from catalog.settings import Settings
from catalog.testing.documents import documents
from indexer.engines import open_engine, open_writer
from indexer.settings import ElasticsearchSettings
from mappings import fields

FACETS = ("task", "framework", "format", "license", "architecture", "precision", "language", "tags")
RUNS = 40
DIFFERENT = 100_000
SEARCH_AIM = "aim: at most 1.3, or 3 ms more"
PAGE = SearchState(text="accuracy > 0.5", size=20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", default="10000,100000")
    parser.add_argument("--engine", action="append", choices=["tantivy", "elasticsearch"])
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    for count in (int(number) for number in chosen.documents.split(",")):
        for engine in chosen.engine or ["tantivy"]:
            print(f"\n{count:,} documents, {engine}", flush=True)
            {"tantivy": measure_tantivy, "elasticsearch": measure_elasticsearch}[engine](count, chosen.rounds)


def report(what: str, bare: float, ours: float, unit: str, aim: str, *, rate: bool = False) -> None:
    ratio = ours / bare
    digits = 0 if rate else 1
    print(
        f"  {what:34s} bare {bare:12,.{digits}f}   Modeldex {ours:12,.{digits}f} {unit:7s} ratio {ratio:5.2f}   ({aim})"
    )


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turn(rounds: int, *calls: Callable[[], Any]) -> list[float]:
    """The median seconds of each call, all called in turn, so that what else the machine does hits all alike."""
    taken = [[seconds(call) for call in calls] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def milliseconds(call: Callable[[], Any], clients: int) -> tuple[list[float], float]:
    """What each of many calls took, in order, with this many clients at once; and all of them, per call."""
    call()
    with ThreadPoolExecutor(clients) as pool:
        start = time.perf_counter()
        taken = sorted(1000 * value for value in pool.map(lambda _: seconds(call), range(RUNS * clients)))
        return taken, 1000 * (time.perf_counter() - start) / len(taken)


def compare_searches(bare: Callable[[], Any], ours: Callable[[], Any], rounds: int, aim: str) -> None:
    """With 8 clients in one interpreter a single call says who had to wait; so all calls together are compared too."""
    for clients in (1, 8):
        pairs = [(milliseconds(bare, clients), milliseconds(ours, clients)) for _ in range(rounds)]
        together = [statistics.median(pair[side][1] for pair in pairs) for side in (0, 1)]
        report(f"search, 8 facets, {clients} clients", *together, "ms", aim)
        for name, share in (("p50", 0.5), ("p95", 0.95)):
            there, here = (
                statistics.median(pair[side][0][int(share * (len(pair[side][0]) - 1))] for pair in pairs)
                for side in (0, 1)
            )
            report(f"  {name} of one search", there, here, "ms", "no aim")


def report_page(engine: Any) -> None:
    """A whole page of results with all its facets, chips and reading of the text."""
    service = SearchService(engine)
    for clients in (1, 8):
        _, taken = milliseconds(lambda: service.page(PAGE), clients)
        name = f"whole page, {clients} clients"
        print(f"  {name:36s}{'':21s}Modeldex {taken:12,.1f} ms")


def request() -> SearchRequest:
    return SearchRequest(
        query=Range(field="metrics.accuracy", gt=0.5),
        aggregations={
            **{name: TermsAgg(field=name, size=10) for name in FACETS},
            "params": HistogramAgg(field="metrics.accuracy", interval=0.05),
        },
        sort=(SortKey(field="best_date", descending=True),),
    )


# Tantivy --------------------------------------------------------------------------------------------------------------


def measure_tantivy(count: int, rounds: int) -> None:
    ready = list(documents(min(count, DIFFERENT)))
    schema, rows = bare_schema(), [bare_row(document) for document in ready]
    freeze()
    with tempfile.TemporaryDirectory() as folder:
        bares, ours_all = places(folder, "bare"), places(folder, "ours")
        bare_seconds, made_seconds, ours_seconds = in_turn(
            rounds,
            lambda: load_bare(next(bares), schema, again(rows, count)),
            lambda: load_bare(next(bares), schema, map(bare_row, again(ready, count))),
            lambda: load_ours(Settings(home=next(ours_all)), again(ready, count)),
        )
        report(
            "indexing", count / bare_seconds, count / ours_seconds, "docs/s", "aim: at least 0.5", rate=True
        )
        report(
            "indexing, rows made on both sides",
            count / made_seconds,
            count / ours_seconds,
            "docs/s",
            "no aim",
            rate=True,
        )
        index = tantivy.Index.open(str(latest(folder, "bare")))
        engine = open_engine(Settings(home=latest(folder, "ours")))
        compare_searches(
            lambda: search_bare(index, schema), lambda: engine.search(request()), rounds, SEARCH_AIM
        )
        report_page(engine)
        engine.close()


def freeze() -> None:
    gc.collect()
    gc.freeze()


def again(ready: list[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    """As many as asked for: those that are ready, and then again under other ids."""
    for start in range(0, count, len(ready)):
        for one in ready[: count - start]:
            yield one if not start else {**one, "id": f"{start // len(ready):08x}{one['id'][8:]}"}


def places(folder: str, name: str) -> Iterator[Path]:
    """A new place for each round; the one of the round before makes room."""
    for number in count_up():
        shutil.rmtree(Path(folder) / f"{name}-{number - 1}", ignore_errors=True)
        yield Path(folder) / f"{name}-{number}"


def latest(folder: str, name: str) -> Path:
    return next(Path(folder).glob(f"{name}-*"))


def bare_schema() -> tantivy.Schema:
    """The fields of the same table, each in the plainest way."""
    builder = tantivy.SchemaBuilder()
    builder.add_bytes_field("_document", stored=True)
    builder.add_json_field("metrics", fast=True)
    builder.add_float_field("accuracy", fast=True, indexed=True)
    for row in fields().values():
        if row.type in {"keyword", "name"}:
            builder.add_text_field(row.name, fast=True, tokenizer_name="raw", index_option="basic")
        elif row.type in {"long", "date", "boolean"}:
            builder.add_integer_field(row.name, fast=True, indexed=True)
        elif row.type == "double":
            builder.add_float_field(row.name, fast=True, indexed=True)
        elif row.type == "flattened":
            builder.add_json_field(row.name, fast=True)
        if row.type in {"text", "name"}:
            builder.add_text_field(f"{row.name}.text")
    builder.add_json_field("evaluations", fast=True)
    return builder.build()


def bare_row(document: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"_document": json.dumps(document).encode()}
    if document.get("metrics"):
        row["metrics"] = document["metrics"]
        if "accuracy" in document["metrics"]:
            row["accuracy"] = float(document["metrics"]["accuracy"])
    if document.get("evaluations"):
        row["evaluations"] = {"all": [one["metric"] for one in document["evaluations"]]}
    for field in fields().values():
        value: Any = document
        for part in field.name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is None or value == []:
            continue
        if field.type in {"text", "name"}:
            row[f"{field.name}.text"] = " ".join(value) if isinstance(value, list) else str(value)
        if field.type in {"keyword", "name"}:
            row[field.name] = [str(one) for one in value] if isinstance(value, list) else str(value)
        elif field.type == "date":
            row[field.name] = int(datetime.fromisoformat(value).astimezone(UTC).timestamp() * 1000)
        elif field.type in {"long", "boolean"}:
            row[field.name] = int(value)
        elif field.type == "double":
            row[field.name] = float(value)
        elif field.type == "flattened" and isinstance(value, dict):
            row[field.name] = value
    return row


def load_bare(folder: Path, schema: tantivy.Schema, rows: Iterable[dict[str, Any]]) -> None:
    folder.mkdir()
    index = tantivy.Index(schema, str(folder))
    writer = index.writer(256 * 1024 * 1024, 2)
    for row in rows:
        writer.add_document(tantivy.Document.from_dict(row, schema))
    writer.commit()
    writer.wait_merging_threads()


def load_ours(settings: Settings, ready: Iterable[dict[str, Any]]) -> None:
    writer = open_writer(settings)
    writer.rebuild(IndexAction(id=document["id"], revision=1, document=document) for document in ready)
    writer.close()


def search_bare(index: tantivy.Index, schema: tantivy.Schema) -> Any:
    searcher = index.searcher()
    query = tantivy.Query.range_query(
        schema, "accuracy", tantivy.FieldType.Float, 0.5, None, include_lower=False
    )
    hits = searcher.search(query, 20, order_by_field="best_date")
    terms = {name: {"terms": {"field": name, "size": 10}} for name in FACETS}
    terms["params"] = {"histogram": {"field": "accuracy", "interval": 0.05}}
    searcher.aggregate(query, terms)
    return [json.loads(searcher.doc(address).get_first("_document")) for _, address in hits.hits]


# Elasticsearch --------------------------------------------------------------------------------------------------------


def measure_elasticsearch(count: int, rounds: int) -> None:
    from elasticsearch import Elasticsearch

    from indexer.engines.elasticsearch.documents import make_body

    ready = list(documents(min(count, DIFFERENT)))
    bodies = [make_body(document["id"], document) for document in ready]
    freeze()
    with running_elasticsearch() as url, tempfile.TemporaryDirectory() as home:
        settings = Settings(
            home=Path(home),
            engine="elasticsearch",
            elasticsearch_url=url,
            elasticsearch_index="modeldex-benchmark",
            elasticsearch_timeout_seconds=120.0,
        )
        client = Elasticsearch(url, request_timeout=120)
        load_bare_bulk(client, again(bodies, 5_000))  # both then find the server warm
        load_ours(settings, again(ready, 5_000))
        bare, ours = in_turn(
            rounds,
            lambda: load_bare_bulk(client, again(bodies, count)),
            lambda: load_ours(settings, again(ready, count)),
        )
        report("indexing", count / bare, count / ours, "docs/s", "aim: at least 0.8", rate=True)
        engine = open_engine(settings)
        compare_searches(
            lambda: client.search(index=settings.section(ElasticsearchSettings).index, **handwritten()),
            lambda: engine.search(request()),
            rounds,
            SEARCH_AIM,
        )
        report_page(engine)
        engine.close()
        ours_too = client.indices.get(index="modeldex-benchmark-*", allow_no_indices=True)
        client.indices.delete(index=[*ours_too, "bare-benchmark"])  # servers refuse to delete by a pattern
        client.close()


@contextmanager
def running_elasticsearch() -> Iterator[str]:
    """The address of a node of our own, or of the one that MODELDEX_TEST_ES_URL names."""
    from tests.fixtures.elasticsearch_node import ENVIRONMENT, Node, distribution

    named = ENVIRONMENT.get("MODELDEX_TEST_ES_URL")
    if named:
        yield named
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        node = Node(distribution(), Path(folder))
        try:
            yield node.start()
        finally:
            node.stop()


def load_bare_bulk(client: Any, bodies: Iterable[dict[str, Any]]) -> None:
    from elasticsearch.helpers import parallel_bulk

    from mappings.generate import mapping

    name, body = "bare-benchmark", mapping()
    client.options(ignore_status=404).indices.delete(index=name)
    settings = {name: value for name, value in body["settings"].items() if name != "auto_expand_replicas"}
    settings |= {"refresh_interval": "-1", "number_of_replicas": 0}
    client.indices.create(index=name, mappings=body["mappings"], settings=settings)
    actions = ({"_index": name, "_id": source["id"], "_source": source} for source in bodies)
    for _ in parallel_bulk(client, actions, thread_count=2, chunk_size=500):
        pass
    client.indices.refresh(index=name)


def handwritten() -> dict[str, Any]:
    terms: dict[str, Any] = {name: {"terms": {"field": name, "size": 10}} for name in FACETS}
    histogram = {"field": "metrics.accuracy", "interval": 0.05}
    return {
        "query": {"bool": {"filter": [{"range": {"metrics.accuracy": {"gt": 0.5}}}]}},
        "sort": [{"best_date": "desc"}, {"id": "asc"}],
        "size": 20,
        "track_total_hits": True,
        "aggs": {**terms, "params": {"histogram": histogram}},
    }


if __name__ == "__main__":
    main()
