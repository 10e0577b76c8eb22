"""Bodies of `_search` to requests and back: the allow-list of what analysts may ask, and its limits.

A body is read into our own types and rebuilt from them; nothing of it reaches an engine as it came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.errors import ModeldexError, RequestRefused
from catalog.query.dsl_aggs import AggregationReader, Shapes, aggregations_json
from catalog.query.dsl_query import QueryReader, query_json
from catalog.query.dsl_values import (
    REFUSED_BECAUSE,
    field_name,
    flag,
    json_value,
    number,
    only,
    period_of,
    whole,
)
from catalog.query.nodes import All, And, Query
from catalog.search.request import MAX_RESULT_WINDOW, SearchRequest, SortKey
from catalog.search.validate import sort_field, validate

MAX_BODY_BYTES = 64 * 1024
MAX_BODY_DEPTH = 60
"""JSON levels. A clause of the deepest allowed query takes about three."""
MAX_SIZE = 1_000
MAX_SORT_KEYS = 5
MAX_SOURCE_PATTERNS = 100
_TOP_LEVEL = frozenset(
    {
        "query",
        "post_filter",
        "aggs",
        "aggregations",
        "sort",
        "from",
        "size",
        "search_after",
        "_source",
        "track_total_hits",
        "highlight",
        "fields",
        "min_score",
        "timeout",
        "pit",
        "track_scores",
        "version",
    }
)
_BY_ID = frozenset({"_doc", "_id", "_shard_doc", "id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a body says about the form of its answer, beside the search itself.

    `source` is True, False or the patterns to include; `excludes` the patterns to leave out. `pit` is the id of a point
    in time that the body names; whoever issues them checks it.
    """

    source: bool | tuple[str, ...] = True
    excludes: tuple[str, ...] = ()
    track_total_hits: bool | int = True
    highlight: tuple[str, ...] = ()
    highlight_tags: tuple[str, str] = ("<em>", "</em>")
    fields: tuple[str, ...] = ()
    shapes: Shapes = field(default_factory=dict)
    scored: bool = True
    pit: str | None = None
    timeout: str | None = None


def parse_body(raw: bytes | str) -> Any:
    """The JSON of a request body. Raises RequestRefused for what is too long, too deep or no JSON."""
    if len(raw) > MAX_BODY_BYTES:
        raise RequestRefused("body", f"is longer than {MAX_BODY_BYTES:,} bytes.")
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        said = "is nested too deep." if isinstance(error, RecursionError) else f"is no JSON: {error}"
        raise RequestRefused("body", said[:300]) from None
    return body


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def from_dsl(body: Any) -> tuple[SearchRequest, Options]:
    """The search that a body asks, and the form of the answer it wants.

    Bounds: 64 kB, 12 levels, 256 clauses, from + size up to 10,000, size up to 1,000, 20 aggregations, about 10,000
    buckets. Raises RequestRefused that names the first part that is not allowed.
    """
    if isinstance(body, bytes | str):
        body = parse_body(body)
    _shallow(body)
    given = only(body, "the body", _TOP_LEVEL)
    queries = QueryReader()
    aggregations = AggregationReader(queries)
    sort = _sort(given.get("sort"))
    request = SearchRequest(
        query=queries.read(given["query"]) if given.get("query") is not None else All(),
        post_filter=queries.read(given["post_filter"]) if given.get("post_filter") is not None else None,
        aggregations=aggregations.read(given.get("aggs", given.get("aggregations", {}))),
        sort=sort,
        offset=whole(given.get("from", 0), "from", 0, MAX_RESULT_WINDOW),
        size=whole(given.get("size", 10), "size", 0, MAX_SIZE),
        after=_after(given.get("search_after"), sort),
        min_score=None if given.get("min_score") is None else float(number(given["min_score"], "min_score")),
    )
    validate(request)
    return request, _options(given, aggregations)


def _shallow(body: Any) -> None:
    """Refuses a body whose depth would tire what walks it."""
    level = [body]
    for _ in range(MAX_BODY_DEPTH):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list):
                inner += value
        level = [value for value in inner if isinstance(value, dict | list)]
        if not level:
            return
    raise RequestRefused("body", f"is nested more than {MAX_BODY_DEPTH} levels deep.")


