"""Results as a table of chosen columns: any field, metric or hyper-parameter, sorted by a click, exported as it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.state import TABLE, SearchState
from catalog.query.text.targets import short_name
from catalog.search.page_state import SearchPage
from catalog.search.selections import NONE
from catalog.text.apart import apart
from mappings import facet_fields
from webui.columns import (
    FIELD,
    METRIC,
    Column,
    column,
    figure_of,
    figure_of_measure,
    measured,
    place_on_page,
    usual_columns,
)
from webui.documents import text_at
from webui.headline import DATASET_UNKNOWN
from webui.html.rows import Badge, Folding, badges, foldings
from webui.numbers import Figure
from webui.text import NAME_CHARACTERS, shown
from webui.urls import Addresses

METRICS_AT_FIRST = 2
METRICS_OFFERED = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value. `note` is what a metric was measured on; `apart` where that is not what most values beside it are on."""

    text: str
    exact: str
    note: str
    apart: bool
    numeric: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnHead:
    """The head of a column: a click sorts by it, first the better end. `note` says what a metric was measured on, `place` is
    the part of a model's page where its value is explained.
    """

    name: str
    label: str
    note: str
    numeric: bool
    sort_url: str
    sorted: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One model."""

    id: str
    url: str
    name: str
    version: str
    badges: tuple[Badge, ...]
    copies: int  # models with the same weights further down the results
    folded: bool  # it is one of them
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChoice:
    """A column that may be shown. One that is shown is moved by its addresses; the first and the last lack one."""

    name: str
    label: str
    chosen: bool
    place: int = 0  # among those that are shown, from 1
    left_url: str = ""
    right_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """The table of one page of results."""

    heads: tuple[ColumnHead, ...]
    rows: tuple[TableRow, ...]
    choices: tuple[ColumnChoice, ...]
    unknown: tuple[str, ...]


def column_names(page: SearchPage) -> tuple[str, ...]:
    """The columns that are shown: the chosen ones, else the usual ones behind the metrics of the search."""
    if page.state.view.columns:
        return page.state.view.columns
    first, *others = usual_columns()
    metrics = [_metric_name(name) for name in page.metrics[:METRICS_AT_FIRST]]
    return tuple(dict.fromkeys((*metrics, short_name(first), *(short_name(name) for name in others))))


def table_view(page: SearchPage, addresses: Addresses) -> TableView:
    """The table of the models on this page."""
    names = column_names(page)
    columns = [known for name in names if (known := column(name)) is not None]
    cells = [_cells(page.hits, shown_column) for shown_column in columns]
    by_row = list(zip(*cells, strict=True)) if cells else [()] * len(page.hits)
    folded = foldings(page)
    apart_by = apart(page.hits)
    return TableView(
        heads=tuple(
            _head(shown_column, column_cells, page.state, addresses)
            for shown_column, column_cells in zip(columns, cells, strict=True)
        ),
        rows=tuple(
            _row(document, apart_by[place], row_cells, addresses, folded[place])
            for place, (document, row_cells) in enumerate(zip(page.hits, by_row, strict=True))
        ),
        choices=_choices(columns, page, addresses),
        unknown=tuple(shown(name, 60) for name in names if column(name) is None),
    )


def table_state(page: SearchPage) -> SearchState:
    """The state of the table as it is shown, with its columns and its order spelled out, for exports."""
    view = replace(page.state.view, kind=TABLE, columns=column_names(page))
    return replace(page.state, view=view, sort=page.state.sort or page.order)


def _row(
    document: Mapping[str, Any],
    apart_by: str,
    cells: tuple[Cell, ...],
    addresses: Addresses,
    folding: Folding,
) -> TableRow:
    identifier = text_at(document, "id")
    return TableRow(
        id=identifier,
        url=addresses.model(identifier),
        name=shown(text_at(document, "name") or text_at(document, "path") or identifier, NAME_CHARACTERS),
        version=shown(apart_by or text_at(document, "version"), NAME_CHARACTERS),
        badges=tuple(badge for badge in badges(document) if badge.tone in {"danger", "warn"}),
        copies=len(folding.copies),
        folded=folding.first is not None,
        cells=cells,
    )


def _cells(documents: Sequence[Mapping[str, Any]], of: Column) -> list[Cell]:
    if of.kind != METRIC:
        return [_cell(figure_of(document, of), of) for document in documents]
    measures = [measured(document, of) for document in documents]
    bases = [None if measure is None else measure.basis for measure in measures]
    usual = _usual_basis(bases)
    return [
        _cell(
            figure_of_measure(measure),
            of,
            note=basis or DATASET_UNKNOWN,
            apart=basis is not None and (not basis or basis != usual),
        )
        for measure, basis in zip(measures, bases, strict=True)
    ]


def _usual_basis(bases: Sequence[str | None]) -> str:
    counted = Counter(basis for basis in bases if basis)
    return max(counted, key=lambda basis: (counted[basis], basis), default="")


def _cell(value: Figure | None, of: Column, *, note: str = "", apart: bool = False) -> Cell:
    """A value; `note` is what a metric was measured on."""
    if value is None:
        return Cell(text="", exact="", note="", apart=False, numeric=of.numeric)
    return Cell(text=value.text, exact=value.exact, note=note, apart=apart, numeric=of.numeric)


def _head(of: Column, cells: Sequence[Cell], state: SearchState, addresses: Addresses) -> ColumnHead:
    ascending, descending = of.order, f"-{of.order}"
    first, second = (
        (ascending, descending) if of.better == "down" or not of.numeric else (descending, ascending)
    )
    wanted = second if state.sort == first else first
    direction = {ascending: "ascending", descending: "descending"}.get(state.sort, "") if of.order else ""
    return ColumnHead(
        name=of.name,
        label=of.label,
        note=_common_note(of, cells),
        numeric=of.numeric,
        sort_url=addresses.search(replace(state, sort=wanted, page=1)) if of.order else "",
        sorted=direction,
        place=place_on_page(of),
    )


def _common_note(of: Column, cells: Sequence[Cell]) -> str:
    if of.kind != METRIC:
        return ""
    bases = {cell.note for cell in cells if cell.text}
    if len(bases) == 1:
        return bases.pop() if any(cell.apart for cell in cells) else f"on {bases.pop()}"
    return "on different data, not comparable" if bases else ""


def _choices(columns: Sequence[Column], page: SearchPage, addresses: Addresses) -> tuple[ColumnChoice, ...]:
    names = [known.name for known in columns]
    chosen = {
        known.name: ColumnChoice(
            name=known.name,
            label=_choice_label(known),
            chosen=True,
            place=index + 1,
            left_url=_swapped(names, index - 1, page.state, addresses),
            right_url=_swapped(names, index, page.state, addresses),
        )
        for index, known in enumerate(columns)
    }
    paths = {(known.kind, known.path) for known in columns if not known.dataset}
    offered = [short_name(name) for name in usual_columns()]
    offered += [_metric_name(name) for name in page.reported[:METRICS_OFFERED]]
    offered += [short_name(row.name) for row in facet_fields()]
    others = {}
    for name in offered:
        known = column(name)
        if known is None or name in chosen or (known.kind, known.path) in paths:
            continue
        if _has_values(known, page):
            others[name] = ColumnChoice(name=name, label=known.label, chosen=False)
    return (*chosen.values(), *others.values())


def _swapped(names: Sequence[str], left: int, state: SearchState, addresses: Addresses) -> str:
    """The table with this column behind the next one; empty where there is no such pair."""
    if not 0 <= left < len(names) - 1:
        return ""
    columns = (*names[:left], names[left + 1], names[left], *names[left + 2 :])
    return addresses.search(replace(state, view=replace(state.view, columns=columns)))


def _has_values(of: Column, page: SearchPage) -> bool:
    """Whether a model that is found has something there: told by the facet of it, which counts all of them, else by this page."""
    view = next((view for view in page.facets if view.field == of.path), None) if of.kind == FIELD else None
    if view is not None:
        return any(bucket.count for bucket in view.buckets if bucket.value != NONE)
    return of.path in page.reported or any(figure_of(document, of) for document in page.hits)


def _choice_label(of: Column) -> str:
    return f"{of.label} on {of.dataset}" if of.dataset else of.label


def _metric_name(name: str) -> str:
    """The metric as an address holds it: by its own name where that means nothing else."""
    known = column(name)
    return name if known is not None and known.kind == METRIC and known.path == name else f"metrics.{name}"
