"""The page of one model.

First what it is, how good, whether one may use it, whether it is safe, how it is loaded and where it is; then its card, its
relatives, every value with its provenance, its files and its history.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.access.edits_in_force import edits_in_force
from catalog.lazy_dataclasses import dataclass
from catalog.recording.field_changes import why_not
from catalog.records import FieldProvenance, StoredModel, display_key
from catalog.text.natural import natural_key
from catalog.text.value_names import status_words, value_name
from mappings import Field, fields
from webui.documents import flattened, number_at, rows_at, text_at, value_at, values_at
from webui.html.card import Card, card_of
from webui.html.data_tables import TableLine, table_lines
from webui.html.editing import EditRow, edit_row
from webui.html.evaluations import EvaluationRow, evaluation_rows
from webui.html.headline import Score, scores
from webui.html.history import HistoryRow, history_rows
from webui.html.lineage import Lineage, Series, lineage_of, series_view
from webui.html.loading import Loading, loading_of, local_path
from webui.html.memory import Memory, memory_of
from webui.html.provenance import Provenance, provenance_of
from webui.html.rows import Badge, Fact, Tag, badges, facts, risk_word, tags
from webui.html.safety import RiskRow, Verdict, risk_rows, verdict_of
from webui.html.surroundings import Surroundings
from webui.links import safe_link
from webui.numbers import Figure, figure, moment, ordinal, size
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
SCORES_SHOWN = 2
FILTER_CHARACTERS = 200
OTHER_GROUPS = (
    ("signature", "Inputs and outputs"),
    ("alternatives", "The same weights in other formats"),
    ("dtypes", "Numbers by data type"),
    ("hyperparameters", "Hyper-parameters"),
    ("extra", "Everything else its files say"),
)
"""Of the table of all values: what the field table has no row for."""


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
    edit_url: str  # empty for what nobody may set


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
    state: str  # the status for people
    sha256: str


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
class ValueGroup:
    """A part of the table of all values: rows of the field table, or names and values that have no field."""

    title: str
    rows: tuple[FieldRow, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedScore:
    """A headline metric, its place among the models here that report the same on the same data, and the search for them."""

    score: Score
    place: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Why the model is not to be had now, and where it was."""

    headline: str
    place: str


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
    scores: tuple[RankedScore, ...]
    license: Tag | None
    place: str
    verdict: Verdict
    loading: Loading
    memory: Memory | None
    absence: Absence | None
    moved_from: str
    card: Card | None
    tables: tuple[TableLine, ...]
    lineage: Lineage
    series: Series | None
    notes: str
    edits: tuple[EditRow, ...]
    edit_url: str  # empty for who may not change it
    notes_url: str
    history: tuple[HistoryRow, ...]
    history_url: str
    silent: bool
    filter: str
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
    card_url: str
    bill_url: str
    compare_url: str
    similar: tuple[Tag, ...]
    document: Mapping[str, Any]
    as_of: str = ""  # the sentence of a model of the past
    day: str = ""
    now_url: str = ""

    @property
    def summary(self) -> str:
        """The model in one line, for whom a link to it is sent."""
        figures = [
            f"{row.score.label} {row.score.value.text}"
            + (f" on {row.score.dataset}" if row.score.dataset else "")
            for row in self.scores[:1]
        ]
        words = [tag.text for tag in self.tags[:1]] + figures
        words += [fact.figure.text for fact in self.facts if fact.label != "parameters"]
        return " · ".join([*words, self.license.text if self.license else "no license stated"])

    @property
    def values(self) -> tuple[ValueGroup, ...]:
        """The table of all values and their sources, those that the filter lets through."""
        groups = [ValueGroup(title=section.title, rows=section.rows, entries=()) for section in self.sections]
        for name, title in OTHER_GROUPS:
            groups.append(ValueGroup(title=title, rows=(), entries=getattr(self, name)))
        words = self.filter.casefold()
        filtered = (
            ValueGroup(
                title=group.title,
                rows=tuple(row for row in group.rows if words in _row_text(row)),
                entries=tuple(entry for entry in group.entries if words in _entry_text(entry)),
            )
            for group in groups
        )
        return tuple(group for group in filtered if group.rows or group.entries)


