"""Aggregations over one searcher: one native call where Tantivy's answer is exact, a call per bucket where it is not.

Native, and asked together in one pass: terms (asked for until the border of the list has no tie), ranges, histograms,
the days that calendar periods are made of, and numbers. Everything that Tantivy lacks (filters by typed queries,
missing, buckets inside buckets) is the same question asked again under a narrower query. Percentiles and cardinality
are approximate, as on Elasticsearch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Any

import tantivy

from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.document_values import has_named_number, is_leaf
from catalog.query.ordered_terms import ordered_terms
from catalog.query.request import (
    Aggregation,
    AggregationResult,
    Bucket,
    DateHistogramAgg,
    FilterAgg,
    FiltersAgg,
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
from indexer.analysis import fold
from indexer.buckets import (
    counted_between,
    histogram_ends,
    histogram_start,
    measured,
    typed_key,
)
from indexer.calendar import next_period, period_count, period_ends, periods
from indexer.engines.tantivy.questions import (
    MAX_TERMS,
    exact,
    first_guess,
    histogram_counts,
    is_counted_with_lacking,
    is_plain,
    is_within_one,
    metric_result,
    native_days,
    native_histogram,
    native_metric,
    native_metrics,
    native_terms,
    number_terms,
    parted,
    period_counts,
    period_measures,
    pieces,
    question,
    terms_buckets,
    with_lacking,
)
from indexer.engines.tantivy.schema import column, decoded_number
from indexer.engines.tantivy.translate import Translator, comparable, count_of, every, without
from indexer.field_values import leaf_text


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts over one searcher."""

    searcher: tantivy.Searcher
    translator: Translator

    def aggregate(
        self, query: tantivy.Query, wanted: Mapping[str, Aggregation]
    ) -> dict[str, AggregationResult]:
        """The answer to each aggregation over the models that satisfy the query."""
        pairs = _pairs(wanted)
        questions = {
            name: with_lacking(aggregation)
            if isinstance(aggregation, TermsAgg) and name in pairs
            else question(aggregation)
            for name, aggregation in wanted.items()
        }
        answers = dict(
            self._asked_together(query, {name: asked for name, asked in questions.items() if asked})
        )
        counted: dict[str, AggregationResult] = {}
        for name, lacking in pairs.items():
            aggregation = wanted[name]
            if isinstance(aggregation, TermsAgg) and name in answers:
                answers[name], count = parted(aggregation, answers[name])
                if count is not None:
                    counted[lacking] = AggregationResult(count=count)
        return counted | {
            name: self._answer(query, aggregation, answers.get(name))
            for name, aggregation in wanted.items()
            if name not in counted
        }

    def _asked_together(self, query: tantivy.Query, questions: Mapping[str, Any]) -> Mapping[str, Any]:
        """The native answers from one pass over the models; none of them where one is refused."""
        if not questions:
            return {}
        names = {str(at): name for at, name in enumerate(questions)}  # any name is allowed, not so in Tantivy
        try:
            answers = self.searcher.aggregate(query, {at: questions[name] for at, name in names.items()})
        except ValueError:  # too many buckets in one of them: each alone says which
            return {}
        return {name: answers[at] for at, name in names.items()}

    def _alone(self, query: tantivy.Query, asked: Mapping[str, Any]) -> Any:
        return self.searcher.aggregate(query, {"alone": asked})["alone"]

    def _answer(self, query: tantivy.Query, wanted: Aggregation, native: Any) -> AggregationResult:
        """`native` is the native answer to the aggregation's `question`, if there is one."""
        kinds: Mapping[type, Callable[[tantivy.Query, Any, Any], AggregationResult]] = {
            TermsAgg: self._terms,
            RangeAgg: self._ranges,
            HistogramAgg: self._histogram,
            DateHistogramAgg: self._date_histogram,
            MetricAgg: self._metric,
            MissingAgg: self._missing,
            FilterAgg: self._filter,
            FiltersAgg: self._filters,
            NestedAgg: _refuse_nested,
            ReverseNestedAgg: _refuse_nested,
        }
        return kinds[type(wanted)](query, wanted, native)

    def count(self, query: tantivy.Query) -> int:
        return count_of(self.searcher, query)

    # Terms ------------------------------------------------------------------------------------------------

    def _terms(self, query: tantivy.Query, wanted: TermsAgg, native: Any) -> AggregationResult:
        if not is_plain(wanted):
            return self._all_terms(query, wanted)
        size = first_guess(wanted)
        while size <= MAX_TERMS:
            if native is None:
                native = self._alone(query, native_terms(wanted, size))
            answer = exact(wanted, native, size)
            if answer is not None:
                return self._with_inner(query, wanted, answer)
            size, native = size * 8, None
        raise _too_many(wanted.field)

    def _all_terms(self, query: tantivy.Query, wanted: TermsAgg) -> AggregationResult:
        """Every value with its count and numbers, ordered here."""
        native = native_terms(wanted, MAX_TERMS, aggs=native_metrics(wanted.aggs))
        native_answer = self._alone(query, native)
        if native_answer["sum_other_doc_count"]:
            raise _too_many(wanted.field)
        included = _chosen(wanted)
        buckets = [row for row in terms_buckets(wanted, native_answer["buckets"]) if included(row.key)]
        by = wanted.order[0].partition(".")[0]
        if by in wanted.aggs and buckets and by not in buckets[0].aggregations:
            numbered = self._nested_in(
                {by: wanted.aggs[by]},
                AggregationResult(buckets=tuple(buckets)),
                lambda bucket: self._bucket_query(query, wanted, bucket.key),
            )
            buckets = list(numbered.buckets)
        if wanted.missing is not None and _included(wanted):
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
        """Answers to the sub-aggregations that the native call could not give, bucket by bucket. Empty ones, of which a line
        over time has many, have the same.
        """
        if not aggs:
            return answer
        buckets = []
        of_nothing: Mapping[str, AggregationResult] | None = None
        for bucket in answer.buckets:
            if not bucket.count and of_nothing is not None:
                buckets.append(replace(bucket, aggregations=of_nothing))
                continue
            open_ones = {name: agg for name, agg in aggs.items() if name not in bucket.aggregations}
            inner = self.aggregate(narrowed(bucket), open_ones) if open_ones else {}
            buckets.append(replace(bucket, aggregations={**bucket.aggregations, **inner}))
            if not bucket.count:
                of_nothing = buckets[-1].aggregations
        return replace(answer, buckets=tuple(buckets))

    # Numbers ----------------------------------------------------------------------------------------------

    def _metric(self, query: tantivy.Query, wanted: MetricAgg, native: Any) -> AggregationResult:
        if is_leaf(wanted.field) and wanted.kind in {"value_count", "cardinality"}:
            return self._leaf_metric(query, wanted)
        if has_named_number(wanted.field):
            return measured(wanted, self._numbers(query, wanted.field))
        return metric_result(wanted, native or self._alone(query, native_metric(wanted)))

    def _leaf_metric(self, query: tantivy.Query, wanted: MetricAgg) -> AggregationResult:
        """How many values, or how many different ones, there are below a flattened field."""
        buckets = self._all_terms(query, TermsAgg(field=wanted.field, size=MAX_TERMS)).buckets
        count = len(buckets) if wanted.kind == "cardinality" else sum(bucket.count for bucket in buckets)
        return AggregationResult(values={"value": float(count)})

    def _numbers(self, query: tantivy.Query, field: str) -> dict[float, int]:
        """Models by their number, for a name without a field."""
        answer = self._alone(query, number_terms(field, MAX_TERMS))
        if answer["sum_other_doc_count"]:
            raise _too_many(field)
        return {decoded_number(row["key"]): row["doc_count"] for row in answer["buckets"]}

    def _extent(self, query: tantivy.Query, field: str) -> tuple[float, float] | None:
        stats = self._alone(query, {"stats": {"field": column(field)}})
        return (stats["min"], stats["max"]) if stats["count"] else None

    # Ranges and histograms --------------------------------------------------------------------------------

    def _ranges(self, query: tantivy.Query, wanted: RangeAgg, native: Any) -> AggregationResult:
        counts = self._counts_between(query, wanted.field, wanted.ranges, native)
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
        self, query: tantivy.Query, field: str, ranges: Sequence[RangeBucket], native: Any = None
    ) -> list[int]:
        """Models per [start, end). Ranges may overlap: they are sums of the pieces between all their bounds."""
        if has_named_number(field):
            numbers = self._numbers(query, field)
            return [counted_between(numbers, row.start, row.end) for row in ranges]
        parts = pieces(field, tuple(ranges))
        if parts.native is None:
            whole = self.count(every([query, self.translator.exists(field)])) if any(parts.ends) else 0
            below = {-math.inf: 0, math.inf: whole}
        else:
            native = native or self._alone(query, parts.native)
            counts = {bucket.get("from", -math.inf): bucket["doc_count"] for bucket in native["buckets"]}
            starts = [-math.inf, *parts.cuts]
            below = dict(
                zip(
                    [*starts, math.inf],
                    accumulate((counts.get(start, 0) for start in starts), initial=0),
                    strict=True,
                )
            )
        return [
            self.count(every([query, self._between(field, row.start, row.end)]))
            if ends is None
            else max(below[ends[1]] - below[ends[0]], 0)
            for row, ends in zip(ranges, parts.ends, strict=True)
        ]

    def _histogram(self, query: tantivy.Query, wanted: HistogramAgg, native: Any) -> AggregationResult:
        counts = self._places(query, wanted, native)
        try:
            first, last = histogram_ends(wanted, counts)
        except OverflowError:
            raise _too_fine() from None
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

    def _places(self, query: tantivy.Query, wanted: HistogramAgg, native: Any) -> dict[int, int]:
        """Models by the place of their bucket."""
        if has_named_number(wanted.field):
            return self._places_of_numbers(self._numbers(query, wanted.field), wanted)
        if native is None:
            self._refuse_too_fine(query, wanted)
            if not is_within_one(wanted):
                return self._places_by_edges(query, wanted)
            native = self._alone(query, native_histogram(wanted))
        return histogram_counts(wanted, native)

    def _places_of_numbers(self, numbers: Mapping[float, int], wanted: HistogramAgg) -> dict[int, int]:
        if numbers and (max(numbers) - min(numbers)) / wanted.interval > MAX_BUCKETS:
            raise _too_fine()
        places: dict[int, int] = {}
        for number, count in numbers.items():
            place = math.floor((number - wanted.offset) / wanted.interval)
            places[place] = places.get(place, 0) + count
        return places

    def _places_by_edges(self, query: tantivy.Query, wanted: HistogramAgg) -> dict[int, int]:
        extent = self._extent(query, wanted.field)
        if extent is None:
            return {}
        first, last = (math.floor((end - wanted.offset) / wanted.interval) for end in extent)
        edges = [histogram_start(place, wanted.interval, wanted.offset) for place in range(first, last + 2)]
        rows = [RangeBucket(key="", start=low, end=high) for low, high in pairwise(edges)]
        counts = self._counts_between(query, wanted.field, rows)
        return dict(zip(range(first, last + 1), counts, strict=True))

    def _refuse_too_fine(self, query: tantivy.Query, wanted: HistogramAgg) -> None:
        extent = self._extent(query, wanted.field)
        if extent is not None and (extent[1] - extent[0]) / wanted.interval > MAX_BUCKETS:
            raise _too_fine()

    def _date_histogram(
        self, query: tantivy.Query, wanted: DateHistogramAgg, native: Any
    ) -> AggregationResult:
        interval = wanted.calendar_interval or wanted.fixed_seconds or 0
        if native is None:
            try:
                native = self._alone(query, native_days(wanted))
            except ValueError as error:  # more buckets than Tantivy makes
                raise _too_fine() from error
        counts = period_counts(native, interval)
        ends = period_ends(wanted, counts, interval)
        if ends is None:
            return AggregationResult()
        first, last = ends
        if period_count(first, last, interval) > MAX_BUCKETS:
            raise _too_fine()
        starts = sorted(counts) if wanted.min_doc_count else periods(first, last, interval)
        measures = period_measures(wanted, native) if wanted.aggs else {}
        buckets = [
            Bucket(
                key=start,
                count=counts.get(start, 0),
                end=_end_of(start, interval) if wanted.aggs else None,
                aggregations=measures.get(start, {}),
            )
            for start in starts
            if counts.get(start, 0) >= wanted.min_doc_count
        ]
        answer = self._nested_in(
            wanted.aggs,
            AggregationResult(buckets=tuple(buckets)),
            lambda bucket: every([query, self._between(wanted.field, bucket.key, bucket.end)]),
        )
        return _without_bounds(answer) if wanted.aggs else answer

    # One bucket -------------------------------------------------------------------------------------------

    def _single(self, query: tantivy.Query, aggs: Mapping[str, Aggregation]) -> AggregationResult:
        return AggregationResult(
            count=self.count(query), aggregations=self.aggregate(query, aggs) if aggs else {}
        )

    def _missing(self, query: tantivy.Query, wanted: MissingAgg, _: Any) -> AggregationResult:
        return self._single(every([query, without(self.translator.exists(wanted.field))]), wanted.aggs)

    def _filter(self, query: tantivy.Query, wanted: FilterAgg, _: Any) -> AggregationResult:
        return self._single(every([query, self.translator.query(wanted.query)]), wanted.aggs)

    def _filters(self, query: tantivy.Query, wanted: FiltersAgg, _: Any) -> AggregationResult:
        answers = {
            key: self._single(every([query, self.translator.query(clause)]), wanted.aggs)
            for key, clause in wanted.filters.items()
        }
        return AggregationResult(
            buckets=tuple(
                Bucket(key=key, count=answer.count or 0, aggregations=answer.aggregations)
                for key, answer in answers.items()
            )
        )


