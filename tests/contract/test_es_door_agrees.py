"""/es/ answers as a real Elasticsearch does: the same requests, sent by the same client to both.

The node holds the documents as they are, under a plain mapping, so nothing of ours is behind its answers.
"""

from __future__ import annotations

import math
import re
import uuid

import pytest
from elasticsearch import ApiError, Elasticsearch, helpers
from fixtures.es_door import app_over, engine_pair, filled, serving

from catalog.dsl.body import from_dsl
from catalog.query.instants import milliseconds
from catalog.settings import Settings
from catalog.testing.documents import documents

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")
COUNT = 400
MAPPING = {"evaluations": {"type": "nested"}, "best_date": {"type": "date"}, "extra": {"enabled": False}}
DOUBLES = {"doubles": {"match_mapping_type": "double", "mapping": {"type": "double"}}}
FIRST = next(documents(1))["id"]
EVERY_AGGREGATION = {
    "terms": {
        "terms": {"field": "architecture.keyword", "size": 3},
        "aggs": {"a": {"avg": {"field": "parameters"}}, "s": {"stats": {"field": "parameters"}}},
    },
    "some terms": {
        "terms": {"field": "architecture.keyword", "include": ["ResNet", "T5", "Bert", "absent"], "size": 2},
        "aggs": {"a": {"avg": {"field": "parameters"}}},
    },
    "other terms": {
        "terms": {"field": "architecture.keyword", "exclude": ["ResNet", "T5", "absent"], "size": 3}
    },
    "terms of one": {"terms": {"field": "license.keyword", "missing": "none", "include": ["none", "MIT"]}},
    "no terms": {"terms": {"field": "license.keyword", "include": []}},
    "numbers": {"terms": {"field": "context_length", "order": {"_key": "asc"}}},
    "flags": {"terms": {"field": "complete"}},
    "range": {
        "range": {"field": "parameters", "ranges": [{"to": 1e6}, {"from": 1e6, "to": 1e9}, {"from": 1e9}]}
    },
    "ranges in no order": {"range": {"field": "parameters", "ranges": [{"from": 1e6}, {"to": 1e6}]}},
    "percents in quotes": {
        "filter": {"range": {"metrics.accuracy": {"gt": 2}}},
        "aggs": {"p": {"percentiles": {"field": "metrics.accuracy", "percents": ["25", "50"]}}},
    },
    "named": {
        "range": {
            "field": "size_bytes",
            "keyed": True,
            "ranges": [{"key": "small", "to": 1e9}, {"from": 1e9}],
        }
    },
    "histogram": {"histogram": {"field": "metrics.accuracy", "interval": 0.25}},
    "sparse": {
        "histogram": {"field": "metrics.accuracy", "interval": 0.125, "offset": 0.1, "min_doc_count": 1}
    },
    "years": {"date_histogram": {"field": "best_date", "calendar_interval": "year", "min_doc_count": 1}},
    "dates": {"date_range": {"field": "best_date", "ranges": [{"to": "2021-01-01"}, {"from": "2021-01-01"}]}},
    "missing": {"missing": {"field": "parameters"}, "aggs": {"m": {"max": {"field": "size_bytes"}}}},
    "filter": {
        "filter": {"range": {"parameters": {"gte": 10**9}}},
        "aggs": {"t": {"terms": {"field": "architecture.keyword"}}},
    },
    "filters": {
        "filters": {
            "other_bucket_key": "rest",
            "filters": {
                "large": {"range": {"parameters": {"gte": 10**9}}},
                "resnet": {"term": {"architecture.keyword": "ResNet"}},
            },
        },
        "aggs": {"a": {"max": {"field": "parameters"}}},
    },
    "filters without names": {
        "filters": {"filters": [{"exists": {"field": "parameters"}}, {"term": {"complete": False}}]}
    },
    "filters in a list": {"filters": {"keyed": False, "filters": {"a": {"exists": {"field": "parameters"}}}}},
    "months": {
        "date_histogram": {
            "field": "best_date",
            "calendar_interval": "month",
            "format": "yyyy-MM",
            "min_doc_count": 1,
            "order": {"_key": "desc"},
        }
    },
    "busiest months": {
        "date_histogram": {
            "field": "best_date",
            "calendar_interval": "month",
            "min_doc_count": 1,
            "order": {"_count": "desc"},
        }
    },
    "keyed years": {
        "date_histogram": {
            "field": "best_date",
            "calendar_interval": "year",
            "format": "yyyy",
            "keyed": True,
            "min_doc_count": 1,
        }
    },
    "full bins first": {
        "histogram": {"field": "metrics.accuracy", "interval": 0.25, "order": {"_count": "asc"}}
    },
    "dates in a format": {
        "date_range": {
            "field": "best_date",
            "format": "dd/MM/yyyy",
            "ranges": [{"to": "01/03/2021"}, {"from": "01/03/2021", "to": "01/02/2023"}],
        }
    },
    "moving dates": {
        "date_range": {
            "field": "best_date",
            "ranges": [{"from": "2022-05-17||/M", "to": "2022-05-31||+1M+1d"}],
        }
    },
    "extended": {"extended_stats": {"field": "metrics.accuracy"}},
    "extended, large": {"extended_stats": {"field": "parameters"}},
    "last day": {"max": {"field": "best_date", "format": "yyyy-MM-dd"}},
    "remembered": {"terms": {"field": "complete"}, "meta": {"colour": ["red", 1]}},
    "min": {"min": {"field": "best_date"}},
    "sum": {"sum": {"field": "metrics.f1"}},
    "count": {"value_count": {"field": "parameters"}},
    "distinct": {"cardinality": {"field": "architecture.keyword"}},
    "percentiles": {"percentiles": {"field": "metrics.accuracy", "percents": [50]}},
}
QUERIES = {
    "all": {"match_all": {}},
    "number": {"range": {"parameters": {"gte": 10**6, "lt": 10**10}}},
    "metric": {"range": {"metrics.accuracy": {"gt": 0.5}}},
    "dates": {"range": {"best_date": {"gte": "2021-03-01", "lt": "2023-01-01T12:00:00Z"}}},
    "a day as a term": {"term": {"best_date": "2024-01-01"}},
    "after a rounded date": {"range": {"best_date": {"gt": "2022-05-17||/M"}}},
    "up to a rounded date": {"range": {"best_date": {"lte": "2022-05-17||-1y/M"}}},
    "before a date and some": {"range": {"best_date": {"lt": "2022-05-31||+1M-2d+3h"}}},
    "from a day in a format": {"range": {"best_date": {"gte": "17/05/2022", "format": "dd/MM/yyyy||yyyy"}}},
    "seconds": {"range": {"best_date": {"gte": 1_650_000_000, "format": "epoch_second"}}},
    "a year as a number": {"range": {"best_date": {"gte": 2023}}},
    "a part of an object": {"exists": {"field": "quantization"}},
    "all but one": {
        "bool": {
            "should": [{"term": {"architecture.keyword": "T5"}}, {"range": {"parameters": {"lt": 10**9}}}],
            "minimum_should_match": -1,
        }
    },
    "most of them": {
        "bool": {
            "should": [{"term": {"architecture.keyword": "T5"}}, {"range": {"parameters": {"lt": 10**9}}}],
            "minimum_should_match": "75%",
        }
    },
    "milliseconds": {"range": {"best_date": {"lte": 1_650_000_000_000}}},
    "exists": {"bool": {"must_not": {"exists": {"field": "metrics"}}}},
    "keyword": {"term": {"architecture.keyword": "ResNet"}},
    "keywords": {"terms": {"license.keyword": ["MIT", "other"]}},
    "prefix": {"prefix": {"architecture.keyword": "Bert"}},
    "wildcard": {"wildcard": {"architecture.keyword": "Llama*"}},
    "wildcard of a place": {"wildcard": {"path.keyword": {"value": "*mod?l*1*"}}},
    "ids": {"ids": {"values": [FIRST, "nothing"]}},
    "flag": {"term": {"complete": True}},
    "all words in one field": {
        "multi_match": {"query": "news sentiment", "fields": ["description", "title"], "operator": "and"}
    },
    "alternatives": {
        "bool": {
            "should": [{"term": {"architecture.keyword": "T5"}}, {"range": {"parameters": {"lt": 10**5}}}],
            "minimum_should_match": 1,
            "must_not": [{"term": {"license.keyword": "MIT"}}],
        }
    },
    "one evaluation": {
        "nested": {
            "path": "evaluations",
            "query": {
                "bool": {
                    "filter": [
                        {"term": {"evaluations.metric.keyword": "accuracy"}},
                        {"term": {"evaluations.dataset.keyword": "MNIST"}},
                        {"range": {"evaluations.value": {"gt": 0.3}}},
                    ]
                }
            },
        }
    },
}
SHAPES = {
    "plain": lambda es: es.search(index="models", size=2, query=QUERIES["number"]),
    "scored": lambda es: es.search(index="models", size=1, query={"match": {"description": "model"}}),
    "highlighted": lambda es: es.search(
        index="models",
        size=1,
        version=True,
        query={"match": {"description": "model"}},
        highlight={"fields": {"description": {}}},
    ),
    "fields": lambda es: es.search(index="models", size=1, fields=["revision"], source=False),
    "exact fields": lambda es: es.search(
        index="models",
        size=3,
        source=False,
        sort=["id.keyword"],
        docvalue_fields=["architecture.keyword", "revision"],
        fields=["status.keyword"],
    ),
    "no fields": lambda es: es.search(index="models", size=1, source=False, fields=["no_field*"]),
    "uncounted": lambda es: es.search(index="models", size=0, track_total_hits=False),
    "number as total": lambda es: es.search(index="models", size=0, rest_total_hits_as_int=True),
    "no index": lambda es: es.search(index="nothing-*"),
    "typed": lambda es: es.search(index="models", size=0, typed_keys=True, aggs=some_aggregations(0)),
    "more typed": lambda es: es.search(index="models", size=0, typed_keys=True, aggs=some_aggregations(1)),
    "still more typed": lambda es: es.search(
        index="models", size=0, typed_keys=True, aggs=some_aggregations(2)
    ),
    "extended of nothing": lambda es: es.search(
        index="models",
        size=0,
        query={"match_none": {}},
        aggs={"a": {"extended_stats": {"field": "parameters"}}},
    ),
    "percentiles in a list": lambda es: es.search(
        index="models",
        size=0,
        aggs={"a": {"percentiles": {"field": "parameters", "keyed": False}}},
    ),
    "formatted": lambda es: es.search(
        index="models",
        size=1,
        source=False,
        sort=[{"best_date": {"order": "desc", "format": "yyyy-MM-dd"}}],
        fields=["best_date", {"field": "created_at", "format": "epoch_millis"}],
    ),
    "highlighted elsewhere": lambda es: es.search(
        index="models",
        size=3,
        query={"match": {"description": "news"}},
        highlight={"fields": {"all_text": {}}},
    ),
    "body in the address": lambda es: es.perform_request(
        "GET", '/models/_search?source={"size":1}&source_content_type=application/json'
    ),
    "filtered": lambda es: es.search(index="models", size=1, filter_path="hits.hits._id,-hits.total"),
    "filtered to nothing": lambda es: es.search(index="models", size=1, filter_path="nothing"),
    "count": lambda es: es.count(index="models"),
    "document": lambda es: es.get(index="models", id=FIRST),
    "no document": lambda es: es.get(index="models", id="nothing"),
    "no source": lambda es: es.get_source(index="models", id="nothing"),
    "documents": lambda es: es.mget(index="models", ids=[FIRST, "nothing"]),
    "documents elsewhere": lambda es: es.mget(docs=[{"_index": "nothing", "_id": "x"}]),
    "many": lambda es: es.msearch(searches=[{"index": "models"}, {"size": 1}, {"index": "nothing"}, {}]),
    "unknown index": lambda es: es.search(index="nothing"),
    "mapping": lambda es: es.indices.get_mapping(index="models"),
    "index": lambda es: es.indices.get(index="models"),
    "point": lambda es: es.open_point_in_time(index="models", keep_alive="1m"),
    "scroll": lambda es: es.search(index="models", scroll="1m", size=2),
    "scroll from": lambda es: es.search(index="models", scroll="1m", from_=5),
    "closed scroll": lambda es: es.clear_scroll(scroll_id=GONE),
    "unknown parameter": lambda es: es.perform_request("GET", "/models/_search?telepathy=1"),
    "health": lambda es: es.cluster.health(filter_path="status,timed_out,number_of_nodes"),
    "table": lambda es: es.cat.indices(index="models", h="index,docs.count", format="json"),
}


