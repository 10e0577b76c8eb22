"""A plot of any two numbers of the models found: drawn here, in SVG, bounded, with its points as links and its text as a table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.state import TABLE, SearchState
from catalog.query.text.targets import short_name
from catalog.search.selections import value_label
from mappings import fields, fields_where
from webui.columns import METRIC, Column, column, place_on_page
from webui.numbers import AXIS_CHARACTERS, MONTHS, count, decimal, size
from webui.plot_points import ANY_DATASET, UNKNOWN_DATASET, PlotData, PlotPoint
from webui.text import shown
from webui.urls import Addresses

WIDTH, HEIGHT = 860.0, 460.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 18.0, 14.0, 44.0
MOST_MARKS = 1_500
SMALLEST_CELL = 4.0
MOST_COLORS = 7
MOST_ROWS = 200
NAMES_IN_A_TITLE = 3
LOG_FACTOR = 100
SMALLEST_LOG, LARGEST_LOG = 1e-290, 1e290  # a margin beyond them would end at 0 or nowhere
YEAR_SECONDS = 365.25 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis, in the drawing's own coordinates."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotAxis:
    """One axis. `note` says which end is better and whether its scale is logarithmic, `place` is the part of a model's page
    that says where its value comes from.
    """

    name: str
    label: str
    note: str
    place: str
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotMark:
    """One model, or several that lie on one another; `front`: no other model is better in both."""

    x: float
    y: float
    radius: float
    color: int
    title: str
    url: str
    front: bool
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotChoice:
    """One choice of a menu."""

    value: str
    label: str
    selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendEntry:
    """One colour."""

    label: str
    count: int
    color: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotRow:
    """One model of the plot as text."""

    name: str
    url: str
    x: str
    y: str
    color: str
    front: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotView:
    """Everything of a plot. `sentence` says what is drawn and what is left out, `warning` why it is not comparable."""

    x: PlotAxis
    y: PlotAxis
    marks: tuple[PlotMark, ...]
    front: str
    legend: tuple[LegendEntry, ...]
    rows: tuple[PlotRow, ...]
    more_rows: int
    x_choices: tuple[PlotChoice, ...]
    y_choices: tuple[PlotChoice, ...]
    color_choices: tuple[PlotChoice, ...]
    dataset_choices: tuple[PlotChoice, ...]
    color_label: str
    sentence: str
    warning: str
    table_url: str
    instead: str  # two numbers that models here do have, where none has those asked for
    instead_url: str


def plot_view(data: PlotData, state: SearchState, addresses: Addresses) -> PlotView:
    """The drawing of these points."""
    x_scale, y_scale = (
        Scale.over(data.x, [point.x for point in data.points], LEFT, WIDTH - RIGHT),
        Scale.over(data.y, [point.y for point in data.points], HEIGHT - BOTTOM, TOP),
    )
    front = pareto_front(data)
    colors = _colors(data)
    other = _other_axes(data)
    return PlotView(
        x=_axis(data.x, x_scale),
        y=_axis(data.y, y_scale),
        marks=_marks(data, x_scale, y_scale, front, colors, addresses),
        front=_steps([(x_scale.at(point.x), y_scale.at(point.y)) for point in front]),
        legend=_legend(data, colors),
        rows=_rows(data, front, addresses),
        more_rows=max(0, len(data.points) - MOST_ROWS),
        x_choices=_axis_choices(data, data.x),
        y_choices=_axis_choices(data, data.y),
        color_choices=_color_choices(data),
        dataset_choices=_dataset_choices(data),
        color_label=data.color.label if data.color else "",
        sentence=_sentence(data),
        warning=_warning(data),
        table_url=addresses.search(_table_state(data, state)),
        instead=f"{other[0].label} over {other[1].label}" if other else "",
        instead_url=addresses.search(
            replace(state, view=replace(state.view, y=other[0].name, x=other[1].name, dataset=""))
        )
        if other
        else "",
    )


def _other_axes(data: PlotData) -> tuple[Column, Column] | None:
    """Of a plot without points: the two numbers that most models have, if some model must have both."""
    if data.points:
        return None
    often = sorted(data.axes, key=lambda name: -data.axes[name])
    known = [axis for name in often if (axis := column(name)) is not None]
    other = next((axis for axis in known[1:] if axis.unit != known[0].unit), None)
    if other is None or data.axes[known[0].name] + data.axes[other.name] <= data.total:
        return None
    return known[0], other


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From values to coordinates."""

    of: Column
    low: float
    high: float
    log: bool
    start: float
    end: float

    @classmethod
    def over(cls, of: Column, values: Sequence[float], start: float, end: float) -> Scale:
        """A scale with a margin around these values; logarithmic where they are far apart."""
        low, high = min(values, default=0.0), max(values, default=1.0)
        drawable = low > SMALLEST_LOG and high < LARGEST_LOG
        log = drawable and high >= low * LOG_FACTOR and not _is_date(of)
        if log:
            margin = (math.log(high) - math.log(low)) * 0.04
            return cls(
                of=of,
                low=low * math.exp(-margin),
                high=high * math.exp(margin),
                log=True,
                start=start,
                end=end,
            )
        margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
        return cls(of=of, low=low - margin, high=high + margin, log=False, start=start, end=end)

    def at(self, value: float) -> float:
        part = (
            (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
            if self.log
            else (value - self.low) / (self.high - self.low)
        )
        return round(self.start + part * (self.end - self.start), 1)

    def ticks(self) -> tuple[Tick, ...]:
        """Round values, few enough to be read."""
        values = _dates(self) if _is_date(self.of) else _powers(self) if self.log else _steps_between(self)
        return tuple(Tick(at=self.at(value), label=axis_text(self.of, value)) for value in values)


def axis_text(of: Column, value: float) -> str:
    """A value as it stands on an axis and in a point's title."""
    if _is_date(of):
        moment = datetime.fromtimestamp(value, UTC)
        return (
            f"{moment.year}"
            if (moment.month, moment.day) == (1, 1)
            else f"{MONTHS[moment.month - 1]} {moment.year}"
        )
    if of.unit == "bytes":
        return size(value).text
    if of.unit in {"count", "tokens"}:
        return count(value).text
    text = decimal(value, digits=4).text
    return text if len(text) <= AXIS_CHARACTERS else f"{value:.4g}".replace("e+", "e")


def pareto_front(data: PlotData) -> tuple[PlotPoint, ...]:
    """The points than which none is better in both numbers, from one end of the x axis to the other.

    Empty where nobody knows which end of an axis is the better one, or where the values are not comparable.
    """
    if not data.x.better or not data.y.better or data.basis == ANY_DATASET:
        return ()
    right, up = (-1 if axis.better == "up" else 1 for axis in (data.x, data.y))
    front: list[PlotPoint] = []
    best = math.inf
    for point in sorted(data.points, key=lambda point: (right * point.x, up * point.y, point.id)):
        if up * point.y < best:
            best = up * point.y
            front.append(point)
    return tuple(sorted(front, key=lambda point: point.x))


def _marks(
    data: PlotData,
    x_scale: Scale,
    y_scale: Scale,
    front: Sequence[PlotPoint],
    colors: Mapping[str, int],
    addresses: Addresses,
) -> tuple[PlotMark, ...]:
    """A mark per model; where there are too many, or several on one another, one for all that share a small square."""
    best = {point.id for point in front}
    cell = SMALLEST_CELL
    while True:
        cells = _cells(data.points, x_scale, y_scale, cell, best)
        if len(cells) <= MOST_MARKS + len(front):
            break
        cell *= 1.5
    ordered = sorted(cells.values(), key=lambda group: (group[0].id in best, group[0].x, group[0].y))
    first = next((group[0].id for group in ordered if not best or group[0].id in best), "")
    return tuple(
        PlotMark(
            x=x_scale.at(group[0].x),
            y=y_scale.at(group[0].y),
            radius=round(min(4.2 + 1.3 * math.log2(len(group)), 11.0), 1),
            color=colors.get(group[0].color, MOST_COLORS),
            title=_title(group, data),
            url=addresses.model(group[0].id),
            front=group[0].id in best,
            first=group[0].id == first,
        )
        for group in ordered
    )


def _cells(
    points: Sequence[PlotPoint], x_scale: Scale, y_scale: Scale, cell: float, best: set[str]
) -> dict[tuple[object, ...], list[PlotPoint]]:
    """The points that one mark stands for, by what they share. A model of the front has a mark of its own, with those alone
    that have its very numbers: they lie below it, where nobody finds them.
    """
    cells: dict[tuple[object, ...], list[PlotPoint]] = {}
    for point in points:
        if point.id in best:
            cells[(point.x, point.y)] = [point]
    for point in points:
        if point.id in best:
            continue
        place = (x_scale.at(point.x) // cell, y_scale.at(point.y) // cell, point.color)
        own = cells.get((point.x, point.y))
        (cells.setdefault(place, []) if own is None else own).append(point)
    return cells


def _title(group: Sequence[PlotPoint], data: PlotData) -> str:
    first = group[0]
    where = f"{data.y.label} {axis_text(data.y, first.y)}, {data.x.label} {axis_text(data.x, first.x)}"
    basis = f" on {first.basis}" if first.basis not in {"", UNKNOWN_DATASET, ANY_DATASET} else ""
    names = ", ".join(shown(point.name, 60) for point in group[:NAMES_IN_A_TITLE])
    more = f" and {len(group) - NAMES_IN_A_TITLE:,} more" if len(group) > NAMES_IN_A_TITLE else ""
    return f"{names}{more}: {where}{basis}"


def _steps(corners: Sequence[tuple[float, float]]) -> str:
    """The front as the corners of a line."""
    return " ".join(f"{x},{y}" for x, y in corners) if len(corners) > 1 else ""


def _colors(data: PlotData) -> dict[str, int]:
    if data.color is None:
        return {}
    counted = Counter(point.color for point in data.points if point.color)
    ranked = sorted(counted, key=lambda value: (-counted[value], value))
    return {value: place for place, value in enumerate(ranked[:MOST_COLORS])}


def _legend(data: PlotData, colors: Mapping[str, int]) -> tuple[LegendEntry, ...]:
    if data.color is None:
        return ()
    counted = Counter(point.color for point in data.points)
    entries = [
        LegendEntry(label=shown(value_label(value, data.color.path), 60), count=counted[value], color=place)
        for value, place in colors.items()
    ]
    others = sum(number for value, number in counted.items() if value and value not in colors)
    if others:
        entries.append(LegendEntry(label="others", count=others, color=MOST_COLORS))
    if counted[""]:
        entries.append(LegendEntry(label="none", count=counted[""], color=MOST_COLORS))
    return tuple(entries)


def _rows(data: PlotData, front: Sequence[PlotPoint], addresses: Addresses) -> tuple[PlotRow, ...]:
    """The points as text, the front first, then by the upward axis, its better end first."""
    best = {point.id for point in front}
    sign = 1 if data.y.better == "down" else -1
    ordered = sorted(data.points, key=lambda point: (point.id not in best, sign * point.y, point.id))
    return tuple(
        PlotRow(
            name=shown(point.name, 100),
            url=addresses.model(point.id),
            x=axis_text(data.x, point.x),
            y=axis_text(data.y, point.y),
            color=shown(value_label(point.color, data.color.path), 60) if data.color else "",
            front=point.id in best,
        )
        for point in ordered[:MOST_ROWS]
    )


def _axis(of: Column, scale: Scale) -> PlotAxis:
    better = {"up": "higher is better", "down": "lower is better"}.get(of.better, "")
    notes = [better if of.kind == METRIC else "", "logarithmic" if scale.log else ""]
    return PlotAxis(
        name=of.name,
        label=f"{of.label} on {of.dataset}" if of.dataset else of.label,
        note=", ".join(note for note in notes if note),
        place=place_on_page(of),
        ticks=scale.ticks(),
    )


def _axis_choices(data: PlotData, chosen: Column) -> tuple[PlotChoice, ...]:
    names = dict.fromkeys((chosen.name, *data.axes))
    choices = []
    for name in names:
        known = chosen if name == chosen.name else column(name)
        same = (
            known is not None
            and name != chosen.name
            and (known.path, known.dataset) == (chosen.path, chosen.dataset)
        )
        if known is not None and not same:
            number = f" ({data.axes[name]:,})" if data.axes.get(name) else ""
            choices.append(
                PlotChoice(value=name, label=f"{known.label}{number}", selected=name == chosen.name)
            )
    return tuple(choices)


def _color_choices(data: PlotData) -> tuple[PlotChoice, ...]:
    chosen = data.color.path if data.color else ""
    rows = [row for row in fields_where("plotted").values() if row.facet == "terms"]
    named = [
        PlotChoice(value=short_name(row.name), label=row.label, selected=row.name == chosen) for row in rows
    ]
    if data.color and not any(choice.selected for choice in named):
        named.append(PlotChoice(value=data.color.name, label=data.color.label, selected=True))
    return (PlotChoice(value="", label="one colour", selected=not chosen), *named)


def _dataset_choices(data: PlotData) -> tuple[PlotChoice, ...]:
    if not data.bases:
        return ()
    choices = [
        PlotChoice(
            value=basis,
            label=f"{'unknown' if basis == UNKNOWN_DATASET else basis} ({number:,})",
            selected=basis == data.basis,
        )
        for basis, number in data.bases.items()
    ]
    if len(choices) > 1:
        choices.append(
            PlotChoice(value=ANY_DATASET, label="all, not comparable", selected=data.basis == ANY_DATASET)
        )
    return tuple(choices)


def _sentence(data: PlotData) -> str:
    drawn = len(data.points)
    word = "model" if data.total == 1 else "models"
    models = f"{drawn:,} of {data.total:,} {word}" if drawn != data.total else f"{drawn:,} {word}"
    lacking = data.total - drawn
    parts = [f"{models} {'is' if drawn == 1 else 'are'} drawn."]
    if lacking:
        where = "" if data.basis in {"", ANY_DATASET} else f" on {_basis_text(data.basis)}"
        parts.append(f"{lacking:,} {'does' if lacking == 1 else 'do'} not report both numbers{where}.")
    return " ".join(parts)


def _warning(data: PlotData) -> str:
    if data.basis == ANY_DATASET:
        return "These values were measured on different data: higher does not mean better here."
    if data.basis == UNKNOWN_DATASET:
        return "Nobody says on what data these values were measured, so they may not be comparable."
    return ""


def _basis_text(basis: str) -> str:
    return "an unknown data set" if basis == UNKNOWN_DATASET else basis


def _table_state(data: PlotData, state: SearchState) -> SearchState:
    columns = [_on_basis(axis, data.basis) for axis in (data.y, data.x)]
    columns += [data.color.name] if data.color else []
    return replace(state, view=replace(state.view, kind=TABLE, columns=tuple(columns)), page=1)


def _on_basis(axis: Column, basis: str) -> str:
    dataset = basis.partition("/")[0]
    plain = axis.kind != METRIC or axis.dataset or basis in {"", ANY_DATASET, UNKNOWN_DATASET}
    return axis.name if plain else f"{axis.name}@{dataset}"


def _is_date(of: Column) -> bool:
    row = fields().get(of.path)
    return row is not None and row.type == "date" and of.kind != METRIC


def _dates(scale: Scale) -> list[float]:
    """The first days of years, or of months where all lies within two years."""
    first, last = (datetime.fromtimestamp(end, UTC) for end in (scale.low, scale.high))
    if scale.high - scale.low > 2 * YEAR_SECONDS:
        step = max(1, math.ceil((last.year - first.year) / 8))
        instants = [datetime(year, 1, 1, tzinfo=UTC) for year in range(first.year, last.year + 1, step)]
    else:
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        step = max(1, math.ceil(len(months) / 8))
        instants = [datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in months[::step]]
    return [instant.timestamp() for instant in instants if scale.low <= instant.timestamp() <= scale.high]


def _powers(scale: Scale) -> list[float]:
    first, last = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
    step = max(1, math.ceil((last - first) / 8))
    digits = (1, 2, 5) if last - first <= 3 else (1,)
    values = [float(f"{digit}e{power}") for power in range(first, last + 1, step) for digit in digits]
    return [value for value in values if scale.low <= value <= scale.high]


def _steps_between(scale: Scale) -> list[float]:
    span = Decimal(repr(scale.high)) - Decimal(repr(scale.low))
    rough = span / 6
    power = rough.adjusted()
    step = next(part.scaleb(power) for part in map(Decimal, (1, 2, 5, 10)) if part.scaleb(power) >= rough)
    first = (Decimal(repr(scale.low)) / step).to_integral_value(rounding="ROUND_CEILING")
    values = [float((first + place) * step) for place in range(12)]
    return [value for value in values if scale.low <= value <= scale.high]
