"""Choices that the text of a search makes: `task:ner` ticks the facet of tasks, as a click does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import All, And, Query, Term, Terms
from catalog.query.state import SearchState
from catalog.query.text.search_text import Condition, ParsedQuery
from catalog.search.page_state import FacetView
from mappings import facet_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedChoices:
    """The conditions of a text that choose values of a facet, by its field. One that is clicked, too, is none of them."""

    conditions: Mapping[str, Condition]
    rest: Query  # what else the text asks for

    @classmethod
    def of(cls, parsed: ParsedQuery, state: SearchState) -> TypedChoices:
        """Those of a text; a field with two conditions has none, since both must hold."""
        facets = {row.name for row in facet_fields() if row.facet == "terms"}
        fields = [_chosen(condition.node)[0] for condition in parsed.conditions]
        typed = {
            field: condition
            for field, condition in zip(fields, parsed.conditions, strict=True)
            if field in facets and field not in state.selections and fields.count(field) == 1
        }
        if not typed:
            return cls(conditions={}, rest=parsed.query)
        rest = tuple(condition.node for condition in parsed.conditions if condition not in typed.values())
        return cls(conditions=typed, rest=And(rest) if len(rest) > 1 else rest[0] if rest else All())

    @property
    def selections(self) -> dict[str, Query]:
        """Each choice as a selection of an engine's request, so that its facet keeps the alternatives."""
        return {field: condition.node for field, condition in self.conditions.items()}

    def chosen(self, state: SearchState) -> SearchState:
        """The state as if the choices were clicked."""
        values = {field: _chosen(node)[1] for field, node in self.selections.items()}
        return replace(state, selections={**state.selections, **values})

    def view(self, view: FacetView, state: SearchState, without: Callable[[Condition], str]) -> FacetView:
        """The facet of a state of `chosen`, its clicks as states of the search, which is at `state`.

        A click on the facet of a choice moves it out of the text: `without` is the text without a condition.
        """
        if not self.conditions:
            return view
        own = self.conditions.get(view.field)
        origin = replace(state, text=without(own)) if own else state
        return replace(view, state=origin, typed=own is not None)


def _chosen(node: Query) -> tuple[str, tuple[str, ...]]:
    """The field and the values of a condition that chooses values; of another one nothing."""
    match node:
        case Term(field=field, value=str(value)):
            return field, (value,)
        case Terms(field=field, values=values) if all(isinstance(value, str) for value in values):
            return field, tuple(str(value) for value in values)
    return "", ()
