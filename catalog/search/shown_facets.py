"""The facets of one page: what is asked for them, and what they show of the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import Query
from catalog.query.request import Aggregation, SearchResult, TermsAgg
from catalog.query.state import PLOT, TABLE, SearchState
from catalog.query.validate import MAX_AGGREGATIONS
from catalog.search import facets
from catalog.search.leading_metric import TASK, leading_metric, tasks_of
from catalog.search.page_state import FacetView
from catalog.search.whole import WholeCatalog, metric_field

_REPORTED = "reported metrics"
_METRIC_NAMES = "metric_names"
_MOST_REPORTED = 100
_METRICS_REPORTED = {_REPORTED: TermsAgg(field=_METRIC_NAMES, size=_MOST_REPORTED)}
_NAMING_METRICS = frozenset({TABLE, PLOT})
"""The views that offer the metrics of the models found; to count their names takes a tenth of the time of all facets."""
Again = Callable[[Mapping[str, Aggregation]], SearchResult]
"""Counts what was not asked for at first."""


@dataclass(frozen=True, kw_only=True)
class ShownFacets:
    """The facets that a page asks for. `leading` is the metric that leads as far as it is known before the answer, `with_ends`
    whether the least and the greatest values of ranges are told.
    """

    state: SearchState
    tasks: tuple[str, ...]
    metrics: tuple[str, ...]
    leading: str
    whole: WholeCatalog
    with_ends: bool

    @classmethod
    def of(
        cls,
        state: SearchState,
        query: Query,
        metrics: tuple[str, ...],
        whole: WholeCatalog,
        *,
        with_ends: bool,
    ) -> ShownFacets:
        """Those of a state; `metrics` are the ones that it names."""
        tasks = tasks_of(query, state.selections.get(TASK, ()))
        leading = leading_metric(metrics, tasks, whole.metrics)
        return cls(
            state=state, tasks=tasks, metrics=metrics, leading=leading, whole=whole, with_ends=with_ends
        )

    @cached_property
    def names(self) -> list[str]:
        """As many as engines count at once, those with a choice before all others; in their order."""
        metrics = dict.fromkeys((*self.metrics, *([self.leading] if self.leading else [])))
        names = facets.wanted(self.state, [metric_field(name) for name in metrics], self.whole)
        kept, counted = set(), 0
        for name in sorted(names, key=lambda name: name not in self.state.selections):
            cost = _size(facets.asked_of(self.state, name, self.whole, with_ends=self.with_ends))
            if counted + cost < MAX_AGGREGATIONS:
                kept.add(name)
                counted += cost
        return [name for name in names if name in kept]

    @property
    def aggregations(self) -> Mapping[str, Aggregation]:
        asked = self._asked(self.names)
        return {**asked, **_METRICS_REPORTED} if self.state.view.kind in _NAMING_METRICS else asked

    def _asked(self, names: Iterable[str]) -> dict[str, Aggregation]:
        return facets.aggregations(self.state, names, self.whole, with_ends=self.with_ends)

    def led(self, result: SearchResult, again: Again) -> ShownFacets:
        """The same led by a metric that the models found do report, where the one guessed is reported by none."""
        guessed = bool(self.leading and result.total and not self.metrics)
        if not guessed or facets.is_reported(metric_field(self.leading), result):
            return self
        reported = _reported(result if _REPORTED in result.aggregations else again(_METRICS_REPORTED))
        if not reported or self.leading in reported:
            return self
        return replace(self, leading=leading_metric((), self.tasks, reported) or self.leading)

    def reported(self, result: SearchResult) -> tuple[str, ...]:
        """The metrics of the models found, the most frequent first, where the view offers them."""
        return tuple(_reported(result)) if _REPORTED in result.aggregations else ()

    def views(self, result: SearchResult, total: int, again: Again) -> tuple[FacetView, ...]:
        """The facets as they are shown."""
        answers = dict(result.aggregations)
        counted = facets.own(answers)
        lacking = [name for name in self.names if name not in self.state.selections and name not in counted]
        if lacking:
            answers |= again(self._asked(lacking)).aggregations
        return facets.views(self.state, self.names, answers, total, self.whole)


def _reported(result: SearchResult) -> dict[str, int]:
    return {str(bucket.key): bucket.count for bucket in result.aggregations[_REPORTED].buckets}


def _size(aggregations: Mapping[str, Aggregation]) -> int:
    """How many aggregations these are, those below them counted."""
    return sum(1 + _size(getattr(asked, "aggs", {})) for asked in aggregations.values())
