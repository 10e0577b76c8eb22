"""Whatever an analyst or an attacker sends, what is not allowed is refused by name before anything reaches an engine."""

import json

import pytest

from catalog.dsl.body import MAX_BODY_BYTES, error_body, from_dsl, to_dsl
from catalog.errors import RequestRefused

ACCURATE = {"range": {"metrics.accuracy": {"gt": 0.9}}}


def deep_bool(levels):
    query = ACCURATE
    for _ in range(levels):
        query = {"bool": {"must": [query]}}
    return query


def chained(kinds, inner):
    for index, kind in enumerate(reversed(kinds)):
        inner = {f"a{index}": {**kind, "aggs": inner}}
    return inner


TERMS = {"terms": {"field": "task", "size": 500}}
REFUSED = {
    "script in a query": ({"query": {"script": {"script": "1"}}}, "script"),
    "script score": (
        {"query": {"script_score": {"query": {"match_all": {}}, "script": {"source": "1"}}}},
        "script_score",
    ),
    "script fields": ({"script_fields": {"x": {"script": "1"}}}, "script_fields"),
    "runtime mappings": ({"runtime_mappings": {"x": {"type": "long"}}}, "runtime_mappings"),
    "regexp": ({"query": {"regexp": {"name": ".*"}}}, "regexp"),
    "query string": ({"query": {"query_string": {"query": "*"}}}, "query_string"),
    "fuzzy": ({"query": {"fuzzy": {"name": "bert"}}}, "fuzzy"),
    "fuzziness": ({"query": {"match": {"name": {"query": "bert", "fuzziness": 2}}}}, "fuzziness"),
    "wrapper": ({"query": {"wrapper": {"query": "e30="}}}, "wrapper"),
    "percolate": ({"query": {"percolate": {"field": "q", "document": {}}}}, "percolate"),
    "more like this": ({"query": {"more_like_this": {"like": "x"}}}, "more_like_this"),
    "leading wildcard": ({"query": {"wildcard": {"name": "*bert"}}}, "wildcard"),
    "short wildcard": ({"query": {"wildcard": {"name": "be*"}}}, "wildcard"),
    "inner wildcard": ({"query": {"wildcard": {"name": "be?t*"}}}, "wildcard"),
    "short prefix": ({"query": {"prefix": {"name": "b"}}}, "prefix"),
    "terms lookup": ({"query": {"terms": {"task": {"index": "users", "id": "1", "path": "x"}}}}, "terms"),
    "many terms": ({"query": {"terms": {"task": [str(n) for n in range(1025)]}}}, "terms"),
    "children": ({"query": {"has_child": {"type": "x", "query": {"match_all": {}}}}}, "has_child"),
    "function score": ({"query": {"function_score": {}}}, "function_score"),
    "geo shape": ({"query": {"geo_shape": {}}}, "geo_shape"),
    "unknown query": ({"query": {"telepathy": {}}}, "telepathy"),
    "two kinds in one clause": ({"query": {"term": {"task": "a"}, "match_all": {}}}, "query"),
    "deep bool": ({"query": deep_bool(13)}, "query"),
    "very deep bool": ({"query": deep_bool(1000)}, "body"),
    "many clauses": ({"query": {"bool": {"should": [ACCURATE] * 257}}}, "should"),
    "many clauses apart": (
        {"query": {"bool": {"must": [{"bool": {"should": [ACCURATE] * 200}} for _ in range(2)]}}},
        "query",
    ),
    "minimum of three": (
        {"query": {"bool": {"should": [ACCURATE] * 4, "minimum_should_match": 3}}},
        "minimum_should_match",
    ),
    "should that only ranks": ({"query": {"bool": {"must": [ACCURATE], "should": [ACCURATE]}}}, "should"),
    "boost": ({"query": {"term": {"task": {"value": "ner", "boost": 3}}}}, "boost"),
    "weighted fields": ({"query": {"multi_match": {"query": "x", "fields": ["name^3"]}}}, "fields"),
    "nested elsewhere": ({"query": {"nested": {"path": "files", "query": {"match_all": {}}}}}, "nested"),
    "inner hits": (
        {"query": {"nested": {"path": "evaluations", "query": {"match_all": {}}, "inner_hits": {}}}},
        "inner_hits",
    ),
    "unknown field": ({"query": {"term": {"acuracy": 1}}}, "acuracy"),
    "nested field outside": ({"query": {"term": {"evaluations.metric": "f1"}}}, "evaluations.metric"),
    "text as number": ({"query": {"range": {"parameters": {"gt": "many"}}}}, "parameters"),
    "bad date": ({"query": {"range": {"best_date": {"gt": "yesterday-ish"}}}}, "best_date"),
    "zone": ({"query": {"range": {"best_date": {"gt": "2023", "time_zone": "+09:00"}}}}, "time_zone"),
    "range of words": ({"query": {"range": {"task": {"gt": "a"}}}}, "task"),
    "size": ({"size": 1_000_000}, "size"),
    "negative size": ({"size": -1}, "size"),
    "window": ({"from": 9_990, "size": 100}, "from"),
    "from and after": ({"from": 5, "search_after": ["x", "y"], "sort": ["name"]}, "search_after"),
    "after of the wrong length": ({"sort": ["name"], "search_after": [1, 2, 3]}, "search_after"),
    "sort by script": ({"sort": [{"_script": {"type": "number", "script": "1"}}]}, "_script"),
    "sort by text": ({"sort": ["description"]}, "description"),
    "sort missing first": ({"sort": [{"name": {"order": "asc", "missing": "_first"}}]}, "missing"),
    "nested sort": ({"sort": [{"name": {"nested": {"path": "evaluations"}}}]}, "nested"),
    "global": ({"aggs": {"all": {"global": {}}}}, "global"),
    "scripted metric": ({"aggs": {"a": {"scripted_metric": {"init_script": ""}}}}, "scripted_metric"),
    "script in terms": ({"aggs": {"a": {"terms": {"script": "1"}}}}, "script"),
    "significant terms": ({"aggs": {"a": {"significant_terms": {"field": "task"}}}}, "significant_terms"),
    "top hits": ({"aggs": {"a": {"top_hits": {"size": 100}}}}, "top_hits"),
    "many terms buckets": ({"aggs": {"a": {"terms": {"field": "task", "size": 501}}}}, "size"),
    "bucket product": ({"aggs": chained([TERMS], {"b": TERMS})}, "aggs"),
    "tiny interval": (
        {"aggs": {"a": {"histogram": {"field": "metrics.accuracy", "interval": 1e-9}}}},
        "interval",
    ),
    "zero interval": ({"aggs": {"a": {"histogram": {"field": "parameters", "interval": 0}}}}, "interval"),
    "every second": (
        {"aggs": {"a": {"date_histogram": {"field": "best_date", "fixed_interval": "1s"}}}},
        "aggs",
    ),
    "deep aggs": (
        {"aggs": chained([{"terms": {"field": "task"}}] * 2, {"m": {"avg": {"field": "parameters"}}})},
        "aggs",
    ),
    "many aggs": ({"aggs": {f"a{n}": {"avg": {"field": "parameters"}} for n in range(21)}}, "aggs"),
    "include pattern": ({"aggs": {"a": {"terms": {"field": "task", "include": "(a+)+b.*"}}}}, "include"),
    "terms of text": ({"aggs": {"a": {"terms": {"field": "description"}}}}, "description"),
    "order by nothing": ({"aggs": {"a": {"terms": {"field": "task", "order": {"b": "asc"}}}}}, "order"),
    "collapse": ({"collapse": {"field": "task"}}, "collapse"),
    "rescore": ({"rescore": {}}, "rescore"),
    "suggest": ({"suggest": {"text": "x"}}, "suggest"),
    "knn": ({"knn": {"field": "x"}}, "knn"),
    "profile": ({"profile": True}, "profile"),
    "explain": ({"explain": True}, "explain"),
    "stored fields": ({"stored_fields": ["x"]}, "stored_fields"),
    "indices boost": ({"indices_boost": [{"users": 2}]}, "indices_boost"),
    "highlight of a number": ({"highlight": {"fields": {"parameters": {}}}}, "parameters"),
    "not an object": ([1], "the body"),
    "number without end": ({"query": {"range": {"parameters": {"gt": 10**400}}}}, "parameters"),
    "interval without end": (
        {"aggs": {"a": {"histogram": {"field": "parameters", "interval": 10**400}}}},
        "interval",
    ),
    "date without end": ({"query": {"range": {"best_date": {"gt": 10**400}}}}, "best_date"),
    "score without end": ({"min_score": 10**400}, "min_score"),
    "position without end": (
        {"sort": ["parameters"], "search_after": [10**400, "x"]},
        "search_after",
    ),
    "offset far away": (
        {"aggs": {"a": {"histogram": {"field": "metrics.accuracy", "interval": 1, "offset": 1e300}}}},
        "offset",
    ),
    "long prefix": ({"query": {"prefix": {"name": "x" * 2_000}}}, "prefix"),
    "long wildcard": ({"query": {"wildcard": {"name": "x" * 2_000 + "*"}}}, "wildcard"),
    "long include": (
        {"aggs": {"a": {"terms": {"field": "task", "include": "x" * 2_000 + ".*"}}}},
        "include",
    ),
    "more words than clauses": (
        {"query": {"match": {"description": " ".join(f"w{number}" for number in range(257))}}},
        "query",
    ),
    "more words in several fields": (
        {
            "query": {
                "multi_match": {
                    "query": " ".join(f"w{number}" for number in range(100)),
                    "fields": ["name", "title", "tags"],
                }
            }
        },
        "query",
    ),
    "words without spaces": ({"query": {"match": {"description": "模" * 300}}}, "query"),
    "brackets": (
        {"query": {"simple_query_string": {"query": "(a " * 100 + ")" * 100}}},
        "simple_query_string",
    ),
    "likeness": ({"query": {"simple_query_string": {"query": "bert~2"}}}, "~"),
    "word with an open end": ({"query": {"simple_query_string": {"query": "ber*"}}}, "*"),
    "flags": ({"query": {"simple_query_string": {"query": "a", "flags": "NONE"}}}, "flags"),
    "as many of the words": (
        {"query": {"simple_query_string": {"query": "a", "minimum_should_match": 1}}},
        "minimum_should_match",
    ),
    "script as a flag": ({"query": {"match": {"name": {"query": "x", "lenient": {"script": 1}}}}}, "lenient"),
    "script as an operator": (
        {"query": {"multi_match": {"query": "x", "type": "phrase", "operator": {"script": 1}}}},
        "operator",
    ),
    "script as a threshold": (
        {"aggs": {"a": {"cardinality": {"field": "task", "precision_threshold": "x"}}}},
        "precision_threshold",
    ),
    "another query in a highlight": (
        {"highlight": {"fields": {"name": {"highlight_query": {"script": {}}}}}},
        "highlight_query",
    ),
    "unescaped highlight": ({"highlight": {"encoder": "default", "fields": {"name": {}}}}, "encoder"),
    "highlight of no names": ({"highlight": {"fields": [1]}}, "highlight"),
    "sort by an unknown mode": ({"sort": [{"name": {"mode": "script"}}]}, "mode"),
    "sort in an unknown format": ({"sort": [{"best_date": {"format": "EEE"}}]}, "format"),
    "aggregations twice": (
        {"aggs": {}, "aggregations": {"a": {"terms": {"field": "task"}}}},
        "aggregations",
    ),
    "many filters": (
        {"aggs": {"a": {"filters": {"filters": [{"match_all": {}}] * 51}}}},
        "filters",
    ),
    "script among filters": (
        {"aggs": {"a": {"filters": {"filters": {"x": {"script": {}}}}}}},
        "script",
    ),
    "large meta": ({"aggs": {"a": {"terms": {"field": "task"}, "meta": {"x": "y" * 2_000}}}}, "meta"),
    "fuzzy histogram": (
        {"aggs": {"a": {"date_histogram": {"field": "best_date", "interval": "month"}}}},
        "interval",
    ),
    "composite": ({"aggs": {"a": {"composite": {"sources": []}}}}, "composite"),
    "documents as fields": ({"docvalue_fields": ["name"]}, "docvalue_fields"),
    "version as text": ({"version": "x"}, "version"),
}


