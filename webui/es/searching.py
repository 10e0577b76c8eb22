"""`_search`, `_count`, `_msearch`: bodies become requests, requests run, answers take Elasticsearch's shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import request as http

from catalog.dsl.body import Options, from_dsl
from catalog.dsl.response import to_es_response
from catalog.dsl.values import only
from catalog.errors import ModeldexError, RequestRefused
from catalog.query.request import SearchRequest, SearchResult
from catalog.search.engine import SearchEngine
from webui.es.arguments import Arguments, over_body, sent_body
from webui.es.call import Asked
from webui.es.contexts import keep_alive
from webui.es.faults import Json, body_of, illegal
from webui.es.indices import INDEX, means_models
from webui.es.media import read_json, read_lines
from webui.es.times import seconds_of
from webui.es.typed_keys import typed

MAX_SEARCHES = 10
_HEADER = frozenset(
    {
        "index",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
        "preference",
        "routing",
        "search_type",
        "request_cache",
        "ccs_minimize_roundtrips",
        "allow_partial_search_results",
    }
)
_SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
_NO_SHARDS = {"total": 0, "successful": 0, "skipped": 0, "failed": 0}


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


def among_models(asked: Asked, header: Mapping[str, Any] | None = None) -> bool:
    """Whether the models are among the indices of this request. Raises Fault for an index that is not there."""
    ignore = asked.arguments.flag("ignore_unavailable")
    allow = asked.arguments.flag("allow_no_indices", default=True)
    index = asked.index
    if header is not None:
        ignore = _header_flag(header, "ignore_unavailable", ignore)
        allow = _header_flag(header, "allow_no_indices", allow)
        given = header.get("index", index)
        index = ",".join(map(str, given)) if isinstance(given, list) else given
        if index is not None and not isinstance(index, str):
            raise illegal("index", "is a name.")
    return means_models(index, ignore_unavailable=ignore, allow_no_indices=allow)


def _header_flag(header: Mapping[str, Any], name: str, default: bool) -> bool:
    value = header.get(name, default)
    if str(value).lower() not in {"true", "false"}:
        raise illegal(name, "is true or false.")
    return str(value).lower() == "true"


def search(asked: Asked) -> Json:
    """The answer to one `_search`."""
    form = Form.of(asked.arguments)
    included = among_models(asked)
    scroll = asked.arguments.text("scroll")
    body = over_body(asked.arguments, read_json(http))
    asked.arguments.done()
    wanted = read_search(body, form, among_models=included)
    if scroll is not None:
        from webui.es.scrolls import open_scroll  # noqa: PLC0415 - it searches, too

        return open_scroll(asked, wanted, scroll, form)
    if wanted.options.pit is not None:
        from webui.es.scrolls import search_at_point  # noqa: PLC0415 - it searches, too

        return search_at_point(asked, wanted, form)
    if not included:
        return shaped(nothing(), wanted, form)
    engine = asked.call.dialect.engine
    # The answer is made within the time limit, too: cutting a thousand documents to patterns is work.
    return asked.call.run(lambda: shaped(engine.search(wanted.request), wanted, form), seconds=wanted.seconds)


def count(asked: Asked) -> Json:
    """The answer to `_count`: a query and how many models it finds."""
    included = among_models(asked)
    body = sent_body(asked.arguments, read_json(http))
    asked.arguments.done()
    wanted = read_search({**only(body, "_count", frozenset({"query"})), "size": 0}, Form())
    if not included:
        return {"count": 0, "_shards": dict(_NO_SHARDS)}
    engine = asked.call.dialect.engine
    result = asked.call.run(lambda: engine.search(wanted.request))
    return {"count": result.total, "_shards": dict(_SHARDS)}


def msearch(asked: Asked) -> Json:
    """Up to ten searches in one request. All are read before the first one runs."""
    form = Form.of(asked.arguments)
    lines = read_lines(http)
    if not lines or len(lines) % 2:
        raise RequestRefused("_msearch", "needs two lines per search, a header and a body.")
    if len(lines) > 2 * MAX_SEARCHES:
        raise RequestRefused("_msearch", f"takes at most {MAX_SEARCHES} searches.")
    wanted = [
        _one_of_many(asked, header, body, form) for header, body in zip(lines[::2], lines[1::2], strict=True)
    ]
    asked.arguments.done()
    engine = asked.call.dialect.engine
    responses = asked.call.run(lambda: [_response(engine, one, form) for one in wanted])
    return {"took": sum(one.get("took", 0) for one in responses), "responses": responses}


def _one_of_many(asked: Asked, header: Any, body: Any, form: Form) -> Search | ModeldexError:
    """The search, or why its index is not there: that is the answer to this one search alone."""
    header = only(header, "_msearch", _HEADER)
    if not isinstance(body, dict):
        raise RequestRefused("body", "needs an object.")
    if body.get("pit") is not None:
        raise RequestRefused("pit", "is not allowed in _msearch; use _search.")
    wanted = read_search(body, form)
    try:
        return replace(wanted, among_models=among_models(asked, header))
    except ModeldexError as error:
        if error.http_status == 404:
            return error
        raise


def _response(engine: SearchEngine, wanted: Search | ModeldexError, form: Form) -> Json:
    """One answer of many; what goes wrong with it is told in its place."""
    if isinstance(wanted, ModeldexError):
        return body_of(wanted)
    try:
        result = engine.search(wanted.request) if wanted.among_models else nothing()
    except ModeldexError as error:
        return body_of(error)
    return {**shaped(result, wanted, form), "status": 200}


def nothing() -> SearchResult:
    """What no index finds."""
    return SearchResult(total=0, hits=())


def shaped(result: SearchResult, wanted: Search, form: Form) -> Json:
    """The body of the answer as the caller wants it."""
    request = wanted.request if wanted.among_models else replace(wanted.request, aggregations={})
    body = to_es_response(result, request, INDEX, wanted.options)
    if not wanted.among_models:
        body["_shards"] = dict(_NO_SHARDS)
        body["hits"]["max_score"] = 0.0
    if wanted.versions:
        for shown, hit in zip(body["hits"]["hits"], result.hits, strict=True):
            shown["_version"] = hit.document.get("revision", 1)
    if form.typed_keys and "aggregations" in body:
        body["aggregations"] = typed(request.aggregations, body["aggregations"])
    if form.total_as_int:
        total = body["hits"].get("total")
        body["hits"]["total"] = -1 if total is None else result.total
    return body
