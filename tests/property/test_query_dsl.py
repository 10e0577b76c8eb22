"""Nodes become Elasticsearch JSON and the same nodes again; any JSON at all is read or refused, never anything else."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.dsl.body import from_dsl, to_dsl
from catalog.errors import RequestRefused
from catalog.query.request import SearchRequest
from catalog.query.text.search_text import parse
from catalog.testing.states import texts

NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
CONDITIONS = [
    "bert",
    '"exact phrase"',
    "task:ner",
    "task:[ner, pos]",
    "-license:gpl",
    "accuracy>0.9",
    "accuracy:0.93",
    "f1@conll2003>0.9",
    "params:1B..8B",
    "after:2023",
    "in:2023-05",
    "has:metrics",
    "missing:license",
    "is:duplicate",
    "name:bert*",
    "name=bert",
    'name:"two words"',
    "path:/data/x",
    "complete:true",
    "hyperparameters.lora_r:8",
    "(task:ner OR task:pos)",
    "-(a b)",
    "train/loss<0.3",
    "version>=1.9",
    "version:1.9..2.0-rc1",
]
TEXTS = st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=6).map(" ".join)

NAMES = st.sampled_from(
    [
        "query",
        "bool",
        "must",
        "should",
        "must_not",
        "filter",
        "term",
        "terms",
        "range",
        "exists",
        "prefix",
        "nested",
        "path",
        "match",
        "match_phrase",
        "multi_match",
        "simple_query_string",
        "ids",
        "wildcard",
        "constant_score",
        "match_all",
        "aggs",
        "aggregations",
        "histogram",
        "date_histogram",
        "date_range",
        "avg",
        "stats",
        "extended_stats",
        "filters",
        "other_bucket",
        "meta",
        "percentiles",
        "missing",
        "reverse_nested",
        "field",
        "fields",
        "size",
        "from",
        "sort",
        "order",
        "task",
        "name",
        "metrics.accuracy",
        "best_date",
        "parameters",
        "evaluations",
        "evaluations.value",
        "evaluations.metric",
        "gt",
        "gte",
        "lt",
        "lte",
        "value",
        "values",
        "interval",
        "calendar_interval",
        "fixed_interval",
        "ranges",
        "key",
        "to",
        "keyed",
        "boost",
        "operator",
        "minimum_should_match",
        "_source",
        "highlight",
        "search_after",
        "post_filter",
        "track_total_hits",
        "complete",
        "percents",
        "include",
        "include_",
        "post_tags",
        "pre_tags",
        "format",
        "time_zone",
        "pit",
        "id",
        "_score",
        "_doc",
    ]
)
SCALARS = st.one_of(
    NAMES,
    st.none(),
    st.booleans(),
    st.integers(-5, 10**6),
    st.floats(),
    st.sampled_from(["2023", "now-1d/d", "*", "1d", ""]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_query_survives_the_way_through_elasticsearch_json(text):
    parsed = parse(text, now=NOW)
    first = to_dsl(SearchRequest(query=parsed.query, sort=parsed.sort))
    request, _ = from_dsl(first)
    assert to_dsl(request) == first


@settings(max_examples=400, deadline=None)
@given(text=texts())
def test_texts_as_people_write_them_keep_their_nodes(text):
    parsed = parse(text, now=NOW)
    request = SearchRequest(query=parsed.query, sort=parsed.sort)
    once, _ = from_dsl(to_dsl(request))
    assert to_dsl(once) == to_dsl(request)
    again, _ = from_dsl(to_dsl(once))
    assert again == once


@settings(max_examples=600, deadline=None)
@given(body=st.dictionaries(NAMES, JSON, max_size=4))
def test_any_json_is_read_or_refused(body):
    try:
        request, _ = from_dsl(body)
    except RequestRefused as refused:
        assert refused.part  # noqa: PT017 - the other way out is tested below
    else:
        again, _ = from_dsl(to_dsl(request))
        assert to_dsl(again) == to_dsl(request)


@settings(max_examples=600, deadline=None)
@given(kind=NAMES, inner=JSON)
def test_any_clause_or_aggregation_is_read_or_refused(kind, inner):
    for body in ({"query": {kind: inner}}, {"aggs": {"a": {kind: inner}}}, {"sort": [{kind: inner}]}):
        try:
            from_dsl(body)
        except RequestRefused as refused:
            assert refused.part  # noqa: PT017 - the other way out is tested below
