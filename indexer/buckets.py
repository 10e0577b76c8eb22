"""The order and form of buckets, the same on every engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from catalog.search.request import AggregationResult, Bucket, TermsAgg
from indexer.projection import moment
from mappings import fields


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


def ordered_terms(wanted: TermsAgg, buckets: Sequence[Bucket]) -> AggregationResult:
    """All buckets in the wanted order (ties by key), cut to the wanted size, the rest counted."""
    by, descending = wanted.order
    name, _, part = by.partition(".")
    kept = sorted(
        (bucket for bucket in buckets if bucket.count >= wanted.min_doc_count), key=lambda bucket: bucket.key
    )
    if by == "_key":
        kept = kept[::-1] if descending else kept
    elif by == "_count":
        kept.sort(key=lambda bucket: -bucket.count if descending else bucket.count)
    else:
        kept.sort(key=lambda bucket: _metric_order(bucket, name, part or "value", descending=descending))
    return AggregationResult(
        buckets=tuple(kept[: wanted.size]), other_count=sum(bucket.count for bucket in kept[wanted.size :])
    )


def _metric_order(bucket: Bucket, name: str, part: str, *, descending: bool) -> tuple[bool, float]:
    value = bucket.aggregations[name].values.get(part)
    return (value is None, 0 if value is None else -value if descending else value)


def histogram_start(place: int, interval: float, offset: float) -> float:
    """The smallest number that a histogram counts in bucket `place`, whatever rounding makes of its key."""
    edge = place * interval + offset
    while math.floor((edge - offset) / interval) < place:
        edge = math.nextafter(edge, math.inf)
    while math.floor((math.nextafter(edge, -math.inf) - offset) / interval) >= place:
        edge = math.nextafter(edge, -math.inf)
    return edge


def exact_percentile(ordered: Sequence[float], percent: float) -> float | None:
    """The percentile of sorted values with linear interpolation between neighbours; None for no values."""
    if not ordered:
        return None
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
