"""Aggregations over one searcher: one native call where Tantivy's answer is exact, a call per bucket where it is not.

Native: terms (asked for until the border of the list has no tie), ranges, histograms, and numbers inside them.
Everything that Tantivy lacks (filters by typed queries, missing, calendar periods, buckets inside buckets) is the same
question asked again under a narrower query. Percentiles and cardinality are approximate, as on Elasticsearch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Any

import tantivy

from catalog.errors import RequestRefused
from catalog.search.request import (
    Aggregation,
    AggregationResult,
    Bucket,
    DateHistogramAgg,
    FilterAgg,
    HistogramAgg,
    MetricAgg,
    MissingAgg,
    NestedAgg,
    RangeAgg,
    RangeBucket,
    ReverseNestedAgg,
    TermsAgg,
)
from catalog.search.validate import MAX_BUCKETS, resolve
from indexer.analysis import fold
from indexer.buckets import histogram_start, ordered_terms, typed_key
from indexer.calendar import next_period, periods
from indexer.engines.tantivy.schema import column
from indexer.engines.tantivy.translate import Translator, comparable, every, without
from indexer.projection import moment
from mappings import fields

MAX_TERMS = 1_000_000
"""More distinct values than this are refused rather than counted from a part."""
_KEYWORDS = frozenset({"keyword", "name", "leaf"})


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts over one searcher."""

    searcher: tantivy.Searcher
    translator: Translator

    def aggregate(
        self, query: tantivy.Query, wanted: Mapping[str, Aggregation]
    ) -> dict[str, AggregationResult]:
        """The answer to each aggregation over the models that satisfy the query."""
        questions = {name: _question(aggregation) for name, aggregation in wanted.items()}
        found = self._asked_together(query, {name: asked for name, asked in questions.items() if asked})
        return {name: self._one(query, aggregation, found.get(name)) for name, aggregation in wanted.items()}

    def _asked_together(self, query: tantivy.Query, questions: Mapping[str, Any]) -> Mapping[str, Any]:
        """The native answers from one pass over the models; none of them where one is refused."""
        if not questions:
            return {}
        names = {str(at): name for at, name in enumerate(questions)}  # any name is allowed, not so in Tantivy
        try:
            found = self.searcher.aggregate(query, {at: questions[name] for at, name in names.items()})
        except ValueError:  # too many buckets in one of them: each alone says which
            return {}
        return {name: found[at] for at, name in names.items()}

    def _alone(self, query: tantivy.Query, question: Mapping[str, Any]) -> Any:
        return self.searcher.aggregate(query, {"alone": question})["alone"]

    def _one(self, query: tantivy.Query, wanted: Aggregation, found: Any) -> AggregationResult:
        """`found` is the native answer to the aggregation's `_question`, if there is one."""
        kinds: Mapping[type, Callable[[tantivy.Query, Any, Any], AggregationResult]] = {
            TermsAgg: self._terms,
            RangeAgg: self._ranges,
            HistogramAgg: self._histogram,
            DateHistogramAgg: self._date_histogram,
            MetricAgg: self._metric,
            MissingAgg: self._missing,
            FilterAgg: self._filter,
            NestedAgg: _refuse_nested,
            ReverseNestedAgg: _refuse_nested,
        }
        return kinds[type(wanted)](query, wanted, found)

    def count(self, query: tantivy.Query) -> int:
        return int(self.searcher.search(query, 1).count)  # type: ignore[attr-defined]  # missing in the type stub

    # Terms ------------------------------------------------------------------------------------------------

    def _terms(self, query: tantivy.Query, wanted: TermsAgg, found: Any) -> AggregationResult:
        if not _is_plain(wanted):
            return self._all_terms(query, wanted)
        size = _first_guess(wanted)
        while size <= MAX_TERMS:
            if found is None:
                found = self._alone(query, _native_terms(wanted, size))
            answer = _exact(wanted, found, size)
            if answer is not None:
                return self._with_inner(query, wanted, answer)
            size, found = size * 8, None
        raise _too_many(wanted.field)

    def _all_terms(self, query: tantivy.Query, wanted: TermsAgg) -> AggregationResult:
        """Every value with its count and numbers, ordered here."""
        native = _native_terms(wanted, MAX_TERMS, aggs=_native_metrics(wanted.aggs))
        found = self._alone(query, native)
        if found["sum_other_doc_count"]:
            raise _too_many(wanted.field)
        buckets = _terms_buckets(wanted, found)
        if wanted.missing is not None:
            buckets = self._with_missing(query, wanted, buckets)
        return self._with_inner(query, wanted, ordered_terms(wanted, buckets))

    def _with_missing(self, query: tantivy.Query, wanted: TermsAgg, buckets: list[Bucket]) -> list[Bucket]:
        """The models without the field, counted under the value that stands for them."""
        key = typed_key(wanted.field, comparable(wanted.field, wanted.missing))
        lacking = every([query, without(self.translator.exists(wanted.field))])
        same = next((bucket for bucket in buckets if bucket.key == key), None)
        count = self.count(lacking) + (same.count if same else 0)
        if not count:
            return buckets
        both = self._bucket_query(query, wanted, key)
        metrics = {name: agg for name, agg in wanted.aggs.items() if isinstance(agg, MetricAgg)}
        mended = Bucket(key=key, count=count, aggregations=self.aggregate(both, metrics))
        return [*(bucket for bucket in buckets if bucket is not same), mended]

    def _bucket_query(self, query: tantivy.Query, wanted: TermsAgg, key: Any) -> tantivy.Query:
        holding = self.translator.equal(wanted.field, comparable(wanted.field, key))
        if (
            wanted.missing is not None
            and typed_key(wanted.field, comparable(wanted.field, wanted.missing)) == key
        ):
            lacking = without(self.translator.exists(wanted.field))
            holding = tantivy.Query.boolean_query(
                [(tantivy.Occur.Should, holding), (tantivy.Occur.Should, lacking)]
            )
        return every([query, holding])

    def _with_inner(
        self, query: tantivy.Query, wanted: TermsAgg, answer: AggregationResult
    ) -> AggregationResult:
        return self._nested_in(
            wanted.aggs, answer, lambda bucket: self._bucket_query(query, wanted, bucket.key)
        )

    def _nested_in(
        self,
        aggs: Mapping[str, Aggregation],
        answer: AggregationResult,
        narrowed: Callable[[Bucket], tantivy.Query],
    ) -> AggregationResult:
        """Answers to the sub-aggregations that the native call could not give, bucket by bucket."""
        if not aggs:
            return answer
        buckets = []
        for bucket in answer.buckets:
            open_ones = {name: agg for name, agg in aggs.items() if name not in bucket.aggregations}
            inner = self.aggregate(narrowed(bucket), open_ones) if open_ones else {}
            buckets.append(replace(bucket, aggregations={**bucket.aggregations, **inner}))
        return replace(answer, buckets=tuple(buckets))

    # Numbers ----------------------------------------------------------------------------------------------

    def _metric(self, query: tantivy.Query, wanted: MetricAgg, found: Any) -> AggregationResult:
        return _metric_result(wanted, found or self._alone(query, _native_metric(wanted)))

    def _extent(self, query: tantivy.Query, field: str, found: Any = None) -> tuple[float, float] | None:
        found = found or self._alone(query, _native_extent(field))
        return (found["min"], found["max"]) if found["count"] else None

    # Ranges and histograms --------------------------------------------------------------------------------

    def _ranges(self, query: tantivy.Query, wanted: RangeAgg, found: Any) -> AggregationResult:
        counts = self._counts_between(query, wanted.field, wanted.ranges, found)
        buckets = [
            Bucket(key=row.key, name=row.key, count=count, start=row.start, end=row.end)
            for row, count in zip(wanted.ranges, counts, strict=True)
        ]
        return self._nested_in(
            wanted.aggs,
            AggregationResult(buckets=tuple(buckets)),
            lambda bucket: every([query, self._between(wanted.field, bucket.start, bucket.end)]),
        )

    def _between(self, field: str, start: Any, end: Any) -> tantivy.Query:
        return self.translator.between(
            field, comparable(field, start), comparable(field, end), high_open=True
        )

    def _counts_between(
        self, query: tantivy.Query, field: str, ranges: Sequence[RangeBucket], found: Any = None
    ) -> list[int]:
        """Models per [start, end). Ranges may overlap: they are sums of the pieces between all their bounds."""
        if any(_is_beyond_doubles(field, bound) for row in ranges for bound in (row.start, row.end)):
            return [self.count(every([query, self._between(field, row.start, row.end)])) for row in ranges]
        ends, cuts = _ends_and_cuts(field, ranges)
        if not cuts:
            whole = self.count(every([query, self.translator.exists(field)]))
            return [whole] * len(ranges)
        found = found or self._alone(query, _native_pieces(field, cuts))
        held = {bucket.get("from", -math.inf): bucket["doc_count"] for bucket in found["buckets"]}
        below = dict(
            zip(
                [-math.inf, *cuts, math.inf],
                accumulate((held.get(cut, 0) for cut in [-math.inf, *cuts]), initial=0),
                strict=True,
            )
        )
        return [max(below[end] - below[start], 0) for start, end in ends]

    def _histogram(self, query: tantivy.Query, wanted: HistogramAgg, found: Any) -> AggregationResult:
        if found is None:
            self._refuse_too_fine(query, wanted)
            found = self._alone(query, _native_histogram(wanted))
        counts = _histogram_counts(wanted, found)
        first, last = min(counts, default=0), max(counts, default=-1)
        if last - first + 1 > MAX_BUCKETS:
            raise _too_fine()
        edges = (wanted.interval, wanted.offset)
        buckets = [
            Bucket(
                key=place * wanted.interval + wanted.offset,
                count=counts.get(place, 0),
                start=histogram_start(place, *edges) if wanted.aggs else None,
                end=histogram_start(place + 1, *edges) if wanted.aggs else None,
            )
            for place in range(first, last + 1)
            if counts.get(place, 0) >= wanted.min_doc_count
        ]
        answer = self._nested_in(
            wanted.aggs,
            AggregationResult(buckets=tuple(buckets)),
            lambda bucket: every([query, self._between(wanted.field, bucket.start, bucket.end)]),
        )
        return _without_bounds(answer) if wanted.aggs else answer

    def _refuse_too_fine(self, query: tantivy.Query, wanted: HistogramAgg) -> None:
        extent = self._extent(query, wanted.field)
        if extent is not None and (extent[1] - extent[0]) / wanted.interval > MAX_BUCKETS:
            raise _too_fine()

    def _date_histogram(
        self, query: tantivy.Query, wanted: DateHistogramAgg, found: Any
    ) -> AggregationResult:
        interval = wanted.calendar_interval or wanted.fixed_seconds or 0
        extent = self._extent(query, wanted.field, found)
        if extent is None:
            return AggregationResult()
        first, last = moment(extent[0]), moment(extent[1])
        if isinstance(interval, int) and (last - first).total_seconds() / interval > MAX_BUCKETS:
            raise _too_fine()
        starts = list(periods(first, last, interval))
        if len(starts) > MAX_BUCKETS:
            raise _too_fine()
        ranges = [RangeBucket(key="", start=start, end=_end_of(start, interval)) for start in starts]
        counts = self._counts_between(query, wanted.field, ranges)
        buckets = [
            Bucket(key=row.start, count=count, end=row.end)
            for row, count in zip(ranges, counts, strict=True)
            if count >= wanted.min_doc_count
        ]
        answer = self._nested_in(
            wanted.aggs,
            AggregationResult(buckets=tuple(buckets)),
            lambda bucket: every([query, self._between(wanted.field, bucket.key, bucket.end)]),
        )
        return _without_bounds(answer)

    # One bucket -------------------------------------------------------------------------------------------

    def _single(self, query: tantivy.Query, aggs: Mapping[str, Aggregation]) -> AggregationResult:
        return AggregationResult(
            count=self.count(query), aggregations=self.aggregate(query, aggs) if aggs else {}
        )

    def _missing(self, query: tantivy.Query, wanted: MissingAgg, _: Any) -> AggregationResult:
        return self._single(every([query, without(self.translator.exists(wanted.field))]), wanted.aggs)

    def _filter(self, query: tantivy.Query, wanted: FilterAgg, _: Any) -> AggregationResult:
        return self._single(every([query, self.translator.query(wanted.query)]), wanted.aggs)


