"""Answers in Elasticsearch's shape, from real searches on the reference engine."""

import json

import pytest

from catalog.dsl.body import from_dsl
from catalog.dsl.response import to_es_response
from catalog.search.engine import IndexAction
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter


def document(number):
    return {
        "id": f"{number:064x}",
        "name": f"bert_base-{number}",
        "description": "A <b>small</b> model for bert fans & others" if number else "A large model",
        "task": ["ner", "pos"][number % 2],
        "complete": bool(number % 2),
        "parameters": 1_000_000 * (number + 1),
        "best_date": f"202{number}-03-01T00:00:00Z",
        "metrics": {"accuracy": 0.9 + number / 100, "loss": 0.1},
        "metric_names": ["accuracy", "loss"],
        "evaluations": [
            {"metric": "accuracy", "value": 0.9 + number / 100, "dataset": "imagenet"},
            {"metric": "f1", "value": 0.5, "dataset": "imagenet"},
        ],
    }


@pytest.fixture(scope="module")
def engine():
    index = MemoryIndex()
    actions = [IndexAction(id=d["id"], revision=1, document=d) for d in map(document, range(4))]
    assert not MemoryWriter(index).write(actions).rejected
    return MemoryEngine(index)


@pytest.fixture
def answer(engine):
    def ask(body):
        request, options = from_dsl(body)
        found = to_es_response(engine.search(request), request, "models", options)
        return json.loads(json.dumps(found))

    return ask


def test_hits_have_index_id_score_and_source(answer):
    found = answer({"query": {"match": {"name": "bert"}}, "size": 2})
    assert found["timed_out"] is False
    assert found["_shards"]["failed"] == 0
    assert found["hits"]["total"] == {"value": 4, "relation": "eq"}
    first = found["hits"]["hits"][0]
    assert first["_index"] == "models"
    assert first["_id"] == first["_source"]["id"]
    assert first["_score"] == found["hits"]["max_score"]
    assert "sort" not in first


def test_sorted_hits_have_no_score_and_dates_as_milliseconds(answer):
    found = answer({"sort": [{"best_date": "desc"}, "_doc"], "size": 1})
    hit = found["hits"]["hits"][0]
    assert hit["_score"] is None
    assert found["hits"]["max_score"] is None
    assert hit["sort"] == [1_677_628_800_000, hit["_id"], hit["_id"]]


def test_search_after_goes_on_where_the_last_page_ended(answer):
    body = {"sort": [{"best_date": "desc"}], "size": 3}
    first = answer(body)
    rest = answer(body | {"search_after": first["hits"]["hits"][-1]["sort"]})
    names = [hit["_source"]["name"] for page in (first, rest) for hit in page["hits"]["hits"]]
    assert names == ["bert_base-3", "bert_base-2", "bert_base-1", "bert_base-0"]


@pytest.mark.parametrize(
    ("tracked", "total"),
    [
        (True, {"value": 4, "relation": "eq"}),
        (3, {"value": 3, "relation": "gte"}),
        (4, {"value": 4, "relation": "eq"}),
        (False, None),
    ],
)
def test_total_is_counted_as_far_as_was_asked(answer, tracked, total):
    assert answer({"track_total_hits": tracked})["hits"].get("total") == total


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        (False, None),
        (["name"], {"name"}),
        ("metrics.accuracy", {"metrics"}),
        (["metrics.*", "evaluations.dataset"], {"metrics", "evaluations"}),
        ({"excludes": ["evaluations", "metric*", "description"]}, {"id", "name", "task", "complete", "parameters", "best_date"}),
        ({"includes": ["metrics"], "excludes": ["metrics.loss"]}, {"metrics"}),
    ],
)  # fmt: skip
def test_source_is_cut_to_the_asked_patterns(answer, source, keys):
    found = answer({"_source": source, "size": 1})["hits"]["hits"][0].get("_source")
    assert (None if found is None else set(found)) == keys
    if keys and "evaluations" in keys:
        assert found["evaluations"] == [{"dataset": "imagenet"}, {"dataset": "imagenet"}]
    if source == {"includes": ["metrics"], "excludes": ["metrics.loss"]}:
        assert set(found["metrics"]) == {"accuracy"}


