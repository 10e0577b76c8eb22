"""What a page says where a search finds nothing: why, what would find something, and the models nearest to it."""

from __future__ import annotations

from collections.abc import Callable

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import All, And, Nested, Not, Or, Query
from catalog.query.problems import QueryProblem
from catalog.query.request import SearchRequest, SearchResult
from catalog.query.text.search_text import ParsedQuery
from catalog.query.text.targets import Vocabulary
from catalog.search.absent_models import only_present
from catalog.search.engine import SearchEngine
from catalog.search.explain import Restriction, explain, largest_parts
from catalog.search.nearest_answers import compares, denies, most_words
from catalog.search.page_state import EmptyReason
from catalog.search.selections import selected_label, value_label
from catalog.search.understood import UnderstoodSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyAnswer:
    """A search that finds nothing, and what tells more of it: `read` reads a text as a query of this catalog."""

    search: UnderstoodSearch
    request: SearchRequest  # what the engine found nothing for
    engine: SearchEngine
    read: Callable[[str], ParsedQuery]

    def absent_notices(self) -> tuple[str, ...]:
        """How many models it would find that are not there any more."""
        if not self.search.hides_absent:
            return ()
        query = self.search.parsed.query
        asked = replace(self.request, query=query, size=0, offset=0, aggregations={})
        if not (number := self.engine.search(asked).total):
            return ()
        return (
            f"{number:,} that {'is' if number == 1 else 'are'} no longer there would match: add is:missing.",
        )

    def reasons(
        self, vocabulary: Callable[[], Vocabulary]
    ) -> tuple[tuple[EmptyReason, ...], tuple[QueryProblem, ...]]:
        """What each of its conditions costs, or several together, and a problem for every word that no model has."""
        restrictions = _restrictions(self.search)
        if not restrictions:
            return (), ()
        reasons, words = explain(self.engine, restrictions, self.search.state.text, vocabulary())
        if not any(reason.without_count for reason in reasons):
            reasons = largest_parts(self.engine, restrictions, self.search.without_all) or reasons
        return reasons, words

    def with_most_words(
        self, counted: Callable[[SearchRequest], SearchResult]
    ) -> tuple[UnderstoodSearch, SearchResult] | None:
        """The models with most of its words, and the search with a notice that says so; None where there are none.

        `counted` is the engine's answer to the request that finds them.
        """
        nearest = self._nearest()
        if nearest is None:
            return None
        query, sentence = nearest
        relaxed = replace(self.search, notices=(*self.search.notices, sentence))
        shown = only_present(query) if self.search.hides_absent else query
        # choices of the text are part of this query as far as it holds them
        selections = {**dict.fromkeys(self.search.typed.conditions, All()), **self.search.selections}
        return relaxed, counted(replace(self.request, query=shown, selections=selections))

    def _nearest(self) -> tuple[Query, str] | None:
        parsed = self.search.parsed
        if denies(parsed.conditions):
            return None
        nearest = most_words(self.engine, parsed.conditions, self.search.selections)
        # what a sentence leaves out must not come back as its words
        if (
            nearest is not None
            or not parsed.rewritten
            or _leaves_out(parsed.query)
            or compares(parsed.conditions)
        ):
            return nearest
        return self._as_words()

    def _as_words(self) -> tuple[Query, str] | None:
        """The words of a sentence as they stand, where what it was read as finds nothing."""
        literal = self.read(self.search.parsed.literal)
        sentence = f"No model is {self.search.parsed.canonical}; these have the words as they stand."
        asked = SearchRequest(query=And((literal.query, *self.search.selections.values())), size=0)
        if literal.conditions and self.engine.search(asked).total:
            return literal.query, sentence
        return most_words(self.engine, literal.conditions, self.search.selections)


def _leaves_out(query: Query) -> bool:
    """Whether something is asked for not to be there."""
    match query:
        case Not():
            return True
        case And(clauses=clauses) | Or(clauses=clauses):
            return any(map(_leaves_out, clauses))
        case Nested(query=inner):
            return _leaves_out(inner)
    return False


def _restrictions(search: UnderstoodSearch) -> list[Restriction]:
    restrictions = [
        Restriction(
            label=condition.label,
            node=condition.node,
            without=search.without_condition(index),
            start=condition.start,
            end=condition.end,
        )
        for index, condition in enumerate(search.parsed.conditions)
    ]
    state = search.state
    for field, query in search.selections.items():
        values = ", ".join(value_label(value, field) for value in state.selections[field])
        others = {name: chosen for name, chosen in state.selections.items() if name != field}
        label = selected_label(field, values)
        without = replace(state, selections=others, page=1)
        restrictions.append(Restriction(label=label, node=query, without=without))
    return restrictions
