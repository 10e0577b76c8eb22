"""What a plot is drawn from: the models found that have both numbers, a metric on one data set at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import And, Exists, Query
from catalog.query.request import MAX_RESULT_WINDOW, Aggregation, MetricAgg, SearchRequest
from catalog.query.text.targets import short_name
from mappings import fields_where
from mappings.metrics import find
from webui.columns import FIELD, METRIC, Column, column, every_measure, measured, number, raw_value
from webui.documents import text_at

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.search.page_state import SearchPage

ANY_DATASET = "*"
"""Values on whatever they were measured: drawn when a person asks for it, and said not to be comparable."""
UNKNOWN_DATASET = "?"
ENOUGH_POINTS = 3
"""Fewer on one data set are not worth a drawing of their own, unless it is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotPoint:
    """One model in the plane."""

    id: str
    name: str
    x: float
    y: float
    color: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotData:
    """Points, and the choices that there are. `bases` counts what the metric was measured on, the most frequent first."""

    x: Column
    y: Column
    color: Column | None
    points: tuple[PlotPoint, ...]
    total: int
    read: int
    bases: Mapping[str, int]
    basis: str
    axes: Mapping[str, int]


def plot_data(catalog: Catalog, page: SearchPage) -> PlotData:
    """The points of a search, at most as many as one page of an engine holds."""
    state = page.state
    request = replace(catalog.request(state), offset=0)
    axes = _axes(catalog, request, page)
    x, y = _axis(state.view.x, axes, 1, page.leading), _axis(state.view.y, axes, 0, page.leading)
    color = column(state.view.color) if state.view.color else None
    documents = _documents(catalog, request, (x, y))
    compared = next((axis for axis in (y, x) if axis.kind == METRIC and not axis.dataset), None)
    bases = _bases(documents, compared) if compared else {}
    basis = chosen_basis(state.view.dataset, bases)
    points = [
        point
        for document in documents
        if (point := _point(document, x, y, color, compared, basis)) is not None
    ]
    return PlotData(
        x=x,
        y=y,
        color=color,
        points=tuple(points),
        total=page.total,
        read=len(documents),
        bases=bases,
        basis=basis,
        axes=axes,
    )


def _axes(catalog: Catalog, request: SearchRequest, page: SearchPage) -> dict[str, int]:
    """Every number that the models found have, with how many have it: metrics first, then fields."""
    names = {name: _metric_name(name) for name in page.reported}
    rows = [row for row in fields_where("plotted").values() if row.numeric or row.type == "date"]
    asked: dict[str, Aggregation] = {row.name: MetricAgg(kind="value_count", field=row.name) for row in rows}
    counted = catalog.search(replace(request, aggregations=asked, size=0, sort=())).aggregations
    counts = {name: int(answer.values.get("value") or 0) for name, answer in counted.items()}
    return {
        **dict.fromkeys(names.values(), 0),
        **{short_name(name): count for name, count in counts.items() if count},
    }


def _axis(name: str, axes: Mapping[str, int], place: int, leading: str) -> Column:
    """The axis asked for; else upwards the metric that leads, to the right the first number that costs something."""
    asked = column(name) if name else None
    if asked is not None:
        return asked
    light = [short_name(row) for row in fields_where("smaller_is_lighter")]
    cheap = [short for short in light if axes.get(short)] or light
    usual = (_metric_name(leading) if leading else cheap[-1], cheap[0])
    known = column(usual[place])
    assert known is not None  # a field of the table or a metric that models report
    return known


def _metric_name(name: str) -> str:
    known = column(name)
    return name if known is not None and known.kind == METRIC and known.path == name else f"metrics.{name}"


def _documents(catalog: Catalog, request: SearchRequest, axes: Sequence[Column]) -> list[Mapping[str, Any]]:
    needed: list[Query] = [Exists(_path(axis)) for axis in axes if axis.kind in {FIELD, METRIC}]
    wanted = replace(request, query=And((request.query, *needed)), aggregations={}, size=MAX_RESULT_WINDOW)
    return [hit.document for hit in catalog.search(wanted).hits]


def _path(axis: Column) -> str:
    return (
        f"metrics.{axis.path}"
        if axis.kind == METRIC and not axis.dataset
        else ("metric_names" if axis.kind == METRIC else axis.path)
    )


def _bases(documents: Sequence[Mapping[str, Any]], compared: Column) -> dict[str, int]:
    counted = Counter(
        measure.basis or UNKNOWN_DATASET
        for document in documents
        for measure in every_measure(document, compared)
    )
    return dict(sorted(counted.items(), key=lambda item: (item[0] == UNKNOWN_DATASET, -item[1], item[0])))


def chosen_basis(wanted: str, bases: Mapping[str, int]) -> str:
    """The data set that is drawn: the one asked for, else the first with enough models, those that are known first."""
    if wanted == ANY_DATASET or wanted in bases:
        return wanted
    by_dataset = next((basis for basis in bases if basis.partition("/")[0] == wanted), None)
    if by_dataset:
        return by_dataset
    enough = [basis for basis, number in bases.items() if number >= ENOUGH_POINTS]
    if enough or len(bases) < 2:
        return (enough or list(bases) or [""])[0]
    return ANY_DATASET  # each lies on data of its own: that is shown, and said


def _point(
    document: Mapping[str, Any],
    x: Column,
    y: Column,
    color: Column | None,
    compared: Column | None,
    basis: str,
) -> PlotPoint | None:
    right, up = (_coordinate(document, axis, compared, basis) for axis in (x, y))
    if right is None or up is None:
        return None
    identifier = text_at(document, "id")
    shade = raw_value(document, color) if color else None
    headline = measured(document, compared) if compared and basis == ANY_DATASET else None
    return PlotPoint(
        id=identifier,
        name=text_at(document, "name") or text_at(document, "path") or identifier,
        x=right,
        y=up,
        color=str(shade[0] if isinstance(shade, list) else shade) if shade not in (None, "") else "",
        basis=headline.basis if headline else basis,
    )


def _coordinate(
    document: Mapping[str, Any], axis: Column, compared: Column | None, basis: str
) -> float | None:
    if compared is None or axis.kind != METRIC or axis.dataset or basis == ANY_DATASET or _is_cost(axis):
        return number(document, axis)
    measures = every_measure(document, axis)
    return next((measure.value for measure in measures if (measure.basis or UNKNOWN_DATASET) == basis), None)


def _is_cost(axis: Column) -> bool:
    """Speed and the like belong to the model and a machine, not to a data set."""
    metric = find(axis.path)
    return metric is not None and metric.group == "performance"