def _sort(given: Any) -> tuple[SortKey, ...]:
    if given is None:
        return ()
    listed = given if isinstance(given, list) else [given]
    if len(listed) > MAX_SORT_KEYS:
        raise RequestRefused("sort", f"takes at most {MAX_SORT_KEYS} keys.")
    return tuple(_sort_key(one) for one in listed)


def _sort_key(given: Any) -> SortKey:
    name, inner = given, None
    if isinstance(given, dict):
        if len(given) != 1:
            raise RequestRefused("sort", "needs one field per key.")
        name, inner = next(iter(given.items()))
    if not isinstance(name, str):
        raise RequestRefused("sort", "needs the names of fields.")
    if name in {"_script", "_geo_distance"}:
        raise RequestRefused(name, "is not allowed here.")
    direction = inner
    if isinstance(inner, dict):
        allowed = frozenset({"order", "missing", "unmapped_type", "mode", "format", "numeric_type"})
        inner = only(inner, "sort", allowed)
        direction = inner.get("order")
        if inner.get("missing", "_last") != "_last":
            raise RequestRefused("missing", "is _last here.")
    if direction is not None and str(direction) not in {"asc", "desc"}:
        raise RequestRefused("order", "is asc or desc.")
    if name == "_score":
        return SortKey(field="_score", descending=direction != "asc")
    key = SortKey(field="id" if name in _BY_ID else field_name(name).name, descending=direction == "desc")
    sort_field(key)
    return key


def _after(given: Any, sort: tuple[SortKey, ...]) -> tuple[Any, ...] | None:
    """The sort values of the last hit, as its `sort` gave them: one per key and its id."""
    if given is None:
        return None
    keys = sort or (SortKey(field="_score", descending=True),)
    if not isinstance(given, list) or not len(keys) <= len(given) <= len(keys) + 1:
        raise RequestRefused("search_after", "needs the sort values of a hit: one per sort key and its id.")
    if len(given) == len(keys):
        if keys[-1].field != "id":
            raise RequestRefused("search_after", "needs the id of the hit at its end.")
        given = [*given, given[-1]]
    return (*(_after_value(key, value) for key, value in zip(keys, given, strict=False)), given[-1])


def _after_value(key: SortKey, value: Any) -> Any:
    resolved = sort_field(key)
    if value is not None and resolved is not None and resolved.type == "date":
        return period_of(value, key.field).start
    if resolved is not None and resolved.type == "boolean" and value in (0, 1):
        return bool(value)
    return value


def _options(given: Mapping[str, Any], aggregations: AggregationReader) -> Options:
    source, excludes = _source(given.get("_source", True))
    highlight, tags = _highlight(given.get("highlight"))
    total = given.get("track_total_hits", 10_000)
    if not isinstance(total, bool):
        whole(total, "track_total_hits", 0, 2**31)
    return Options(
        source=source,
        excludes=excludes,
        track_total_hits=total,
        highlight=highlight,
        highlight_tags=tags,
        fields=_fields(given.get("fields", [])),
        shapes=aggregations.shapes,
        scored=not given.get("sort") or flag(given.get("track_scores", False), "track_scores"),
        pit=_pit(given.get("pit")),
        timeout=_timeout(given.get("timeout")),
    )


def _pit(given: Any) -> str | None:
    if given is None:
        return None
    parts = only(given, "pit", frozenset({"id", "keep_alive"}))
    if not isinstance(parts.get("id"), str):
        raise RequestRefused("pit", "needs an id.")
    found: str = parts["id"]
    return found


def _timeout(given: Any) -> str | None:
    if given is not None and not isinstance(given, str):
        raise RequestRefused("timeout", "is a time such as 2s.")
    return given


def _source(given: Any) -> tuple[bool | tuple[str, ...], tuple[str, ...]]:
    if isinstance(given, bool):
        return given, ()
    if isinstance(given, dict):
        parts = only(given, "_source", frozenset({"includes", "include", "excludes", "exclude"}))
        includes = _patterns(parts.get("includes", parts.get("include", [])))
        return includes or True, _patterns(parts.get("excludes", parts.get("exclude", [])))
    return _patterns(given), ()


