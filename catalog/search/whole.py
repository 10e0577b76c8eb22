"""The whole catalog's values, bounds and metrics, counted once per state of the index.

Facets are drawn against it: what stays in place while one clicks is what no condition changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from catalog.lazy_dataclasses import dataclass
from catalog.query.request import (
    Aggregation,
    AggregationResult,
    Bucket,
    DateHistogramAgg,
    MetricAgg,
    MissingAgg,
    SearchRequest,
    SearchResult,
    TermsAgg,
)
from catalog.query.subjects import METRICS
from catalog.search.engine import SearchEngine
from catalog.text.folding import fold
from mappings import Field, facet_fields, fields

VALUES_KEPT = 10
"""Values of one field that a facet lists, the most frequent ones of the catalog."""
METRICS_KEPT = 500
MOST_KEPT = 2_000
"""Things that are kept of one state of the index: some per facet, and searches name facets without end."""
_METRIC_NAMES = "metric_names"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpan:
    """How many models have a number, and the least and the greatest one."""

    count: int
    least: float
    greatest: float


class WholeCatalog:
    """What facets show where nothing is asked. One question for all of them, one more for each metric's bounds."""

    def __init__(self, engine: SearchEngine) -> None:
        self._engine = engine
        self._spans: dict[str, FieldSpan | None] = {}
        self._kept: dict[Hashable, Any] = {}

    def kept(self, what: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once: it depends on nothing but this state of the index."""
        if what in self._kept:
            known: T = self._kept[what]
            return known
        value = make()
        if len(self._kept) < MOST_KEPT:
            self._kept[what] = value
        return value

    @cached_property
    def _result(self) -> SearchResult:
        asked: dict[str, Aggregation] = {row.name: _question(row) for row in facet_fields()}
        asked |= {_lacking(row.name): MissingAgg(field=row.name) for row in facet_fields()}
        asked[_METRIC_NAMES] = TermsAgg(field=_METRIC_NAMES, size=METRICS_KEPT)
        return self._engine.search(SearchRequest(size=0, aggregations=asked))

    @property
    def _answers(self) -> Mapping[str, AggregationResult]:
        return self._result.aggregations

    def holds(self, name: str) -> bool:
        """Whether any model has the field at all."""
        row = fields().get(name)
        if row is None or row.numeric:
            return self.span(name) is not None
        return name not in self._answers or bool(self._answers[name].buckets)

    def values(self, name: str) -> tuple[str, ...]:
        """The most frequent values of a field, as documents write them; none of a field that is no usual facet."""
        return tuple(self.places(name).values())

    def places(self, name: str) -> Mapping[str, str]:
        """The same by their folded form."""
        return self.kept(
            ("places", name),
            lambda: {
                fold(value): value
                for bucket in self._answers.get(name, AggregationResult()).buckets
                for value in (value_text(bucket),)
            },
        )

    def lacks(self, name: str) -> bool:
        """Whether some model has no value of it."""
        if _lacking(name) in self._answers:
            return bool(self._answers[_lacking(name)].count)
        span = self.span(name) if name not in fields() else None
        return span is not None and span.count < self._result.total

    def is_everywhere(self, name: str) -> bool:
        """Whether every model has a value of it. False of a field that is no usual facet."""
        return _lacking(name) in self._answers and not self._answers[_lacking(name)].count

    def listed(self, name: str) -> bool:
        """Whether `values` are all there are."""
        return name in self._answers and not self._answers[name].other_count

    def months(self, name: str) -> tuple[datetime, ...]:
        """The months of a date in which there is any model, in their order."""
        buckets = self._answers.get(name, AggregationResult()).buckets
        return tuple(bucket.key for bucket in buckets if bucket.count)

    def span(self, name: str) -> FieldSpan | None:
        """The bounds of a number or metric; None where no model has it."""
        if name in self._answers:
            return _span(self._answers[name])
        if name not in self._spans:
            request = SearchRequest(size=0, aggregations={name: MetricAgg(kind="stats", field=name)})
            self._spans[name] = _span(self._engine.search(request).aggregations[name])
        return self._spans[name]

    @property
    def metrics(self) -> Mapping[str, int]:
        """The metrics that models report, with how many do, the most frequent first."""
        return {str(bucket.key): bucket.count for bucket in self._answers[_METRIC_NAMES].buckets}


def metric_field(name: str) -> str:
    """The column of a metric."""
    return f"{METRICS}{name}"


def value_text(bucket: Bucket) -> str:
    """A value of a facet as its address has it."""
    if isinstance(bucket.key, bool):
        return "true" if bucket.key else "false"
    if isinstance(bucket.key, float) and bucket.key.is_integer():
        return str(int(bucket.key))
    return str(bucket.key)


def _lacking(name: str) -> str:
    return f"{name}#lacking"


def _question(row: Field) -> Aggregation:
    if row.type == "date":
        return DateHistogramAgg(field=row.name, calendar_interval="month", min_doc_count=1)
    if row.facet == "range":
        return MetricAgg(kind="stats", field=row.name)
    return TermsAgg(field=row.name, size=VALUES_KEPT)


def _span(answer: AggregationResult) -> FieldSpan | None:
    count, least, greatest = (answer.values.get(part) for part in ("count", "min", "max"))
    if not count or least is None or greatest is None:
        return None
    return FieldSpan(count=int(count), least=least, greatest=greatest)
