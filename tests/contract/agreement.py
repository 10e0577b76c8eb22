"""Compares an engine's answer with the reference engine's: same ids, order, totals and buckets."""

from __future__ import annotations

import math
from typing import Any

from catalog.errors import RequestRefused
from catalog.search.engine import SearchEngine
from catalog.search.request import AggregationResult, MetricAgg, SearchRequest

FLOAT_TOLERANCE = 1e-9
"""Engines add the same numbers in another order."""


def assert_agree(engine: SearchEngine, reference: SearchEngine, request: SearchRequest) -> None:
    expected, found = reference.search(request), engine.search(request)
    assert found.total == expected.total
    assert [hit.id for hit in found.hits] == [hit.id for hit in expected.hits]
    assert [hit.sort for hit in found.hits] == [hit.sort for hit in expected.hits]
    assert [hit.score for hit in found.hits] == [hit.score for hit in expected.hits]
    for name, aggregation in request.aggregations.items():
        if not (isinstance(aggregation, MetricAgg) and aggregation.kind in {"percentiles", "cardinality"}):
            _same(found.aggregations[name], expected.aggregations[name])


def _same(found: AggregationResult, expected: AggregationResult) -> None:
    assert found.count == expected.count
    assert found.other_count == expected.other_count
    assert found.values.keys() == expected.values.keys()
    for name, value in expected.values.items():
        assert _close(found.values[name], value), (name, found.values[name], value)
    assert [(bucket.key, bucket.count) for bucket in found.buckets] == [
        (bucket.key, bucket.count) for bucket in expected.buckets
    ]
    for bucket, other in zip(found.buckets, expected.buckets, strict=True):
        _all_same(bucket.aggregations, other.aggregations)
    _all_same(found.aggregations, expected.aggregations)


def _all_same(found: Any, expected: Any) -> None:
    assert found.keys() == expected.keys()
    for name in expected:
        _same(found[name], expected[name])


def _close(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=FLOAT_TOLERANCE, abs_tol=FLOAT_TOLERANCE)


def assert_agree_or_refuse(engine: SearchEngine, reference: SearchEngine, request: SearchRequest) -> None:
    """The same answer, or the same refusal in the same words."""
    expected = refusal(reference, request)
    if expected is None:
        assert_agree(engine, reference, request)
    else:
        assert refusal(engine, request) == expected


def refusal(engine: SearchEngine, request: SearchRequest) -> str | None:
    """The words in which the engine refuses the request; None when it answers."""
    try:
        engine.search(request)
    except RequestRefused as refused:
        return str(refused)
    return None