def _without_bounds(answer: AggregationResult) -> AggregationResult:
    return replace(answer, buckets=tuple(replace(bucket, start=None, end=None) for bucket in answer.buckets))


def _refuse_nested(
    _query: tantivy.Query, wanted: NestedAgg | ReverseNestedAgg, _found: Any
) -> AggregationResult:
    part = "nested" if isinstance(wanted, NestedAgg) else "reverse_nested"
    raise RequestRefused(
        part, "cannot count evaluations one by one in the embedded engine. Use Elasticsearch."
    )


def _too_many(field: str) -> RequestRefused:
    return RequestRefused(field, f"has more than {MAX_TERMS:,} values; narrow the search.")


def _too_fine() -> RequestRefused:
    return RequestRefused("interval", f"makes more than {MAX_BUCKETS:,} buckets.")


def _question(wanted: Aggregation) -> dict[str, Any] | None:
    """What Tantivy is asked first for this aggregation, together with all others; None where nothing is sure."""
    match wanted:
        case TermsAgg() if _is_plain(wanted):
            return _native_terms(wanted, _first_guess(wanted))
        case MetricAgg():
            return _native_metric(wanted)
        case HistogramAgg():
            return _native_histogram(wanted)
        case DateHistogramAgg(field=field):
            return _native_extent(field)
        case RangeAgg(field=field, ranges=ranges):
            if any(_is_beyond_doubles(field, bound) for row in ranges for bound in (row.start, row.end)):
                return None
            _, cuts = _ends_and_cuts(field, ranges)
            return _native_pieces(field, cuts) if cuts else None
        case _:
            return None


