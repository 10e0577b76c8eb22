"""Inputs at the edge of what dates, numbers and text can hold: answered or refused, and never a failure."""

import json
import math

import pytest

from catalog.dsl.body import from_dsl, parse_body, to_dsl
from catalog.dsl.bucket_response import aggregations_response
from catalog.errors import RequestRefused
from catalog.query.nodes import Nothing, Or, Term
from catalog.query.request import (
    AggregationResult,
    Bucket,
    HistogramAgg,
    MetricAgg,
    SearchRequest,
)

LAST_DAYS = [("9999", "yyyy"), ("31/12/9999", "dd/MM/yyyy"), ("9999-12", "yyyy-MM")]
FAR_DATES = [-50_000_000_000_000, "now-1900y/d", "now+7960y/y", "1900||-1y"]


@pytest.mark.parametrize(("text", "form"), LAST_DAYS)
def test_a_period_whose_end_is_after_all_dates_is_refused(text, form):
    with pytest.raises(RequestRefused) as refused:
        from_dsl({"query": {"range": {"best_date": {"gte": text, "format": form}}}})
    assert refused.value.part == "best_date"


@pytest.mark.parametrize("date", FAR_DATES)
def test_dates_beyond_those_that_people_write_read_as_themselves_again(date):
    ranges = {"date_range": {"field": "best_date", "ranges": [{"from": date, "key": "far"}]}}
    request, _ = from_dsl({"query": {"range": {"best_date": {"gte": date}}}, "aggs": {"far": ranges}})
    again, _ = from_dsl(to_dsl(request))
    assert again == request


def test_unnamed_ranges_are_called_by_dates_however_early():
    ranges = {"date_range": {"field": "best_date", "ranges": [{"to": "1900||-1774y"}]}}
    request, _ = from_dsl({"aggs": {"early": ranges}})
    assert request.aggregations["early"].ranges[0].key == "*-0126-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    "raw", [b'{"query":{"term":{"task":"\\ud800"}}}', b'{"\\ude00":1}', b'{"a":"\xed\xa0\x80"}']
)
def test_half_a_character_is_refused_before_any_engine_sees_it(raw):
    with pytest.raises(RequestRefused) as refused:
        parse_body(raw)
    assert refused.value.part == "body"


