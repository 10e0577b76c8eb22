"""What a search answers, and what helps to write one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreAnswer:
    """One headline metric of a model, and the data that it was measured on."""

    metric: str
    value: float
    dataset: str
    split: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactAnswer:
    """Parameters, size (bytes) or date of a model; `note` is how it is known, such as counted, declared, trained."""

    label: str
    value: float | str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultAnswer:
    """One model that was found. `document` is all of it, the rest what a list begins with."""

    id: str
    url: str
    name: str
    scores: tuple[ScoreAnswer, ...]
    facts: tuple[FactAnswer, ...]
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAnswer:
    """One understood condition, the metrics that it names, and the page without it."""

    label: str
    explanation: str
    kind: str
    metrics: tuple[str, ...]
    remove_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionAnswer:
    """One value of a facet, or one part of its range; `url` is the page with it switched on or off."""

    value: str
    label: str
    count: int
    selected: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetAnswer:
    """One facet: kind terms, range or date. `low` and `high` are the chosen bounds, `minimum` and `maximum` those there are."""

    field: str
    parameter: str
    label: str
    kind: str
    unit: str | None
    options: tuple[OptionAnswer, ...]
    other_count: int
    values_url: str
    low: str
    high: str
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FixAnswer:
    """A query text that mends a problem, and its page."""

    label: str
    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemAnswer:
    """Something in `query[start:end]` that is not understood as it stands."""

    code: str
    message: str
    start: int
    end: int
    fixes: tuple[FixAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonAnswer:
    """The condition, or the several ones, without which `without_count` models would be found."""

    label: str
    detail: str
    without_count: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SortAnswer:
    """One order that may be asked for as `sort`."""

    value: str
    label: str
    selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PagingAnswer:
    """Where this page stands. Addresses are empty where there is no such page."""

    page: int
    page_count: int
    per_page: int
    first_shown: int
    last_shown: int
    previous_url: str
    next_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleAnswer:
    """The same search as it is asked at /es/."""

    dsl: str
    curl: str
    python: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlAnswer:
    """The crawl that this server started."""

    path: str
    running: bool
    line: str
    exit_code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAnswer:
    """The answer of /api/search."""

    query: str
    canonical: str
    url: str
    total: int
    catalog_size: int
    results: tuple[ResultAnswer, ...]
    chips: tuple[ChipAnswer, ...]
    facets: tuple[FacetAnswer, ...]
    problems: tuple[ProblemAnswer, ...]
    empty_reasons: tuple[ReasonAnswer, ...]
    notices: tuple[str, ...]
    sort: str
    sort_options: tuple[SortAnswer, ...]
    paging: PagingAnswer
    ndjson_url: str
    csv_url: str
    example: ExampleAnswer | None
    crawl: CrawlAnswer | None
    took_ms: int
    engine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesAnswer:
    """The answer of /api/facets/<field>: the most frequent values, and how many models have others."""

    field: str
    label: str
    description: str
    prefix: str
    values: tuple[OptionAnswer, ...]
    other_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A whole query text that begins with what is typed, and what its new part means."""

    text: str
    label: str
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionsAnswer:
    """The answer of /api/suggest."""

    query: str
    suggestions: tuple[Suggestion, ...]
