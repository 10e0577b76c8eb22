"""A search as it is understood: its query, what each selection means, its order, and what it would be without a part of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import Query
from catalog.query.problems import QueryProblem
from catalog.query.request import MAX_RESULT_WINDOW, Aggregation, SearchRequest, SortKey
from catalog.query.state import PLOT, ResultView, SearchState
from catalog.query.subjects import METRICS, compared_metrics, metrics_of, scores
from catalog.query.text.parse_context import Reading
from catalog.query.text.search_text import Condition, ParsedQuery, ordering_text
from catalog.query.text.sorting import parse_sort
from catalog.query.text.targets import resolve
from catalog.search.absent_models import asked_for, only_present
from catalog.search.selections import selection_query
from catalog.search.typed_choices import TypedChoices

MAX_METRIC_FACETS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderstoodSearch:
    """A state, read: the query, what each selection means, the order, and all there is to say about them."""

    state: SearchState
    parsed: ParsedQuery
    typed: TypedChoices  # what of it is a choice of a facet
    selections: Mapping[str, Query]
    sort: tuple[SortKey, ...]
    notices: tuple[str, ...]
    asked_page: int = 1
    unread: tuple[str, ...] = ()  # what of selections and order was left out
    ordered: bool = False  # somebody asked for the order

    @classmethod
    def of(cls, state: SearchState, parsed: ParsedQuery, reading: Reading) -> UnderstoodSearch:
        """The state of which `parsed` is the text; `reading` is of its order. What means nothing is left out and told."""
        notices: list[str] = []
        selections = {}
        for field, values in state.selections.items():
            query, sentences = selection_query(field, values, reading.now)
            notices += sentences
            if query is not None:
                selections[field] = query
        chosen = parse_sort(state.sort, reading) if state.sort else ()
        notices += [problem.message for problem in reading.problems]
        unread = tuple(notices)
        return cls(
            state=_clamped(state),
            parsed=parsed,
            typed=TypedChoices.of(parsed, state),
            selections=selections,
            sort=chosen or parsed.sort or _default_sort(parsed.query),
            notices=unread,
            asked_page=state.page,
            unread=unread,
            ordered=bool(chosen or parsed.sort),
        )

    @property
    def problems(self) -> tuple[QueryProblem, ...]:
        """What is wrong with the text."""
        return self.parsed.problems

    @property
    def query(self) -> Query:
        """What the engine is asked for: models that are not there any more only where a condition speaks of them."""
        return only_present(self.parsed.query) if self.hides_absent else self.parsed.query

    @property
    def asks_nothing(self) -> bool:
        """Whether every model that is there is found."""
        return not (self.state.text.strip() or self.state.selections)

    @property
    def hides_absent(self) -> bool:
        return not asked_for((self.parsed.query, *self.selections.values()))

    def request(self, aggregations: Mapping[str, Aggregation] | None = None) -> SearchRequest:
        """The engine's request for this page of it."""
        return SearchRequest(
            query=self.query,
            selections=self.selections,
            aggregations=aggregations or {},
            sort=self.sort,
            offset=(self.state.page - 1) * self.state.size,
            size=self.page_size,
        )

    def with_choices(self, request: SearchRequest) -> SearchRequest:
        """The same request with what the text chooses as selections, so that their facets keep the alternatives."""
        rest = only_present(self.typed.rest) if self.hides_absent else self.typed.rest
        return replace(request, query=rest, selections={**self.selections, **self.typed.selections})

    def faceted_state(self) -> SearchState:
        """The state with the choices of the text, without selections that mean nothing: the engine knows none of their name."""
        kept = {field: values for field, values in self.state.selections.items() if field in self.selections}
        return self.typed.chosen(replace(self.state, selections=kept))

    def metrics(self) -> tuple[str, ...]:
        """The metrics that the search and its view are about: each gets a facet of its own."""
        query = self.parsed.query
        compared = (*sorted_metrics(self.sort), *compared_metrics(query)) or metrics_of(query)
        named = [
            *tuple(dict.fromkeys(compared))[:MAX_METRIC_FACETS],
            *_slugs(name for name in self.faceted_state().selections if name.startswith(METRICS)),
            *_slugs(_plotted(self.state.view)),
        ]
        return tuple(dict.fromkeys(named))

    # How many of the models found are asked for

    def limited(self, total: int) -> int:
        limit = self.parsed.limit
        return total if limit is None else min(total, limit)

    @property
    def page_size(self) -> int:
        """Models on this page: not beyond the limit that the query sets."""
        size, limit = self.state.size, self.parsed.limit
        return size if limit is None else max(0, min(size, limit - (self.state.page - 1) * size))

    def page_count(self, total: int) -> int:
        """Pages that can be reached of so many models found."""
        size = self.state.size
        reachable = min(self.limited(total), MAX_RESULT_WINDOW // size * size)
        return -(-reachable // size)

    def limit_notices(self, total: int) -> tuple[str, ...]:
        """What to say where not all models found are shown."""
        limit = self.parsed.limit
        if limit is not None and total > limit:
            return (f"These are the first {limit:,} of {total:,}, as asked for; filters count all of them.",)
        total = self.limited(total)
        if total <= MAX_RESULT_WINDOW or self.state.page < self.page_count(total):
            return ()
        first = f"These are the first {MAX_RESULT_WINDOW:,} of {total:,}"
        return (f"{first}; narrow the search, or export all of it.",)

    # What it would be without a part of it

    def without_condition(self, index: int) -> SearchState:
        conditions = self.parsed.conditions
        rest = conditions[:index] + conditions[index + 1 :]
        text = _text(rest, self.parsed.sort, self.parsed.limit)
        return replace(self.state, text=text, page=1)

    def text_without(self, condition: Condition) -> str:
        return self.without_condition(self.parsed.conditions.index(condition)).text

    def without_sort(self) -> SearchState:
        text = _text(self.parsed.conditions, limit=self.parsed.limit)
        return replace(self.state, sort="", text=text, page=1)

    def without_limit(self) -> SearchState:
        return replace(self.state, text=_text(self.parsed.conditions, self.parsed.sort), page=1)

    def without_all(self, restrictions: Sequence[int]) -> SearchState:
        """Without these of its restrictions, which are its conditions and, behind them, its selections."""
        left_out = set(restrictions)
        conditions = self.parsed.conditions
        rest = [condition for place, condition in enumerate(conditions) if place not in left_out]
        kept = {
            field: self.state.selections[field]
            for place, field in enumerate(self.selections, len(conditions))
            if place not in left_out
        }
        text = _text(tuple(rest), self.parsed.sort, self.parsed.limit)
        return replace(self.state, text=text, selections=kept, page=1)


def sorted_metrics(sort: tuple[SortKey, ...]) -> tuple[str, ...]:
    """The slugs of the metrics that order the models."""
    return tuple(_slugs(key.field for key in sort if key.field.startswith(METRICS)))


def _slugs(names: Iterable[str]) -> list[str]:
    return [name.removeprefix(METRICS) for name in names]


def _plotted(view: ResultView) -> list[str]:
    """The metrics on the axes that a plot was asked for."""
    names = (view.y, view.x) if view.kind == PLOT else ()
    targets = [target for name in names if name for target in resolve(name)[:1]]
    return [target.path for target in targets if target.path.startswith(METRICS)]


def _clamped(state: SearchState) -> SearchState:
    """The state within the window that engines page through."""
    size = min(max(state.size, 1), MAX_RESULT_WINDOW)
    last = max(1, MAX_RESULT_WINDOW // size)
    return replace(state, size=size, page=min(max(state.page, 1), last))


def _default_sort(query: Query) -> tuple[SortKey, ...]:
    """Best match where there are words to match, else newest first."""
    return () if scores(query) else (SortKey(field="best_date", descending=True),)


def _text(conditions: tuple[Condition, ...], sort: tuple[SortKey, ...] = (), limit: int | None = None) -> str:
    return " ".join((*(condition.label for condition in conditions), *ordering_text(sort, limit)))