def some_aggregations(third):
    """A third of them: so many in one request would be refused."""
    return dict(list(EVERY_AGGREGATION.items())[third::3])


GONE = "DXF1ZXJ5QW5kRmV0Y2gBAAAAAAAAAD4WYm9laVYtZndUQlNsdDcwakFMNjU1QQ=="
INDEX_OWN = frozenset(
    {"_source", "_ignored", "properties", "settings", "aliases", "dynamic_templates", "terminated_early"}
)


@pytest.fixture(scope="module")
def rows():
    return [{key: value for key, value in row.items() if key != "extra"} for row in documents(COUNT)]


@pytest.fixture(scope="module")
def node(elasticsearch_url, rows):
    """The documents in an index of their own, which this client reaches under the name `models`."""
    index = f"plain-{uuid.uuid4().hex[:12]}"
    with Elasticsearch(elasticsearch_url) as es:
        es.indices.create(index=index, mappings={"properties": MAPPING, "dynamic_templates": [DOUBLES]})
        helpers.bulk(es, ({"_index": index, "_id": row["id"], "_source": row} for row in rows))
        es.indices.refresh(index=index)
        es.indices.update_aliases(actions=[{"add": {"index": index, "alias": "models"}}])
        yield es
        es.indices.delete(index=index)


@pytest.fixture(scope="module", params=["memory", "tantivy", "elasticsearch"])
def ours(request, rows, tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("agrees"), api_timeout_seconds=30.0)
    with engine_pair(request.param, settings, request) as (writer, engine):
        filled(writer, rows)
        with serving(app_over(engine, settings)) as url, Elasticsearch(f"{url}/es") as es:
            yield es