def _pairs(wanted: Mapping[str, Aggregation]) -> dict[str, str]:
    """Of each text of which both the values and the models without one are counted: the names of both."""
    lacking = {
        aggregation.field: name
        for name, aggregation in wanted.items()
        if isinstance(aggregation, MissingAgg) and not aggregation.aggs
    }
    return {
        name: lacking.pop(aggregation.field)
        for name, aggregation in wanted.items()
        if isinstance(aggregation, TermsAgg)
        and aggregation.field in lacking
        and is_counted_with_lacking(aggregation)
    }


def _without_bounds(answer: AggregationResult) -> AggregationResult:
    return replace(answer, buckets=tuple(replace(bucket, start=None, end=None) for bucket in answer.buckets))


def _refuse_nested(
    _query: tantivy.Query, wanted: NestedAgg | ReverseNestedAgg, _native: Any
) -> AggregationResult:
    part = "nested" if isinstance(wanted, NestedAgg) else "reverse_nested"
    raise RequestRefused(
        part, "cannot count evaluations one by one in the embedded engine. Use Elasticsearch."
    )


def _included(wanted: TermsAgg) -> bool:
    """Whether the value that stands for none begins as all values shall."""
    begins = wanted.prefix is None or fold(str(wanted.missing)).startswith(fold(wanted.prefix))
    return begins and _chosen(wanted)(_as_key(wanted.field, wanted.missing))


def _as_key(field: str, value: Any) -> Any:
    """The value as the key of its bucket."""
    return leaf_text(value) if is_leaf(field) else comparable(field, value)


def _chosen(wanted: TermsAgg) -> Callable[[Any], bool]:
    """Whether a value is one of those that alone are counted, and none of those that are not."""
    only = None if wanted.only is None else {_as_key(wanted.field, value) for value in wanted.only}
    excluded = {_as_key(wanted.field, value) for value in wanted.excluded}
    return lambda value: (only is None or value in only) and value not in excluded


def _too_many(field: str) -> RequestRefused:
    return RequestRefused(field, f"has more than {MAX_TERMS:,} values; narrow the search.")


def _too_fine() -> RequestRefused:
    return RequestRefused("interval", f"makes more than {MAX_BUCKETS:,} buckets.")


def _end_of(start: datetime, interval: str | int) -> datetime | None:
    try:
        return next_period(start, interval)
    except (ValueError, OverflowError):
        return None