def test_fields_of_a_hit_are_lists(answer):
    hit = answer({"fields": ["name", "evaluations.*"], "_source": False, "size": 1})["hits"]["hits"][0]
    assert hit["fields"]["evaluations.dataset"] == ["imagenet", "imagenet"]


def test_highlights_mark_found_words_and_escape_the_rest(answer):
    body = {
        "query": {"match": {"description": "BERT"}},
        "highlight": {"fields": {"description": {}, "name": {"require_field_match": False}, "title": {}}},
    }
    marked = answer(body)["hits"]["hits"][0]["highlight"]
    assert marked["description"] == ["A &lt;b&gt;small&lt;/b&gt; model for <em>bert</em> fans &amp; others"]
    assert marked["name"][0].startswith("<em>bert_base</em>-")


def test_buckets_have_the_keys_that_tools_expect(answer):
    found = answer(
        {
            "size": 0,
            "aggs": {
                "tasks": {
                    "terms": {"field": "task"},
                    "aggs": {"best": {"max": {"field": "metrics.accuracy"}}},
                },
                "whole": {"terms": {"field": "complete"}},
                "years": {"date_histogram": {"field": "best_date", "calendar_interval": "year"}},
                "sizes": {
                    "range": {"field": "parameters", "ranges": [{"to": 3e6}, {"from": 3e6, "key": "big"}]}
                },
                "named": {
                    "range": {"field": "parameters", "ranges": [{"to": 3e6, "key": "small"}], "keyed": True}
                },
                "old": {"date_range": {"field": "best_date", "ranges": [{"to": "2022"}]}},
                "steps": {"histogram": {"field": "parameters", "interval": 2e6}},
                "stats": {"stats": {"field": "metrics.accuracy"}},
                "newest": {"max": {"field": "best_date"}},
                "middle": {"percentiles": {"field": "parameters", "percents": [50]}},
                "kinds": {"cardinality": {"field": "task"}},
                "none": {"missing": {"field": "license"}},
                "sets": {
                    "nested": {"path": "evaluations"},
                    "aggs": {
                        "names": {
                            "terms": {"field": "evaluations.dataset"},
                            "aggs": {"models": {"reverse_nested": {}}},
                        }
                    },
                },
                "good": {"filter": {"range": {"metrics.accuracy": {"gt": 0.915}}}},
            },
        }
    )["aggregations"]
    assert found["tasks"] == {
        "doc_count_error_upper_bound": 0,
        "sum_other_doc_count": 0,
        "buckets": [
            {"key": "ner", "doc_count": 2, "best": {"value": 0.92}},
            {"key": "pos", "doc_count": 2, "best": {"value": 0.93}},
        ],
    }
    assert found["whole"]["buckets"][0] == {"key": 0, "key_as_string": "false", "doc_count": 2}
    assert found["years"]["buckets"][0] == {
        "key_as_string": "2020-01-01T00:00:00.000Z",
        "key": 1_577_836_800_000,
        "doc_count": 1,
    }
    assert found["sizes"]["buckets"] == [
        {"key": "*-3000000.0", "to": 3_000_000.0, "doc_count": 2},
        {"key": "big", "from": 3_000_000.0, "doc_count": 2},
    ]
    assert found["named"]["buckets"] == {"small": {"to": 3_000_000.0, "doc_count": 2}}
    assert found["old"]["buckets"][0]["to_as_string"] == "2022-01-01T00:00:00.000Z"
    assert found["old"]["buckets"][0]["doc_count"] == 2
    assert found["steps"]["buckets"][0] == {"key": 0.0, "doc_count": 1}
    assert set(found["stats"]) == {"count", "min", "max", "avg", "sum"}
    assert found["newest"]["value_as_string"] == "2023-03-01T00:00:00.000Z"
    assert found["middle"]["values"] == {"50.0": 2_500_000.0}
    assert found["kinds"] == {"value": 2}
    assert found["none"] == {"doc_count": 4}
    assert found["sets"]["doc_count"] == 8
    assert found["sets"]["names"]["buckets"][0] == {
        "key": "imagenet",
        "doc_count": 8,
        "models": {"doc_count": 4},
    }
    assert found["good"] == {"doc_count": 2}