def said(ask, es):
    """The body and status, whatever they are."""
    try:
        answer = ask(es)
    except ApiError as error:
        return error.body, error.status_code
    return answer.body, answer.meta.status


def shape(value):
    """Names and types, without what the index alone decides."""
    if isinstance(value, dict):
        return {
            "*" if key.startswith("plain-") or key == "models" else key: shape(inner)
            for key, inner in value.items()
            if key not in INDEX_OWN
        }
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


@pytest.mark.parametrize("name", SHAPES)
def test_answers_have_the_shape_and_status_of_the_real_ones(node, ours, name):
    theirs, status = said(SHAPES[name], node)
    found, our_status = said(SHAPES[name], ours)
    assert our_status == status
    assert shape(found) == shape(theirs)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_queries_find_and_order_the_same(node, ours, query):
    sort = [{"parameters": "desc"}, {"id.keyword": "asc"}]
    theirs, found = (es.search(index="models", query=query, sort=sort, size=500) for es in (node, ours))
    assert found["hits"]["total"] == theirs["hits"]["total"]
    assert found["hits"]["total"]["value"] > 0
    assert [hit["_id"] for hit in found["hits"]["hits"]] == [hit["_id"] for hit in theirs["hits"]["hits"]]


@pytest.mark.parametrize("text", ["news", "label smoothing", "Encoder", "straße"])
def test_whole_values_are_highlighted_the_same(node, ours, text):
    description = {"number_of_fragments": 0, "pre_tags": ["<b>"], "post_tags": ["</b>"]}
    wanted = {
        "encoder": "html",
        "fields": {"description": description, "title": {"require_field_match": False}, "all_text": {}},
    }
    theirs, found = (
        [
            hit["highlight"]
            for hit in es.search(
                index="models",
                query={"match": {"description": text}},
                highlight=wanted,
                sort=["id.keyword"],
                size=50,
            )["hits"]["hits"]
        ]
        for es in (node, ours)
    )
    assert len(theirs) == 50
    assert found == theirs


