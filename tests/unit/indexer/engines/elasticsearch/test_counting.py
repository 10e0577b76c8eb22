"""Aggregations in Elasticsearch's JSON, and its answers as values."""

from datetime import UTC, datetime

import pytest

from catalog.errors import RequestRefused
from catalog.query.nodes import Exists
from catalog.query.request import (
    Bucket,
    DateHistogramAgg,
    FiltersAgg,
    HistogramAgg,
    MetricAgg,
    NestedAgg,
    RangeAgg,
    RangeBucket,
    TermsAgg,
)
from catalog.query.validate import MAX_BUCKETS
from indexer.engines.elasticsearch.counting import MAX_TERMS, ask, read


def asked(aggregation):
    return ask({"any name <>": aggregation})["a0"]


def answer(aggregation, found):
    return read({"x": aggregation}, {"a0": found})["x"]


def rows(result):
    return [(bucket.key, bucket.count) for bucket in result.buckets]


def test_names_of_callers_never_leave_the_process():
    inner = TermsAgg(field="task", aggs={"[inner]>": MetricAgg(kind="avg", field="parameters")})
    question = ask({"a b/c": inner, "_x": MetricAgg(kind="max", field="parameters")})
    assert set(question) == {"a0", "a1"}
    assert set(question["a0"]["aggs"]) == {"a0"}


def test_values_ordered_by_a_number_inside_them_are_all_asked_for_and_ordered_here():
    wanted = TermsAgg(
        field="task", size=1, order=("mean", True), aggs={"mean": MetricAgg(kind="avg", field="parameters")}
    )
    assert asked(wanted)["terms"]["size"] == MAX_TERMS
    found = [
        {"key": key, "doc_count": 1, "a0": {"value": value}}
        for key, value in (("a", None), ("b", 1), ("c", 2))
    ]
    result = answer(wanted, {"buckets": found, "sum_other_doc_count": 0})
    assert rows(result) == [("c", 1)]
    assert result.other_count == 2
    with pytest.raises(RequestRefused, match="more than 60,000 values"):
        answer(wanted, {"buckets": found, "sum_other_doc_count": 1})


def test_a_prefix_is_a_pattern_of_its_letters_alone():
    assert asked(TermsAgg(field="task", prefix="A.b*"))["terms"]["include"] == r"a\.b\*.*"


def test_rare_values_are_left_out_by_the_whole_cluster_and_not_by_a_shard():
    assert asked(TermsAgg(field="task", min_doc_count=2))["terms"]["shard_size"] == MAX_TERMS
    assert "shard_size" not in asked(TermsAgg(field="task", min_doc_count=1))["terms"]


@pytest.mark.parametrize(("bound", "way"), [(2**53 - 1, "range"), (2**53, "filters"), (-(2**53), "filters")])
def test_ranges_beyond_what_doubles_hold_are_asked_as_filters(bound, way):
    assert set(asked(RangeAgg(field="size_bytes", ranges=(RangeBucket(key="x", start=bound),)))) == {way}


def test_a_range_whose_end_is_before_its_start_holds_nothing():
    """Elasticsearch would turn it round."""
    wanted = RangeAgg(field="parameters", ranges=(RangeBucket(key="x", start=9, end=3),))
    (row,) = asked(wanted)["range"]["ranges"]
    assert row["from"] == row["to"]


def test_ranges_are_answered_in_the_order_in_which_they_were_asked():
    wanted = RangeAgg(
        field="parameters", ranges=(RangeBucket(key="same", start=5), RangeBucket(key="same", end=5))
    )
    result = answer(wanted, {"buckets": {"r1": {"doc_count": 1}, "r0": {"doc_count": 7}}})
    assert [bucket.count for bucket in result.buckets] == [7, 1]


def test_the_key_of_a_bucket_is_free_of_what_rounding_left():
    wanted = HistogramAgg(field="metrics.loss", interval=0.1, offset=0.05)
    result = answer(wanted, {"buckets": [{"key": 0.35000000000000003, "doc_count": 1}]})
    assert rows(result) == [(3 * 0.1 + 0.05, 1)]


def test_dates_are_counted_by_calendar_or_by_seconds():
    monthly = asked(DateHistogramAgg(field="trained_at", calendar_interval="month"))["date_histogram"]
    assert monthly["calendar_interval"] == "month"
    assert "fixed_interval" not in monthly
    wanted = DateHistogramAgg(field="trained_at", fixed_seconds=90)
    assert asked(wanted)["date_histogram"]["fixed_interval"] == "90s"
    result = answer(wanted, {"buckets": [{"key": -1000.0, "doc_count": 2}]})
    assert rows(result) == [(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), 2)]


def test_more_buckets_than_allowed_are_refused_and_not_cut():
    buckets = [{"key": number, "doc_count": 1} for number in range(MAX_BUCKETS + 1)]
    wanted = HistogramAgg(field="parameters", interval=1)
    with pytest.raises(RequestRefused, match="buckets"):
        answer(wanted, {"buckets": buckets})
    assert len(answer(wanted, {"buckets": buckets[:-1]}).buckets) == MAX_BUCKETS


@pytest.mark.parametrize(
    ("kind", "empty"),
    [("min", None), ("avg", None), ("sum", 0), ("value_count", 0), ("cardinality", 0)],
)
def test_a_number_of_nothing_is_none_or_zero_as_its_kind_says(kind, empty):
    assert answer(MetricAgg(kind=kind, field="parameters"), {}).values == {"value": empty}


def test_a_sum_that_no_double_holds_arrives_as_infinity():
    assert answer(MetricAgg(kind="sum", field="parameters"), {"value": "Infinity"}).values["value"] == float(
        "inf"
    )
    stats = answer(MetricAgg(kind="stats", field="parameters"), {"count": 0, "min": None, "sum": None}).values
    assert stats == {"count": 0, "min": None, "max": None, "avg": None, "sum": 0}


@pytest.mark.parametrize(
    "aggregation",
    [
        TermsAgg(field="task"),
        NestedAgg(path="evaluations"),
        HistogramAgg(field="parameters", interval=1),
        DateHistogramAgg(field="trained_at", calendar_interval="day"),
    ],
    ids=lambda aggregation: type(aggregation).__name__,
)
def test_where_there_is_no_index_yet_nothing_is_counted(aggregation):
    result = read({"x": aggregation}, {})["x"]
    assert result.buckets == ()
    assert not result.count


def test_filters_keep_their_names_and_order_without_an_index_too():
    wanted = FiltersAgg(filters={"b": Exists("task"), "a": Exists("license")})
    assert rows(read({"x": wanted}, {})["x"]) == [("b", 0), ("a", 0)]
    assert rows(answer(wanted, {"buckets": [{"doc_count": 1}, {"doc_count": 2}]})) == [("b", 1), ("a", 2)]


def test_keys_have_the_type_of_their_field():
    found = {"buckets": [{"key": 1, "doc_count": 1}]}
    assert answer(TermsAgg(field="complete"), found).buckets[0] == Bucket(key=True, count=1)
    assert type(answer(TermsAgg(field="metrics.loss"), found).buckets[0].key) is float
    assert type(answer(TermsAgg(field="parameters"), found).buckets[0].key) is int
