"""Two to six models side by side: what differs first, what is equal folded, the best value marked where it can be told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.text.apart import apart
from mappings import fields
from mappings.metrics import find
from webui.columns import METRIC, Column, Measured, column, every_measure, figure_of, place_on_page
from webui.documents import flattened, text_at, values_at
from webui.finding import Rival
from webui.headline import DATASET_UNKNOWN, metric_label
from webui.html.headline import scores
from webui.html.rows import Badge, badges
from webui.numbers import decimal, figure
from webui.text import NAME_CHARACTERS, shown
from webui.urls import Addresses

FEWEST = 2
MOST_ROWS = 300
VALUE_CHARACTERS = 160
HASH_CHARACTERS = 12
SECTIONS = {
    "identity": "About",
    "weights": "Weights",
    "training": "Training",
    "lineage": "Lineage",
    "dates": "Dates",
    "trust": "Trust",
    "files": "Where it is",
}
METRICS, SETTINGS, REQUIREMENTS, REST = "Metrics", "Hyper-parameters", "Dependencies", "Other statements"
_MANY = frozenset({METRICS, SETTINGS, REQUIREMENTS, REST})
SINGLE_SHOWN = 4
"""Of rows with free names that one model alone has: more of them are folded, they would hide what can be compared."""
_HASH = re.compile(r"[0-9a-f]{32,}")
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedModel:
    """One column: a model, and the comparison without it."""

    id: str
    url: str
    name: str
    version: str
    badges: tuple[Badge, ...]
    without_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCell:
    """What one model says; empty where it says nothing. `best` is only said of values measured alike."""

    text: str
    exact: str
    best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One thing that at least one of the models says. `note` is what a metric was measured on, `place` the part of a model's
    page that says where its value comes from.
    """

    label: str
    note: str
    place: str
    cells: tuple[ComparedCell, ...]
    equal: bool
    on_unknown_data: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSection:
    """Rows of one kind: those that differ, those of which one model alone says something, and those that are equal."""

    title: str
    rows: tuple[ComparedRow, ...]
    single_rows: tuple[ComparedRow, ...]
    equal_rows: tuple[ComparedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RivalView:
    """A model that another one may be compared with, and why."""

    id: str
    url: str
    name: str
    version: str
    score: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparePage:
    """Everything that a comparison shows."""

    models: tuple[ComparedModel, ...]
    sections: tuple[ComparedSection, ...]
    single_count: int
    equal_count: int
    sentences: tuple[str, ...]
    notices: tuple[str, ...]
    markdown: str
    url: str
    rivals: tuple[RivalView, ...]
    as_of: str = ""  # the sentence of a comparison of the past
    day: str = ""
    now_url: str = ""


def compare_page(
    documents: Sequence[Mapping[str, Any]],
    notices: Sequence[str],
    addresses: Addresses,
    rivals: Sequence[Rival] = (),
) -> ComparePage:
    """The comparison of these models, in their order; `rivals` are others to choose from."""
    ids = [text_at(document, "id") for document in documents]
    sections = tuple(_sections(documents)) if len(documents) >= FEWEST else ()
    models = tuple(
        _model(document, apart_by, ids, addresses)
        for document, apart_by in zip(documents, apart(documents), strict=True)
    )
    return ComparePage(
        models=models,
        sections=sections,
        single_count=sum(len(section.single_rows) for section in sections),
        equal_count=sum(len(section.equal_rows) for section in sections),
        sentences=tuple(_sentences(documents)),
        notices=tuple(notices),
        markdown=_markdown(models, sections),
        url=addresses.compare(ids),
        rivals=tuple(_rival(rival, addresses) for rival in rivals),
    )


def _rival(rival: Rival, addresses: Addresses) -> RivalView:
    document = rival.document
    identifier = text_at(document, "id")
    score = next(iter(scores(document)), None)
    where = f" on {score.dataset}" if score is not None and score.dataset else ""
    return RivalView(
        id=identifier,
        url=addresses.model(identifier),
        name=shown(text_at(document, "name") or text_at(document, "path") or identifier, NAME_CHARACTERS),
        version=shown(text_at(document, "version"), NAME_CHARACTERS),
        score="" if score is None else f"{score.label} {score.value.text}{where}",
        reason=rival.reason,
    )


def _model(
    document: Mapping[str, Any], apart_by: str, ids: Sequence[str], addresses: Addresses
) -> ComparedModel:
    identifier = text_at(document, "id")
    return ComparedModel(
        id=identifier,
        url=addresses.model(identifier),
        name=shown(text_at(document, "name") or text_at(document, "path") or identifier, NAME_CHARACTERS),
        version=shown(apart_by or text_at(document, "version"), NAME_CHARACTERS),
        badges=tuple(badge for badge in badges(document) if badge.tone != "info"),
        without_url=addresses.compare([other for other in ids if other != identifier])
        if len(ids) > FEWEST
        else "",
    )


def _sections(documents: Sequence[Mapping[str, Any]]) -> Iterator[ComparedSection]:
    groups: list[tuple[str, Iterator[ComparedRow]]] = [(METRICS, _metric_rows(documents))]
    for group, title in SECTIONS.items():
        groups.append((title, _field_rows(documents, group)))
        if group == "training":
            groups.append(
                (SETTINGS, _leaf_rows([_leaves(document.get("hyperparameters")) for document in documents]))
            )
        if group == "lineage":
            groups.append((REQUIREMENTS, _leaf_rows([_requirements(document) for document in documents])))
    groups.append((REST, _leaf_rows([_leaves(document.get("extra")) for document in documents])))
    for title, rows in groups:
        bounded = tuple(islice(rows, MOST_ROWS))
        if bounded:
            differing = [row for row in bounded if not row.equal]
            single = [row for row in differing if _is_single(row)] if title in _MANY else []
            single = single if len(single) > SINGLE_SHOWN else []
            yield ComparedSection(
                title=title,
                rows=tuple(row for row in differing if row not in single),
                single_rows=tuple(single),
                equal_rows=tuple(row for row in bounded if row.equal),
            )


def _is_single(row: ComparedRow) -> bool:
    """Whether there is nothing to compare: one model alone says it."""
    return sum(bool(cell.text) for cell in row.cells) == 1


def _metric_rows(documents: Sequence[Mapping[str, Any]]) -> Iterator[ComparedRow]:
    """A row for each metric on each data set and split: only within a row are values alike. Shared rows come first."""
    tables: list[dict[tuple[str, str], Measured]] = []
    for document in documents:
        own: dict[tuple[str, str], Measured] = {}
        for name in _metrics_of(document):
            of = Column(name=name, label=name, kind=METRIC, path=name, numeric=True)
            for measure in every_measure(document, of):
                own.setdefault((name, measure.basis), measure)
        tables.append(own)
    keys = dict.fromkeys(key for own in tables for key in own)
    shared = {key: sum(key in own for own in tables) for key in keys}
    for name, basis in sorted(keys, key=lambda key: (-shared[key], not key[1], find(key[0]) is None)):
        yield _metric_row(name, basis, [own.get((name, basis)) for own in tables])


def _metrics_of(document: Mapping[str, Any]) -> list[str]:
    metrics = document.get("metrics")
    names = [str(name) for name in metrics] if isinstance(metrics, Mapping) else []
    reported = [str(name) for name in values_at(document, "metric_names")]
    return list(dict.fromkeys((*names, *reported)))[:MOST_ROWS]


def _metric_row(name: str, basis: str, measures: Sequence[Measured | None]) -> ComparedRow:
    known = [measure.value for measure in measures if measure is not None]
    best = _best(name, [measure for measure in measures if measure is not None])
    cells = []
    for measure in measures:
        figure = None if measure is None else decimal(measure.value)
        cells.append(
            ComparedCell(
                text=figure.text if figure else "",
                exact=figure.exact if figure else "",
                best=measure is not None and best is not None and measure.value == best,
            )
        )
    return ComparedRow(
        label=metric_label(name),
        note=f"on {basis}" if basis else DATASET_UNKNOWN,
        place="evaluations",
        cells=tuple(cells),
        equal=len(known) == len(measures) and len(set(known)) == 1 and bool(basis),
        on_unknown_data=not basis,
    )


def _best(name: str, measures: Sequence[Measured]) -> float | None:
    """The best of values that may be ranked: of a metric with a better end, on one data set and split, both known."""
    metric = find(name)
    alike = all(measure.dataset and measure.split for measure in measures)
    values = {measure.value for measure in measures}
    if metric is None or metric.direction is None or not alike or len(measures) < FEWEST or len(values) == 1:
        return None
    return max(values) if metric.direction == "up" else min(values)


def _field_rows(documents: Sequence[Mapping[str, Any]], group: str) -> Iterator[ComparedRow]:
    """Rows of one kind, and a derived date only where it says more than another: *Date* may be *Trained* of all models."""
    rows = [*_all_field_rows(documents, group)]
    own = {row.cells for derived, row in rows if not derived}
    return (row for derived, row in rows if not derived or row.cells not in own)


def _all_field_rows(documents: Sequence[Mapping[str, Any]], group: str) -> Iterator[tuple[bool, ComparedRow]]:
    for row in fields().values():
        compared = row.group == group and (row.page != "apart" or row.name in _ALSO)
        of = (
            column(row.name)
            if compared and row.searchable and row.type not in {"text", "flattened"}
            else None
        )
        if of is None or row.name in _ELSEWHERE or (row.name == "locations" and not _copied(documents)):
            continue
        figures = [figure_of(document, of) for document in documents]
        texts = [None if figure is None else figure.text for figure in figures]
        if any(texts):
            compared_row = ComparedRow(
                label=row.label,
                note="",
                place=place_on_page(of),
                cells=tuple(
                    ComparedCell(
                        text=shown(_begun(figure.text), VALUE_CHARACTERS) if figure else "",
                        exact=figure.exact if figure else "",
                        best=False,
                    )
                    for figure in figures
                ),
                equal=len({None if figure is None else figure.exact for figure in figures}) == 1,
            )
            yield row.rule == "derived" and row.type == "date", compared_row


def _begun(text: str) -> str:
    """How a hash begins, which tells it from others; all other text as it is."""
    return f"{text[:HASH_CHARACTERS]}…" if _HASH.fullmatch(text) else text


def _copied(documents: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of the models is in several places; of the others the address says all."""
    return any(len(values_at(document, "locations")) > 1 for document in documents)


_ELSEWHERE = frozenset({"name", "dependencies"})  # the heads of columns, and rows by package
_ALSO = frozenset({"license_kind", "risk_kinds"})


def _leaf_rows(tables: Sequence[Mapping[str, str]]) -> Iterator[ComparedRow]:
    for name in dict.fromkeys(name for table in tables for name in table):
        texts = [table.get(name, "") for table in tables]
        yield ComparedRow(
            label=shown(name, 80),
            note="",
            place="values",
            cells=tuple(
                ComparedCell(text=shown(text, VALUE_CHARACTERS), exact=shown(text), best=False)
                for text in texts
            ),
            equal=len(set(texts)) == 1,
        )


def _leaves(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {name: _leaf(leaf) for name, leaf in islice(flattened(value), MOST_ROWS)}


def _leaf(value: Any) -> str:
    if isinstance(value, bool):
        return figure(value, None).text
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)


def _requirements(document: Mapping[str, Any]) -> dict[str, str]:
    """Requirements by package, so that versions stand beside each other."""
    packages = {}
    for text in values_at(document, "dependencies"):
        match = REQUIREMENT.fullmatch(str(text).strip())
        if match:
            packages[match["name"].casefold().replace("_", "-")] = match["rest"].strip() or "any version"
    return packages


def _sentences(documents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the models have in common that one would want to know first."""
    if len(documents) < FEWEST:
        return
    bases = [set(map(str, values_at(document, "base_model.id"))) for document in documents]
    shared = set.intersection(*bases)
    if shared:
        yield f"All derive from {shown(', '.join(sorted(shared)), 200)}."
    groups = {text_at(document, "duplicate_group") for document in documents}
    if len(groups) == 1 and "" not in groups:
        yield "All hold the same weights."


def _markdown(models: Sequence[ComparedModel], sections: Sequence[ComparedSection]) -> str:
    """What differs, as a table for a message or a document."""
    if not sections:
        return ""
    lines = [
        _markdown_row(["", *(f"{model.name} {model.version}".strip() for model in models)]),
        _markdown_row(["---"] * (len(models) + 1), escaped=True),
    ]
    for section in sections:
        for row in (*section.rows, *section.single_rows):
            label = f"{row.label} {row.note}".strip()
            cells = [f"**{_escaped(cell.text)}**" if cell.best else _escaped(cell.text) for cell in row.cells]
            lines.append(_markdown_row([_escaped(label), *cells], escaped=True))
    return "\n".join(lines)


def _markdown_row(cells: Sequence[str], *, escaped: bool = False) -> str:
    return f"| {' | '.join(cell if escaped else _escaped(cell) for cell in cells)} |"


def _escaped(text: str) -> str:
    """Text that stays text in Markdown: no cell, link, emphasis or markup of its own."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)
