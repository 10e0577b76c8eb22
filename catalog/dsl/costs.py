"""What aggregations may cost, told before anything runs: their depth, and how many buckets they may make."""

from __future__ import annotations

from catalog.query.request import (
    Aggregation,
    DateHistogramAgg,
    FilterAgg,
    FiltersAgg,
    HistogramAgg,
    NestedAgg,
    RangeAgg,
    ReverseNestedAgg,
    TermsAgg,
)
from mappings import fields
from mappings.metrics import find

_YEARS_OF_DATA = 20
_UNBOUNDED_BUCKETS = 100
_CALENDAR_BUCKETS = {"year": 1, "quarter": 4, "month": 12, "week": 53, "day": 366}
_PASSING = (FilterAgg, NestedAgg, ReverseNestedAgg)


def depth(aggregation: Aggregation) -> int:
    """Levels that part or measure models."""
    below = max((depth(part) for part in getattr(aggregation, "aggs", {}).values()), default=0)
    return below + (not isinstance(aggregation, _PASSING))


def estimate(aggregation: Aggregation) -> int:
    """How many buckets may be expected, everything below included."""
    own = _own_buckets(aggregation)
    below = sum(estimate(part) for part in getattr(aggregation, "aggs", {}).values())
    return own + own * below


def _own_buckets(aggregation: Aggregation) -> int:
    match aggregation:
        case TermsAgg(size=size):
            return size
        case RangeAgg(ranges=ranges):
            return len(ranges)
        case FiltersAgg(filters=filters):
            return len(filters)
        case HistogramAgg(field=field, interval=interval):
            return max(1, round(_span(field) / interval)) if _span(field) else _UNBOUNDED_BUCKETS
        case DateHistogramAgg(calendar_interval=str() as calendar):
            return _CALENDAR_BUCKETS[calendar] * _YEARS_OF_DATA
        case DateHistogramAgg(fixed_seconds=int() as seconds):
            return max(1, _YEARS_OF_DATA * 366 * 86_400 // seconds)
    return 1


def _span(field: str) -> float:
    """How far the values of a field reach, where its bounds are known."""
    row = fields().get(field)
    if row is not None:
        return 1.0 if row.unit == "fraction" else 0.0
    metric = find(field.removeprefix("metrics.").partition("@")[0])
    if metric is None or metric.low is None or metric.high is None:
        return 0.0
    return metric.high - metric.low
