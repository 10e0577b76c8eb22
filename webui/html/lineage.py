"""A model's relatives as a page draws them: what it came from, what came from it, its equals, its versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.access.lineage import Confidence, LineageGraph, LineageModel
from catalog.access.relatives import Base, Family, Kin
from catalog.lazy_dataclasses import dataclass
from catalog.text.natural import natural_key
from webui.documents import text_at
from webui.headline import headlines, metric_label
from webui.html.headline import dataset_of
from webui.html.lineage_drawing import Drawing, drawing_of
from webui.numbers import decimal, moment
from webui.text import shown
from webui.urls import Addresses

NAME_CHARACTERS = 90
WIDTH, HEIGHT, MARGIN = 640.0, 150.0, 14.0
"""Of the drawing of a series, in its own units."""
LEAST_POINTS = 2
COMPARED = 6
"""Versions, the latest ones, that are set side by side."""
BASE_WORDS = {
    "adapter": "Adapter of",
    "quantized": "Quantised from",
    "finetune": "Fine-tuned from",
    "merge": "Merged from",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """One model that is linked, if it is here; `note` tells it apart from others of its name, or what it is to one of them."""

    name: str
    url: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Models in one relation to this one; `name` is what files call a base otherwise than it is called here, `doubt` why
    nothing proves it.
    """

    title: str
    name: str
    search_url: str
    models: tuple[Relative, ...]
    more: int
    doubt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Both directions of a model's lineage, drawn and in words, and what lies beside it.

    `further` is what is more than one step away or no file of the model says, the oldest first.
    """

    drawing: Drawing | None
    bases: tuple[Relation, ...]
    derived: tuple[Relation, ...]
    earlier: tuple[Relation, ...]
    later: tuple[Relation, ...]
    equals: tuple[Relation, ...]

    @property
    def count(self) -> int:
        return sum(map(len, (self.bases, self.derived, self.earlier, self.later, self.equals)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One version of the model; `x` and `y` are its place in the drawing, None where the metric is not reported alike."""

    id: str
    url: str
    version: str
    date: str
    value: str
    exact: str
    is_this: bool
    is_latest: bool
    x: float | None
    y: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The versions of a model, oldest first, with one metric on one data set and split drawn as a line."""

    metric: str
    where: str
    line: str
    width: float
    height: float
    low: str
    high: str
    rows: tuple[SeriesRow, ...]
    compare_url: str


def lineage_of(family: Family, graph: LineageGraph, addresses: Addresses) -> Lineage:
    """The relatives with their links."""
    further = _further(graph, addresses)
    return Lineage(
        drawing=drawing_of(graph, addresses),
        bases=tuple(_base(base, addresses) for base in family.bases),
        derived=tuple(_relation(kin, addresses) for kin in family.derived),
        earlier=tuple(relation for step, relation in further if step < 0),
        later=tuple(relation for step, relation in further if step > 0),
        equals=tuple(_relation(kin, addresses) for kin in family.equals),
    )


def series_view(
    document: Mapping[str, Any], members: tuple[Mapping[str, Any], ...], addresses: Addresses
) -> Series | None:
    """The versions of the model's name; the line follows the metric that leads on this model's page."""
    if len(members) < LEAST_POINTS:
        return None
    metric, dataset, split = _leading(document, members)
    values = [_value_at(member, metric, dataset, split) for member in members]
    numbers = [value for value in values if value is not None]
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 0.0)
    places = [_place(index, value, len(members), low, high) for index, value in enumerate(values)]
    drawn = len(numbers) >= LEAST_POINTS
    rows = tuple(
        _row(member, value, place if drawn else None, document, members[-1], addresses)
        for member, value, place in zip(members, values, places, strict=True)
    )
    return Series(
        metric=metric_label(metric) if metric else "",
        where=" · ".join(part for part in (shown(dataset, 60), shown(split, 30)) if part),
        line=" ".join(f"{row.x:g},{row.y:g}" for row in rows if row.x is not None) if drawn else "",
        width=WIDTH,
        height=HEIGHT,
        low=decimal(low).text if drawn else "",
        high=decimal(high).text if drawn else "",
        rows=rows,
        compare_url=addresses.compare(row.id for row in rows[-COMPARED:]),
    )


def _base(base: Base, addresses: Addresses) -> Relation:
    return Relation(
        title=BASE_WORDS.get(base.relation, "Base model"),
        name=""
        if [row.get("name") for row in base.documents] == [base.name]
        else shown(base.name, NAME_CHARACTERS),
        search_url=addresses.selection("base_model.id", base.name),
        models=tuple(_relative(document, addresses) for document in base.documents),
        more=0,
        doubt="" if base.documents else "Not in this catalog.",
    )


def _further(graph: LineageGraph, addresses: Addresses) -> list[tuple[int, Relation]]:
    """What the one-step relations do not tell: models more than one step away, and bases that no file of the model names."""
    names = {model.key: model for model in graph.models}
    rows: dict[tuple[int, str, str], list[Relative]] = {}
    for link in graph.links:
        model, base = names[link.model], names[link.base]
        upwards = base.step < 0 and model.step == base.step + 1
        if not upwards and not (model.step > 0 and base.step == model.step - 1):
            continue  # of a circle: the drawing has it
        shown_model, other = (base, model) if upwards else (model, base)
        if abs(shown_model.step) == 1 and link.confidence is Confidence.DECLARED:
            continue
        doubt = "" if link.confidence is Confidence.DECLARED else link.reason
        note = "" if doubt else _said_of(link.relation, other, upwards=upwards)
        title = _steps_away(shown_model.step, doubtful=bool(doubt))
        rows.setdefault((shown_model.step, title, doubt), []).append(_kinsman(shown_model, note, addresses))
    return [
        (
            step,
            Relation(
                title=title, name="", search_url="", models=tuple(_in_order(models)), more=0, doubt=doubt
            ),
        )
        for (step, title, doubt), models in sorted(rows.items())
    ]


def _steps_away(step: int, *, doubtful: bool) -> str:
    if doubtful:
        return "Base, as it seems" if step < 0 else "Made from it, as it seems"
    return f"{abs(step)} steps {'back' if step < 0 else 'on'}"


def _said_of(relation: str, other: LineageModel, *, upwards: bool) -> str:
    """What the further one of two models is to the nearer one."""
    name = shown(other.name, NAME_CHARACTERS)
    return f"base of {name}" if upwards else f"{BASE_WORDS.get(relation, 'made from').lower()} {name}"


def _kinsman(model: LineageModel, note: str, addresses: Addresses) -> Relative:
    if model.document is not None:
        relative = _relative(model.document, addresses)
        return relative if not note else Relative(name=relative.name, url=relative.url, note=note)
    note = " · ".join(part for part in (note, "not in this catalog") if part)
    return Relative(name=shown(model.name, NAME_CHARACTERS), url="", note=note)


def _relation(kin: Kin, addresses: Addresses) -> Relation:
    return Relation(
        title=kin.relation,
        name="",
        search_url=addresses.search_text(kin.query) if kin.query else "",
        models=tuple(_in_order(_relative(document, addresses) for document in kin.documents)),
        more=max(0, kin.total - len(kin.documents)),
        doubt=kin.doubt,
    )


def _in_order(relatives: Iterable[Relative]) -> list[Relative]:
    """As people count: the tenth version behind the second."""
    return sorted(relatives, key=lambda relative: (natural_key(relative.name), natural_key(relative.note)))


def _relative(document: Mapping[str, Any], addresses: Addresses) -> Relative:
    identifier = text_at(document, "id")
    name = text_at(document, "name")
    parts = [text_at(document, "version"), text_at(document, "path")]
    parts = [
        part for part in parts if part != name
    ]  # a folder that is called as its model tells nothing apart
    return Relative(
        name=shown(name or identifier, NAME_CHARACTERS),
        url=addresses.model(identifier),
        note=shown(" · ".join(part for part in parts if part), NAME_CHARACTERS),
    )


def _leading(document: Mapping[str, Any], members: tuple[Mapping[str, Any], ...]) -> tuple[str, str, str]:
    """The metric, data set and split of this model's first headline, else of the newest version that has one."""
    for source in (document, *reversed(members)):
        for headline in headlines(source)[:1]:
            evaluation = headline.evaluation
            return headline.metric, dataset_of(evaluation), str(evaluation.get("split") or "")
    return "", "", ""


