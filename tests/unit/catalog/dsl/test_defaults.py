"""Requests as Elasticsearch's Java client, Spring Data and Kibana print them: every option of a clause, chosen or not."""

from __future__ import annotations

import pytest

from catalog.dsl.body import from_dsl
from catalog.errors import RequestRefused

MATCH = {"prefix_length": 0, "max_expansions": 50, "fuzzy_transpositions": True, "zero_terms_query": "NONE"}
MATCH |= {"lenient": False, "auto_generate_synonyms_phrase_query": True, "boost": 1.0}
OF_TEXT = {
    "fuzzy_prefix_length": 0,
    "fuzzy_max_expansions": 50,
    "fuzzy_transpositions": True,
    "auto_generate_synonyms_phrase_query": True,
    "boost": 1.0,
}
OF_QUERY_STRING = {
    **OF_TEXT,
    "type": "best_fields",
    "fuzziness": "AUTO",
    "phrase_slop": 0,
    "max_determinized_states": 10_000,
    "enable_position_increments": True,
    "escape": False,
}
BODY = {
    "explain": False,
    "seq_no_primary_term": False,
    "profile": False,
    "terminate_after": 0,
    "stats": [],
    "ext": {},
}
QUERIES = {
    "bool": (
        {"bool": {"filter": [{"term": {"task": "ner"}}], "adjust_pure_negative": True, "boost": 1.0}},
        {"bool": {"filter": [{"term": {"task": "ner"}}]}},
    ),
    "match": (
        {"match": {"name": {"query": "bert", "operator": "OR", **MATCH}}},
        {"match": {"name": "bert"}},
    ),
    "match_phrase": (
        {"match_phrase": {"name": {"query": "bert", "slop": 0, "zero_terms_query": "NONE", "boost": 1.0}}},
        {"match_phrase": {"name": "bert"}},
    ),
    "multi_match": (
        {"multi_match": {"query": "bert", "fields": ["name^1.0", "title^1"], "slop": 0, **MATCH}},
        {"multi_match": {"query": "bert", "fields": ["name", "title"]}},
    ),
    "query_string": (
        {"query_string": {"query": "bert", "fields": [], "default_operator": "and", **OF_QUERY_STRING}},
        {"query_string": {"query": "bert"}},
    ),
    "query_string in the zone of a browser": (
        {"query_string": {"query": "task:ner bert", "time_zone": "Europe/Berlin"}},
        {"query_string": {"query": "task:ner bert"}},
    ),
    "query_string in London": (
        {"query_string": {"query": "after:2023", "time_zone": "GMT"}},
        {"query_string": {"query": "after:2023"}},
    ),
    "simple_query_string": (
        {"simple_query_string": {"query": "bert", "fields": [], "flags": -1, **OF_TEXT}},
        {"simple_query_string": {"query": "bert"}},
    ),
    "nested": (
        {
            "nested": {
                "path": "evaluations",
                "query": {"exists": {"field": "evaluations.value"}},
                "ignore_unmapped": False,
                "score_mode": "none",
                "boost": 1.0,
            }
        },
        {"nested": {"path": "evaluations", "query": {"exists": {"field": "evaluations.value"}}}},
    ),
    "range": (
        {"range": {"parameters": {"from": 5, "to": 9, "include_lower": True, "include_upper": False}}},
        {"range": {"parameters": {"gte": 5, "lt": 9}}},
    ),
    "range that is open": (
        {"range": {"best_date": {"from": "2023", "to": None, "include_lower": False, "include_upper": True}}},
        {"range": {"best_date": {"gt": "2023"}}},
    ),
    "range without its options": (
        {"range": {"parameters": {"from": 5, "to": 9}}},
        {"range": {"parameters": {"gte": 5, "lte": 9}}},
    ),
}
TERMS = {"field": "task", "order": [{"_count": "desc"}, {"_key": "asc"}], "min_doc_count": 1}
TERMS |= {"shard_min_doc_count": 0, "show_term_doc_count_error": False, "collect_mode": "breadth_first"}
YEARS = {"field": "best_date", "calendar_interval": "year"}
DAY = {"range": {"best_date": {"gte": "2024-01-01", "lt": "2024-01-02"}}}
HALF = {"aggs": {"m": {"percentiles": {"field": "parameters", "percents": [50]}}}}
LARGEST = {"aggs": {"m": {"max": {"field": "parameters"}}}}
AGGREGATIONS = {
    "terms": ({"terms": TERMS}, {"terms": {"field": "task"}}),
    "date_histogram": (
        {"date_histogram": {**YEARS, "offset": 0, "keyed": False, "order": {"_key": "asc"}}},
        {"date_histogram": {**YEARS, "keyed": False}},
    ),
    "date_histogram in London": (
        {"date_histogram": {**YEARS, "time_zone": "Etc/GMT"}},
        {"date_histogram": YEARS},
    ),
    "hours": (
        {"date_histogram": {"field": "best_date", "calendar_interval": "1h"}},
        {"date_histogram": {"field": "best_date", "fixed_interval": "60m"}},
    ),
    "order in capitals": (
        {"terms": {"field": "task", "order": {"_count": "DESC"}}},
        {"terms": {"field": "task"}},
    ),
    "order by a percentile": (
        {"terms": {"field": "task", "order": {"m.50": "asc"}}, **HALF},
        {"terms": {"field": "task", "order": {"m.50.0": "asc"}}, **HALF},
    ),
    "numbers of the last combination as text": (
        {"composite": {"sources": [{"n": {"terms": {"field": "parameters"}}}], "after": {"n": "16"}}},
        {"composite": {"sources": [{"n": {"terms": {"field": "parameters"}}}], "after": {"n": 16}}},
    ),
    "dates of the last combination as text": (
        {"composite": {"sources": [{"d": {"date_histogram": YEARS}}], "after": {"d": "1609459200000"}}},
        {"composite": {"sources": [{"d": {"date_histogram": YEARS}}], "after": {"d": 1609459200000}}},
    ),
    "order by the only number of a metric": (
        {"terms": {"field": "task", "order": {"m.value": "desc"}}, **LARGEST},
        {"terms": {"field": "task", "order": {"m": "desc"}}, **LARGEST},
    ),
}