def model_page(
    model: StoredModel,
    addresses: Addresses,
    around: Surroundings | None = None,
    *,
    words: str = "",
) -> ModelPage:
    """The page of a stored model. `words` are what its table of values is narrowed to."""
    around = around or Surroundings()
    document, known = model.document, model.provenance
    risks = risk_rows(document)
    name = shown(text_at(document, "name") or text_at(document, "path") or str(model.id), 300)
    evaluations, more_evaluations = evaluation_rows(document, known)
    extra = list(_entries(document, "extra", known))
    files = rows_at(document, "files")
    return ModelPage(
        id=str(model.id),
        name=name,
        version=shown(text_at(document, "version"), 60),
        description=shown(text_at(document, "description") or text_at(document, "title"), 1_500),
        tags=tuple(tags(document, addresses)),
        badges=_state_badges(document, risks),
        facts=facts(document),
        scores=tuple(_ranked(score, around, addresses) for score in scores(document)[:SCORES_SHOWN]),
        license=_license(document, addresses),
        place=_place(document),
        verdict=verdict_of(document, risks),
        loading=loading_of(document),
        memory=memory_of(document, known),
        absence=_absence(document),
        moved_from=_moved_from(around),
        card=None if around.card is None else card_of(around.card.text, display_key(around.card.key), name),
        tables=tuple(table_lines(document, around.tables, addresses)),
        lineage=lineage_of(around.family, around.graph, addresses),
        series=series_view(document, around.series, addresses),
        notes=shown(text_at(document, "notes"), 5_000),
        edits=tuple(
            edit_row(edit, str(model.id), addresses)
            for edit in edits_in_force(known)
            if edit.field != "notes"  # they stand above
        ),
        edit_url=addresses.edit(str(model.id)) if around.may_edit else "",
        notes_url=addresses.edit(str(model.id), "notes"),
        history=history_rows(around.revisions, addresses),
        history_url=addresses.history(str(model.id)),
        silent=around.silent,
        filter=shown(words, FILTER_CHARACTERS),
        risks=risks,
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
        card_url=f"{addresses.model_json(str(model.id))}/card.md",
        bill_url=f"{addresses.model_json(str(model.id))}/cyclonedx.json",
        compare_url=addresses.compare((str(model.id),)),
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
        edit_url=addresses.edit(text_at(document, "id"), field.name) if why_not(field.name) is None else "",
    )


def _value(field: Field, value: Any, document: Mapping[str, Any], addresses: Addresses) -> Value:
    precision = text_at(document, f"{field.name}_precision") if field.type == "date" else ""
    date = moment(value, precision) if precision else None
    readable = date or figure(value, field.unit, field.type)
    searchable = field.facet == "terms" and isinstance(value, str)
    text = value_name(readable.text, field.name)
    return Value(
        text=shown(text, VALUE_CHARACTERS),
        exact=shown(readable.exact, VALUE_CHARACTERS),
        search_url=addresses.selection(field.name, value) if searchable else "",
        link=safe_link(value) or "",
    )


def _row_text(row: FieldRow) -> str:
    values = " ".join(value.text for value in row.values)
    return f"{row.label} {row.field} {values} {row.why.summary}".casefold()


def _entry_text(entry: Entry) -> str:
    return f"{entry.name} {entry.text} {entry.why.summary if entry.why else ''}".casefold()


def _ranked(score: Score, around: Surroundings, addresses: Addresses) -> RankedScore:
    rank = around.ranks.get(score.metric)
    if rank is None:
        return RankedScore(score=score, place="", url="")
    best = "best" if rank.place == 1 else ordinal(rank.place)
    return RankedScore(
        score=score,
        place=f"{best} of {rank.models:,} here",
        url=addresses.search_text(f"{rank.query} sort:{score.metric}") if rank.query else "",
    )


def _state_badges(document: Mapping[str, Any], risks: tuple[RiskRow, ...]) -> tuple[Badge, ...]:
    """What lists put beside a name, without what the verdict says better."""
    kinds = {row.kind for row in risks} | {str(kind) for kind in values_at(document, "risk_kinds")}
    judged = {risk_word(kind) for kind in kinds}
    return tuple(badge for badge in badges(document) if badge.text not in judged)


def _license(document: Mapping[str, Any], addresses: Addresses) -> Tag | None:
    license_id = text_at(document, "license")
    if not license_id:
        return None
    url = addresses.selection("license", str(values_at(document, "license")[0]))
    return Tag(field="license", text=shown(license_id, 60), url=url)


def _place(document: Mapping[str, Any]) -> str:
    """Where it is, as one types it: the path on this machine, else the address."""
    uri = text_at(document, "uri")
    return shown(local_path(uri) or uri or text_at(document, "path"), 1_000)


def _absence(document: Mapping[str, Any]) -> Absence | None:
    if text_at(document, "status") not in {"missing", "gone"}:
        return None
    last = moment(value_at(document, "last_seen"))
    since = f"Not seen since {last.text}." if last else "Not found where it was."
    return Absence(headline=since, place=_place(document))


def _moved_from(around: Surroundings) -> str:
    return "" if around.moved_from is None else _place(around.moved_from)


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
        state=shown(status_words(str(row.get("status") or "")), 40),
        sha256=shown(row.get("sha256") or "", 80),
    )


def _entries(
    document: Mapping[str, Any], name: str, known: Mapping[str, FieldProvenance], unit: str | None = None
) -> Iterator[Entry]:
    leaves = flattened(value_at(document, name))
    for key, value in sorted(leaves, key=lambda leaf: natural_key(leaf[0])):
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
    for dataset in values_at(document, "datasets")[:3]:
        url = addresses.selection("datasets", str(dataset))
        yield Tag(field="datasets", text=f"Others trained on {shown(dataset, 60)}", url=url)
    if architecture := text_at(document, "architecture"):
        url = addresses.selection("architecture", architecture)
        yield Tag(field="architecture", text=f"All {shown(architecture, 60)}", url=url)
    if (parameters := number_at(document, "parameters")) and parameters > 0:
        url = addresses.search_text(f"params:{int(parameters * 0.8)}..{int(parameters * 1.25)}")
        yield Tag(field="parameters", text="Of similar size", url=url)