WORDS = [
    "news",
    "news sentiment",
    "news +sentiment",
    "news | sentiment + reviews",
    "news + sentiment | reviews",
    "(news | sentiment) + reviews",
    "news + (sentiment | (reviews + data)) -layer",
    "-news",
    "news -sentiment",
    "news + -sentiment",
    "--news",
    '"early stopping"',
    '"early stopping" + -"news sentiment"',
    'news "never closed',
    "((news",
    "news))) + sentiment",
    "() news",
    "| + news |",
    "news |+ sentiment",
    r"\-news \"",
    "news - sentiment",
    "(news sentiment) | (reviews data)",
    "news + | sentiment",
    'news + "" sentiment',
]


@pytest.mark.parametrize("default", ["or", "and"])
@pytest.mark.parametrize("text", WORDS)
def test_simple_query_strings_mean_the_same(node, ours, text, default):
    asked = {"query": text, "fields": ["description"], "default_operator": default}
    theirs, found = (
        es.search(index="models", query={"simple_query_string": asked}, sort=["id.keyword"], size=500)
        for es in (node, ours)
    )
    assert [hit["_id"] for hit in found["hits"]["hits"]] == [hit["_id"] for hit in theirs["hits"]["hits"]]


ALTERNATIVES = [
    "description:news",
    "description:news description:sentiment",
    "description:news OR description:sentiment",
    "description:news AND description:sentiment",
    "description:news -description:sentiment",
    "description:news description:reviews NOT description:sentiment",
    "-description:news -description:sentiment",
    "description:news-sentiment",
    'description:"early stopping" parameters:>1000000000',
    "parameters:[1000000 TO 9000000] size_bytes:<1000",
]


