"""The plain meaning of every aggregation, counted by hand."""

from datetime import UTC, datetime

import pytest

from catalog.errors import RequestRefused
from catalog.query.request import (
    DateHistogramAgg,
    HistogramAgg,
    MetricAgg,
    MissingAgg,
    NestedAgg,
    RangeAgg,
    RangeBucket,
    ReverseNestedAgg,
    TermsAgg,
)
from catalog.query.validate import MAX_BUCKETS
from indexer.engines.memory.counting import aggregate
from indexer.engines.memory.matching import Item
from indexer.projection import project

DOCUMENTS = [
    {"task": "ner", "tags": ["a", "b"], "parameters": 10, "trained_at": "2023-12-31T23:59:59.999Z"},
    {"task": "NER", "tags": ["b"], "parameters": 20, "trained_at": "2024-02-29T12:00:00Z"},
    {"tags": [], "parameters": 20, "metrics": {"loss": 0.5}},
]


def items(documents):
    return [Item(str(at), document, project(document)) for at, document in enumerate(documents)]


def answer(aggregation, documents=DOCUMENTS):
    return aggregate({"x": aggregation}, items(documents))["x"]


def rows(result):
    return [(bucket.key, bucket.count) for bucket in result.buckets]


def test_values_are_counted_by_model_whatever_their_spelling():
    assert rows(answer(TermsAgg(field="task"))) == [("ner", 2)]
    assert rows(answer(TermsAgg(field="tags"))) == [("b", 2), ("a", 1)]


def test_what_is_cut_off_is_counted_as_others():
    result = answer(TermsAgg(field="tags", size=1))
    assert (rows(result), result.other_count) == ([("b", 2)], 1)


def test_models_without_a_value_count_under_the_one_that_stands_for_them():
    assert rows(answer(TermsAgg(field="task", missing="NER"))) == [("ner", 3)]
    assert answer(MissingAgg(field="task")).count == 1


def test_a_range_takes_its_start_and_leaves_its_end():
    ranges = (
        RangeBucket(key="low", end=20),
        RangeBucket(key="from 20", start=20),
        RangeBucket(key="10 to 20", start=10, end=20),
        RangeBucket(key="nothing", start=20, end=20),
    )
    assert rows(answer(RangeAgg(field="parameters", ranges=ranges))) == [
        ("low", 1),
        ("from 20", 2),
        ("10 to 20", 1),
        ("nothing", 0),
    ]


def test_a_histogram_has_a_bucket_for_every_place_between_its_ends():
    documents = [{"metrics": {"loss": value}} for value in (-0.5, 0.0, 2.0)]
    wanted = HistogramAgg(field="metrics.loss", interval=1, min_doc_count=0)
    assert rows(answer(wanted, documents)) == [(-1, 1), (0, 1), (1, 0), (2, 1)]


@pytest.mark.parametrize("far", [float(MAX_BUCKETS), 1e300])
def test_more_buckets_than_allowed_are_refused_before_they_are_made(far):
    documents = [{"metrics": {"loss": value}} for value in (0.0, far)]
    with pytest.raises(RequestRefused, match="buckets"):
        answer(HistogramAgg(field="metrics.loss", interval=1), documents)
    with pytest.raises(RequestRefused, match="buckets"):
        answer(HistogramAgg(field="metrics.loss", interval=1e-300), documents)


def test_a_month_begins_at_midnight_of_its_first_day():
    wanted = DateHistogramAgg(field="trained_at", calendar_interval="month", min_doc_count=0)
    assert rows(answer(wanted)) == [
        (datetime(2023, 12, 1, tzinfo=UTC), 1),
        (datetime(2024, 1, 1, tzinfo=UTC), 0),
        (datetime(2024, 2, 1, tzinfo=UTC), 1),
    ]


def test_too_many_seconds_between_two_dates_are_refused():
    with pytest.raises(RequestRefused, match="buckets"):
        answer(DateHistogramAgg(field="trained_at", fixed_seconds=1))


def test_numbers_of_nothing_are_none_and_sums_of_nothing_are_zero():
    assert answer(MetricAgg(kind="avg", field="metrics.accuracy")).values == {"value": None}
    assert answer(MetricAgg(kind="sum", field="metrics.accuracy")).values == {"value": 0}
    assert answer(MetricAgg(kind="cardinality", field="parameters")).values == {"value": 2}


def test_evaluations_are_counted_one_by_one_and_their_models_once():
    evaluations = [
        {"metric": "accuracy", "dataset": "a", "value": 1},
        {"metric": "accuracy", "dataset": "b", "value": 2},
    ]
    documents = [{"evaluations": evaluations}, {"evaluations": evaluations[:1]}, {}]
    by_metric = TermsAgg(field="evaluations.metric", aggs={"models": ReverseNestedAgg()})
    result = answer(NestedAgg(path="evaluations", aggs={"metrics": by_metric}), documents)
    assert result.count == 3
    (bucket,) = result.aggregations["metrics"].buckets
    assert (bucket.key, bucket.count, bucket.aggregations["models"].count) == ("accuracy", 3, 2)
