"""The state of a search as its URL holds it, and the page that two renderers (HTML and JSON) share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PAGE_SIZE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchState:
    """What the URL says. `selections`: facet field -> chosen values as text; a range facet holds one `low..high`,
    and the value `(none)` means models without the field.
    """

    text: str = ""
    selections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = ""  # `-accuracy,name`; empty is best match, or newest when there is no text
    page: int = 1
    size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A whole query text that would mend a problem, and what to call it."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryProblem:
    """Something in the query that was not understood as written. [start, end) are characters of the text."""

    code: str
    message: str
    start: int
    end: int
    suggestions: tuple[Suggestion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One understood condition: what was typed or clicked, how it is read, and the state without it."""

    label: str  # canonical: `accuracy > 0.9`
    explanation: str  # `trained or created from 1 Jan 2024 (UTC)`; empty when the label says it all
    kind: str  # text | condition | selection | sort | rewritten | literal (undoes the reading of a sentence)
    without: SearchState


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetBucket:
    value: str  # what the URL holds
    label: str
    count: int
    selected: bool
    toggled: SearchState  # the state after clicking it


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetView:
    """One facet: terms with counts, or a range with a histogram of its values under all other conditions."""

    field: str
    parameter: str  # its name in the URL
    label: str
    kind: str  # terms | range | date
    buckets: tuple[FacetBucket, ...] = ()
    other_count: int = 0
    low: str = ""  # the selected bounds as text, empty when open
    high: str = ""
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyReason:
    """Why nothing was found: how many models there would be without one condition."""

    label: str
    without_count: int
    without: SearchState
    detail: str = ""  # "best accuracy here is 0.887"; "21 of 37 report none"


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