def _patterns(given: Any) -> tuple[str, ...]:
    listed = given if isinstance(given, list) else [given]
    if len(listed) > MAX_SOURCE_PATTERNS or not all(
        isinstance(one, str) and len(one) <= 300 for one in listed
    ):
        raise RequestRefused("_source", f"needs up to {MAX_SOURCE_PATTERNS} names.")
    return tuple(listed)


def _fields(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or len(given) > MAX_SOURCE_PATTERNS:
        raise RequestRefused("fields", f"needs a list of up to {MAX_SOURCE_PATTERNS} names.")
    found = []
    for one in given:
        name = (
            only(one, "fields", frozenset({"field", "format"})).get("field") if isinstance(one, dict) else one
        )
        if not isinstance(name, str):
            raise RequestRefused("fields", "needs names.")
        found.append(name if "*" in name else field_name(name).name)
    return tuple(found)


def _highlight(given: Any) -> tuple[tuple[str, ...], tuple[str, str]]:
    if given is None:
        return (), ("<em>", "</em>")
    allowed = frozenset(
        {
            "fields",
            "pre_tags",
            "post_tags",
            "encoder",
            "number_of_fragments",
            "fragment_size",
            "require_field_match",
            "type",
            "order",
        }
    )
    parts = only(given, "highlight", allowed)
    named = parts.get("fields", {})
    if isinstance(named, list):
        named = {key: value for one in named if isinstance(one, dict) for key, value in one.items()}
    if not isinstance(named, dict):
        raise RequestRefused("highlight", "needs fields.")
    found = []
    for name in named:
        resolved = field_name(name)
        if resolved.type not in {"text", "name", "keyword"}:
            raise RequestRefused(resolved.name, "cannot be highlighted; it holds no text.")
        found.append(resolved.name)
    return tuple(found), (_tag(parts.get("pre_tags"), "<em>"), _tag(parts.get("post_tags"), "</em>"))


def _tag(given: Any, default: str) -> str:
    listed = [default] if given is None else given if isinstance(given, list) else [given]
    if not listed or not isinstance(listed[0], str) or len(listed[0]) > 100:
        raise RequestRefused("highlight", "tags are short texts.")
    return listed[0]


def to_dsl(request: SearchRequest) -> dict[str, Any]:
    """The request as a body of `_search`. Selections become a post_filter and, around their own facets, filters."""
    body: dict[str, Any] = {"query": query_json(request.query)}
    narrowing = [*request.selections.values()]
    if request.post_filter is not None:
        narrowing.append(request.post_filter)
    if narrowing and not request.aggregations:
        body["query"] = query_json(_all(request.query, *narrowing))
    elif narrowing:
        body["post_filter"] = query_json(_all(*narrowing))
    if request.aggregations:
        body["aggs"] = _filtered(request)
    if request.sort:
        body["sort"] = [{key.field: {"order": "desc" if key.descending else "asc"}} for key in request.sort]
    body |= {"from": request.offset} if request.offset else {}
    body["size"] = request.size
    if request.after is not None:
        body["search_after"] = [json_value(value) for value in request.after]
    if request.min_score is not None:
        body["min_score"] = request.min_score
    return body


def _all(*clauses: Query) -> Query:
    kept = [clause for clause in clauses if not isinstance(clause, All)]
    if len(kept) < 2:
        return kept[0] if kept else All()
    return And(
        tuple(
            inner for clause in kept for inner in (clause.clauses if isinstance(clause, And) else (clause,))
        )
    )


def _filtered(request: SearchRequest) -> dict[str, Any]:
    """Every aggregation under all selections but its own, which is what a facet shows."""
    found: dict[str, Any] = {}
    for name, shown in aggregations_json(request.aggregations).items():
        others = [clause for field_, clause in request.selections.items() if field_ != name]
        found[name] = {"filter": query_json(_all(*others)), "aggs": {name: shown}} if others else shown
    return found


def error_body(error: ModeldexError) -> dict[str, Any]:
    """An error in Elasticsearch's shape, with its HTTP status."""
    kind = "parsing_exception" if isinstance(error, RequestRefused) else "search_phase_execution_exception"
    cause = {"type": kind, "reason": str(error)}
    return {"error": {"root_cause": [cause], **cause}, "status": error.http_status}


__all__ = ["REFUSED_BECAUSE", "Options", "error_body", "from_dsl", "parse_body", "to_dsl"]