def _native_extent(field: str) -> dict[str, Any]:
    return {"stats": {"field": column(field)}}


def _ends_and_cuts(
    field: str, ranges: Sequence[RangeBucket]
) -> tuple[list[tuple[float, float]], list[float]]:
    """The bounds of each range, and all finite bounds in order."""
    ends = [(_bound(field, row.start, -math.inf), _bound(field, row.end, math.inf)) for row in ranges]
    return ends, sorted({cut for pair in ends for cut in pair if math.isfinite(cut)})


def _native_pieces(field: str, cuts: Sequence[float]) -> dict[str, Any]:
    pieces = [{"to": cuts[0]}, *({"from": a, "to": b} for a, b in pairwise(cuts)), {"from": cuts[-1]}]
    return {"range": {"field": column(field), "ranges": pieces}}


def _native_histogram(wanted: HistogramAgg) -> dict[str, Any]:
    options = {"field": column(wanted.field), "interval": wanted.interval, "min_doc_count": 1}
    offset = math.fmod(wanted.offset, wanted.interval)
    if offset:
        options["offset"] = offset
    return {"histogram": options}


def _histogram_counts(wanted: HistogramAgg, found: Mapping[str, Any]) -> dict[int, int]:
    """Models by the place of their bucket, for every bucket that holds one."""
    return {
        round((bucket["key"] - wanted.offset) / wanted.interval): bucket["doc_count"]
        for bucket in found["buckets"]
        if bucket["doc_count"]
    }


