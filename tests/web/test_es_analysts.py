"""Questions as analysts write them after Elasticsearch's own pages, against plain Python over the same documents."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from datetime import UTC, datetime

import pytest
from elasticsearch.dsl import (
    DateHistogramFacet,
    FacetedSearch,
    HistogramFacet,
    RangeFacet,
    TermsFacet,
)

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")


def low(row, name):
    value = row.get(name)
    return value.casefold() if isinstance(value, str) else value


def many(row, name):
    return {value.casefold() for value in row.get(name, [])}


def metric(row, name):
    return row.get("metrics", {}).get(name)


def when(row, name="best_date"):
    text = row.get(name)
    return None if text is None else datetime.fromisoformat(text)


def between(row, start, end, name="best_date"):
    moment = when(row, name)
    return moment is not None and at(start) <= moment < at(end)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def words(row, name):
    return set(row.get(name, "").casefold().replace("-", " ").split())


def over(value, bound):
    return value is not None and value > bound


QUESTIONS = {
    "term": ({"term": {"task": "ner"}}, lambda row: low(row, "task") == "ner"),
    "term in another case": ({"term": {"task": {"value": "FILL-MASK"}}}, lambda row: low(row, "task") == "fill-mask"),
    "keyword sub-field": ({"term": {"framework.keyword": "onnx"}}, lambda row: low(row, "framework") == "onnx"),
    "terms": (
        {"terms": {"license": ["mit", "other"], "boost": 1.0}},
        lambda row: low(row, "license") in {"mit", "other"},
    ),
    "element of a list": ({"term": {"tags": "nlp"}}, lambda row: "nlp" in many(row, "tags")),
    "exists": ({"exists": {"field": "parameters"}}, lambda row: "parameters" in row),
    "object exists": ({"exists": {"field": "quantization"}}, lambda row: bool(row.get("quantization"))),
    "missing": (
        {"bool": {"must_not": [{"exists": {"field": "license"}}]}},
        lambda row: "license" not in row,
    ),
    "ids": ({"ids": {"values": ["x" * 64]}}, lambda row: False),
    "prefix": ({"prefix": {"owner": {"value": "team-1"}}}, lambda row: str(low(row, "owner")).startswith("team-1")),
    "wildcard": (
        {"wildcard": {"architecture": {"value": "Bert*", "case_insensitive": True}}},
        lambda row: str(low(row, "architecture")).startswith("bert"),
    ),
    "range of whole numbers": (
        {"range": {"parameters": {"gte": 1_000_000, "lt": "1000000000"}}},
        lambda row: 10**6 <= row.get("parameters", 0) < 10**9,
    ),
    "range beyond 64 bits": ({"range": {"parameters": {"lt": 1e30}}}, lambda row: "parameters" in row),
    "range of a metric": ({"range": {"metrics.accuracy": {"gt": 0.5}}}, lambda row: over(metric(row, "accuracy"), 0.5)),
    "number exactly": ({"term": {"metrics.accuracy": 0.5}}, lambda row: metric(row, "accuracy") == 0.5),
    "flag": ({"term": {"complete": "true"}}, lambda row: row.get("complete") is True),
    "year": (
        {"range": {"best_date": {"gte": "2022", "lte": "2022"}}},
        lambda row: between(row, "2022-01-01", "2023-01-01"),
    ),
    "after a year": ({"range": {"best_date": {"gt": "2022"}}}, lambda row: between(row, "2023-01-01", "2200-01-01")),
    "month as a term": (
        {"term": {"best_date": "2022-05"}},
        lambda row: between(row, "2022-05-01", "2022-06-01"),
    ),
    "days as terms": (
        {"terms": {"best_date": ["2024-01-01", "2023-12-31"]}},
        lambda row: between(row, "2023-12-31", "2024-01-02"),
    ),
    "date math": (
        {"range": {"best_date": {"gte": "2022-05-17||-1M/M", "lt": "2022-05-17||+1M/M"}}},
        lambda row: between(row, "2022-04-01", "2022-06-01"),
    ),
    "date format": (
        {"range": {"best_date": {"gte": "01/02/2022", "lt": "2023", "format": "dd/MM/yyyy||yyyy"}}},
        lambda row: between(row, "2022-02-01", "2023-01-01"),
    ),
    "seconds": (
        {"range": {"best_date": {"gte": 1_640_995_200, "format": "epoch_second"}}},
        lambda row: between(row, "2022-01-01", "2200-01-01"),
    ),
    "now": ({"range": {"best_date": {"gt": "now+1M"}}}, lambda row: False),
    "should": (
        {"bool": {"should": [{"term": {"task": "ner"}}, {"term": {"framework": "jax"}}]}},
        lambda row: low(row, "task") == "ner" or low(row, "framework") == "jax",
    ),
    "should and filter": (
        {
            "bool": {
                "filter": {"exists": {"field": "license"}},
                "should": [{"term": {"task": "ner"}}, {"term": {"framework": "jax"}}],
                "minimum_should_match": "1",
            }
        },
        lambda row: "license" in row and (low(row, "task") == "ner" or low(row, "framework") == "jax"),
    ),
    "all of should": (
        {
            "bool": {
                "should": [{"term": {"tags": "nlp"}}, {"term": {"tags": "vision"}}],
                "minimum_should_match": "100%",
            }
        },
        lambda row: many(row, "tags") >= {"nlp", "vision"},
    ),
    "constant score": (
        {"constant_score": {"filter": {"term": {"complete": False}}, "boost": 1.0}},
        lambda row: row.get("complete") is False,
    ),
    "one evaluation": (
        {
            "nested": {
                "path": "evaluations",
                "query": {
                    "bool": {
                        "must": [
                            {"match": {"evaluations.metric": "f1"}},
                            {"range": {"evaluations.value": {"gte": 0.5}}},
                        ]
                    }
                },
            }
        },
        lambda row: any(
            one["metric"] == "f1" and one.get("value", -1) >= 0.5 for one in row.get("evaluations", [])
        ),
    ),
    "match": ({"match": {"description": "news"}}, lambda row: "news" in words(row, "description")),
    "match any": (
        {"match": {"description": {"query": "news decoder"}}},
        lambda row: bool(words(row, "description") & {"news", "decoder"}),
    ),
    "match all": (
        {"match": {"description": {"query": "news decoder", "operator": "AND"}}},
        lambda row: words(row, "description") >= {"news", "decoder"},
    ),
    "phrase": (
        {"match_phrase": {"description": "label smoothing"}},
        lambda row: "label smoothing" in row.get("description", ""),
    ),
    "multi match": (
        {"multi_match": {"query": "decoder", "fields": ["title", "description"], "type": "best_fields"}},
        lambda row: "decoder" in words(row, "description") | words(row, "title"),
    ),
    "simple query string": (
        {"simple_query_string": {"query": "news + (decoder | layer)", "fields": ["description"]}},
        lambda row: "news" in words(row, "description") and bool(words(row, "description") & {"decoder", "layer"}),
    ),
    "minus in a simple query string": (
        {
            "simple_query_string": {
                "query": "news -decoder",
                "fields": ["description"],
                "default_operator": "and",
            }
        },
        lambda row: "news" in words(row, "description") and "decoder" not in words(row, "description"),
    ),
    "hyper-parameter": (
        {"term": {"hyperparameters.lr_schedule": "cosine"}},
        lambda row: str(row.get("hyperparameters", {}).get("lr_schedule")).casefold() == "cosine",
    ),
}  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
def test_query_finds_what_python_finds(door, es, question):
    query, holds = QUESTIONS[question]
    expected = {row["id"] for row in door.rows if holds(row)}
    found = es.search(index="models", query=query, size=len(door.rows), source=False)
    assert {hit["_id"] for hit in found["hits"]["hits"]} == expected
    assert es.count(index="models", query=query)["count"] == found["hits"]["total"]["value"] == len(expected)


def present(rows, name):
    return [row[name] for row in rows if name in row]


def spelled(rows, name):
    """How the first model in the order of ids writes each value: values that differ in case alone are counted together."""
    spellings = {}
    for row in sorted(rows, key=lambda row: row["id"]):
        if name in row:
            spellings.setdefault(row[name].casefold(), row[name])
    return spellings


AGGREGATIONS = {
    "terms": (
        {"terms": {"field": "task", "size": 20}},
        lambda rows, got: (
            {one["key"]: one["doc_count"] for one in got["buckets"]}
            == Counter(spelled(rows, "task")[value.casefold()] for value in present(rows, "task"))
        ),
    ),
    "terms by a number inside": (
        {
            "terms": {"field": "task", "order": {"most": "desc"}},
            "aggs": {"most": {"max": {"field": "parameters"}}},
        },
        lambda rows, got: (
            [one["most"]["value"] for one in got["buckets"]]
            == sorted(
                (
                    max(row.get("parameters", 0) for row in rows if low(row, "task") == task)
                    for task in {value.casefold() for value in present(rows, "task")}
                ),
                reverse=True,
            )
        ),
    ),
    "years": (
        {
            "date_histogram": {
                "field": "best_date",
                "calendar_interval": "year",
                "format": "yyyy",
                "min_doc_count": 1,
                "keyed": True,
            }
        },
        lambda rows, got: (
            {year: one["doc_count"] for year, one in got["buckets"].items()}
            == Counter(str(when(row).year) for row in rows if "best_date" in row)
        ),
    ),
    "bins": (
        {"histogram": {"field": "metrics.accuracy", "interval": 0.25}},
        lambda rows, got: (
            {one["key"]: one["doc_count"] for one in got["buckets"] if one["doc_count"]}
            == Counter(
                math.floor(metric(row, "accuracy") / 0.25) * 0.25
                for row in rows
                if metric(row, "accuracy") is not None
            )
        ),
    ),
    "ranges": (
        {"range": {"field": "parameters", "ranges": [{"to": 1e6}, {"from": 1e6, "key": "large"}]}},
        lambda rows, got: (
            [(one["key"], one["doc_count"]) for one in got["buckets"]]
            == [
                ("*-1000000.0", sum(value < 1e6 for value in present(rows, "parameters"))),
                ("large", sum(value >= 1e6 for value in present(rows, "parameters"))),
            ]
        ),
    ),
    "filters": (
        {
            "filters": {
                "filters": {
                    "ner": {"term": {"task": "ner"}},
                    "jax": {"term": {"framework": "jax"}},
                },
                "other_bucket": True,
            },
            "aggs": {"mean": {"avg": {"field": "parameters"}}},
        },
        lambda rows, got: (
            [one["doc_count"] for one in got["buckets"].values()]
            == [
                sum(low(row, "task") == "ner" for row in rows),
                sum(low(row, "framework") == "jax" for row in rows),
                sum(low(row, "task") != "ner" and low(row, "framework") != "jax" for row in rows),
            ]
        ),
    ),
    "missing": (
        {"missing": {"field": "license"}},
        lambda rows, got: got["doc_count"] == sum("license" not in row for row in rows),
    ),
    "stats": (
        {"stats": {"field": "parameters"}},
        lambda rows, got: (
            (got["count"], got["min"], got["max"], got["sum"])
            == (
                len(present(rows, "parameters")),
                min(present(rows, "parameters")),
                max(present(rows, "parameters")),
                pytest.approx(sum(present(rows, "parameters"))),
            )
        ),
    ),
    "extended stats": (
        {"extended_stats": {"field": "parameters"}},
        lambda rows, got: (
            got["std_deviation"] == pytest.approx(statistics.pstdev(present(rows, "parameters")))
        ),
    ),
    "different values": (
        {"cardinality": {"field": "owner", "precision_threshold": 100}},
        lambda rows, got: got["value"] == len(set(present(rows, "owner"))),
    ),
    "values": (
        {"value_count": {"field": "tags"}},
        lambda rows, got: got["value"] == sum(len(row.get("tags", [])) for row in rows),
    ),
    "latest": (
        {"max": {"field": "best_date", "format": "yyyy-MM-dd"}},
        lambda rows, got: (
            got["value_as_string"] == f"{max(when(row) for row in rows if 'best_date' in row):%Y-%m-%d}"
        ),
    ),
}


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_aggregation_counts_what_python_counts(door, es, name):
    aggregation, right = AGGREGATIONS[name]
    got = es.search(index="models", size=0, aggs={"a": aggregation})["aggregations"]["a"]
    assert right(door.rows, got), got


@pytest.mark.parametrize("percent", [10, 25, 50, 75, 90])
def test_percentiles_are_within_two_percent_of_the_values_at_their_rank(door, es, percent):
    values = sorted(present(door.rows, "parameters"))
    asked = {"percentiles": {"field": "parameters", "percents": [percent]}}
    found = es.search(size=0, aggs={"a": asked})["aggregations"]["a"]["values"][f"{percent}.0"]
    place = (len(values) - 1) * percent / 100
    assert values[math.floor(place)] * 0.98 <= found <= values[math.ceil(place)] * 1.02


def test_sorting_puts_missing_values_last_in_both_directions(door, es):
    known = sorted(present(door.rows, "parameters"))
    for order, expected in (("asc", known), ("desc", known[::-1])):
        found = es.search(sort=[{"parameters": {"order": order}}], size=300)["hits"]["hits"]
        values = [hit["_source"].get("parameters") for hit in found]
        assert values == [*expected, *[None] * (len(door.rows) - len(known))]


class Models(FacetedSearch):
    index = "models"
    fields = ("name", "description")
    facets = {
        "task": TermsFacet(field="task"),
        "year": DateHistogramFacet(field="best_date", calendar_interval="year"),
        "size": RangeFacet(field="parameters", ranges=[("small", (None, 10**9)), ("large", (10**9, None))]),
        "accuracy": HistogramFacet(field="metrics.accuracy", interval=0.25),
    }


def test_a_faceted_search_keeps_the_alternatives_of_what_was_chosen(door, es):
    class Here(Models):
        def search(self):
            return super().search().using(es)

    plain = Here().execute()
    assert {key: count for key, count, _ in plain.facets.size} == {
        "small": sum(value < 10**9 for value in present(door.rows, "parameters")),
        "large": sum(value >= 10**9 for value in present(door.rows, "parameters")),
    }
    chosen = Here(filters={"task": ["ner"], "year": [datetime(2022, 1, 1, tzinfo=UTC)]}).execute()
    expected = [
        row for row in door.rows if low(row, "task") == "ner" and between(row, "2022-01-01", "2023-01-01")
    ]
    assert chosen.hits.total.value == len(expected)
    assert len(chosen.facets.task) > 1
    assert ("ner", len(expected), True) in chosen.facets.task


def test_field_capabilities_are_narrowed_by_type_and_kind(es):
    assert set(es.field_caps(fields="parameters,best_*", types="date")["fields"]) == {"best_date"}
    plain = es.field_caps(fields="*", filters="-parent,-nested,-multifield")["fields"]
    assert "parameters" in plain
    assert not {"metrics", "evaluations", "evaluations.value", "name.keyword"} & set(plain)
    assert es.field_caps(fields="*", filters="+metadata")["fields"] == {}


def test_a_body_in_the_address_is_a_body(door, es):
    path = '/models/_search?source={"size":1}&source_content_type=application/json'
    assert len(es.perform_request("GET", path)["hits"]["hits"]) == 1
    count = es.perform_request("GET", '/models/_count?source={"query":{"term":{"task":"ner"}}}')["count"]
    assert count == sum(low(row, "task") == "ner" for row in door.rows)
