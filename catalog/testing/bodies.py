"""Hypothesis strategies for bodies of `_search` as analysts write them, over `catalog.testing.documents`."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from catalog.testing import documents as generated
from catalog.testing.requests import DATE_FIELDS, KEYWORD_VALUES, NUMBER_RANGES, OTHER_FIELDS, TEXTS, numbers

Json = dict[str, Any]

COUNTED = (*sorted(KEYWORD_VALUES), "complete", "quantization.bits", "metrics.odd_metric", "precision_mix")
SORTED = (*NUMBER_RANGES, *DATE_FIELDS, "name", "owner.keyword", "task", "complete", "_score", "_doc")
DATES = (
    "2023",
    "2023-12",
    "2023-12-31",
    "2024-01-01T00:00:00Z",
    "2023-12-31T23:59:59.999Z",
    1_704_067_200_000,
    "1965-05-04",
    "now-3y/d",
    "2023-01-31||+1M/M",
    "2024-02-29T12:00:00Z||-1y+36h",
)
CALENDARS = ("year", "quarter", "1M", "week")
FIXED = ("30d", "365d", "36500d", "2000h")
NUMBER_KINDS = ("min", "max", "avg", "sum", "value_count", "stats", "extended_stats")
NESTED_VALUES = {
    "evaluations.metric": generated.METRICS,
    "evaluations.dataset": generated.DATASETS,
    "evaluations.split": generated.SPLITS,
}


def _keyword_field(draw: st.DrawFn) -> tuple[str, str]:
    """A field as analysts write it, and one of its values in any case."""
    field = draw(st.sampled_from(sorted(KEYWORD_VALUES)))
    value = draw(st.sampled_from(KEYWORD_VALUES[field]))
    ending = draw(st.sampled_from(("", "", ".keyword"))) if "." not in field else ""
    return field + ending, draw(st.sampled_from((value, value.upper(), value.lower())))


@st.composite
def keyword_clauses(draw: st.DrawFn) -> Json:
    field, value = _keyword_field(draw)
    kind = draw(st.sampled_from(("term", "terms", "prefix", "wildcard", "match")))
    if kind == "terms":
        bare = field.removesuffix(".keyword")
        return {
            "terms": {field: draw(st.lists(st.sampled_from(KEYWORD_VALUES[bare]), min_size=1, max_size=3))}
        }
    if kind == "prefix":
        return {"prefix": {field: {"value": value[:3]}}} if len(value) > 1 else {"term": {field: value}}
    if kind == "wildcard":
        return {"wildcard": {field: f"{value[:4]}*"}} if len(value) > 3 else {"term": {field: value}}
    return {kind: {field: draw(st.sampled_from((value, {"value" if kind == "term" else "query": value})))}}


@st.composite
def range_clauses(draw: st.DrawFn) -> Json:
    field = draw(st.sampled_from((*NUMBER_RANGES, *DATE_FIELDS)))
    bounds = st.sampled_from(DATES) if field in DATE_FIELDS else numbers(field)
    names = draw(st.sets(st.sampled_from(("gt", "gte", "lt", "lte")), max_size=2))
    return {"range": {field: {name: draw(bounds) for name in sorted(names)}}}


@st.composite
def text_clauses(draw: st.DrawFn) -> Json:
    text = draw(st.sampled_from(TEXTS))
    operator = draw(st.sampled_from(("and", "or")))
    fields = draw(st.sampled_from(([], ["name"], ["title", "description"], ["tags", "name"])))
    return draw(
        st.sampled_from(
            (
                {"match": {"description": {"query": text, "operator": operator}}},
                {"match": {"name": text}},
                {"match": {"all_text": {"query": text, "operator": "and"}}},
                {"match_phrase": {"description": text}},
                {"multi_match": {"query": text, "fields": fields, "operator": operator}},
                {"multi_match": {"query": text, "fields": fields, "type": "phrase"}},
                {"simple_query_string": {"query": f'{text} +model -"{text}"', "fields": fields}},
                {"simple_query_string": {"query": f'"{text}" | news', "default_operator": operator}},
            )
        )
    )


@st.composite
def nested_clauses(draw: st.DrawFn) -> Json:
    filters: list[Json] = [
        {"term": {field: draw(st.sampled_from(values))}}
        for field, values in NESTED_VALUES.items()
        if draw(st.booleans())
    ]
    filters.append({"range": {"evaluations.value": {"gte": draw(st.floats(0, 1))}}})
    return {"nested": {"path": "evaluations", "query": {"bool": {"filter": filters}}}}


def clauses() -> st.SearchStrategy[Json]:
    leaves: st.SearchStrategy[Json] = st.one_of(
        keyword_clauses(),
        range_clauses(),
        text_clauses(),
        nested_clauses(),
        st.sampled_from((*KEYWORD_VALUES, *NUMBER_RANGES, *OTHER_FIELDS)).map(
            lambda field: {"exists": {"field": field}}
        ),
        st.sampled_from(({"match_all": {}}, {"match_none": {}}, {"term": {"complete": True}})),
    )
    return st.recursive(leaves, _compounds, max_leaves=5)


def _compounds(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    lists = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        inner.map(lambda clause: {"constant_score": {"filter": clause}}),
        st.fixed_dictionaries({}, optional={"must": lists, "filter": lists, "must_not": lists}).map(
            lambda parts: {"bool": parts}
        ),
        lists.map(lambda options: {"bool": {"should": options, "minimum_should_match": 1}}),
    )


@st.composite
def aggregations(draw: st.DrawFn, *, nested: bool = False) -> Json:
    """One aggregation; `nested` counts evaluations, which not every engine does."""
    if nested:
        return {"nested": {"path": "evaluations"}, "aggs": {"part": draw(_inside_evaluations())}}
    return draw(st.one_of(_terms(), _numbers(), _ranges(), _dates(), _filters()))


@st.composite
def _terms(draw: st.DrawFn) -> Json:
    options: Json = {"field": draw(st.sampled_from(COUNTED)), "size": draw(st.integers(1, 12))}
    shape = draw(st.sampled_from(("plain", "key", "rare", "least", "measured")))
    if shape == "key":
        options["order"] = {"_key": draw(st.sampled_from(("asc", "desc")))}
    elif shape == "rare":
        options["order"] = {"_count": "asc"}
    elif shape == "least":
        options["min_doc_count"] = draw(st.integers(1, 400))
    elif shape == "measured":
        options["order"] = {"best": draw(st.sampled_from(("asc", "desc")))}
        kind = draw(st.sampled_from(("max", "min")))
        field = draw(st.sampled_from(("metrics.accuracy", "parameters", "metrics.odd_metric")))
        return {"terms": options, "aggs": {"best": {kind: {"field": field}}}}
    return {"terms": options}


@st.composite
def _numbers(draw: st.DrawFn) -> Json:
    kind = draw(st.sampled_from(NUMBER_KINDS))
    dates = () if kind == "extended_stats" else DATE_FIELDS
    return {kind: {"field": draw(st.sampled_from((*NUMBER_RANGES, *dates)))}}


@st.composite
def _ranges(draw: st.DrawFn) -> Json:
    field = draw(st.sampled_from(("metrics.accuracy", "parameters", "precision_mix")))
    middle = draw(numbers(field))
    rows = [{"to": middle}, {"from": middle}, {"from": 0, "key": "some"}]
    inner = {"tasks": {"terms": {"field": "task"}}} if draw(st.booleans()) else {}
    return {"range": {"field": field, "ranges": rows}, "aggs": inner}


@st.composite
def _dates(draw: st.DrawFn) -> Json:
    field = draw(st.sampled_from(DATE_FIELDS))
    if draw(st.booleans()):
        rows = [{"to": "2023"}, {"from": "2023", "to": "2024"}, {"from": "2024-01-01"}]
        return {"date_range": {"field": field, "ranges": rows}}
    inner = {"best": {"max": {"field": "metrics.f1"}}} if draw(st.booleans()) else {}
    widths = [("calendar_interval", interval) for interval in CALENDARS] + [
        ("fixed_interval", interval) for interval in FIXED
    ]
    options = dict((("field", field), draw(st.sampled_from(widths))))
    return {"date_histogram": {**options, "min_doc_count": draw(st.integers(0, 2))}, "aggs": inner}


@st.composite
def _filters(draw: st.DrawFn) -> Json:
    inner = {"frameworks": {"terms": {"field": "framework", "size": 3}}}
    kind = draw(st.sampled_from(("filter", "filters", "missing", "histogram")))
    if kind == "filters":
        listed = draw(st.lists(st.one_of(keyword_clauses(), range_clauses()), min_size=1, max_size=3))
        rows = {f"f{at}": clause for at, clause in enumerate(listed)}
        return {"filters": {"filters": rows, "other_bucket": draw(st.booleans())}, "aggs": inner}
    if kind == "filter":
        return {
            "filter": draw(st.one_of(keyword_clauses(), range_clauses(), nested_clauses())),
            "aggs": inner,
        }
    if kind == "missing":
        return {"missing": {"field": draw(st.sampled_from((*KEYWORD_VALUES, *NUMBER_RANGES)))}, "aggs": inner}
    field, interval = draw(
        st.sampled_from(
            (("metrics.accuracy", 0.05), ("metrics.accuracy", 0.1), ("parameters", 1e9), ("parameters", 1e12))
        )
    )
    shown = {"field": field, "interval": interval, "offset": draw(st.sampled_from((0, 0.03, -3)))}
    return {"histogram": {**shown, "min_doc_count": draw(st.integers(1, 2))}, "aggs": inner}


@st.composite
def _inside_evaluations(draw: st.DrawFn) -> Json:
    field = draw(st.sampled_from(sorted(NESTED_VALUES)))
    inner = draw(
        st.sampled_from(
            ({}, {"models": {"reverse_nested": {}}}, {"best": {"max": {"field": "evaluations.value"}}})
        )
    )
    return {"terms": {"field": field, "size": draw(st.integers(1, 9))}, "aggs": inner}


@st.composite
def bodies(draw: st.DrawFn, *, nested: bool = False) -> Json:
    """A whole body. With `nested` one of its aggregations counts evaluations."""
    body: Json = {"size": draw(st.sampled_from((0, 1, 10, 25)))}
    if draw(st.booleans()):
        body["from"] = draw(st.sampled_from((0, 5, 200)))
    if draw(st.integers(0, 3)):
        body["query"] = draw(clauses())
    if not draw(st.integers(0, 2)):
        body["post_filter"] = draw(keyword_clauses())
    if not draw(st.integers(0, 4)):  # nothing but words has a score
        filters = [body["query"]] if "query" in body else []
        body["query"] = {"bool": {"must": [draw(text_clauses())], "filter": filters}}
        body["min_score"] = draw(st.sampled_from((1, 2.5)))
    keys = draw(st.lists(st.sampled_from(SORTED), max_size=2, unique=True))
    if keys:
        body["sort"] = [{key: draw(st.sampled_from(("asc", "desc")))} for key in keys]
    count = draw(st.integers(0, 3))
    wanted = {f"a{at}": draw(aggregations()) for at in range(count)}
    if nested:
        wanted["evaluations"] = draw(aggregations(nested=True))
    if wanted:
        body["aggs"] = wanted
    return body
