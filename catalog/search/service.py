"""Searches as people make them: from the state of a page to everything the page shows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import All, And, Match, Nested, Not, Or, Phrase, Query, Terms
from catalog.query.problems import QueryProblem
from catalog.query.request import (
    MAX_RESULT_WINDOW,
    Aggregation,
    AggregationResult,
    SearchRequest,
    SearchResult,
    SortKey,
    TermsAgg,
)
from catalog.query.state import PLOT, Chip, ResultView, SearchState
from catalog.query.subjects import METRICS, compared_metrics, metrics_of, words_of
from catalog.query.text.parse_context import Reading
from catalog.query.text.search_text import Condition, ParsedQuery, ordering_text, parse
from catalog.query.text.sorting import parse_sort, print_sort
from catalog.query.text.targets import Vocabulary, resolve
from catalog.query.validate import MAX_INCLUDE_CHARACTERS
from catalog.search.absent_models import asked_for, only_present
from catalog.search.display_values import SpelledEngine
from catalog.search.engine import SearchEngine
from catalog.search.leading_metric import leading_metric, tasks_of
from catalog.search.page_state import COPIED, WHOLE_PAGE, FacetView, PageParts, SearchPage
from catalog.search.parameters import from_parameters, parameter_of, to_parameters
from catalog.search.selections import selected_label, selection_query, toggled, value_label
from catalog.search.typed_choices import TypedChoices
from catalog.search.vocabulary import (
    PresentId,
    ResultVocabulary,
    SourceNames,
    Watch,
    metrics_of_result,
    never_moved,
    unnamed,
)
from catalog.text.folding import fold
from mappings import fields

if TYPE_CHECKING:
    from catalog.search.explain import Restriction
    from catalog.search.shown_facets import Again, ShownFacets

__all__ = ["SearchService", "from_parameters", "to_parameters"]

MAX_SIZE = MAX_RESULT_WINDOW
MOST_COPIES = 200
"""Models with the weights of those of one page that are looked at; beyond, copies are folded within their page alone."""
MAX_METRIC_FACETS = 4
VALUES_SEARCHED = 50
MAX_LISTED = 2_000
"""Values of a field that are kept for who looks through them letter by letter."""
SOURCE = "source"
MOST_SOURCES = 1_000
"""Sources among which one is looked for by its name."""
EXPORT_PAGE = 1_000
EXPORT_KEPT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Understood:
    """A state, read: the query, what each selection means, the order, and all there is to say about them."""

    state: SearchState
    parsed: ParsedQuery
    typed: TypedChoices  # what of it is a choice of a facet
    selections: Mapping[str, Query]
    sort: tuple[SortKey, ...]
    problems: tuple[QueryProblem, ...]
    notices: tuple[str, ...]
    asked_page: int = 1
    unread: tuple[str, ...] = ()  # what of selections and order was left out
    ordered: bool = False  # somebody asked for the order

    @property
    def query(self) -> Query:
        """What the engine is asked for: models that are not there any more only where a condition speaks of them."""
        return only_present(self.parsed.query) if self.hides_absent else self.parsed.query

    def chosen(self, request: SearchRequest) -> SearchRequest:
        """The same request with what the text chooses as selections, so that their facets keep the alternatives."""
        rest = only_present(self.typed.rest) if self.hides_absent else self.typed.rest
        return replace(request, query=rest, selections={**self.selections, **self.typed.selections})

    @property
    def asks_nothing(self) -> bool:
        """Whether every model that is there is found."""
        return not (self.state.text.strip() or self.state.selections)

    @property
    def hides_absent(self) -> bool:
        return not asked_for((self.parsed.query, *self.selections.values()))


class SearchService:
    """Every search of a person: pages, counts, facet values and exports, on any engine."""

    def __init__(
        self, engine: SearchEngine, present: PresentId = never_moved, names: SourceNames = unnamed
    ) -> None:
        """`present` tells which id a model has now that had another one before, `names` what persons call sources."""
        self.engine = engine
        self.spelled = SpelledEngine(engine)
        self._watch = Watch(engine, self.spelled, present, names)

    def page(self, state: SearchState, parts: PageParts = WHOLE_PAGE) -> SearchPage:
        """Everything a results page shows, or these parts of it. Never fails for what stands in the state.

        Raises: EngineUnavailable when the engine cannot answer now.
        """
        started = time.monotonic()
        understood = self._understood(state)
        shown = understood.typed.chosen(_drop_unread(understood.state, understood.selections))
        facets = self._facets(shown, understood, with_ends=parts.ends) if parts.facets else None
        request = understood.chosen(self._request(understood, facets.aggregations if facets else {}))
        result = self._counted(request)

        def again(aggregations: Mapping[str, Aggregation]) -> SearchResult:
            asked = replace(request, aggregations=aggregations, size=0, offset=0, needs_total=False)
            return self._counted(asked)

        facets = facets and facets.led(result, again)
        understood, result = self._on_last_page(understood, request, result)
        copies = self._copies(request, result)
        absent = () if result.total else self._absent(understood, request)
        reasons, words = ((), ()) if result.total else self._explained(understood)
        if parts.relaxed and not result.total:
            understood, result = self._with_most_words(understood, request, result)
        return SearchPage(
            state=understood.state,
            canonical_text=understood.parsed.canonical,
            total=_limited(result.total, understood),
            page_count=_pages(_limited(result.total, understood), understood.state.size),
            hits=tuple(hit.document for hit in result.hits),
            chips=_chips(understood),
            facets=self._named(_shown_facets(facets, understood, result, again)) if facets else (),
            problems=self._promising((*understood.problems, *words), understood.selections),
            empty_reasons=reasons,
            notices=(*understood.notices, *absent, *_told_limits(result.total, understood)),
            catalog_size=self._watch.info().documents,
            took_ms=int((time.monotonic() - started) * 1000),
            engine=result.engine or self.engine.name,
            order=print_sort(understood.sort) if understood.sort else "",
            reported=facets.reported(result) if facets else (),
            copies=copies,
            request=self._request(understood, {}),
            leading=facets.leading if facets else "",
        )

    def request(self, state: SearchState) -> SearchRequest:
        """The engine's request for a state, without facets."""
        return self._request(self._understood(state), {})

    def understood(self, text: str) -> ParsedQuery:
        """How a query text is read in this catalog."""
        return self._parsed(text, datetime.now(UTC))

    def _parsed(self, text: str, now: datetime) -> ParsedQuery:
        """The text as read here. What "best" means is asked of the models that the rest of it finds."""
        parsed = parse(text, vocabulary=self._vocabulary(), now=now)
        if not parsed.rewritten or not any(key.field.startswith(METRICS) for key in parsed.sort):
            return parsed
        asked = _without_order(parsed)
        reported, usual = metrics_of_result(self.engine, asked)
        leading = leading_metric((), tasks_of(asked) or usual, reported)
        if not leading:
            return parsed
        vocabulary = ResultVocabulary(self._vocabulary(), {leading: reported[leading]})
        return parse(text, vocabulary=vocabulary, now=now)

    def count(self, state: SearchState) -> int:
        """How many models a state finds."""
        understood = self._understood(state)
        asked = replace(self._request(understood, {}), size=0, offset=0)
        return _limited(self.engine.search(asked).total, understood)

    def first(self, state: SearchState, most: int) -> tuple[int, tuple[Mapping[str, Any], ...]]:
        """How many models a state finds, and at most so many of them, in its order."""
        understood = self._understood(replace(state, page=1, size=most))
        result = self.engine.search(replace(self._request(understood, {}), size=_limited(most, understood)))
        return _limited(result.total, understood), tuple(hit.document for hit in result.hits)

    def not_understood(self, state: SearchState) -> tuple[str, ...]:
        """A sentence for each condition, order or selection that the answer leaves out or searches as text."""
        understood = self._understood(state)
        sentences = [problem.message for problem in understood.problems if not problem.understood]
        return (*sentences, *understood.unread)

    def export(self, state: SearchState) -> Iterator[Mapping[str, Any]]:
        """Every model found without a limit, in the order that the state asks for, else in that of ids."""
        understood = self._understood(state)
        request = replace(self._request(understood, {}), size=0, offset=0)
        limit = understood.parsed.limit
        if not understood.ordered and limit is None:
            return self.spelled.scan(request)
        return islice(self._in_order(replace(request, size=EXPORT_PAGE)), limit)

    def _in_order(self, request: SearchRequest) -> Iterator[Mapping[str, Any]]:
        """Every model of one point in time, page after page."""
        point = self.spelled.point_in_time(keep_seconds=EXPORT_KEPT_SECONDS)
        try:
            while True:
                hits = point.search(request).hits
                yield from (hit.document for hit in hits)
                if len(hits) < request.size:
                    return
                request = replace(request, after=hits[-1].sort)
        finally:
            point.close()

    def facet(
        self, state: SearchState, field: str, prefix: str = "", *, letter_by_letter: bool = False
    ) -> FacetView:
        """More values of one facet, those that begin with `prefix`, counted without the facet's own selection. One that the
        text of the search makes is a selection, too. Who looks `letter_by_letter` is answered from a list of all values, which
        is made once per state of the index, where the search finds every model.
        """
        from catalog.search.facets import facet_bucket  # noqa: PLC0415 - the command line shows none

        understood = self._understood(state)
        begun = prefix[:MAX_INCLUDE_CHARACTERS]  # typed by a person: the rest is no reason to refuse
        listed = self._listed(understood, field) if letter_by_letter and understood.asks_nothing else None
        answer = (
            self._counted_beginning(understood, field, begun)
            if listed is None
            else _beginning(listed, fold(begun))
        )
        row = fields().get(field)
        chosen = understood.typed.chosen(state).selections.get(field, ())
        buckets = [facet_bucket(field, str(bucket.key), bucket.count, chosen) for bucket in answer.buckets]
        view = FacetView(
            field=field,
            parameter=parameter_of(field),
            label=row.label if row else field,
            kind="terms",
            state=state,
            buckets=tuple(buckets),
            other_count=answer.other_count,
        )
        if field == SOURCE:
            view = _begun(self._named((view,))[0], begun)
        return understood.typed.view(view, understood.state, partial(_text_without, understood))

    def _counted_beginning(self, understood: _Understood, field: str, begun: str) -> AggregationResult:
        # a source is looked for by its name, which the engine does not know
        by_name = field == SOURCE and bool(begun)
        size = MOST_SOURCES if by_name else VALUES_SEARCHED
        return self._terms(
            understood, TermsAgg(field=field, size=size, prefix=None if by_name else begun or None)
        )

    def _listed(self, understood: _Understood, field: str) -> AggregationResult | None:
        return self._watch.whole().kept(("listed", field), lambda: self._complete(understood, field))

    def _complete(self, understood: _Understood, field: str) -> AggregationResult | None:
        """All values of a field; None where there are more than are kept."""
        answer = self._terms(understood, TermsAgg(field=field, size=MAX_LISTED))
        return None if answer.other_count else answer

    def _terms(self, understood: _Understood, terms: TermsAgg) -> AggregationResult:
        field = terms.field
        request = replace(self._request(understood, {field: terms}), size=0, offset=0, needs_total=False)
        return self._counted(understood.chosen(request)).aggregations[field]

    def source_names(self) -> Mapping[str, str]:
        """What persons call the sources, by what documents call them, as of a few seconds ago."""
        return self._watch.source_names()

    def _named(self, views: tuple[FacetView, ...]) -> tuple[FacetView, ...]:
        """The facets, sources by what persons call them."""
        if not any(view.field == SOURCE and view.buckets for view in views):
            return views
        names = self._watch.source_names()
        return tuple(_called(view, names) if names and view.field == SOURCE else view for view in views)

    def _facets(self, state: SearchState, understood: _Understood, *, with_ends: bool) -> ShownFacets:
        from catalog.search.shown_facets import ShownFacets  # noqa: PLC0415 - the command line shows none

        asked = [*_metrics(understood), *(name for name in state.selections if name.startswith(METRICS))]
        asked += _plotted(state.view)
        named = tuple(dict.fromkeys(name.removeprefix(METRICS) for name in asked))
        whole = self._watch.whole()
        return ShownFacets.of(state, understood.parsed.query, named, whole, with_ends=with_ends)

    def _counted(self, request: SearchRequest) -> SearchResult:
        """The engine's answer, its values named as documents write them."""
        self.spelled.of_generation(self._watch.info().generation)
        return self.spelled.search(request)

    def _vocabulary(self) -> Vocabulary:
        return self._watch.vocabulary()

    def _understood(self, state: SearchState) -> _Understood:
        now = datetime.now(UTC)
        parsed = self._parsed(state.text, now)
        notices: list[str] = []
        selections = {}
        for field, values in state.selections.items():
            query, sentences = selection_query(field, values, now)
            notices += sentences
            if query is not None:
                selections[field] = query
        reading = Reading(text=state.sort, now=now, vocabulary=self._vocabulary())
        chosen = parse_sort(state.sort, reading) if state.sort else ()
        notices += [problem.message for problem in reading.problems]
        sort = chosen or parsed.sort or _default_sort(parsed.query)
        unread = tuple(notices)
        return _Understood(
            state=_clamped(state),
            parsed=parsed,
            typed=TypedChoices.of(parsed, state),
            selections=selections,
            sort=sort,
            problems=parsed.problems,
            notices=unread,
            asked_page=state.page,
            unread=unread,
            ordered=bool(chosen or parsed.sort),
        )

    def _request(self, understood: _Understood, aggregations: Mapping[str, Aggregation]) -> SearchRequest:
        state = understood.state
        return SearchRequest(
            query=understood.query,
            selections=understood.selections,
            aggregations=aggregations,
            sort=understood.sort,
            offset=(state.page - 1) * state.size,
            size=_size(understood),
        )

    def _on_last_page(
        self, understood: _Understood, request: SearchRequest, result: SearchResult
    ) -> tuple[_Understood, SearchResult]:
        """A page beyond the end shows the last one there is."""
        total = _limited(result.total, understood)
        last = max(1, _pages(total, understood.state.size))
        if total and understood.asked_page > -(-total // understood.state.size):
            notice = f"Page {understood.asked_page:,} does not exist; this is the last one."
            understood = replace(understood, notices=(*understood.notices, notice))
        if understood.state.page <= last:
            return understood, result
        state = replace(understood.state, page=last)
        understood = replace(understood, state=state)
        size = _size(understood)
        again = self.engine.search(
            replace(request, offset=(last - 1) * state.size, size=size, aggregations={})
        )
        return understood, replace(again, aggregations=result.aggregations)

    def _copies(
        self, request: SearchRequest, result: SearchResult
    ) -> dict[str, tuple[Mapping[str, Any], ...]]:
        """The models with the same weights as one of this page, wherever the order puts them."""
        groups = {str(group) for hit in result.hits if (group := hit.document.get(COPIED))}
        if not groups or result.total <= len(result.hits):
            return {}
        query = And((request.query, Terms(COPIED, tuple(sorted(groups)))))
        asked = replace(request, query=query, offset=0, size=MOST_COPIES, aggregations={})
        copies: dict[str, tuple[Mapping[str, Any], ...]] = {}
        for hit in self.engine.search(asked).hits:
            group = str(hit.document[COPIED])
            copies[group] = (*copies.get(group, ()), hit.document)
        return copies

    def _absent(self, understood: _Understood, request: SearchRequest) -> tuple[str, ...]:
        """Of a search that finds nothing: how many models it would find that are not there any more."""
        if not understood.hides_absent:
            return ()
        asked = replace(request, query=understood.parsed.query, size=0, offset=0, aggregations={})
        if not (number := self.engine.search(asked).total):
            return ()
        return (
            f"{number:,} that {'is' if number == 1 else 'are'} no longer there would match: add is:missing.",
        )

    def _with_most_words(
        self, understood: _Understood, request: SearchRequest, result: SearchResult
    ) -> tuple[_Understood, SearchResult]:
        from catalog.search.nearest_answers import compares, denies, most_words  # noqa: PLC0415 - most searches find something

        parsed = understood.parsed
        if denies(parsed.conditions):
            return understood, result
        nearest = most_words(self.engine, parsed.conditions, understood.selections)
        # what a sentence leaves out must not come back as its words
        if (
            nearest is None
            and parsed.rewritten
            and not (leaves_out(parsed.query) or compares(parsed.conditions))
        ):
            nearest = self._as_words(parsed, understood.selections)
        if nearest is None:
            return understood, result
        query, sentence = nearest
        relaxed = replace(understood, notices=(*understood.notices, sentence))
        shown = only_present(query) if understood.hides_absent else query
        # choices of the text are part of this query as far as it holds them
        selections = {**dict.fromkeys(understood.typed.conditions, All()), **understood.selections}
        return relaxed, self._counted(replace(request, query=shown, selections=selections))

    def _as_words(self, parsed: ParsedQuery, selections: Mapping[str, Query]) -> tuple[Query, str] | None:
        """The words of a sentence as they stand, where what it was read as finds nothing."""
        from catalog.search.nearest_answers import most_words  # noqa: PLC0415 - most searches find something

        literal = self.understood(parsed.literal)
        sentence = f"No model is {parsed.canonical}; these have the words as they stand."
        asked = SearchRequest(query=And((literal.query, *selections.values())), size=0)
        if literal.conditions and self.engine.search(asked).total:
            return literal.query, sentence
        return most_words(self.engine, literal.conditions, selections)

    def _promising(
        self, problems: tuple[QueryProblem, ...], selections: Mapping[str, Query]
    ) -> tuple[QueryProblem, ...]:
        if not any(problem.suggestions for problem in problems):
            return problems
        from catalog.search.nearest_answers import promising  # noqa: PLC0415 - most searches are understood

        return promising(self.engine, problems, self.understood, selections)

    def _explained(self, understood: _Understood) -> tuple[Any, Any]:
        from catalog.search.explain import explain, largest_parts  # noqa: PLC0415 - most searches find something

        restrictions = _restrictions(understood)
        if not restrictions:
            return (), ()
        reasons, words = explain(self.engine, restrictions, understood.state.text, self._vocabulary())
        if not any(reason.without_count for reason in reasons):
            reasons = largest_parts(self.engine, restrictions, partial(_without_all, understood)) or reasons
        return reasons, words


def _shown_facets(
    facets: ShownFacets, understood: _Understood, result: SearchResult, again: Again
) -> tuple[FacetView, ...]:
    views, without = facets.views(result, result.total, again), partial(_text_without, understood)
    return tuple(understood.typed.view(view, understood.state, without) for view in views)


def _called(view: FacetView, names: Mapping[str, str]) -> FacetView:
    buckets = (replace(bucket, label=names.get(bucket.value, bucket.label)) for bucket in view.buckets)
    return replace(view, buckets=tuple(buckets))


def _beginning(listed: AggregationResult, begun: str) -> AggregationResult:
    """The most frequent of these values that begin so."""
    buckets = [bucket for bucket in listed.buckets if fold(str(bucket.key)).startswith(begun)]
    shown, rest = buckets[:VALUES_SEARCHED], buckets[VALUES_SEARCHED:]
    return AggregationResult(buckets=tuple(shown), other_count=sum(bucket.count for bucket in rest))


def _begun(view: FacetView, begun: str) -> FacetView:
    """The values that begin so, by one name or the other."""
    start = begun.casefold()
    shown = (
        bucket
        for bucket in view.buckets
        if bucket.value.casefold().startswith(start) or bucket.label.casefold().startswith(start)
    )
    return replace(view, buckets=tuple(islice(shown, VALUES_SEARCHED)))


def _drop_unread(state: SearchState, selections: Mapping[str, Query]) -> SearchState:
    """The state without selections that mean nothing: the engine knows no selection of that name."""
    kept = {field: values for field, values in state.selections.items() if field in selections}
    return replace(state, selections=kept)


def _clamped(state: SearchState) -> SearchState:
    """The state within the window that engines page through."""
    size = min(max(state.size, 1), MAX_SIZE)
    last = max(1, MAX_RESULT_WINDOW // size)
    return replace(state, size=size, page=min(max(state.page, 1), last))


def _pages(total: int, size: int) -> int:
    reachable = min(total, MAX_RESULT_WINDOW // size * size)
    return -(-reachable // size)


def _without_order(parsed: ParsedQuery) -> Query:
    """What the text asks for, without the metric that an order put in by itself."""
    asked = [
        condition.node
        for condition in parsed.conditions
        if condition.kind != "rewritten" or not condition.label.startswith("has:")
    ]
    return And(tuple(asked))


def _limited(total: int, understood: _Understood) -> int:
    """How many of the models found are asked for."""
    limit = understood.parsed.limit
    return total if limit is None else min(total, limit)


def _size(understood: _Understood) -> int:
    """Models on this page: not beyond the limit that the query sets."""
    state, limit = understood.state, understood.parsed.limit
    return state.size if limit is None else max(0, min(state.size, limit - (state.page - 1) * state.size))


def _told_limits(total: int, understood: _Understood) -> list[str]:
    limit = understood.parsed.limit
    if limit is not None and total > limit:
        return [f"These are the first {limit:,} of {total:,}, as asked for; filters count all of them."]
    return _limits(_limited(total, understood), understood.state)


def _limits(total: int, state: SearchState) -> list[str]:
    if total <= MAX_RESULT_WINDOW or state.page < _pages(total, state.size):
        return []
    return [
        f"These are the first {MAX_RESULT_WINDOW:,} of {total:,}; narrow the search, or export all of it."
    ]


def _default_sort(query: Query) -> tuple[SortKey, ...]:
    """Best match where there are words to match, else newest first."""
    return () if has_words(query) else (SortKey(field="best_date", descending=True),)


def leaves_out(query: Query) -> bool:
    """Whether something is asked for not to be there."""
    match query:
        case Not():
            return True
        case And(clauses=clauses) | Or(clauses=clauses):
            return any(leaves_out(clause) for clause in clauses)
        case Nested(query=inner):
            return leaves_out(inner)
        case _:
            return False


def has_words(query: Query) -> bool:
    """True when the query looks for words, so that models match more or less well."""
    match query:
        case Match() | Phrase():
            return True
        case And(clauses=clauses) | Or(clauses=clauses):
            return any(has_words(clause) for clause in clauses)
    return False


def _metrics(understood: _Understood) -> list[str]:
    """The metrics that the search is about: each gets a facet of its own."""
    query = understood.parsed.query
    asked = (*_sorted_metrics(understood.sort), *compared_metrics(query)) or metrics_of(query)
    return [f"{METRICS}{name}" for name in dict.fromkeys(asked)][:MAX_METRIC_FACETS]


def _plotted(view: ResultView) -> list[str]:
    """The metrics on the axes that a plot was asked for."""
    names = (view.y, view.x) if view.kind == PLOT else ()
    targets = [target for name in names if name for target in resolve(name)[:1]]
    return [target.path for target in targets if target.path.startswith(METRICS)]


def _sorted_metrics(sort: tuple[SortKey, ...]) -> tuple[str, ...]:
    return tuple(key.field.removeprefix(METRICS) for key in sort if key.field.startswith(METRICS))


def _chips(understood: _Understood) -> tuple[Chip, ...]:
    state, parsed = understood.state, understood.parsed
    chips = [
        Chip(
            label=condition.label,
            explanation=condition.explanation,
            kind=condition.kind,
            without=_without_condition(understood, index),
            metrics=metrics_of(condition.node),
            words=words_of(condition.node),
        )
        for index, condition in enumerate(parsed.conditions)
    ]
    for field, values in state.selections.items():
        chips += [
            Chip(
                label=selected_label(field, value),
                explanation="",
                kind="selection",
                without=toggled(state, field, value),
                metrics=(field.removeprefix(METRICS),) if field.startswith(METRICS) else (),
            )
            for value in values
        ]
    if understood.sort and (state.sort or parsed.sort):  # an unknown order is a notice, and best match stays
        without = replace(state, sort="", text=_text(parsed.conditions, limit=parsed.limit), page=1)
        label = f"sort:{print_sort(understood.sort)}"
        chips.append(
            Chip(
                label=label,
                explanation=_order(understood.sort),
                kind="sort",
                without=without,
                metrics=_sorted_metrics(understood.sort),
            )
        )
    if parsed.limit is not None:
        chips.append(
            Chip(
                label=f"limit:{parsed.limit}",
                explanation=f"the first {parsed.limit:,}",
                kind="limit",
                without=replace(state, text=_text(parsed.conditions, parsed.sort), page=1),
            )
        )
    if parsed.rewritten:
        chips.append(
            Chip(
                label="search these words instead",
                explanation=f"understood as {parsed.canonical}",
                kind="literal",
                without=replace(state, text=parsed.literal, page=1),
            )
        )
    elif parsed.dropped:
        left_out = ", ".join(dict.fromkeys(parsed.dropped))
        chips.append(
            Chip(
                label="search every word",
                explanation=f"without {left_out}",
                kind="literal",
                without=replace(state, text=parsed.literal, page=1),
            )
        )
    return tuple(chips)


def _order(sort: tuple[SortKey, ...]) -> str:
    key = sort[0]
    if key.field == "_score":
        return "best match first"
    row = fields().get(key.field)
    if row is not None and row.type == "date":
        return "newest first" if key.descending else "oldest first"
    return "highest first" if key.descending else "lowest first"


def _text(conditions: tuple[Condition, ...], sort: tuple[SortKey, ...] = (), limit: int | None = None) -> str:
    return " ".join((*(condition.label for condition in conditions), *ordering_text(sort, limit)))


def _text_without(understood: _Understood, condition: Condition) -> str:
    return _without_condition(understood, understood.parsed.conditions.index(condition)).text


def _without_condition(understood: _Understood, index: int) -> SearchState:
    parsed = understood.parsed
    rest = parsed.conditions[:index] + parsed.conditions[index + 1 :]
    return replace(understood.state, text=_text(rest, parsed.sort, parsed.limit), page=1)


def _without_all(understood: _Understood, restrictions: Sequence[int]) -> SearchState:
    """The search without these of its restrictions, which are its conditions and, behind them, its selections."""
    parsed, left_out = understood.parsed, set(restrictions)
    rest = [condition for place, condition in enumerate(parsed.conditions) if place not in left_out]
    chosen = {
        field: understood.state.selections[field]
        for place, field in enumerate(understood.selections, len(parsed.conditions))
        if place not in left_out
    }
    text = _text(tuple(rest), parsed.sort, parsed.limit)
    return replace(understood.state, text=text, selections=chosen, page=1)


def _restrictions(understood: _Understood) -> list[Restriction]:
    from catalog.search.explain import Restriction  # noqa: PLC0415 - most searches find something

    restrictions = [
        Restriction(
            label=condition.label,
            node=condition.node,
            without=_without_condition(understood, index),
            start=condition.start,
            end=condition.end,
        )
        for index, condition in enumerate(understood.parsed.conditions)
    ]
    for field, query in understood.selections.items():
        values = ", ".join(value_label(value, field) for value in understood.state.selections[field])
        others = {name: chosen for name, chosen in understood.state.selections.items() if name != field}
        label = selected_label(field, values)
        without = replace(understood.state, selections=others, page=1)
        restrictions.append(Restriction(label=label, node=query, without=without))
    return restrictions
