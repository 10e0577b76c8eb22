"""The page of one model: key facts, every value with its provenance, evaluations, files, risks and problems."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.records import FieldProvenance, StoredModel
from mappings import Field, fields
from webui.documents import flattened, number_at, rows_at, text_at, value_at, values_at
from webui.html.evaluations import EvaluationRow, evaluation_rows
from webui.html.headline import Score, scores
from webui.html.provenance import Provenance, provenance_of
from webui.html.rows import Badge, Fact, Tag, badges, facts, tags
from webui.links import safe_link
from webui.numbers import Figure, figure, moment, size
from webui.text import shown
from webui.urls import Addresses

VALUES_SHOWN = 40
FILES_SHOWN = 200
ENTRIES_SHOWN = 300
VALUE_CHARACTERS = 600
TITLES = {
    "identity": "About",
    "weights": "Weights",
    "training": "Training",
    "lineage": "Lineage",
    "dates": "Dates",
    "files": "Where it is",
    "trust": "Record",
}
SEVERITY_WORDS = {"1": "info", "2": "low", "3": "medium", "4": "high", "5": "critical"}
SEVERITY_ORDER = ("critical", "high", "medium", "low", "info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value for people; `search_url` finds all models that share it, `link` leads outside."""

    text: str
    exact: str
    search_url: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """One field of the model with its values and why they are so."""

    field: str
    label: str
    description: str
    values: tuple[Value, ...]
    code: bool  # hashes and paths, to be read letter by letter
    more: int
    why: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    id: str
    title: str
    rows: tuple[FieldRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One file of the model."""

    key: str
    size: Figure | None
    format: str
    role: str
    status: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRow:
    kind: str
    severity: str
    file: str
    member: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRow:
    code: str
    message: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A name and a value that have no field of their own, and why."""

    name: str
    text: str
    exact: str
    why: Provenance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage:
    """Everything that a model's page shows; `document` is the model itself."""

    id: str
    name: str
    version: str
    description: str
    tags: tuple[Tag, ...]
    badges: tuple[Badge, ...]
    facts: tuple[Fact, ...]
    scores: tuple[Score, ...]
    license: str
    risks: tuple[RiskRow, ...]
    problems: tuple[ProblemRow, ...]
    evaluations: tuple[EvaluationRow, ...]
    more_evaluations: int
    sections: tuple[Section, ...]
    hyperparameters: tuple[Entry, ...]
    dtypes: tuple[Entry, ...]
    signature: tuple[Entry, ...]
    alternatives: tuple[Entry, ...]
    extra: tuple[Entry, ...]
    more_extra: int
    files: tuple[FileRow, ...]
    more_files: int
    revision: int
    seen: str
    json_url: str
    similar: tuple[Tag, ...]
    document: Mapping[str, Any]


def model_page(model: StoredModel, addresses: Addresses) -> ModelPage:
    """The page of a stored model."""
    document, known = model.document, model.provenance
    evaluations, more_evaluations = evaluation_rows(document, known)
    extra = list(_entries(document, "extra", known))
    files = rows_at(document, "files")
    return ModelPage(
        id=str(model.id),
        name=shown(text_at(document, "name") or text_at(document, "path") or str(model.id), 300),
        version=shown(text_at(document, "version"), 60),
        description=shown(text_at(document, "description") or text_at(document, "title"), 1_500),
        tags=tuple(tags(document, addresses)),
        badges=badges(document),
        facts=facts(document),
        scores=scores(document),
        license=shown(text_at(document, "license"), 60),
        risks=_risks(document),
        problems=tuple(_problem(row) for row in rows_at(document, "problems")),
        evaluations=evaluations,
        more_evaluations=more_evaluations,
        sections=tuple(_sections(document, known, addresses)),
        hyperparameters=tuple(_entries(document, "hyperparameters", known))[:ENTRIES_SHOWN],
        dtypes=tuple(_entries(document, "dtypes", known, unit="count")),
        signature=tuple(_signature(document, known)),
        alternatives=tuple(_alternatives(document)),
        extra=tuple(extra[:ENTRIES_SHOWN]),
        more_extra=max(0, len(extra) - ENTRIES_SHOWN),
        files=tuple(_file(row) for row in files[:FILES_SHOWN]),
        more_files=max(0, len(files) - FILES_SHOWN),
        revision=model.revision,
        seen=_seen(document),
        json_url=addresses.model_json(str(model.id)),
        similar=tuple(_similar(document, addresses)),
        document=document,
    )


def _sections(
    document: Mapping[str, Any], known: Mapping[str, FieldProvenance], addresses: Addresses
) -> Iterator[Section]:
    for group, title in TITLES.items():
        rows = [
            row
            for field in fields().values()
            if field.group == group and field.page != "apart"
            for row in _field_row(field, document, known, addresses)
        ]
        if rows:
            yield Section(id=group, title=title, rows=tuple(rows))


def _field_row(
    field: Field, document: Mapping[str, Any], known: Mapping[str, FieldProvenance], addresses: Addresses
) -> Iterator[FieldRow]:
    values = values_at(document, field.name)
    if not values or (field.name == "locations" and values == values_at(document, "uri")):
        return
    yield FieldRow(
        field=field.name,
        label=field.label,
        description=field.description,
        values=tuple(_value(field, value, document, addresses) for value in values[:VALUES_SHOWN]),
        code=field.page == "code",
        more=max(0, len(values) - VALUES_SHOWN),
        why=provenance_of(field.name, known, field.description),
    )


def _value(field: Field, value: Any, document: Mapping[str, Any], addresses: Addresses) -> Value:
    precision = text_at(document, f"{field.name}_precision") if field.type == "date" else ""
    date = moment(value, precision) if precision else None
    readable = date or figure(value, field.unit, field.type)
    searchable = field.facet == "terms" and isinstance(value, str)
    return Value(
        text=shown(readable.text, VALUE_CHARACTERS),
        exact=shown(readable.exact, VALUE_CHARACTERS),
        search_url=addresses.selection(field.name, value) if searchable else "",
        link=safe_link(value) or "",
    )


def _risks(document: Mapping[str, Any]) -> tuple[RiskRow, ...]:
    rows = [
        RiskRow(
            kind=shown(row.get("kind", "risk"), 60),
            severity=SEVERITY_WORDS.get(
                str(row.get("severity")), shown(row.get("severity", "info"), 20).lower()
            ),
            file=shown(row.get("file") or row.get("key") or "", 300),
            member=shown(row.get("member") or "", 200),
            detail=shown(row.get("detail") or "", 600),
        )
        for row in rows_at(document, "risks")
    ]
    rows.sort(key=lambda row: SEVERITY_ORDER.index(row.severity) if row.severity in SEVERITY_ORDER else 0)
    return tuple(rows)


def _problem(row: Mapping[str, Any]) -> ProblemRow:
    place = [shown(row[name], 300) for name in ("file", "key", "pointer") if row.get(name)]
    return ProblemRow(
        code=shown(row.get("code") or "problem", 60),
        message=shown(row.get("message") or "", 600),
        place=" ".join(place),
    )


def _file(row: Mapping[str, Any]) -> FileRow:
    bytes_found = row.get("size_bytes")
    return FileRow(
        key=shown(row.get("key") or "", 400),
        size=size(bytes_found)
        if isinstance(bytes_found, int | float) and math.isfinite(bytes_found)
        else None,
        format=shown(row.get("format") or "", 40),
        role=shown(row.get("role") or "", 40),
        status=shown(row.get("status") or "", 40),
        sha256=shown(row.get("sha256") or "", 80),
    )


def _entries(
    document: Mapping[str, Any], name: str, known: Mapping[str, FieldProvenance], unit: str | None = None
) -> Iterator[Entry]:
    for key, value in flattened(value_at(document, name)):
        if not key:
            continue
        readable = figure(value, unit)
        path = f"{name}.{key}"
        yield Entry(
            name=shown(key, 120),
            text=shown(readable.text, VALUE_CHARACTERS),
            exact=shown(readable.exact, VALUE_CHARACTERS),
            why=provenance_of(path, known) if path in known else None,
        )


def _signature(document: Mapping[str, Any], known: Mapping[str, FieldProvenance]) -> Iterator[Entry]:
    for field, word in (("inputs", "input"), ("outputs", "output")):
        why = provenance_of(field, known) if field in known else None
        for row in rows_at(document, field)[:VALUES_SHOWN]:
            shape = row.get("shape")
            dimensions = (
                " × ".join("?" if size is None else shown(size, 20) for size in shape)
                if isinstance(shape, list)
                else ""
            )
            text = " ".join(part for part in (shown(row.get("dtype") or "", 20), dimensions) if part)
            yield Entry(name=f"{word} {shown(row.get('name') or '', 80)}", text=text, exact=text, why=why)


def _alternatives(document: Mapping[str, Any]) -> Iterator[Entry]:
    for row in rows_at(document, "alternatives")[:VALUES_SHOWN]:
        name = shown(row.get("format") or row.get("key") or "", 60)
        pairs = [(key, value) for key, value in flattened(row) if key != "format"]
        units = {"parameters": "count", "size_bytes": "bytes"}
        text = " · ".join(
            f"{key.replace('_', ' ')}: {figure(value, units.get(key)).text}" for key, value in pairs
        )
        yield Entry(
            name=name, text=shown(text, VALUE_CHARACTERS), exact=shown(text, VALUE_CHARACTERS), why=None
        )


def _seen(document: Mapping[str, Any]) -> str:
    first, last = moment(value_at(document, "first_seen")), moment(value_at(document, "last_seen"))
    if first is None or last is None:
        return ""
    return f"first seen {first.text}, last seen {last.text}"


def _similar(document: Mapping[str, Any], addresses: Addresses) -> Iterator[Tag]:
    """Searches that lead from this model to its relatives."""
    for base in values_at(document, "base_model.id")[:3]:
        url = addresses.selection("base_model.id", str(base))
        yield Tag(field="base_model.id", text=f"Other models on {shown(base, 60)}", url=url)
    if group := text_at(document, "duplicate_group"):
        url = addresses.search_text(f'duplicate_group:"{group}"')
        yield Tag(field="duplicate_group", text="The same weights elsewhere", url=url)
    for dataset in values_at(document, "datasets")[:3]:
        url = addresses.selection("datasets", str(dataset))
        yield Tag(field="datasets", text=f"Trained on {shown(dataset, 60)}", url=url)
    if architecture := text_at(document, "architecture"):
        url = addresses.selection("architecture", architecture)
        yield Tag(field="architecture", text=f"All {shown(architecture, 60)}", url=url)
    if (parameters := number_at(document, "parameters")) and parameters > 0:
        url = addresses.search_text(f"params:{int(parameters * 0.8)}..{int(parameters * 1.25)}")
        yield Tag(field="parameters", text="Of similar size", url=url)