def test_nested_query_holds_for_one_evaluation(answer):
    inner = [{"term": {"evaluations.metric": "f1"}}, {"range": {"evaluations.value": {"gt": 0.8}}}]
    assert (
        answer({"query": {"nested": {"path": "evaluations", "query": {"bool": {"must": inner}}}}})["hits"][
            "total"
        ]["value"]
        == 0
    )


def test_dates_are_periods_here_too(answer):
    def total(bounds):
        return answer({"query": {"range": {"best_date": bounds}}})["hits"]["total"]["value"]

    assert total({"gt": "2021"}) == 2
    assert total({"gte": "2021"}) == 3
    assert total({"lte": "2021"}) == 2
    assert total({"lt": "2021"}) == 1
    assert total({"gte": 1_614_556_800_000}) == 3


def aggregated(answer, **aggregation):
    return answer({"size": 0, "aggs": {"a": aggregation}})["aggregations"]["a"]


def test_dates_are_written_in_the_format_that_is_asked_for(answer):
    years = {"field": "best_date", "calendar_interval": "year", "format": "yyyy"}
    assert [one["key_as_string"] for one in aggregated(answer, date_histogram=years)["buckets"]] == [
        "2020", "2021", "2022", "2023"
    ]  # fmt: skip
    assert set(aggregated(answer, date_histogram={**years, "keyed": True})["buckets"]) >= {"2020", "2023"}
    last = aggregated(answer, max={"field": "best_date", "format": "dd/MM/yyyy"})
    assert last["value_as_string"] == "01/03/2023"
    ranges = {"field": "best_date", "format": "MM/yyyy", "ranges": [{"from": "01/2021", "to": "01/2022"}]}
    (bucket,) = aggregated(answer, date_range=ranges)["buckets"]
    assert (bucket["key"], bucket["to_as_string"], bucket["doc_count"]) == ("01/2021-01/2022", "01/2022", 1)


def test_buckets_of_histograms_come_in_the_asked_order(answer):
    years = {"field": "best_date", "calendar_interval": "year", "order": {"_key": "desc"}}
    keys = [one["key_as_string"][:4] for one in aggregated(answer, date_histogram=years)["buckets"]]
    assert keys == ["2023", "2022", "2021", "2020"]
    bins = {"field": "parameters", "interval": 3_000_000, "order": {"_count": "asc"}}
    found = [one["doc_count"] for one in aggregated(answer, histogram=bins)["buckets"]]
    assert found == sorted(found)


def test_deviations_are_those_of_python(answer):
    import statistics

    found = aggregated(answer, extended_stats={"field": "parameters"})
    values = [1_000_000 * (number + 1) for number in range(4)]
    assert found["variance"] == found["variance_population"] == pytest.approx(statistics.pvariance(values))
    assert found["std_deviation_sampling"] == pytest.approx(statistics.stdev(values))
    assert found["std_deviation_bounds"]["lower"] == pytest.approx(
        statistics.mean(values) - 2 * statistics.pstdev(values)
    )
    one = answer(
        {
            "size": 0,
            "query": {"term": {"parameters": 1_000_000}},
            "aggs": {"a": {"extended_stats": {"field": "parameters"}}},
        }
    )["aggregations"]["a"]
    assert (one["variance"], one["variance_sampling"]) == (0, "NaN")


def test_a_sum_of_dates_is_a_number_and_no_date(answer):
    """It was written as a date of the year 8000, or failed."""
    found = answer({"aggs": {"a": {"stats": {"field": "best_date"}}, "s": {"sum": {"field": "best_date"}}}})
    assert found["aggregations"]["a"]["max_as_string"] == "2023-03-01T00:00:00.000Z"
    assert found["aggregations"]["s"]["value"] > 0


def test_counts_are_whole_numbers(answer):
    for kind in ("value_count", "cardinality"):
        assert json.dumps(aggregated(answer, **{kind: {"field": "task"}})["value"]) in {"4", "2"}
    assert json.dumps(aggregated(answer, stats={"field": "parameters"})["count"]) == "4"


def test_percentiles_come_in_order_as_an_object_or_a_list(answer):
    asked = {"field": "parameters", "percents": [75, 25]}
    assert list(aggregated(answer, percentiles=asked)["values"]) == ["25.0", "75.0"]
    listed = aggregated(answer, percentiles={**asked, "keyed": False})["values"]
    assert [one["key"] for one in listed] == [25.0, 75.0]


