"""What a page of results shows, before any renderer (HTML, JSON, terminal) has touched it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass, field
from catalog.query.problems import QueryProblem
from catalog.query.request import SearchRequest
from catalog.query.state import Chip, SearchState

COPIED = "duplicate_group"
"""The field that models with the same weights share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetBucket:
    """One value of a facet, or one part of its range."""

    value: str  # what the URL holds
    label: str
    count: int
    selected: bool
    after: tuple[str, ...]  # the chosen values of the facet after clicking it
    low: str = ""  # of a part of a range: its bounds as text, empty when open
    high: str = ""
    place: int = 0  # among the values that the whole catalog has, where those are few; else always 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetView:
    """One facet: terms with counts, or a range with a histogram of its values under all other conditions."""

    field: str
    parameter: str  # its name in the URL
    label: str
    kind: str  # terms | range | date
    state: SearchState  # the search in which its values are switched
    buckets: tuple[FacetBucket, ...] = ()
    other_count: int = 0
    low: str = ""  # the selected bounds as text, empty when open
    high: str = ""
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None
    folded: bool = False  # behind "more filters" until something of it is chosen
    typed: bool = False  # the text of the search makes the choice

    def toggled(self, bucket: FacetBucket) -> SearchState:
        """The state after clicking one of its buckets."""
        return self.state.with_values(self.field, bucket.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyReason:
    """Why nothing was found: how many models there would be without one condition, or without the several of `label`."""

    label: str
    without_count: int
    without: SearchState
    detail: str = ""  # "best accuracy here is 0.887"; "21 of 37 report none"
    conditions: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PageParts:
    """What of a page somebody needs."""

    facets: bool = True
    ends: bool = True  # facets of ranges tell the least and the greatest value of the models found
    relaxed: bool = False  # where no model has all words, those with most, which is said: persons read it
    to_last: bool = (
        True  # a page beyond the end is the last one; whoever reads on until one is empty never ends
    )


WHOLE_PAGE = PageParts()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """Everything a results page shows."""

    state: SearchState
    canonical_text: str
    total: int
    page_count: int
    hits: tuple[Mapping[str, Any], ...]  # whole documents
    chips: tuple[Chip, ...] = ()
    facets: tuple[FacetView, ...] = ()
    problems: tuple[QueryProblem, ...] = ()
    empty_reasons: tuple[EmptyReason, ...] = ()
    notices: tuple[str, ...] = ()
    catalog_size: int = 0
    took_ms: int = 0
    engine: str = ""
    order: str = ""  # the order as `sort` holds it, also where nobody asked for it; empty for best match
    reported: tuple[str, ...] = ()  # metrics of the models found, the most frequent first
    copies: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    """By group of equal weights on this page: the models found of it, in the order of the results, those of other pages too."""
    request: SearchRequest | None = None  # what the engine was asked for, without what is counted
    leading: str = ""  # the metric by which the models found are compared, empty where they report none

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that the search names, those of its order first, then the one that leads."""
        chips = sorted(self.chips, key=lambda chip: chip.kind != "sort")
        named = dict.fromkeys(name for chip in chips for name in chip.metrics)
        return tuple(named | ({self.leading: None} if self.leading else {}))

    @property
    def words(self) -> tuple[str, ...]:
        """The words that the search looks for in any text."""
        return tuple(dict.fromkeys(word for chip in self.chips for word in chip.words))