def _is_plain(wanted: TermsAgg) -> bool:
    """Whether the most frequent values can be cut off natively."""
    return wanted.order == ("_count", True) and wanted.missing is None


def _first_guess(wanted: TermsAgg) -> int:
    return wanted.size * 2 + 20


def _native_terms(wanted: TermsAgg, size: int, *, aggs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    # segment_size: every segment hands over all of its values, so that merged counts are exact.
    options: dict[str, Any] = {"field": column(wanted.field), "size": size, "segment_size": MAX_TERMS}
    if wanted.prefix:
        options["include"] = _pattern(fold(wanted.prefix)) + "(.|\n)*"
    return {"terms": options, "aggs": aggs} if aggs else {"terms": options}


def _pattern(text: str) -> str:
    """A pattern that matches this text and nothing else."""
    return "".join(
        letter if letter.isalnum() else f"[{letter}]" if letter not in "[]^\\-&~" else f"\\{letter}"
        for letter in text
    )


def _exact(wanted: TermsAgg, found: Mapping[str, Any], size: int) -> AggregationResult | None:
    """The answer, if no value beyond the border of what was asked for could belong to it."""
    buckets = _terms_buckets(wanted, found)
    complete = len(buckets) < size
    if not complete and buckets[wanted.size - 1].count == buckets[-1].count:
        return None
    answer = ordered_terms(wanted, buckets)
    if complete:
        return answer
    other = (
        found["sum_other_doc_count"]
        + sum(bucket.count for bucket in buckets)
        - sum(b.count for b in answer.buckets)
    )
    return replace(answer, other_count=other)


def _terms_buckets(wanted: TermsAgg, found: Mapping[str, Any]) -> list[Bucket]:
    kind = resolve(wanted.field).type
    metrics = {name: agg for name, agg in wanted.aggs.items() if isinstance(agg, MetricAgg)}
    return [
        Bucket(
            key=bucket["key"] if kind in _KEYWORDS else _terms_key(wanted.field, kind, bucket["key"]),
            count=bucket["doc_count"],
            aggregations={
                name: _metric_result(agg, bucket[name]) for name, agg in metrics.items() if name in bucket
            },
        )
        for bucket in found["buckets"]
    ]


def _terms_key(field: str, kind: str, key: Any) -> Any:
    return float(key) if kind in {"double", "metric"} else typed_key(field, key)


def _native_metrics(aggs: Mapping[str, Aggregation]) -> dict[str, Any]:
    return {name: _native_metric(agg) for name, agg in aggs.items() if isinstance(agg, MetricAgg)}


def _native_metric(wanted: MetricAgg) -> dict[str, Any]:
    kind = "stats" if wanted.kind in {"min", "max", "avg", "sum"} else wanted.kind
    options: dict[str, Any] = {"field": column(wanted.field)}
    if kind == "percentiles":
        options["percents"] = [float(percent) for percent in wanted.percents]
    return {kind: options}


def _metric_result(wanted: MetricAgg, found: Mapping[str, Any]) -> AggregationResult:
    if wanted.kind == "percentiles":
        return AggregationResult(values={name: _number(value) for name, value in found["values"].items()})
    if wanted.kind == "stats":
        return AggregationResult(
            values={name: _number(found[name]) for name in ("count", "min", "max", "avg", "sum")}
        )
    value = found[wanted.kind] if wanted.kind in {"min", "max", "avg", "sum"} else found["value"]
    return AggregationResult(values={"value": _number(value)})


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _bound(field: str, bound: Any, otherwise: float) -> float:
    """A bound as the column compares it; between whole numbers the next one stands for a fraction."""
    if bound is None:
        return otherwise
    value = float(comparable(field, bound))
    row = fields().get(field)
    return float(math.ceil(value)) if row is not None and row.type == "long" else value


def _is_beyond_doubles(field: str, bound: Any) -> bool:
    """Whether a bound is a whole number that a double cannot hold exactly."""
    return bound is not None and not isinstance(bound, datetime) and abs(comparable(field, bound)) > 2**53


def _end_of(start: datetime, interval: str | int) -> datetime | None:
    try:
        return next_period(start, interval)
    except (ValueError, OverflowError):
        return None
