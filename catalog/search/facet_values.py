"""The values of one facet, looked through by who types the beginning of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.request import AggregationResult, SearchRequest, SearchResult, TermsAgg
from catalog.query.validate import MAX_INCLUDE_CHARACTERS
from catalog.search.facets import facet_bucket
from catalog.search.page_state import FacetView
from catalog.search.parameters import parameter_of
from catalog.search.understood import UnderstoodSearch
from catalog.search.vocabulary import Watch
from catalog.text.folding import fold
from mappings import fields

SOURCE = "source"
MAX_SOURCES = 1_000
"""Sources among which one is looked for by its name."""
MAX_SHOWN = 50
MAX_LISTED = 2_000
"""Values of a field that are kept for who looks through them letter by letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetValues:
    """The values of facets under all conditions of a search but their own; `counted` is the engine's answer to a request."""

    search: UnderstoodSearch
    watch: Watch
    counted: Callable[[SearchRequest], SearchResult]

    def beginning(self, field: str, prefix: str, *, letter_by_letter: bool) -> FacetView:
        """Those of the field that begin so; of all of them at most `MAX_SHOWN`, the most frequent first."""
        begun = prefix[:MAX_INCLUDE_CHARACTERS]  # typed by a person: the rest is no reason to refuse
        listed = self._listed(field) if letter_by_letter and self.search.asks_nothing else None
        answer = self._counted_beginning(field, begun) if listed is None else _beginning(listed, fold(begun))
        row = fields().get(field)
        chosen = self.search.typed.chosen(self.search.state).selections.get(field, ())
        buckets = [facet_bucket(field, str(bucket.key), bucket.count, chosen) for bucket in answer.buckets]
        view = FacetView(
            field=field,
            parameter=parameter_of(field),
            label=row.label if row else field,
            kind="terms",
            state=self.search.state,
            buckets=tuple(buckets),
            other_count=answer.other_count,
        )
        if field == SOURCE:
            view = _begun(with_source_names((view,), self.watch.source_names)[0], begun)
        return self.search.typed.view(view, self.search.state, self.search.text_without)

    def _counted_beginning(self, field: str, begun: str) -> AggregationResult:
        # a source is looked for by its name, which the engine does not know
        by_name = field == SOURCE and bool(begun)
        size = MAX_SOURCES if by_name else MAX_SHOWN
        return self._terms(TermsAgg(field=field, size=size, prefix=None if by_name else begun or None))

    def _listed(self, field: str) -> AggregationResult | None:
        """All values of a field, made once per state of the index; None where there are more than are kept."""

        def complete() -> AggregationResult | None:
            answer = self._terms(TermsAgg(field=field, size=MAX_LISTED))
            return None if answer.other_count else answer

        return self.watch.whole().kept(("listed", field), complete)

    def _terms(self, terms: TermsAgg) -> AggregationResult:
        request = replace(self.search.request({terms.field: terms}), size=0, offset=0, needs_total=False)
        return self.counted(self.search.with_choices(request)).aggregations[terms.field]


def with_source_names(
    views: tuple[FacetView, ...], names: Callable[[], Mapping[str, str]]
) -> tuple[FacetView, ...]:
    """The facets, sources by what persons call them."""
    if not any(view.field == SOURCE and view.buckets for view in views):
        return views
    known = names()
    return tuple(_called(view, known) if known and view.field == SOURCE else view for view in views)


def _called(view: FacetView, names: Mapping[str, str]) -> FacetView:
    buckets = (replace(bucket, label=names.get(bucket.value, bucket.label)) for bucket in view.buckets)
    return replace(view, buckets=tuple(buckets))


def _beginning(listed: AggregationResult, begun: str) -> AggregationResult:
    """The most frequent of these values that begin so."""
    buckets = [bucket for bucket in listed.buckets if fold(str(bucket.key)).startswith(begun)]
    shown, rest = buckets[:MAX_SHOWN], buckets[MAX_SHOWN:]
    return AggregationResult(buckets=tuple(shown), other_count=sum(bucket.count for bucket in rest))


def _begun(view: FacetView, begun: str) -> FacetView:
    """The values that begin so, by one name or the other."""
    start = begun.casefold()
    shown = (
        bucket
        for bucket in view.buckets
        if bucket.value.casefold().startswith(start) or bucket.label.casefold().startswith(start)
    )
    return replace(view, buckets=tuple(islice(shown, MAX_SHOWN)))
