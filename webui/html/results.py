"""The results page: rows, facets, chips, problems, paging, made from what the search service answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.problems import QueryProblem
from catalog.query.request import MAX_RESULT_WINDOW
from catalog.query.state import PLOT, TABLE, VIEWS, Chip, SearchState
from catalog.search.page_state import EmptyReason, SearchPage
from catalog.search.parameters import COLUMNS, PAGE, SORT, TEXT, VIEW, VIEW_PARTS, to_parameters
from catalog.search.selections import NONE
from webui.columns import METRIC, column, measured
from webui.contracts import CrawlStatus
from webui.html.facets import FacetPanel, facet_panels
from webui.html.plot import PlotView
from webui.html.rows import Copy, ResultRow, folded_elsewhere, foldings, result_rows, row_name
from webui.html.table import TableView, table_state, table_view
from webui.orders import SortOption, sort_options
from webui.query_example import QueryExample
from webui.text import shown
from webui.urls import Addresses

PAGES_AROUND = 2
FEWEST_BASES, BASES_NAMED = 2, 3
QUERY_CHARACTERS = 2_000
NAMES_TOLD = 3
EXAMPLES = (
    ("accuracy > 0.9 after:2023", "accurate and recent"),
    ("params:1B..8B -license:gpl", "one to eight billion parameters, not GPL"),
    ("has:metrics sort:-accuracy", "best reported accuracy first"),
    ("risk:code-execution", "runs code when it is loaded"),
    ("is:duplicate", "the same weights elsewhere"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipView:
    """One understood condition, and the address of the search without it."""

    label: str
    explanation: str
    kind: str
    remove_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FixView:
    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemView:
    """A problem in the query: the query cut at the span that it is about, and searches that would mend it."""

    code: str
    message: str
    before: str
    span: str
    after: str
    start: int
    end: int
    fixes: tuple[FixView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyView:
    """One condition without which there would be models."""

    label: str
    detail: str
    without_count: int
    several: bool  # conditions that are left out
    count_text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLink:
    """One entry of the paging: a number, or a gap without address."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    page: int
    page_count: int
    links: tuple[PageLink, ...]
    previous_url: str
    next_url: str
    first_shown: int
    last_shown: int
    limit_note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewLink:
    """One way to show the same results."""

    kind: str
    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsPage:
    """Everything that the results page shows."""

    query: str
    canonical: str
    url: str
    total: int
    total_text: str
    catalog_size: int
    catalog_size_text: str
    results: tuple[ResultRow, ...]  # of a list
    names: tuple[str, ...]  # of the first models, whatever they are shown as
    shown: int  # models on this page
    folded: int  # those of them that are folded into another
    folded_into: tuple[Copy, ...]  # models of other pages that models of this one are folded into
    views: tuple[ViewLink, ...]
    view: str
    table: TableView | None
    plot: PlotView | None
    guard: str  # why the order by a metric compares what cannot be compared
    shown_csv_url: str  # what the table shows, in its order
    shown_ndjson_url: str
    shown_parquet_url: str
    compare_url: str
    chips: tuple[ChipView, ...]
    facets: tuple[FacetPanel, ...]
    problems: tuple[ProblemView, ...]
    empty_reasons: tuple[EmptyView, ...]
    empty_note: str
    notices: tuple[str, ...]
    sort: str
    sort_options: tuple[SortOption, ...]
    paging: Paging
    hidden: tuple[tuple[str, str], ...]  # selections that the form carries along
    refined: bool  # something was asked or chosen
    clear_url: str
    edit_url: str  # where all of them are changed
    json_url: str
    ndjson_url: str
    csv_url: str
    examples: tuple[FixView, ...]
    example: QueryExample | None  # the same search at /es/
    crawl: CrawlStatus | None
    took_ms: int
    as_of: str = ""  # the sentence of a search of the past
    day: str = ""  # of the past, as it was asked for
    now_url: str = ""  # the same search of now
    engine: str


