"""The order and form of buckets, the same on every engine."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from catalog.query.instants import moment
from catalog.query.request import AggregationResult, HistogramAgg, MetricAgg
from mappings import fields

_DOUBLE, _LONG = struct.Struct("<d"), struct.Struct("<q")


def typed_key(name: str, value: Any) -> Any:
    """An indexed value as the key of its bucket or a sort value: dates as datetime, booleans as bool, longs as int."""
    row = fields().get(name)
    if value is None or row is None:
        return value
    if row.type == "date":
        return moment(value)
    if row.type == "boolean":
        return bool(value)
    return int(value) if row.type == "long" else value


def histogram_start(place: int, interval: float, offset: float) -> float:
    """The smallest number that a histogram counts in bucket `place`, whatever rounding makes of its key."""

    def reached(rank: int) -> bool:
        return (_double(rank) - offset) / interval >= place

    high, step = _rank(place * interval + offset), 1
    while not reached(high):
        high, step = min(high + step, _INFINITY), step * 2
    low, step = high - 1, 1
    while reached(
        low
    ):  # the smallest numbers below 0 are in bucket 0, too: divided by the interval they are -0.0
        high, low, step = low, max(low - step, -_INFINITY), step * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return _double(high)


def _rank(value: float) -> int:
    """Doubles in their order, counted: the rank of 0.0 is 0, that of the next number is 1."""
    bits: int = _LONG.unpack(_DOUBLE.pack(abs(value)))[0]
    return bits if value >= 0 else -bits


_INFINITY = _rank(math.inf)


def _double(rank: int) -> float:
    value: float = _DOUBLE.unpack(_LONG.pack(abs(rank)))[0]
    return value if rank >= 0 else -value


def histogram_ends(wanted: HistogramAgg, places: Iterable[int]) -> tuple[int, int]:
    """The places of the first and the last bucket; the last is before the first where there is none.

    Raises OverflowError for bounds that are too far apart for any number of buckets.
    """
    reached = list(places)
    if wanted.bounds is not None and not wanted.min_doc_count:
        reached += [math.floor((bound - wanted.offset) / wanted.interval) for bound in wanted.bounds]
    return (min(reached), max(reached)) if reached else (0, -1)


def counted_between(numbers: Mapping[float, int], start: Any, end: Any) -> int:
    """Models whose number lies in [start, end)."""
    return sum(
        count
        for number, count in numbers.items()
        if (start is None or number >= start) and (end is None or number < end)
    )


def measured(wanted: MetricAgg, numbers: Mapping[float, int]) -> AggregationResult:
    """What a numeric aggregation says of models counted by their number."""
    count, values = sum(numbers.values()), sorted(numbers)
    if wanted.kind == "value_count":
        return AggregationResult(values={"value": count})
    if wanted.kind == "cardinality":
        return AggregationResult(values={"value": len(values)})
    if wanted.kind == "percentiles":
        ordered = [value for value in values for _ in range(numbers[value])]
        return AggregationResult(
            values={str(float(percent)): exact_percentile(ordered, percent) for percent in wanted.percents}
        )
    total = summed([value * numbers[value] for value in values])
    stats: dict[str, float | None] = {
        "count": count,
        "min": values[0] if values else None,
        "max": values[-1] if values else None,
        "avg": total / count if values else None,
        "sum": total,
    }
    if wanted.kind == "extended_stats":
        squares = summed([value * value * numbers[value] for value in values])
        return AggregationResult(values={**stats, "sum_of_squares": squares})
    return AggregationResult(values=stats if wanted.kind == "stats" else {"value": stats[wanted.kind]})


def summed(values: Sequence[float]) -> float:
    """The exact sum; infinite where a double cannot hold it, as in every engine."""
    try:
        return math.fsum(values)
    except OverflowError:
        return float(sum(values))


def exact_percentile(ordered: Sequence[float], percent: float) -> float | None:
    """The percentile of sorted values with linear interpolation between neighbours; None for no values."""
    if not ordered:
        return None
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