@pytest.mark.parametrize(("body", "part"), REFUSED.values(), ids=REFUSED)
def test_hostile_body_is_refused_by_the_name_of_its_part(body, part):
    with pytest.raises(RequestRefused) as refused:
        from_dsl(body)
    assert refused.value.part == part
    answer = error_body(refused.value)
    assert answer["status"] == 400
    assert answer["error"]["type"] == "parsing_exception"
    assert answer["error"]["reason"].startswith(f"[{part}]")
    assert answer["error"]["root_cause"][0]["reason"] == answer["error"]["reason"]


@pytest.mark.parametrize(
    "raw",
    [b"{", b"[[[[" * 10_000, b'{"size": NaN}', b"\xff\xfe", b'{"a":' + b"1" * MAX_BODY_BYTES + b"}"],
    ids=["cut", "deep", "nan", "no utf-8", "long"],
)
def test_body_that_is_no_json_is_refused(raw):
    with pytest.raises(RequestRefused) as refused:
        from_dsl(raw)
    assert refused.value.part == "body"


def test_a_name_that_stands_twice_is_refused_and_not_lost():
    """The second `must` would take the place of the first, and find too much."""
    raw = b'{"query": {"bool": {"must": {"term": {"task": "ner"}}, "must": {"match_all": {}}}}}'
    with pytest.raises(RequestRefused) as refused:
        from_dsl(raw)
    assert refused.value.part == "must"