def results_page(
    answer: SearchPage,
    addresses: Addresses,
    crawl: CrawlStatus | None = None,
    notices: tuple[str, ...] = (),
    example: QueryExample | None = None,
    plot: PlotView | None = None,
    *,
    may_edit: bool = False,
) -> ResultsPage:
    """The page for one answer of the search service."""
    state = answer.state
    text = state.text
    panels = facet_panels(answer.facets, state, addresses)
    tabled = table_state(answer)
    folded = foldings(answer)
    return ResultsPage(
        query=text,
        canonical=answer.canonical_text,
        url=addresses.search(state),
        total=answer.total,
        total_text=f"{answer.total:,}",
        catalog_size=answer.catalog_size,
        catalog_size_text=f"{answer.catalog_size:,}",
        results=() if state.view.kind == TABLE or plot else result_rows(answer, addresses),
        names=tuple(row_name(document) for document in answer.hits[:NAMES_TOLD]),
        shown=len(answer.hits),
        folded=sum(folding.first is not None for folding in folded),
        folded_into=folded_elsewhere(answer, addresses),
        views=_views(state, addresses),
        view=state.view.kind,
        table=table_view(answer, addresses) if state.view.kind == TABLE else None,
        plot=plot,
        guard=_guard(answer),
        shown_csv_url=addresses.export(tabled, "csv"),
        shown_ndjson_url=addresses.export(tabled, "ndjson"),
        shown_parquet_url=addresses.export(tabled, "parquet"),
        compare_url=addresses.compare(()),
        chips=tuple(_chip(chip, addresses) for chip in answer.chips),
        facets=panels,
        problems=tuple(_problem(problem, state, addresses) for problem in answer.problems),
        empty_reasons=tuple(_empty(reason, addresses) for reason in answer.empty_reasons),
        empty_note=_empty_note(answer.empty_reasons),
        notices=tuple(shown(notice) for notice in dict.fromkeys((*notices, *answer.notices))),
        sort=state.sort,
        sort_options=sort_options(answer),
        paging=_paging(answer, addresses),
        hidden=_hidden(state, panels),
        refined=bool(text.strip() or state.selections or state.sort),
        clear_url=addresses.search(SearchState()),
        edit_url=addresses.edit_found(SearchState(text=text, selections=state.selections))
        if may_edit and (text.strip() or state.selections)
        else "",
        json_url=addresses.search_json(state),
        ndjson_url=addresses.export(state, "ndjson"),
        csv_url=addresses.export(state, "csv"),
        examples=tuple(FixView(label=query, url=addresses.search_text(query)) for query, _ in EXAMPLES),
        example=example,
        crawl=crawl,
        took_ms=answer.took_ms,
        engine=answer.engine,
    )


def _guard(answer: SearchPage) -> str:
    """A sentence where the models are ordered by a metric that was measured on different data."""
    sorted_by = answer.order.lstrip("-").partition(",")[0] if answer.state.sort or answer.order else ""
    of = column(sorted_by) if sorted_by else None
    if of is None or of.kind != METRIC or of.dataset:
        return ""
    measures = [measure for document in answer.hits if (measure := measured(document, of)) is not None]
    counted = Counter(measure.basis or "an unknown data set" for measure in measures)
    if len(counted) < FEWEST_BASES:
        return ""
    bases = ", ".join(f"{number} on {basis}" for basis, number in counted.most_common(BASES_NAMED))
    more = f" and {len(counted) - BASES_NAMED} more" if len(counted) > BASES_NAMED else ""
    return f"{of.label} was measured on different data here ({bases}{more}): a higher place does not mean a better model."


def _views(state: SearchState, addresses: Addresses) -> tuple[ViewLink, ...]:
    return tuple(
        ViewLink(
            kind=kind,
            label=kind.capitalize(),
            url=addresses.search(replace(state, view=replace(state.view, kind=kind))),
            current=kind == state.view.kind,
        )
        for kind in VIEWS
    )


def _chip(chip: Chip, addresses: Addresses) -> ChipView:
    return ChipView(
        label=shown(chip.label, 120),
        explanation=shown(chip.explanation, 200),
        kind=chip.kind,
        remove_url=addresses.search(chip.without),
    )


