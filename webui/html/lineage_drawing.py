"""The lineage of a model as a drawing: bases on the left, what was made from them on the right, one column a step.

The list beside it says the same in words; here are places alone. A line that no file of the model proves is dashed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from catalog.access.lineage import STEPS, Confidence, Descent, LineageGraph, LineageModel
from catalog.lazy_dataclasses import dataclass
from catalog.text.natural import natural_key
from webui.documents import text_at
from webui.text import shown
from webui.urls import Addresses

BOX_WIDTH, BOX_HEIGHT = 168, 46
COLUMN_GAP, ROW_GAP, MARGIN = 36, 12, 2
ROWS = 8
"""Boxes of one column; how many more there are stands below."""
NAME_CHARACTERS, NOTE_CHARACTERS = 21, 24
"""As many as a box has room for."""
NAME_TITLE_CHARACTERS = 200
RELATION_WORDS = {
    "adapter": "adapter",
    "quantized": "quantised",
    "finetune": "fine-tuned",
    "merge": "merge",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One model; `short` is as much of its name as there is room for, `url` empty for one that is not here."""

    x: int
    y: int
    name: str
    short: str
    note: str
    url: str
    is_this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """From a base to what was made from it; `text` says so, and how that is known."""

    path: str
    text: str
    doubt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class More:
    """How many models a column has no room for."""

    x: int
    y: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """All of it in pixels, and in words."""

    width: int
    height: int
    box_width: int
    box_height: int
    caption: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    more: tuple[More, ...]


def drawing_of(graph: LineageGraph, addresses: Addresses) -> Drawing | None:
    """None for a model of which no relation is known."""
    if not graph.links:
        return None
    columns = _columns(graph)
    rows = max(min(len(column), ROWS) + (len(column) > ROWS) for column in columns.values())
    height = 2 * MARGIN + rows * (BOX_HEIGHT + ROW_GAP) - ROW_GAP
    places: dict[str, tuple[int, int]] = {}
    more: list[More] = []
    for number, column in enumerate(columns.values()):
        x = MARGIN + number * (BOX_WIDTH + COLUMN_GAP)
        drawn = min(len(column), ROWS) + (len(column) > ROWS)
        top = (height - drawn * (BOX_HEIGHT + ROW_GAP) + ROW_GAP) // 2
        for row, model in enumerate(column[:ROWS]):
            places[model.key] = x, top + row * (BOX_HEIGHT + ROW_GAP)
        if len(column) > ROWS:
            y = top + ROWS * (BOX_HEIGHT + ROW_GAP) + BOX_HEIGHT // 2
            more.append(More(x=x + 12, y=y, text=f"and {len(column) - ROWS} more"))
    named = {model.key: model for model in graph.models}
    return Drawing(
        width=2 * MARGIN + len(columns) * (BOX_WIDTH + COLUMN_GAP) - COLUMN_GAP,
        height=height,
        box_width=BOX_WIDTH,
        box_height=BOX_HEIGHT,
        caption=_caption(graph),
        boxes=tuple(_box(named[key], graph.links, place, addresses) for key, place in places.items()),
        lines=tuple(
            _line(link, named, places) for link in graph.links if link.model in places and link.base in places
        ),
        more=tuple(more),
    )


def _columns(graph: LineageGraph) -> dict[int, list[LineageModel]]:
    """The models of each step, each as near as may be to what it is linked to in the column before: fewer lines cross."""
    columns: dict[int, list[LineageModel]] = {}
    for model in graph.models:
        columns.setdefault(model.step, []).append(model)
    linked: dict[str, list[str]] = {}
    for link in graph.links:
        linked.setdefault(link.model, []).append(link.base)
        linked.setdefault(link.base, []).append(link.model)
    rows: dict[str, float] = {}
    for step in sorted(columns, key=abs):
        columns[step].sort(key=lambda model: (_height(model, linked, rows), natural_key(model.name)))
        rows |= {model.key: row for row, model in enumerate(columns[step])}
    return dict(sorted(columns.items()))


def _height(model: LineageModel, linked: Mapping[str, Sequence[str]], rows: Mapping[str, float]) -> float:
    known = [rows[key] for key in linked.get(model.key, ()) if key in rows]
    return sum(known) / len(known) if known else 0.0


def _box(model: LineageModel, links: Sequence[Descent], place: tuple[int, int], addresses: Addresses) -> Box:
    name = shown(model.name, NAME_TITLE_CHARACTERS)
    return Box(
        x=place[0],
        y=place[1],
        name=name,
        short=_shortened(name),
        note=shown(_note(model, links), NOTE_CHARACTERS),
        url="" if model.document is None else addresses.model(model.key),
        is_this=model.step == 0,
    )


def _shortened(name: str) -> str:
    """As much of a name as there is room for: its end tells it from its relatives."""
    if len(name) <= NAME_CHARACTERS:
        return name
    return f"{name[: NAME_CHARACTERS // 2 - 1].rstrip()}…{name[-(NAME_CHARACTERS // 2) :].lstrip()}"


def _note(model: LineageModel, links: Sequence[Descent]) -> str:
    """How it was made from its base, and its version; that it is not here."""
    if model.document is None:
        return "not in this catalog"
    relations = [RELATION_WORDS.get(link.relation, "") for link in links if link.model == model.key]
    version = text_at(model.document, "version")
    return " · ".join(dict.fromkeys(part for part in (*relations, version) if part))


def _line(link: Descent, named: Mapping[str, LineageModel], places: Mapping[str, tuple[int, int]]) -> Line:
    (left, upper), (right, lower) = places[link.base], places[link.model]
    start, end = (left + BOX_WIDTH, upper + BOX_HEIGHT // 2), (right, lower + BOX_HEIGHT // 2)
    bend = max(abs(end[0] - start[0]) // 2, COLUMN_GAP // 2)
    path = f"M{start[0]} {start[1]}C{start[0] + bend} {start[1]} {end[0] - bend} {end[1]} {end[0]} {end[1]}"
    how = f" ({RELATION_WORDS[link.relation]})" if link.relation in RELATION_WORDS else ""
    text = f"{named[link.model].name} was made from {named[link.base].name}{how}. {link.reason}"
    return Line(
        path=path,
        text=shown(text, 3 * NAME_TITLE_CHARACTERS),
        doubt=link.confidence is not Confidence.DECLARED,
    )


def _caption(graph: LineageGraph) -> str:
    counted = Counter((model.step > 0) - (model.step < 0) for model in graph.models)
    parts = []
    if counted[-1]:
        parts.append(f"{counted[-1]} {'model' if counted[-1] == 1 else 'models'} it comes from")
    if counted[1]:
        parts.append(f"{counted[1]} {'model' if counted[1] == 1 else 'models'} made from it")
    if any(link.confidence is not Confidence.DECLARED for link in graph.links):
        parts.append("dashed: no file of the model says so")
    if graph.is_cut:
        parts.append(f"there are more than are drawn ({STEPS} steps each way)")
    return " · ".join(parts)