PAGED = {
    "null first": [{"l": {"terms": {"field": "precision.keyword", "missing_bucket": True}}}],
    "null last": [
        {"l": {"terms": {"field": "precision.keyword", "missing_bucket": True, "missing_order": "last"}}},
        {"n": {"terms": {"field": "context_length", "order": "desc", "missing_bucket": True}}},
    ],
    "of one of two": [
        {
            "y": {
                "date_histogram": {"field": "best_date", "calendar_interval": "year", "missing_bucket": True}
            }
        },
        {"l": {"terms": {"field": "precision.keyword"}}},
    ],
    "inside": [
        {"l": {"terms": {"field": "precision.keyword", "order": "desc"}}},
        {
            "p": {
                "histogram": {
                    "field": "metrics.accuracy",
                    "interval": 0.25,
                    "order": "desc",
                    "missing_bucket": True,
                    "missing_order": "first",
                }
            }
        },
    ],
}


@pytest.mark.parametrize("sources", PAGED.values(), ids=PAGED)
def test_combinations_with_null_are_read_page_by_page_as_there(node, ours, sources):
    theirs, found = (list(combinations(es, sources)) for es in (node, ours))
    assert any(None in bucket["key"].values() for bucket in theirs)
    assert [folded(bucket) for bucket in found] == [folded(bucket) for bucket in theirs]


def combinations(es, sources):
    """Every bucket, seven a page."""
    composite = {"sources": sources, "size": 7}
    while True:
        aggs = {"c": {"composite": composite, "aggs": {"m": {"max": {"field": "parameters"}}}}}
        answer = es.search(index="models", size=0, aggs=aggs)["aggregations"]["c"]
        if not answer["buckets"]:
            return
        yield from answer["buckets"]
        composite = {**composite, "after": answer["after_key"]}


def folded(bucket):
    key = {
        name: value.casefold() if isinstance(value, str) else value for name, value in bucket["key"].items()
    }
    return {**bucket, "key": key}


