"""Counts that Tantivy alone gives otherwise: each is what plain counting of the same models gives."""

from datetime import UTC, datetime

import pytest

from catalog.errors import RequestRefused
from catalog.query.nodes import Range
from catalog.query.request import (
    DateHistogramAgg,
    FilterAgg,
    HistogramAgg,
    MetricAgg,
    MissingAgg,
    NestedAgg,
    RangeAgg,
    RangeBucket,
    TermsAgg,
)
from catalog.query.validate import MAX_BUCKETS
from catalog.testing.documents import documents
from indexer.engines.memory.counting import aggregate
from indexer.engines.memory.matching import Item
from indexer.engines.tantivy import counting
from indexer.engines.tantivy.counting import Counter
from indexer.engines.tantivy.translate import every
from indexer.projection import project

MANY = list(documents(200))
COUNT = MetricAgg(kind="value_count", field="parameters")
MEASURES = {
    "n": COUNT,
    "the greatest": MetricAgg(kind="max", field="parameters"),
    "different": MetricAgg(kind="cardinality", field="task"),
    "latest": MetricAgg(kind="max", field="best_date"),
    "settings": MetricAgg(kind="value_count", field="hyperparameters.optimizer"),
    "tasks": TermsAgg(field="task", size=2),
}
AGGREGATIONS = {
    "ties beyond the border": TermsAgg(field="name", size=3),
    "rare values left out": TermsAgg(field="task", min_doc_count=30),
    "a value for those without one": TermsAgg(field="task", missing="text-generation", aggs={"n": COUNT}),
    "values inside values": TermsAgg(field="framework", aggs={"tasks": TermsAgg(field="task", size=2)}),
    "overlapping ranges": RangeAgg(
        field="parameters",
        ranges=(
            RangeBucket(key="all"),
            RangeBucket(key="low", end=1e9),
            RangeBucket(key="middle", start=1e8, end=1e10),
            RangeBucket(key="turned round", start=1e10, end=1e8),
        ),
        aggs={"n": COUNT},
    ),
    "bounds beyond doubles": RangeAgg(
        field="size_bytes",
        ranges=(RangeBucket(key="x", start=2**53 + 1), RangeBucket(key="y", end=2**53 + 1)),
    ),
    "an offset of more than one interval": HistogramAgg(
        field="metrics.accuracy", interval=0.1, offset=0.25, min_doc_count=0, aggs={"n": COUNT}
    ),
    "months": DateHistogramAgg(field="trained_at", calendar_interval="month", min_doc_count=0),
    "days with what is measured in each": FilterAgg(
        query=Range(field="trained_at", gte=datetime(2023, 1, 1, tzinfo=UTC)),
        aggs={
            "days": DateHistogramAgg(
                field="trained_at", calendar_interval="day", min_doc_count=0, aggs=MEASURES
            )
        },
    ),
    "ten days each": DateHistogramAgg(
        field="trained_at", fixed_seconds=864_000, min_doc_count=0, aggs=MEASURES
    ),
    "texts that share a column, inside values": TermsAgg(field="task", order=("_key", False), aggs=MEASURES),
    "quarters that hold some": DateHistogramAgg(
        field="trained_at", calendar_interval="quarter", min_doc_count=1, aggs={"n": COUNT}
    ),
}


@pytest.fixture
def counter(indexed):
    def over(*writes):
        return Counter(*indexed(*writes))

    return over


@pytest.mark.parametrize("situation", AGGREGATIONS)
def test_counts_are_those_of_plain_counting_over_several_segments(counter, situation):
    wanted = {"any [name] > 0": AGGREGATIONS[situation]}
    items = [Item(document["id"], document, project(document)) for document in MANY]
    found = counter(MANY[:70], MANY[70:71], MANY[71:]).aggregate(every([]), wanted)
    assert found == aggregate(wanted, items)


@pytest.mark.parametrize("size", [1, 3, 40])
@pytest.mark.parametrize("field", ["tags", "name", "folders", "license", "bits"])
def test_models_without_a_value_are_counted_beside_its_values(counter, field, size):
    """Also where they are too few to be among the most frequent values, and where a value is called as they are."""
    named = {"id": "f" * 64, "name": "LACKING", "tags": ["LACKING", "lacking"], "license": "lacking"}
    rows = [*MANY, named, {"id": "e" * 64, "name": "bare"}]
    field = "quantization.bits" if field == "bits" else field
    wanted = {"values": TermsAgg(field=field, size=size), "without": MissingAgg(field=field)}
    items = [Item(document["id"], document, project(document)) for document in rows]
    assert counter(rows[:90], rows[90:]).aggregate(every([]), wanted) == aggregate(wanted, items)


@pytest.mark.parametrize("bound", [2**53, 2**53 + 2, 10**16, 2 * 10**18, 5 * 10**18])
def test_bars_of_sizes_beyond_doubles_part_at_the_very_number(counter, bound):
    rows = [{"id": f"m{at}", "name": "m", "size_bytes": bound + at} for at in (-1, 0, 1)]
    ranges = RangeAgg(
        field="size_bytes", ranges=(RangeBucket(key="a", end=bound), RangeBucket(key="b", start=bound))
    )
    found = counter(rows).aggregate(every([]), {"x": ranges})["x"]
    assert [bucket.count for bucket in found.buckets] == [1, 2]


def test_too_many_values_are_refused_and_not_counted_from_a_part(counter, monkeypatch):
    monkeypatch.setattr(counting, "MAX_TERMS", 20)
    rows = [{"id": f"m{at}", "name": f"m{at}", "tags": [f"t{at}"]} for at in range(50)]
    counted = counter(rows)
    with pytest.raises(RequestRefused, match="more than 20 values"):
        counted.aggregate(every([]), {"x": TermsAgg(field="tags", size=1)})
    with pytest.raises(RequestRefused, match="more than 20 values"):
        counted.aggregate(every([]), {"x": TermsAgg(field="tags", size=1, order=("_key", False))})


@pytest.mark.parametrize("offset", [0, 5])
def test_too_fine_a_histogram_is_refused_beside_others_that_are_not(counter, offset):
    rows = [{"id": name, "name": name, "parameters": value} for name, value in (("a", 0), ("b", 10**12))]
    wanted = {
        "fine": HistogramAgg(field="parameters", interval=1, offset=offset),
        "task": TermsAgg(field="task"),
    }
    with pytest.raises(RequestRefused, match=f"more than {MAX_BUCKETS:,} buckets"):
        counter(rows).aggregate(every([]), wanted)


def test_evaluations_are_not_counted_one_by_one_and_the_refusal_says_where(counter):
    with pytest.raises(RequestRefused, match=r"nested.*Use Elasticsearch"):
        counter([]).aggregate(every([]), {"x": NestedAgg(path="evaluations")})


def test_nothing_is_counted_in_an_empty_index(counter):
    found = counter([]).aggregate(every([]), AGGREGATIONS)
    assert sum(bucket.count for answer in found.values() for bucket in answer.buckets) == 0
