"""The order of the buckets of values, and which of them are answered: the same on every engine."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.query.request import AggregationResult, Bucket, TermsAgg


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
