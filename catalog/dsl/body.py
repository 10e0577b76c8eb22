"""Bodies of `_search` to requests and back: the allow-list of what analysts may ask, and its limits.

A body is read into our own types and rebuilt from them; nothing of it reaches an engine as it came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.dsl.aggregations import AggregationReader, below
from catalog.dsl.aggregations_json import aggregations_json
from catalog.dsl.clauses import QueryReader
from catalog.dsl.clauses_json import query_json
from catalog.dsl.dates import DateFormat, date_formats, period_of
from catalog.dsl.highlight import Highlight, read_highlight
from catalog.dsl.response_shapes import Shapes
from catalog.dsl.values import (
    REFUSED_BECAUSE,
    SUBFIELDS,
    field_name,
    flag,
    is_descending,
    json_value,
    number,
    only,
    refuse,
    whole,
)
from catalog.errors import ModeldexError, RequestRefused
from catalog.lazy_dataclasses import dataclass, field
from catalog.query.nodes import All, And, Query
from catalog.query.request import MAX_RESULT_WINDOW, SearchRequest, SortKey
from catalog.query.subjects import scores
from catalog.query.validate import sort_field, validate

MAX_BODY_BYTES = 64 * 1024
MAX_BODY_DEPTH = 60
"""JSON levels. A clause of the deepest allowed query takes about three."""
MAX_SIZE = MAX_RESULT_WINDOW
MAX_SORT_KEYS = 5
MAX_TRACKED = 2**31 - 1
MAX_SOURCE_PATTERNS = 100
MAX_PATTERN = 300
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
        "docvalue_fields",
        "stored_fields",
        "min_score",
        "timeout",
        "pit",
        "track_scores",
        "version",
    }
)
_SORT_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "mode": ("min", "max", "avg", "sum", "median"),
    "numeric_type": ("long", "double", "date", "date_nanos"),
    "unmapped_type": ("keyword", "long", "integer", "double", "float", "date", "boolean", "text"),
    "format": (),
}
"""What a sort key may say besides. One value per model has no mode to choose, and every field is mapped."""
_STORED_FIELDS: tuple[Any, ...] = ([], ["_none_"], "_none_", ["*"], "*")
"""What tools say of stored fields, of which there are none here."""
_BY_ID = frozenset({"_doc", "_id", "_shard_doc", "id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a body says about the form of its answer, beside the search itself.

    `source` is True, False or the patterns to include; `excludes` the patterns to leave out. `fields` are patterns, and
    `sort_written` are sort keys, with the form in which dates are wanted. `pit` is the id of a point
    in time that the body names; whoever issues them checks it.
    """

    source: bool | tuple[str, ...] = True
    excludes: tuple[str, ...] = ()
    track_total_hits: bool | int = True
    highlight: tuple[Highlight, ...] = ()
    fields: tuple[tuple[str, DateFormat | None], ...] = ()
    sort_written: tuple[DateFormat | None, ...] = ()
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
        text = raw if isinstance(raw, str) else raw.decode("utf-8-sig")
        body = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
        if "\\u" in text:
            json.dumps(
                body, ensure_ascii=False
            ).encode()  # half a character (\ud800) is no text to any engine
    except (ValueError, RecursionError) as error:
        reason = "is nested too deep." if isinstance(error, RecursionError) else f"is no JSON: {error}"
        raise RequestRefused("body", reason[:300]) from None
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The second `must` of a clause would silently take the place of the first."""
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RequestRefused(twice[:100], "stands twice in one object.")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def from_dsl(body: Any) -> tuple[SearchRequest, Options]:
    """The search that a body asks, and the form of the answer it wants.

    Bounds: 64 kB, 12 levels, 256 clauses, from + size up to 10,000, size as far, 20 aggregations, about 20,000
    buckets. Raises RequestRefused that names the first part that is not allowed.
    """
    if isinstance(body, bytes | str):
        body = parse_body(body)
    _shallow(body)
    given = only(body, "the body", _TOP_LEVEL)
    empty = next((name for name, value in given.items() if value is None), None)
    if empty is not None:
        # So does Elasticsearch: a query that a program lost is not a question for everything.
        raise RequestRefused(empty, "is null; leave it out to ask for nothing.")
    if "stored_fields" in given and given["stored_fields"] not in _STORED_FIELDS:
        raise refuse("stored_fields")
    queries = QueryReader()
    aggregations = AggregationReader(queries)
    sort = _sort(given.get("sort"))
    query = queries.read(given["query"]) if given.get("query") is not None else All()
    request = SearchRequest(
        query=query,
        post_filter=queries.read(given["post_filter"]) if given.get("post_filter") is not None else None,
        aggregations=aggregations.read(below(given), query),
        sort=sort,
        offset=whole(given.get("from", 0), "from", 0, MAX_RESULT_WINDOW),
        size=whole(given.get("size", 10), "size", 0, MAX_SIZE),
        after=_after(
            given.get("search_after"), sort, [_sort_form(key) for key in _listed_sort(given.get("sort"))]
        ),
        min_score=None if given.get("min_score") is None else float(number(given["min_score"], "min_score")),
    )
    if request.min_score is not None and not scores(request.query):
        raise RequestRefused("min_score", "needs words in the query: nothing else has a score here.")
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
    listed = _listed_sort(given)
    if len(listed) > MAX_SORT_KEYS:
        raise RequestRefused("sort", f"takes at most {MAX_SORT_KEYS} keys.")
    return tuple(_sort_key(key) for key in listed)


def _listed_sort(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [] if given is None else [given]


def _sort_form(given: Any) -> DateFormat | None:
    """The form in which the sort values of a date are wanted; milliseconds where there is none."""
    inner = next(iter(given.values())) if isinstance(given, dict) else None
    form = inner.get("format") if isinstance(inner, dict) else None
    return None if form is None else date_formats(form)[0]


def _sort_key(given: Any) -> SortKey:
    name, inner = given, None
    if isinstance(given, dict):
        if len(given) != 1:
            raise RequestRefused("sort", "needs one field per key.")
        name, inner = next(iter(given.items()))
    if not isinstance(name, str) or not name.strip():
        raise RequestRefused("sort", "needs the names of fields.")
    if name in {"_script", "_geo_distance"}:
        raise RequestRefused(name, "is not allowed here.")
    usual = "desc" if name == "_score" else "asc"
    direction = inner
    if isinstance(inner, dict):
        inner = only(inner, "sort", frozenset({"order", "missing", *_SORT_OPTIONS}))
        direction = inner.get("order", usual)
        if inner.get("missing", "_last") != "_last":
            raise RequestRefused(
                "missing", "is _last here; models without a value come last in both directions."
            )
        for option, known in _SORT_OPTIONS.items():
            if option in inner and known and inner[option] not in known:
                raise RequestRefused(option, f"is {', '.join(known[:-1])} or {known[-1]}.")
    elif isinstance(given, str):
        direction = usual
    descending = is_descending(direction)
    if name == "_score":
        return SortKey(field="_score", descending=descending)
    key = SortKey(field="id" if name in _BY_ID else field_name(name).name, descending=descending)
    sort_field(key)
    return key


def _after(
    given: Any, sort: tuple[SortKey, ...], forms: Sequence[DateFormat | None]
) -> tuple[Any, ...] | None:
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
    forms = [*forms, *[None] * len(keys)]
    values = zip(keys, given, forms, strict=False)
    return (*(_after_value(key, value, form) for key, value, form in values), given[-1])


def _after_value(key: SortKey, value: Any, form: DateFormat | None) -> Any:
    resolved = sort_field(key)
    if value is not None and resolved is not None and resolved.type == "date":
        return period_of(value, key.field, () if form is None else (form,)).start
    if resolved is not None and resolved.type == "boolean" and value in (0, 1):
        return bool(value)
    return value


def _options(given: Mapping[str, Any], aggregations: AggregationReader) -> Options:
    # As in Elasticsearch: whoever names stored fields and says nothing of _source wants no document.
    source, excludes = _source(given.get("_source", "stored_fields" not in given))
    for part in ("version", "track_scores"):
        flag(given.get(part, False), part)
    return Options(
        source=source,
        excludes=excludes,
        track_total_hits=_tracked(given.get("track_total_hits", 10_000)),
        highlight=read_highlight(given.get("highlight")),
        sort_written=tuple(_sort_form(key) for key in _listed_sort(given.get("sort"))),
        fields=_fields(
            [*_field_list(given, "fields"), *_stored_by_columns(_field_list(given, "docvalue_fields"))]
        ),
        shapes=aggregations.shapes,
        scored=not given.get("sort") or given.get("track_scores", False),
        pit=_pit(given.get("pit")),
        timeout=_timeout(given.get("timeout")),
    )


def _tracked(given: Any) -> bool | int:
    """How far to count: to the end, not at all, or so far; also in quotes, as Elasticsearch takes it."""
    if isinstance(given, bool) or given in ("true", "false"):
        return given in (True, "true")
    return whole(given, "track_total_hits", 0, MAX_TRACKED)


def _pit(given: Any) -> str | None:
    if given is None:
        return None
    parts = only(given, "pit", frozenset({"id", "keep_alive"}))
    if not isinstance(parts.get("id"), str):
        raise RequestRefused("pit", "needs an id.")
    pit_id: str = parts["id"]
    return pit_id


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
        isinstance(pattern, str) and len(pattern) <= MAX_PATTERN for pattern in listed
    ):
        raise RequestRefused("_source", f"needs up to {MAX_SOURCE_PATTERNS} names.")
    return tuple(listed)


def _field_list(given: Mapping[str, Any], part: str) -> list[Any]:
    listed = given.get(part, [])
    if not isinstance(listed, list):
        raise RequestRefused(part, f"needs a list of up to {MAX_SOURCE_PATTERNS} names.")
    return [
        {"field": row.get("field")}
        if isinstance(row, dict) and row.get("format") == "use_field_mapping"
        else row
        for row in listed
    ]


def _stored_by_columns(listed: list[Any]) -> list[Any]:
    """The same `docvalue_fields`; running text has no such values."""
    for row in listed:
        name = row.get("field") if isinstance(row, dict) else row
        if not isinstance(name, str) or "*" in name:
            continue
        known = field_name(name)
        if known.type == "text":
            raise RequestRefused(known.name, "is running text; name it in fields instead.")
    return listed


def _fields(given: list[Any]) -> tuple[tuple[str, DateFormat | None], ...]:
    if len(given) > MAX_SOURCE_PATTERNS:
        raise RequestRefused("fields", f"needs a list of up to {MAX_SOURCE_PATTERNS} names.")
    return tuple(map(_field, given))


_OF_FIELDS = frozenset({"field", "format", "include_unmapped"})


def _field(given: Any) -> tuple[str, DateFormat | None]:
    parts = only(given, "fields", _OF_FIELDS) if isinstance(given, dict) else {"field": given}
    if parts.get("include_unmapped") not in (None, True, False, "true", "false"):
        raise RequestRefused("include_unmapped", "is true or false.")
    name = parts.get("field")
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_PATTERN:
        raise RequestRefused("fields", "needs names.")
    form = date_formats(parts["format"])[0] if parts.get("format") is not None else None
    if "*" in name:
        return name, form
    ending = next((ending for ending in SUBFIELDS if name.endswith(ending)), "")
    return f"{field_name(name).name}{ending}", form


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
    filtered: dict[str, Any] = {}
    for name, shown in aggregations_json(request.aggregations).items():
        others = [clause for field_, clause in request.selections.items() if field_ != name]
        filtered[name] = {"filter": query_json(_all(*others)), "aggs": {name: shown}} if others else shown
    return filtered


def error_body(error: ModeldexError) -> dict[str, Any]:
    """An error in Elasticsearch's shape, with its HTTP status."""
    kind = "parsing_exception" if isinstance(error, RequestRefused) else "search_phase_execution_exception"
    cause = {"type": kind, "reason": str(error)}
    return {"error": {"root_cause": [cause], **cause}, "status": error.http_status}


__all__ = ["REFUSED_BECAUSE", "Options", "error_body", "from_dsl", "parse_body", "to_dsl"]
