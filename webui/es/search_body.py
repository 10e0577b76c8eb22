"""What the body of a search asks, and its answer in Elasticsearch's shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog.dsl.body import Options, from_dsl
from catalog.dsl.response import to_es_response
from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.request import SearchRequest, SearchResult
from webui.es.faults import Json, illegal
from webui.es.indices import INDEX
from webui.es.times import keep_alive, seconds_of
from webui.es.typed_keys import typed

if TYPE_CHECKING:
    from webui.es.arguments import Arguments

NO_SHARDS = {"total": 0, "successful": 0, "skipped": 0, "failed": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the caller wants answers written."""

    total_as_int: bool = False
    typed_keys: bool = False

    @classmethod
    def of(cls, arguments: Arguments) -> Form:
        return cls(
            total_as_int=arguments.flag("rest_total_hits_as_int"), typed_keys=arguments.flag("typed_keys")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One search that may run: everything about it is checked."""

    request: SearchRequest
    options: Options
    versions: bool
    among_models: bool = True
    pit_seconds: float | None = None

    @property
    def seconds(self) -> float | None:
        """The caller's own time limit."""
        return None if self.options.timeout is None else seconds_of(self.options.timeout, "timeout")


def read_search(body: Mapping[str, Any], form: Form, *, among_models: bool = True) -> Search:
    """The search that a body asks. Raises RequestRefused or Fault that names the part."""
    request, options = from_dsl(body)
    if form.total_as_int and not isinstance(options.track_total_hits, bool) and "track_total_hits" in body:
        raise illegal("rest_total_hits_as_int", "needs track_total_hits to be true or false.")
    pit = body.get("pit") or {}
    seconds = keep_alive(seconds_of(pit["keep_alive"], "keep_alive")) if "keep_alive" in pit else None
    search = Search(
        request=request,
        options=options,
        versions=bool(body.get("version")),
        among_models=among_models,
        pit_seconds=seconds,
    )
    if search.seconds is not None and search.seconds <= 0:
        raise illegal("timeout", "is a time such as 500ms, 30s or 5m.")
    return search


def nothing() -> SearchResult:
    """What no index finds."""
    return SearchResult(total=0, hits=())


def shaped(result: SearchResult, wanted: Search, form: Form) -> Json:
    """The body of the answer as the caller wants it."""
    request = wanted.request if wanted.among_models else replace(wanted.request, aggregations={})
    body = to_es_response(result, request, INDEX, wanted.options)
    if not wanted.among_models:
        body["_shards"] = dict(NO_SHARDS)
        body["hits"]["max_score"] = 0.0
    if wanted.versions:
        for shown, hit in zip(body["hits"]["hits"], result.hits, strict=True):
            shown["_version"] = hit.document.get("revision", 1)
    if form.typed_keys and "aggregations" in body:
        body["aggregations"] = typed(request.aggregations, body["aggregations"], wanted.options.shapes)
    if form.total_as_int:
        total = body["hits"].get("total")
        body["hits"]["total"] = -1 if total is None else result.total
    return body
