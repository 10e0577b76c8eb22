"""A search and its answer, as frozen values that every engine shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field as default
from datetime import datetime
from typing import Any, TypeAlias

from catalog.lazy_dataclasses import dataclass
from catalog.query.nodes import All, Query

MAX_RESULT_WINDOW = 10_000
"""offset + size never exceeds this; deeper reading uses `after`. Source: Elasticsearch index.max_result_window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """One sort criterion. `field` is a sortable document field, `metrics.<slug>`, or `_score`.

    Models without the value come last in both directions. Every order ends with `id` ascending, so it is total.
    """

    field: str
    descending: bool = False


# Aggregations: a closed union; `aggs` nests sub-aggregations. Counts are numbers of models.


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsAgg:
    """The most frequent values, count descending then value ascending: all, those that begin so, or some of them alone."""

    field: str
    size: int = 10
    prefix: str | None = None
    only: tuple[Any, ...] | None = None
    excluded: tuple[Any, ...] = ()
    order: tuple[str, bool] = (
        "_count",
        True,
    )  # (_count | _key | name of a metric sub-aggregation, descending)
    min_doc_count: int = 1
    missing: Any = None
    aggs: Mapping[str, Aggregation] = default(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeBucket:
    """[start, end): None is open. Bounds are numbers, or aware datetimes on date fields."""

    key: str
    start: Any = None
    end: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeAgg:
    """One bucket per range, on a number or date field."""

    field: str
    ranges: tuple[RangeBucket, ...]
    aggs: Mapping[str, Aggregation] = default(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramAgg:
    """Buckets of fixed width: key = floor((value - offset) / interval) * interval + offset.

    `bounds` are two values up to whose buckets there are empty ones, where empty ones are shown at all.
    """

    field: str
    interval: float
    offset: float = 0.0
    min_doc_count: int = 0
    bounds: tuple[float, float] | None = None
    aggs: Mapping[str, Aggregation] = default(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateHistogramAgg:
    """Calendar buckets in UTC: `calendar_interval` is year, quarter, month, week or day; or `fixed_seconds`.

    `bounds` as in a histogram.
    """

    field: str
    calendar_interval: str | None = None
    fixed_seconds: int | None = None
    min_doc_count: int = 0
    bounds: tuple[datetime, datetime] | None = None
    aggs: Mapping[str, Aggregation] = default(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricAgg:
    """One number or set of numbers.

    Kind is min, max, avg, sum, value_count, stats, extended_stats (stats and sum_of_squares), cardinality or percentiles.
    """

    kind: str
    field: str
    percents: tuple[float, ...] = (1, 5, 25, 50, 75, 95, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingAgg:
    """The models that lack the field."""

    field: str
    aggs: Mapping[str, Aggregation] = default(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterAgg:
    """The models that also satisfy `query`."""

    query: Query
    aggs: Mapping[str, Aggregation] = default(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltersAgg:
    """One bucket per query, under its name and in this order. A model may be in several of them."""

    filters: Mapping[str, Query]
    aggs: Mapping[str, Aggregation] = default(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedAgg:
    """Counts elements of the list `path` instead of models."""

    path: str
    aggs: Mapping[str, Aggregation] = default(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseNestedAgg:
    """Back from elements to models."""

    aggs: Mapping[str, Aggregation] = default(default_factory=dict)


Aggregation: TypeAlias = (
    TermsAgg
    | RangeAgg
    | HistogramAgg
    | DateHistogramAgg
    | MetricAgg
    | MissingAgg
    | FilterAgg
    | FiltersAgg
    | NestedAgg
    | ReverseNestedAgg
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """What is asked.

    `query` ranks and selects; `selections` (facet field -> clause) are clicked facet values. Hits and total satisfy the
    query and all selections. An aggregation named in `selections` is computed under the query and all *other*
    selections, so a facet keeps its alternatives; every other aggregation sees the query and all selections.
    `post_filter` narrows hits and total, never aggregations. An empty `sort` means best score first, then id.
    `after` holds the sort values of the last hit seen (one per sort key, then its id). Who `needs_total` not, and no hits
    either, may be told 0: to count takes an engine a search of its own.
    """

    query: Query = default(default_factory=All)
    selections: Mapping[str, Query] = default(default_factory=dict)
    post_filter: Query | None = None
    aggregations: Mapping[str, Aggregation] = default(default_factory=dict)
    sort: tuple[SortKey, ...] = ()
    offset: int = 0
    size: int = 20
    after: tuple[Any, ...] | None = None
    min_score: float | None = None
    needs_total: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One model found. `sort` has one value per sort key and the id at the end; it is what `after` takes."""

    id: str
    score: float | None
    document: dict[str, Any]
    sort: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One bucket. `key` is a str, number, bool or aware datetime (start of the period); `name` labels ranges."""

    key: Any
    count: int
    name: str | None = None
    start: Any = None
    end: Any = None
    aggregations: Mapping[str, AggregationResult] = default(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregationResult:
    """The answer to one aggregation: `buckets`, or one bucket's `count` and sub-`aggregations`, or `values`."""

    buckets: tuple[Bucket, ...] = ()
    count: int | None = None
    other_count: int = 0  # models in terms buckets beyond `size`
    values: Mapping[str, float | None] = default(default_factory=dict)
    aggregations: Mapping[str, AggregationResult] = default(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What is found: the exact `total`, one page of `hits`, and an answer per aggregation."""

    total: int
    hits: tuple[Hit, ...]
    aggregations: Mapping[str, AggregationResult] = default(default_factory=dict)
    took_ms: int = 0
    engine: str = ""