def test_whole_characters_may_be_written_as_two_halves():
    assert parse_body(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


@pytest.mark.parametrize("interval", ["36501d", "999999d"])
def test_buckets_of_centuries_are_refused(interval):
    with pytest.raises(RequestRefused) as refused:
        from_dsl({"aggs": {"a": {"date_histogram": {"field": "best_date", "fixed_interval": interval}}}})
    assert refused.value.part == "fixed_interval"


@pytest.mark.parametrize("interval", ["24h", "30d", "36500d"])
def test_fixed_intervals_read_as_themselves_again(interval):
    body = {"aggs": {"a": {"date_histogram": {"field": "best_date", "fixed_interval": interval}}}}
    request, _ = from_dsl(body)
    assert from_dsl(to_dsl(request))[0] == request


DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000


def panel(days, seconds, *, parts=0, bounds=True, asked=True):
    """A line over time as Grafana asks for it, or one for each value of a field."""
    ends = {"gte": NOW_MS - round(days * DAY_MS), "lte": NOW_MS, "format": "epoch_millis"}
    line = {"field": "best_date", "fixed_interval": f"{seconds}s", "format": "epoch_millis"}
    if bounds:
        line["extended_bounds"] = {"min": ends["gte"], "max": ends["lte"]}
    aggs = {"line": {"date_histogram": line, "aggs": {"mean": {"avg": {"field": "parameters"}}}}}
    if parts:
        aggs = {"parts": {"terms": {"field": "task", "size": parts}, "aggs": aggs}}
    query = {"bool": {"filter": [{"range": {"best_date": ends}}]}} if asked else {"match_all": {}}
    return {"size": 0, "query": query, "aggs": aggs}


@pytest.mark.parametrize(
    "body",
    [
        panel(0.25, 10),
        panel(1, 60, bounds=False),
        panel(30, 1_800),
        panel(5 * 365, 86_400, parts=10),
        panel(7, 600, parts=10),
    ],
    ids=["six hours", "a day", "a month", "ten lines of five years", "ten lines of a week"],
)
def test_a_range_of_the_query_bounds_the_buckets_that_are_expected(body):
    """Every panel of fewer days than years was refused: buckets of ten seconds were expected over twenty years."""
    assert from_dsl(body)[0].aggregations


@pytest.mark.parametrize(
    ("field", "ends", "histogram"),
    [
        ("best_date", ("1970-01-01", "2026-12-31"), {"date_histogram": {"calendar_interval": "day"}}),
        ("size_bytes", (1, 10**15), {"histogram": {"interval": 10**9}}),
    ],
)
def test_a_range_that_is_wider_than_the_data_makes_no_more_buckets_of_it(field, ends, histogram):
    """All of time, as Kibana and Grafana ask for it, was refused, though days without any range were answered."""
    ((kind, options),) = histogram.items()
    query = {"range": {field: {"gte": ends[0], "lte": ends[1]}}}
    assert from_dsl({"size": 0, "query": query, "aggs": {"a": {kind: {"field": field, **options}}}})


def test_empty_buckets_up_to_bounds_are_counted_without_a_range_of_the_query():
    """Fifty lines of two centuries of months each were taken for fifty of twenty years, and made 120,000 buckets."""
    bounds = {"min": "1900-01-01", "max": "2100-01-01"}
    months = {
        "date_histogram": {"field": "best_date", "calendar_interval": "month", "extended_bounds": bounds}
    }
    lines = {"terms": {"field": "task", "size": 50}, "aggs": {"a": months}}
    with pytest.raises(RequestRefused, match="buckets; the limit is"):
        from_dsl({"size": 0, "aggs": {"lines": lines}})


@pytest.mark.parametrize(
    "body",
    [
        panel(0.25, 10, asked=False),
        panel(5 * 365, 3_600),
        panel(7, 600, parts=100),
        {**panel(0.25, 10), "query": {"bool": {"should": panel(0.25, 10)["query"]["bool"]["filter"] * 2}}},
        {**panel(0.25, 10), "query": {"range": {"best_date": {"gte": "2024-01-01"}}}},
    ],
    ids=["no range", "too fine", "too many lines", "one of two", "half a range"],
)
def test_more_buckets_than_are_made_are_refused_by_their_number(body):
    with pytest.raises(RequestRefused, match="buckets; the limit is") as refused:
        from_dsl(body)
    assert refused.value.part == "aggs"


def test_more_numbers_than_are_kept_are_refused():
    """Numbers are no buckets: nineteen percentiles in each hour of a year were answered with 24 MB, of 400 MB of memory."""
    body = panel(365, 3_600)
    assert from_dsl(body)[0].aggregations
    measures = {f"m{number}": {"percentiles": {"field": "size_bytes"}} for number in range(19)}
    body["aggs"]["line"]["aggs"] = measures
    with pytest.raises(RequestRefused, match="numbers; the limit is"):
        from_dsl(body)


@pytest.mark.parametrize("key", ["_other_", None])
def test_the_other_bucket_takes_no_name_of_a_filter(key):
    filters = {"filters": {"_other_": {"match_all": {}}}, "other_bucket": True, "other_bucket_key": key}
    with pytest.raises(RequestRefused) as refused:
        from_dsl({"aggs": {"a": {"filters": filters}}})
    assert refused.value.part == "other_bucket_key"


@pytest.mark.parametrize("minimum", [1, "1", 2, "x"])
def test_clauses_that_are_asked_for_must_be_there(minimum):
    for body in ({"must": [{"match_all": {}}]}, {"should": []}):
        with pytest.raises(RequestRefused) as refused:
            from_dsl({"query": {"bool": {**body, "minimum_should_match": minimum}}})
        assert refused.value.part == "minimum_should_match"


@pytest.mark.parametrize("minimum", [0, "75%", None])
def test_asking_for_no_clauses_needs_none(minimum):
    body = {"query": {"bool": {"filter": [{"term": {"task": "ner"}}], "minimum_should_match": minimum}}}
    assert from_dsl(body)[0].query == Term("task", "ner")


def test_an_alternative_of_nothing_finds_nothing_when_copied():
    request, _ = from_dsl(to_dsl(SearchRequest(query=Or(()))))
    assert isinstance(request.query, Nothing)


@pytest.mark.parametrize("text", ["1_000", " 5", "\u0661\u0662", "0x1", "nan", "1e9999", "9" * 41, "", "+"])
def test_numbers_in_quotes_are_decimal(text):
    with pytest.raises(RequestRefused) as refused:
        from_dsl({"query": {"term": {"parameters": text}}})
    assert refused.value.part == "parameters"


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("-7.5e3", -7500.0), (".5", 0.5), ("+3.", 3.0)])
def test_numbers_in_quotes_are_numbers(text, number):
    assert from_dsl({"query": {"term": {"parameters": text}}})[0].query == Term("parameters", number)


def test_a_score_is_never_missing():
    with pytest.raises(RequestRefused) as refused:
        from_dsl({"sort": [{"_score": "desc"}], "search_after": [None, "id"]})
    assert refused.value.part == "search_after"


def test_flattened_fields_hold_no_empty_text_to_stand_for_none():
    with pytest.raises(RequestRefused) as refused:
        from_dsl({"aggs": {"a": {"terms": {"field": "hyperparameters.optimizer", "missing": ""}}}})
    assert refused.value.part == "missing"


def test_keyed_bins_are_named_as_elasticsearch_writes_numbers():
    body = {"aggs": {"a": {"histogram": {"field": "parameters", "interval": 1e9, "keyed": True}}}}
    request, options = from_dsl(body)
    buckets = tuple(Bucket(key=key, count=1) for key in (0.0, 1e9, 0.0001))
    found = aggregations_response(
        request.aggregations, {"a": AggregationResult(buckets=buckets)}, options.shapes
    )
    assert isinstance(request.aggregations["a"], HistogramAgg)
    assert list(found["a"]["buckets"]) == ["0.0", "1.0E9", "1.0E-4"]


@pytest.mark.parametrize("total", [math.inf, None])
def test_sums_that_no_double_holds_are_written_as_text(total):
    values = {
        "count": 2,
        "min": 1e308,
        "max": 1e308,
        "avg": total,
        "sum": total,
        "sum_of_squares": math.inf,
    }
    asked = {"a": MetricAgg(kind="extended_stats", field="metrics.accuracy")}
    found = aggregations_response(asked, {"a": AggregationResult(values=values)}, {})["a"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["sum"] == (None if total is None else "Infinity")
    assert found["variance"] == "NaN"