@pytest.mark.parametrize(("written", "short"), QUERIES.values(), ids=QUERIES)
def test_what_a_client_writes_of_itself_asks_for_nothing(written, short):
    """`[adjust_pure_negative] is not allowed in bool.`: no query that the Java client had built was answered."""
    assert from_dsl({"query": written, **BODY}) == from_dsl({"query": short})


@pytest.mark.parametrize(("written", "short"), AGGREGATIONS.values(), ids=AGGREGATIONS)
def test_an_aggregation_as_a_client_writes_it_is_the_short_one(written, short):
    around = {"size": 0, "query": DAY}
    assert from_dsl({**around, "aggs": {"a": written}}) == from_dsl({**around, "aggs": {"a": short}})


CHOSEN = {
    "pure negative": ({"query": {"bool": {"adjust_pure_negative": False}}}, "adjust_pure_negative"),
    "one for true": ({"query": {"bool": {"adjust_pure_negative": 1}}}, "adjust_pure_negative"),
    "all for no words": (
        {"query": {"match": {"name": {"query": "", "zero_terms_query": "all"}}}},
        "zero_terms_query",
    ),
    "weight": ({"query": {"multi_match": {"query": "a", "fields": ["name^1.5"]}}}, "fields"),
    "explanations": ({"explain": True}, "explain"),
    "an early end": ({"terminate_after": 10}, "terminate_after"),
    "two lower bounds": ({"query": {"range": {"parameters": {"gte": 1, "from": 2}}}}, "from"),
    "a bound that is perhaps included": (
        {"query": {"range": {"parameters": {"from": 2, "include_lower": "x"}}}},
        "include_lower",
    ),
    "a day elsewhere": (
        {"query": {"query_string": {"query": "bert -after:2023", "time_zone": "Asia/Tokyo"}}},
        "time_zone",
    ),
    "a zone that is none": (
        {"query": {"range": {"best_date": {"gt": "2023", "time_zone": []}}}},
        "time_zone",
    ),
    "no percentile in particular": (
        {"aggs": {"a": {"terms": {"field": "task", "order": {"m": "asc"}}, **HALF}}},
        "order",
    ),
    "a percentile that is not asked for": (
        {"aggs": {"a": {"terms": {"field": "task", "order": {"m.99": "asc"}}, **HALF}}},
        "order",
    ),
    "a last combination of another type": (
        {"aggs": {"a": {"composite": {"sources": [{"t": {"terms": {"field": "task"}}}], "after": {"t": 5}}}}},
        "after.t",
    ),
    "a place of null without null": (
        {
            "aggs": {
                "a": {
                    "composite": {"sources": [{"t": {"terms": {"field": "task", "missing_order": "last"}}}]}
                }
            }
        },
        "missing_order",
    ),
    "null as the last combination without null": (
        {
            "aggs": {
                "a": {"composite": {"sources": [{"t": {"terms": {"field": "task"}}}], "after": {"t": None}}}
            }
        },
        "after.t",
    ),
    "values of a source that are not all": (
        {"aggs": {"a": {"composite": {"sources": [{"t": {"terms": {"field": "task", "include": "n.*"}}}]}}}},
        "include",
    ),
    "a part of a terms aggregation": (
        {"aggs": {"a": {"terms": {"field": "task", "include": {"partition": 0, "num_partitions": 2}}}}},
        "include",
    ),
}


@pytest.mark.parametrize(("body", "part"), CHOSEN.values(), ids=CHOSEN)
def test_what_somebody_chose_is_refused_by_name(body, part):
    """Orders by no percentile in particular, and values of a source, were taken and not kept; a combination of another
    type gave the first page again, or none.
    """
    with pytest.raises(RequestRefused) as refused:
        from_dsl(body)
    assert refused.value.part == part


ADVICE = {
    "days of Berlin": ({"date_histogram": {**YEARS, "time_zone": "Europe/Berlin"}}, "leave it out"),
    "an offset": ({"date_histogram": {**YEARS, "offset": "+6h"}}, "begin with"),
    "bounds": ({"date_histogram": {**YEARS, "hard_bounds": {"min": "2022"}}}, "range of the query"),
    "a value for none": ({"avg": {"field": "parameters", "missing": 0}}, "missing aggregation"),
    "values left out by a pattern": ({"terms": {"field": "task", "exclude": "n.*"}}, "list of values"),
    "numbers left out": ({"terms": {"field": "parameters", "exclude": [5]}}, "keyword field"),
    "a pipeline": ({"max_bucket": {"buckets_path": "a>_count"}}, "yourself"),
}


@pytest.mark.parametrize(("aggregation", "advice"), ADVICE.values(), ids=ADVICE)
def test_a_refusal_says_what_to_ask_instead(aggregation, advice):
    with pytest.raises(RequestRefused) as refused:
        from_dsl({"aggs": {"a": aggregation}})
    assert advice in refused.value.reason


def test_whoever_wants_no_stored_fields_gets_no_document():
    """The whole document came, as if nothing had been said."""
    assert from_dsl({"stored_fields": "_none_"})[1].source is False
    assert from_dsl({"stored_fields": ["*"], "_source": True})[1].source is True