ALLOWED = {
    "nothing": {},
    "range, nested and terms": {
        "query": {
            "bool": {
                "filter": [
                    {"range": {"best_date": {"gte": "2024-01-01"}}},
                    {
                        "nested": {
                            "path": "evaluations",
                            "query": {
                                "bool": {
                                    "filter": [
                                        {"term": {"evaluations.metric": "f1"}},
                                        {"term": {"evaluations.dataset": "conll2003"}},
                                        {"range": {"evaluations.value": {"gt": 0.9}}},
                                    ]
                                }
                            },
                        }
                    },
                ],
                "must_not": {"term": {"license.keyword": "GPL-3.0-only"}},
            }
        },
        "aggs": {"tasks": {"terms": {"field": "task.keyword", "size": 20}}},
        "size": 50,
        "sort": [{"metrics.accuracy": "desc"}, "_doc"],
    },
    "facets": {
        "size": 0,
        "aggs": {
            "by": {"terms": {"field": "framework"}, "aggs": {"best": {"max": {"field": "metrics.f1"}}}},
            "data": {
                "nested": {"path": "evaluations"},
                "aggs": {
                    "sets": {
                        "terms": {"field": "evaluations.dataset"},
                        "aggs": {"models": {"reverse_nested": {}}},
                    }
                },
            },
            "years": {
                "date_histogram": {"field": "best_date", "calendar_interval": "year", "format": "iso8601"}
            },
            "sizes": {
                "range": {"field": "size_bytes", "ranges": [{"to": 1e9}, {"from": 1e9}], "keyed": True}
            },
        },
    },
    "text": {
        "query": {
            "simple_query_string": {"query": '"exact words" +bert -large | roberta', "fields": ["name"]}
        },
        "highlight": {"fields": {"name": {}}},
        "_source": {"includes": ["name", "metrics.*"], "excludes": ["metrics.loss"]},
        "track_total_hits": 100,
    },
}


@pytest.mark.parametrize("body", ALLOWED.values(), ids=ALLOWED)
def test_request_of_an_analyst_passes_and_stays_the_same_through_our_types(body):
    request, _ = from_dsl(json.dumps(body).encode())
    again, _ = from_dsl(json.dumps(to_dsl(request)))
    assert to_dsl(again) == to_dsl(request)