ZONES = [
    "+01:00",
    "-0530",
    "+1",
    "UTC+3",
    "Europe/Berlin",
    "Europe/London",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Z",
    "CET",
]
BOUNDS = {
    "days": {"gte": "2021-03-28", "lt": "2023-01-01"},
    "years": {"gte": "2021", "lt": "2023"},
    "up to a day of another length": {"lte": "2022-10-30", "gt": "2022-03-27"},
    "milliseconds": {"gte": 1_600_000_000_000, "lt": "1650000000000"},
    "hours that come twice": {"gte": "2021-10-31T01:30", "lt": "2022-10-30T02:30"},
    "hours": {"gte": "2022-03-27T02:30", "lt": "2022-10-30T02:30:00"},
    "with a zone of their own": {"gte": "2022-03-27T02:30:00Z", "lt": "2022-10-30T02:30:00+05:00"},
    "rounded": {"gte": "2022-05-17||/M", "lte": "2022-05-17||+1y-3d/d"},
    "steps over a change of clocks": {"gte": "2022-03-26T02:30||+1d", "lt": "2022-10-29T02:30||+1d+1h/h"},
    "weeks": {"gt": "2021-03-24||/w", "lt": "2022-10-24||+1w/w"},
    "now": {"lt": "now/d", "gte": "now-5y/y"},
    "in a format": {"gte": "01.05.2021", "lt": "2023", "format": "dd.MM.yyyy||yyyy"},
    "since 1970": {"gte": 1_600_000_000, "format": "epoch_second"},
}


@pytest.mark.parametrize("zone", ["-0530", "Europe/Berlin"])
@pytest.mark.parametrize("bounds", BOUNDS.values(), ids=BOUNDS)
def test_ranges_begin_and_end_with_the_days_of_a_zone(node, ours, bounds, zone):
    query = {"range": {"best_date": {**bounds, "time_zone": zone}}}
    theirs, found = (
        es.search(index="models", query=query, sort=["id.keyword"], size=500) for es in (node, ours)
    )
    assert theirs["hits"]["total"]["value"] > 0
    assert [hit["_id"] for hit in found["hits"]["hits"]] == [hit["_id"] for hit in theirs["hits"]["hits"]]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("name", [name for name in BOUNDS if name != "now"])
def test_bounds_in_a_zone_are_those_of_the_node_to_the_millisecond(node, name, zone):
    query = {"range": {"best_date": {**BOUNDS[name], "time_zone": zone}}}
    explained = node.indices.validate_query(index="models", query=query, explain=True)
    theirs = re.findall(r"best_date:\[(-?\d+) TO (-?\d+)\]", explained["explanations"][0]["explanation"])
    found = from_dsl({"query": query})[0].query
    begin = -(2**63) if found.gte is None else milliseconds(found.gte)
    end = 2**63 - 1 if found.lt is None else milliseconds(found.lt) - 1
    assert [(str(begin), str(end))] == theirs[:1]


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "+25:00", "europe/berlin", "../etc/passwd", ""])
def test_what_is_no_zone_is_refused_as_there(node, ours, zone):
    query = {"range": {"best_date": {"gte": "2021", "time_zone": zone}}}
    statuses = [said(lambda es: es.search(index="models", query=query), es)[1] for es in (node, ours)]
    assert statuses == [400, 400]


@pytest.mark.parametrize("default", ["or", "OR"])
@pytest.mark.parametrize("text", ALTERNATIVES)
def test_query_strings_of_alternatives_mean_the_same(node, ours, text, default):
    """`or` was refused, and the Java client always writes it."""
    asked = {"query_string": {"query": text, "default_operator": default}}
    theirs, found = (
        es.search(index="models", query=asked, sort=["id.keyword"], size=500) for es in (node, ours)
    )
    assert theirs["hits"]["total"]["value"] > 0
    assert [hit["_id"] for hit in found["hits"]["hits"]] == [hit["_id"] for hit in theirs["hits"]["hits"]]


@pytest.mark.parametrize("query", ["all", "metric", "alternatives"])
@pytest.mark.parametrize("name", EVERY_AGGREGATION)
def test_aggregations_count_and_measure_the_same(node, ours, name, query):
    aggs = {name: EVERY_AGGREGATION[name]}
    theirs, found = (
        es.search(index="models", size=0, query=QUERIES[query], aggs=aggs)["aggregations"][name]
        for es in (node, ours)
    )
    if name == "percentiles":
        assert found["values"]["50.0"] == pytest.approx(theirs["values"]["50.0"], rel=0.05)
    else:
        assert rounded(found) == rounded(theirs)


def rounded(value):
    """Sums of floats depend on their order, and keys of our keyword buckets are folded."""
    if isinstance(value, dict):
        return {
            key: inner.casefold() if key == "key" and isinstance(inner, str) else rounded(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    if isinstance(value, float) and value and math.isfinite(value):
        return float(f"{value:.10g}")
    return value
