"""Searches as people make them: from the state of a page to everything the page shows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from catalog.lazy_dataclasses import replace
from catalog.query.nodes import And, Query, Terms
from catalog.query.problems import QueryProblem, reason_of
from catalog.query.request import Aggregation, SearchRequest, SearchResult
from catalog.query.state import SearchState
from catalog.query.subjects import METRICS
from catalog.query.text.parse_context import Reading
from catalog.query.text.search_text import ParsedQuery, parse
from catalog.query.text.sorting import print_sort
from catalog.query.text.targets import Vocabulary
from catalog.search.chips import chips_of
from catalog.search.display_values import SpelledEngine
from catalog.search.engine import SearchEngine
from catalog.search.leading_metric import leading_metric, tasks_of
from catalog.search.page_state import COPIED, WHOLE_PAGE, FacetView, PageParts, SearchPage
from catalog.search.parameters import from_parameters, to_parameters
from catalog.search.understood import UnderstoodSearch
from catalog.search.vocabulary import (
    PresentId,
    ResultVocabulary,
    SourceNames,
    Watch,
    metrics_of_result,
    never_moved,
    unnamed,
)

if TYPE_CHECKING:
    from catalog.search.empty_answers import EmptyAnswer
    from catalog.search.shown_facets import Again, ShownFacets

__all__ = ["SearchService", "from_parameters", "to_parameters"]

MAX_COPIES = 200
"""Models with the weights of those of one page that are looked at; beyond, copies are folded within their page alone."""
EXPORT_PAGE = 1_000
EXPORT_KEPT_SECONDS = 120.0


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
        search = self._understood(state)
        facets = self._facets(search, with_ends=parts.ends) if parts.facets else None
        request = search.with_choices(search.request(facets.aggregations if facets else {}))
        result = self._counted(request)

        def again(aggregations: Mapping[str, Aggregation]) -> SearchResult:
            asked = replace(request, aggregations=aggregations, size=0, offset=0, needs_total=False)
            return self._counted(asked)

        facets = facets and facets.led(result, again)
        search, result = self._within_pages(search, request, result, to_last=parts.to_last)
        copies = self._copies(request, result)
        empty = None if result.total else self._empty(search, request)
        absent = empty.absent_notices() if empty else ()
        reasons, words = empty.reasons(self._vocabulary) if empty else ((), ())
        if empty and parts.relaxed:
            search, result = empty.with_most_words(self._counted) or (search, result)
        return SearchPage(
            state=search.state,
            canonical_text=search.parsed.canonical,
            total=search.limited(result.total),
            page_count=search.page_count(result.total),
            hits=tuple(hit.document for hit in result.hits),
            chips=chips_of(search),
            facets=self._shown(facets, search, result, again) if facets else (),
            problems=self._promising((*search.problems, *words), search.selections),
            empty_reasons=reasons,
            notices=(*search.notices, *absent, *search.limit_notices(result.total)),
            catalog_size=self._watch.info().documents,
            took_ms=int((time.monotonic() - started) * 1000),
            engine=result.engine or self.engine.name,
            order=print_sort(search.sort) if search.sort else "",
            reported=facets.reported(result) if facets else (),
            copies=copies,
            request=search.request(),
            leading=facets.leading if facets else "",
        )

    def request(self, state: SearchState) -> SearchRequest:
        """The engine's request for a state, without facets."""
        return self._understood(state).request()

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
        search = self._understood(state)
        asked = replace(search.request(), size=0, offset=0)
        return search.limited(self.engine.search(asked).total)

    def first(self, state: SearchState, most: int) -> tuple[int, tuple[Mapping[str, Any], ...]]:
        """How many models a state finds, and at most so many of them, in its order."""
        search = self._understood(replace(state, page=1, size=most))
        result = self.engine.search(replace(search.request(), size=search.limited(most)))
        return search.limited(result.total), tuple(hit.document for hit in result.hits)

    def not_understood(self, state: SearchState) -> tuple[str, ...]:
        """A sentence for each condition, order or selection that an answer would leave out or search as text, for who refuses
        to give such an answer.
        """
        search = self._understood(state)
        sentences = [problem.reason for problem in search.problems if not problem.understood]
        return (*sentences, *map(reason_of, search.unread))

    def export(self, state: SearchState) -> Iterator[Mapping[str, Any]]:
        """Every model found without a limit, in the order that the state asks for, else in that of ids."""
        search = self._understood(state)
        request = replace(search.request(), size=0, offset=0)
        limit = search.parsed.limit
        if not search.ordered and limit is None:
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
        from catalog.search.facet_values import FacetValues  # noqa: PLC0415 - the command line shows none

        values = FacetValues(search=self._understood(state), watch=self._watch, counted=self._counted)
        return values.beginning(field, prefix, letter_by_letter=letter_by_letter)

    def source_names(self) -> Mapping[str, str]:
        """What persons call the sources, by what documents call them, as of a few seconds ago."""
        return self._watch.source_names()

    def _facets(self, search: UnderstoodSearch, *, with_ends: bool) -> ShownFacets:
        from catalog.search.shown_facets import ShownFacets  # noqa: PLC0415 - the command line shows none

        return ShownFacets.of(
            search.faceted_state(),
            search.parsed.query,
            search.metrics(),
            self._watch.whole(),
            with_ends=with_ends,
        )

    def _shown(
        self, facets: ShownFacets, search: UnderstoodSearch, result: SearchResult, again: Again
    ) -> tuple[FacetView, ...]:
        from catalog.search.facet_values import with_source_names  # noqa: PLC0415 - the command line shows none

        views = facets.views(result, result.total, again)
        typed = tuple(search.typed.view(view, search.state, search.text_without) for view in views)
        return with_source_names(typed, self._watch.source_names)

    def _counted(self, request: SearchRequest) -> SearchResult:
        """The engine's answer, its values named as documents write them."""
        self.spelled.of_generation(self._watch.info().generation)
        return self.spelled.search(request)

    def _vocabulary(self) -> Vocabulary:
        return self._watch.vocabulary()

    def _understood(self, state: SearchState) -> UnderstoodSearch:
        now = datetime.now(UTC)
        parsed = self._parsed(state.text, now)
        order = Reading(text=state.sort, now=now, vocabulary=self._vocabulary())
        return UnderstoodSearch.of(state, parsed, order)

    def _within_pages(
        self, search: UnderstoodSearch, request: SearchRequest, result: SearchResult, *, to_last: bool
    ) -> tuple[UnderstoodSearch, SearchResult]:
        """A page beyond the end shows the last one there is, or nothing."""
        total, last = search.limited(result.total), max(1, search.page_count(result.total))
        asked = search.asked_page
        if total and asked > -(-total // search.state.size):
            known = "this is the last one" if to_last else f"the last one is {last:,}"
            search = replace(search, notices=(*search.notices, f"Page {asked:,} does not exist; {known}."))
        if not to_last and asked > last:
            return replace(search, state=replace(search.state, page=asked)), replace(result, hits=())
        if search.state.page <= last:
            return search, result
        search = replace(search, state=replace(search.state, page=last))
        offset = (last - 1) * search.state.size
        again = self.engine.search(replace(request, offset=offset, size=search.page_size, aggregations={}))
        return search, replace(again, aggregations=result.aggregations)

    def _copies(
        self, request: SearchRequest, result: SearchResult
    ) -> dict[str, tuple[Mapping[str, Any], ...]]:
        """The models with the same weights as one of this page, wherever the order puts them."""
        groups = {str(group) for hit in result.hits if (group := hit.document.get(COPIED))}
        if not groups or result.total <= len(result.hits):
            return {}
        query = And((request.query, Terms(COPIED, tuple(sorted(groups)))))
        asked = replace(request, query=query, offset=0, size=MAX_COPIES, aggregations={})
        copies: dict[str, tuple[Mapping[str, Any], ...]] = {}
        for hit in self.engine.search(asked).hits:
            group = str(hit.document[COPIED])
            copies[group] = (*copies.get(group, ()), hit.document)
        return copies

    def _empty(self, search: UnderstoodSearch, request: SearchRequest) -> EmptyAnswer:
        from catalog.search.empty_answers import EmptyAnswer  # noqa: PLC0415 - most searches find something

        return EmptyAnswer(search=search, request=request, engine=self.engine, read=self.understood)

    def _promising(
        self, problems: tuple[QueryProblem, ...], selections: Mapping[str, Query]
    ) -> tuple[QueryProblem, ...]:
        if not any(problem.suggestions for problem in problems):
            return problems
        from catalog.search.nearest_answers import promising  # noqa: PLC0415 - most searches are understood

        return promising(self.engine, problems, self.understood, selections)


def _without_order(parsed: ParsedQuery) -> Query:
    """What the text asks for, without the metric that an order put in by itself."""
    asked = [
        condition.node
        for condition in parsed.conditions
        if condition.kind != "rewritten" or not condition.label.startswith("has:")
    ]
    return And(tuple(asked))