def test_filters_are_named_or_listed_with_the_rest_at_the_end(answer):
    ner, large = {"term": {"task": "ner"}}, {"range": {"parameters": {"gt": 3_500_000}}}
    named = {"filters": {"ner": ner, "large": large}, "other_bucket_key": "rest"}
    assert aggregated(answer, filters=named)["buckets"] == {
        "ner": {"doc_count": 2},
        "large": {"doc_count": 1},
        "rest": {"doc_count": 1},
    }
    assert aggregated(answer, filters={"filters": [ner, large]})["buckets"] == [
        {"doc_count": 2},
        {"doc_count": 1},
    ]


def test_meta_of_an_aggregation_comes_back(answer):
    asked = {"terms": {"field": "task"}, "meta": {"colour": "red"}}
    assert aggregated(answer, **asked)["meta"] == {"colour": "red"}


def test_only_fields_that_were_asked_are_highlighted_unless_all_may_be(answer):
    body = {"query": {"match": {"name": "bert"}}, "highlight": {"fields": {"description": {}, "name": {}}}}
    assert set(answer(body)["hits"]["hits"][1]["highlight"]) == {"name"}
    body["highlight"]["require_field_match"] = False
    assert set(answer(body)["hits"]["hits"][1]["highlight"]) == {"name", "description"}
    body["highlight"] = {"fields": {"*": {}}}
    assert set(answer(body)["hits"]["hits"][1]["highlight"]) == {"name"}


@pytest.mark.parametrize(
    ("options", "pieces"),
    [
        ({"fragment_size": 10, "number_of_fragments": 2}, 2),
        ({"fragment_size": 10}, 3),
        ({"number_of_fragments": 0}, 1),
    ],
)
def test_long_texts_are_highlighted_in_pieces(options, pieces):
    from catalog.dsl.highlight import highlighter, read_highlight
    from catalog.query.nodes import Match

    text = " ".join(f"filler {'bert' if number % 20 == 0 else number}" for number in range(60))
    wanted = read_highlight({"fields": {"description": options}})
    found = highlighter(Match("bert"), wanted)({"description": text})["description"]
    assert len(found) == pieces
    plain = [piece.replace("<em>", "").replace("</em>", "") for piece in found]
    assert all(piece in text for piece in plain)
    assert sum(piece.count("<em>bert</em>") for piece in found) == (pieces if pieces > 1 else 3)


def test_no_more_pieces_are_made_than_are_wanted():
    """A piece per word of a long card, each looking through all words that are left, took minutes."""
    from catalog.dsl.highlight import highlighter, read_highlight
    from catalog.query.nodes import Match

    wanted = read_highlight({"fields": {"all_text": {"fragment_size": 1, "number_of_fragments": 3}}})
    found = highlighter(Match("bert"), wanted)({"all_text": "bert " * 40_000})
    assert found == {"all_text": ["<em>bert</em>"] * 3}


def test_sort_values_in_a_format_go_back_into_search_after(answer):
    body = {"sort": [{"best_date": {"order": "desc", "format": "yyyy-MM-dd"}}], "size": 2}
    first = answer(body)
    assert first["hits"]["hits"][1]["sort"][0] == "2022-03-01"
    rest = answer(body | {"search_after": first["hits"]["hits"][-1]["sort"]})
    assert [hit["sort"][0] for hit in rest["hits"]["hits"]] == ["2021-03-01", "2020-03-01"]


def test_fields_write_dates_in_one_form(answer):
    body = {
        "fields": ["best_date", {"field": "parameters"}],
        "_source": False,
        "size": 1,
        "sort": ["best_date"],
    }
    assert answer(body)["hits"]["hits"][0]["fields"]["best_date"] == ["2020-03-01T00:00:00.000Z"]
    body["fields"] = [{"field": "best_date", "format": "epoch_millis"}]
    assert answer(body)["hits"]["hits"][0]["fields"]["best_date"] == ["1583020800000"]


def test_an_object_exists_where_one_of_its_fields_does(answer):
    assert answer({"query": {"exists": {"field": "quantization"}}})["hits"]["total"]["value"] == 0


def test_numbers_in_quotes_are_numbers(answer):
    assert len(aggregated(answer, terms={"field": "task", "size": "1"})["buckets"]) == 1