def _value_at(document: Mapping[str, Any], metric: str, dataset: str, split: str) -> float | None:
    """The value of just this metric on just this data: others would be another line."""
    for headline in headlines(document, [metric] if metric else []):
        evaluation = headline.evaluation
        same_data = (dataset_of(evaluation), str(evaluation.get("split") or "")) == (dataset, split)
        if headline.metric == metric and same_data:
            return float(headline.value)
    return None


def _place(
    index: int, value: float | None, count: int, low: float, high: float
) -> tuple[float, float] | None:
    if value is None:
        return None
    x = MARGIN + index * (WIDTH - 2 * MARGIN) / max(1, count - 1)
    share = (value - low) / (high - low) if high > low else 0.5
    return round(x, 1), round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)


def _row(
    member: Mapping[str, Any],
    value: float | None,
    place: tuple[float, float] | None,
    document: Mapping[str, Any],
    latest: Mapping[str, Any],
    addresses: Addresses,
) -> SeriesRow:
    identifier = text_at(member, "id")
    date = moment(member.get("best_date"), text_at(member, "best_date_precision") or None)
    figure = None if value is None else decimal(value)
    return SeriesRow(
        id=identifier,
        url=addresses.model(identifier),
        version=shown(text_at(member, "version") or text_at(member, "path"), 60),
        date="" if date is None else date.text,
        value="" if figure is None else figure.text,
        exact="" if figure is None else figure.exact,
        is_this=identifier == text_at(document, "id"),
        is_latest=identifier == text_at(latest, "id"),
        x=None if place is None else place[0],
        y=None if place is None else place[1],
    )
