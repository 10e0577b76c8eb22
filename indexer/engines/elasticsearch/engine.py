"""The reading side: one search is one request to the alias."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from catalog.errors import RequestRefused
from catalog.query.request import AggregationResult, Hit, SearchRequest, SearchResult, SortKey
from catalog.query.validate import MAX_LONG, MIN_LONG, effective_sort, validate
from catalog.search.engine import EngineInfo
from indexer.buckets import typed_key
from indexer.engines.elasticsearch import counting
from indexer.engines.elasticsearch.columns import (
    DOCUMENT,
    NUMBERS,
    comparable,
    is_number_pair,
    number_name,
    order_kind,
)
from indexer.engines.elasticsearch.connection import NAME, check_version, connect, honest, named
from indexer.engines.elasticsearch.translate import at_least, every, scored, translate
from indexer.engines.elasticsearch.versions import Versions
from indexer.settings import ElasticsearchSettings
from mappings.generate import mapping

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from catalog.settings import Settings

SCAN_PAGE = 1_000
SCAN_KEEP_ALIVE = "2m"
_UNMAPPED = {"double": "double", "long": "long", "date": "date", "boolean": "boolean"}
_STATE = {"indices": {"terms": {"field": "_index"}, "aggs": {"newest": {"max": {"field": "_seq_no"}}}}}
"""Which index answers, how many models it holds, and the number of the newest write that is visible."""


class ElasticsearchEngine:
    """Reads the alias of the settings. Where there is none yet, nothing is found."""

    name = NAME

    def __init__(self, settings: Settings) -> None:
        self.alias = settings.section(ElasticsearchSettings).index
        self.client: Elasticsearch = connect(settings)
        self._version: str | None = None

    def search(self, request: SearchRequest) -> SearchResult:
        started = time.perf_counter()
        validate(request)
        body = _body(request)
        with honest():
            self._check()
            answer = named(self.client).search(index=self.alias, ignore_unavailable=True, **body)
        return _answer(request, answer, started)

    def scan(self, request: SearchRequest) -> Iterator[Mapping[str, Any]]:
        validate(request)
        query = every([_filter(request), *_narrowing(request)])
        body = {"query": query, "sort": [{"id": "asc"}], "size": SCAN_PAGE, "track_total_hits": False}
        with honest():
            self._check()
            if not self.client.indices.exists_alias(name=self.alias):
                return iter(())
            point = str(self.client.open_point_in_time(index=self.alias, keep_alive=SCAN_KEEP_ALIVE)["id"])
        return self._pages(body, point)

    def _pages(self, body: dict[str, Any], point: str) -> Iterator[Mapping[str, Any]]:
        try:
            while True:
                with honest():
                    answer = self.client.search(pit={"id": point, "keep_alive": SCAN_KEEP_ALIVE}, **body)
                point = str(answer.get("pit_id", point))
                hits = answer["hits"]["hits"]
                for hit in hits:
                    yield hit["_source"][DOCUMENT]
                if len(hits) < SCAN_PAGE:
                    return
                body = {**body, "search_after": hits[-1]["sort"]}
        finally:
            with honest():
                self.client.close_point_in_time(id=point)

    def get(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        documents: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(ids), SCAN_PAGE):
            page = list(ids[start : start + SCAN_PAGE])
            with honest():
                self._check()
                answer = self.client.search(
                    index=self.alias, ignore_unavailable=True, query={"ids": {"values": page}}, size=len(page)
                )
            documents |= {hit["_id"]: hit["_source"][DOCUMENT] for hit in answer["hits"]["hits"]}
        return {key: documents[key] for key in ids if key in documents}

    def point_in_time(self, *, keep_seconds: float) -> ElasticsearchPoint:
        kept = f"{max(1, round(keep_seconds))}s"
        with honest():
            self._check()
            if not self.client.indices.exists_alias(name=self.alias):
                return ElasticsearchPoint(self.client, None, kept)
            opened = self.client.open_point_in_time(index=self.alias, keep_alive=kept)
        return ElasticsearchPoint(self.client, str(opened["id"]), kept)

    def info(self) -> EngineInfo:
        """One search, so that a key that may only read is enough."""
        with honest():
            version = self._check()
            answer = self.client.search(
                index=self.alias, ignore_unavailable=True, size=0, track_total_hits=True, aggs=_STATE
            )
        count = answer["hits"]["total"]["value"]
        buckets = answer.get("aggregations", {"indices": {"buckets": []}})["indices"]["buckets"]
        parts = [
            f"{bucket['key']}:{bucket['doc_count']}:{bucket['newest']['value']:.0f}" for bucket in buckets
        ]
        return EngineInfo(
            name=self.name,
            version=version,
            documents=count,
            schema_hash=mapping()["mappings"]["_meta"]["schema_hash"],
            generation=" ".join(sorted(parts)) or "empty",
        )

    def close(self) -> None:
        self.client.close()

    def _check(self) -> str:
        """Once: a server that we speak with, and an index that is ours."""
        from elasticsearch import AuthorizationException  # noqa: PLC0415 - an optional dependency

        if self._version is None:
            version = check_version(self.client)
            with suppress(AuthorizationException):  # a key that may read need not see whose index it is
                Versions(self.client, self.alias).behind(self.alias)
            self._version = version
        return self._version


class ElasticsearchPoint:
    """One point in time. Without an id there was no index yet, and nothing is found."""

    def __init__(self, client: Elasticsearch, identifier: str | None, kept: str) -> None:
        self._client = client
        self._id = identifier
        self._kept = kept

    def search(self, request: SearchRequest) -> SearchResult:
        from elasticsearch import NotFoundError  # noqa: PLC0415 - an optional dependency

        started = time.perf_counter()
        validate(request)
        if self._id is None:
            return SearchResult(total=0, hits=(), aggregations=_read_aggregations(request, {}), engine=NAME)
        with honest():
            try:
                answer = named(self._client).search(
                    pit={"id": self._id, "keep_alive": self._kept}, **_body(request)
                )
            except NotFoundError as error:
                raise RequestRefused("pit", "was not asked for too long; open another.") from error
        self._id = str(answer.get("pit_id", self._id))
        return _answer(request, answer, started)

    def close(self) -> None:
        if self._id is not None:
            with honest():
                self._client.options(ignore_status=404).close_point_in_time(id=self._id)
            self._id = None


def _answer(request: SearchRequest, answer: Any, started: float) -> SearchResult:
    hits = answer["hits"]
    return SearchResult(
        total=hits["total"]["value"],
        hits=tuple(_hit(request, hit) for hit in hits["hits"]),
        aggregations=_read_aggregations(request, answer.get("aggregations", {})),
        took_ms=int((time.perf_counter() - started) * 1000),
        engine=NAME,
    )


def _matching(request: SearchRequest) -> dict[str, Any]:
    if not any(key.field == "_score" for key in effective_sort(request)):
        return _filter(request)
    return scored(request.query, among=_filter(request))


def _filter(request: SearchRequest) -> dict[str, Any]:
    query = translate(request.query)
    return query if request.min_score is None else every([query, at_least(request.query, request.min_score)])


def _narrowing(request: SearchRequest) -> list[dict[str, Any]]:
    clauses = [translate(clause) for clause in request.selections.values()]
    return clauses if request.post_filter is None else [*clauses, translate(request.post_filter)]


def _body(request: SearchRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "query": _matching(request),
        "from_": request.offset,
        "size": request.size,
        "track_total_hits": True,
        "sort": [*(_sort(key) for key in effective_sort(request)), {"id": "asc"}],
    }
    narrowing = _narrowing(request)
    if narrowing:
        body["post_filter"] = every(narrowing)
    if request.after is not None:
        body["search_after"] = _position(request)
        del body["from_"]
    if request.aggregations:
        body["aggs"] = {
            f"s{at}": _under_selections(request, name) for at, name in enumerate(request.aggregations)
        }
    return body


def _under_selections(request: SearchRequest, name: str) -> dict[str, Any]:
    others = [translate(clause) for field, clause in request.selections.items() if field != name]
    return {"filter": every(others), "aggs": counting.ask({name: request.aggregations[name]})}


def _read_aggregations(request: SearchRequest, native: Mapping[str, Any]) -> dict[str, AggregationResult]:
    answers: dict[str, AggregationResult] = {}
    for at, (name, aggregation) in enumerate(request.aggregations.items()):
        answers |= counting.read({name: aggregation}, native.get(f"s{at}", {}))
    return answers


def _sort(key: SortKey) -> dict[str, Any]:
    order = "desc" if key.descending else "asc"
    if key.field == "_score":
        return {"_score": {"order": order}}
    options = {
        "order": order,
        "missing": "_last",
        "unmapped_type": _UNMAPPED.get(order_kind(key.field), "keyword"),
    }
    if is_number_pair(key.field):
        named_so = {"term": {f"{NUMBERS}.name": number_name(key.field)}}
        return {f"{NUMBERS}.value": {**options, "nested": {"path": NUMBERS, "filter": named_so}}}
    return {key.field: options}


def _hit(request: SearchRequest, hit: Mapping[str, Any]) -> Hit:
    keys = effective_sort(request)
    values = [_sort_value(key, value) for key, value in zip(keys, hit["sort"], strict=False)]
    score = next((value for key, value in zip(keys, values, strict=True) if key.field == "_score"), None)
    return Hit(id=hit["_id"], score=score, document=hit["_source"][DOCUMENT], sort=(*values, hit["_id"]))


def _sort_value(key: SortKey, value: Any) -> Any:
    """A sort value as the contract has it. Elasticsearch fills in for missing numbers."""
    if key.field == "_score":
        return float(value)
    if value is None or value in {"Infinity", "-Infinity"}:
        return None
    if isinstance(value, int) and value in {MIN_LONG, MAX_LONG}:
        return None
    return float(value) if order_kind(key.field) == "double" else typed_key(key.field, value)


def _position(request: SearchRequest) -> list[Any]:
    """`after` as `search_after` takes it."""
    after = request.after or ()
    keys = effective_sort(request)
    return [*(_position_value(key, value) for key, value in zip(keys, after, strict=False)), after[-1]]


def _position_value(key: SortKey, value: Any) -> Any:
    if value is not None:
        return float(value) if is_number_pair(key.field) else comparable(key.field, value)
    match order_kind(key.field):
        case "double":
            return "-Infinity" if key.descending else "Infinity"
        case "long" | "date" | "boolean":
            return MIN_LONG if key.descending else MAX_LONG
        case _:
            return None