def _problem(problem: QueryProblem, state: SearchState, addresses: Addresses) -> ProblemView:
    text = state.text[:QUERY_CHARACTERS]
    start = min(max(problem.start, 0), len(text))
    end = min(max(problem.end, start), len(text))
    return ProblemView(
        code=problem.code,
        message=shown(problem.message),
        before=shown(text[max(0, start - 60) : start], 60) + (" " if text[:start].endswith(" ") else ""),
        span=shown(text[start:end], 80),
        after=(" " if text[end : end + 1] == " " else "") + shown(text[end : end + 60], 60),
        start=problem.start,
        end=problem.end,
        fixes=tuple(
            FixView(label=shown(fix.label, 120), url=addresses.search(replace(state, text=fix.text, page=1)))
            for fix in problem.suggestions
        ),
    )


def _empty(reason: EmptyReason, addresses: Addresses) -> EmptyView:
    return EmptyView(
        label=shown(reason.label, 120),
        detail=shown(reason.detail[:1].upper() + reason.detail[1:], 300),
        without_count=reason.without_count,
        several=reason.conditions > 1,
        count_text=f"{reason.without_count:,}",
        url=addresses.search(reason.without),
    )


def _empty_note(reasons: tuple[EmptyReason, ...]) -> str:
    if not reasons:
        return ""
    if any(reason.conditions > 1 for reason in reasons):
        return "No single condition is to blame. What there would be without several of them:"
    if any(reason.without_count for reason in reasons):
        return "What there would be without one of the conditions:"
    if len(reasons) == 1:
        return "There is nothing without this condition either:"
    return "No single condition is to blame: without any one of them there is still nothing."


def _paging(answer: SearchPage, addresses: Addresses) -> Paging:
    state, count = answer.state, answer.page_count
    page = state.page
    first = (page - 1) * state.size + 1 if answer.hits else 0
    reachable = min(answer.total, MAX_RESULT_WINDOW)
    note = f"Pages end at the {reachable:,}th model: narrow the search, or export all {answer.total:,}."
    return Paging(
        page=page,
        page_count=count,
        links=tuple(_page_links(state, count, addresses)),
        previous_url=addresses.search(replace(state, page=min(page - 1, max(count, 1)))) if page > 1 else "",
        next_url=addresses.search(replace(state, page=page + 1)) if page < count else "",
        first_shown=first,
        last_shown=first + len(answer.hits) - 1 if answer.hits else 0,
        limit_note=note if answer.total > MAX_RESULT_WINDOW and page >= count else "",
    )


def _page_links(state: SearchState, count: int, addresses: Addresses) -> Iterable[PageLink]:
    if count < 2:
        return
    near = range(max(2, state.page - PAGES_AROUND), min(count - 1, state.page + PAGES_AROUND) + 1)
    previous = 0
    for number in sorted({1, *near, count}):
        if number > previous + 1:
            yield PageLink(label="…", url="", current=False)
        url = addresses.search(replace(state, page=number))
        yield PageLink(label=f"{number:,}", url=url, current=number == state.page)
        previous = number


def _hidden(state: SearchState, panels: tuple[FacetPanel, ...]) -> tuple[tuple[str, str], ...]:
    """What the one form carries along: all of the state that no visible control of it sends."""
    controlled = {TEXT, SORT, PAGE, *_parts_with_controls(state)}
    sent = {(panel.parameter, value) for panel in panels for value in _sent_by(panel, state)}
    return tuple(
        (name, value)
        for name, value in to_parameters(state)
        if name not in controlled and (name, value) not in sent
    )


def _parts_with_controls(state: SearchState) -> Iterable[str]:
    """The parts of a view for which its page has controls."""
    if state.view.kind == TABLE:
        return (COLUMNS,)
    return (part for part in VIEW_PARTS if part not in {VIEW, COLUMNS} and state.view.kind == PLOT)


def _sent_by(panel: FacetPanel, state: SearchState) -> Iterable[str]:
    """The chosen values of a facet that its checkboxes and its two inputs send."""
    boxes = {option.value.casefold() for option in (*panel.options, *panel.more_options) if option.selected}
    chosen = state.selections.get(panel.field, ())
    yield from (value for value in chosen if value.casefold() in boxes)
    if panel.low or panel.high:  # the inputs show the first range, or else the first value
        plain = [value for value in chosen if value != NONE]
        yield from sorted(plain, key=lambda value: ".." not in value)[:1]
