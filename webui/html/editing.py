"""What the pages for changing models show: one field of one model, one field of many, and the revisions of a model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from catalog.access.editing import Preview
from catalog.access.edits_in_force import EditInForce, edits_in_force
from catalog.lazy_dataclasses import dataclass
from catalog.recording.field_changes import Action, editable, takes_words, why_not
from catalog.records import ObjectKey, Revision, StoredModel, display_key
from catalog.records.leaves import value_at
from mappings import Field, fields
from webui.columns import column, figure_of
from webui.documents import text_at
from webui.html.history import Change, HistoryRow, changes_between, history_rows
from webui.html.provenance import Provenance, provenance_of
from webui.numbers import clock, moment
from webui.text import shown
from webui.urls import Addresses

if TYPE_CHECKING:
    from catalog.recording.edits import EditOutcome
    from catalog.records.history import BatchSummary

NAME_CHARACTERS = 300
LEFT_SHOWN = 50
REVISIONS_SHOWN = 200
TITLES = {
    "identity": "About",
    "weights": "Weights",
    "training": "Training",
    "lineage": "Lineage",
    "dates": "Dates",
}
EXAMPLES = {"date": "2024-05-31", "long": "12", "double": "0.5"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChoice:
    """One field that can be set, with what it holds and where it is changed."""

    name: str
    label: str
    description: str
    value: str
    url: str
    is_edited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldGroup:
    title: str
    fields: tuple[FieldChoice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRow:
    """One field that is set by hand, for people. `files_say` is empty where files say nothing; `over` says how the edit stands to
    it: instead of, or beside.
    """

    label: str
    sentence: str
    made_by: str
    made_at: str
    files_say: str
    over: str
    said_in: str
    contradicted: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldForm:
    """The form that changes one field. `value` is what stands in it, `problem` why what was sent was not taken."""

    name: str
    label: str
    description: str
    value: str
    present: str
    example: str
    kind: str  # line | lines | choice
    is_list: bool
    takes_words: bool
    edit: EditRow | None
    why: Provenance
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPage:
    """What of a model can be changed; with `form`, one field of it."""

    id: str
    name: str
    url: str
    edit_url: str
    revision: int
    form: FieldForm | None
    edits: tuple[EditRow, ...]
    groups: tuple[FieldGroup, ...]
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRow:
    name: str
    version: str
    url: str
    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkPage:
    """One field changed of all models that a search finds: first what would happen, then the button that does it.

    `digest` names what the preview showed: only that is done.
    """

    search: str
    pairs: tuple[tuple[str, str], ...]  # the same, for a form that is sent by GET
    words: str
    models: int  # that the search finds now
    search_url: str
    fields: tuple[tuple[str, str], ...]
    actions: tuple[tuple[str, str], ...]
    field: str
    action: str
    value: str
    problem: str
    is_previewed: bool
    found: int
    would_change: int
    as_they_are: int
    forbidden: int
    rows: tuple[PreviewRow, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPage:
    """What was changed in one go, and what of it was left as it was."""

    batch: str
    sentence: str
    made: str
    left: tuple[tuple[str, str, str], ...]  # name of the model, its page, why
    more_left: int
    waiting: bool
    undo_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """All revisions of a model, and how two of them differ."""

    id: str
    name: str
    url: str
    revision: int
    rows: tuple[HistoryRow, ...]
    more: int
    before: int
    after: int
    differences: tuple[Change, ...]
    may_edit: bool
    problem: str


ACTIONS = (
    (Action.SET, "Set to"),
    (Action.ADD, "Add to the list"),
    (Action.REMOVE, "Take from the list"),
    (Action.EMPTY, "Leave empty"),
    (Action.GIVE_BACK, "Give back to the files"),
)


def edit_page(
    model: StoredModel,
    addresses: Addresses,
    *,
    field: str = "",
    typed: str | None = None,
    problem: str = "",
) -> EditPage:
    """The page that changes a model. `typed` is what a person sent and `problem` why it was not taken."""
    document = model.document
    rows = {
        edit.edited: edit_row(edit, str(model.id), addresses) for edit in edits_in_force(model.provenance)
    }
    form = None
    if field and why_not(field) is None:
        form = _form(model, field, rows.get(field), typed, problem)
    elif field:
        problem = problem or f"{shown(why_not(field), NAME_CHARACTERS)}."
    return EditPage(
        id=str(model.id),
        name=shown(text_at(document, "name") or str(model.id), NAME_CHARACTERS),
        url=addresses.model(str(model.id)),
        edit_url=addresses.edit(str(model.id)),
        revision=model.revision,
        form=form,
        edits=tuple(rows.values()),
        groups=() if form else tuple(_groups(model, rows, addresses)),
        problem="" if form else problem,
    )


def edit_row(edit: EditInForce, model: str, addresses: Addresses) -> EditRow:
    """What is set by hand of one field, for people."""
    files = edit.files_say
    return EditRow(
        label=label_of(edit.field),
        sentence=shown(edit.sentence, NAME_CHARACTERS),
        made_by=shown(edit.made_by, 60),
        made_at=day.text if (day := moment(edit.made_at)) else shown(edit.made_at, 20),
        files_say="" if files is None else value_text(files),
        over="beside" if edit.added and not edit.removed else "instead of",
        said_in=shown(display_key(ObjectKey(edit.said_in)), NAME_CHARACTERS),
        contradicted=edit.contradicted,
        url=addresses.edit(model, edit.edited),
    )


def bulk_page(
    search: str,
    words: str,
    addresses: Addresses,
    search_url: str,
    *,
    models: int,
    field: str = "",
    action: str = Action.SET,
    value: str = "",
    preview: Preview | None = None,
    problem: str = "",
) -> BulkPage:
    """The page that changes many models."""
    return BulkPage(
        search=search,
        pairs=tuple(parse_qsl(search, keep_blank_values=True)),
        words=shown(words, NAME_CHARACTERS),
        models=models,
        search_url=search_url,
        fields=tuple((row.name, row.label) for row in editable()),
        actions=tuple((action.value, label) for action, label in ACTIONS),
        field=field,
        action=action,
        value=value,
        problem=problem,
        is_previewed=preview is not None,
        found=0 if preview is None else preview.found,
        would_change=0 if preview is None else len(preview.targets),
        as_they_are=0 if preview is None else preview.as_they_are,
        forbidden=0 if preview is None else preview.forbidden,
        rows=()
        if preview is None
        else tuple(
            PreviewRow(
                name=shown(row.name or row.model, NAME_CHARACTERS),
                version=shown(row.version, 60),
                url=addresses.model(row.model),
                label=label_of(row.field),
                before=value_text(row.before),
                after=value_text(row.after),
            )
            for row in preview.first
        ),
        digest="" if preview is None else digest_of(preview.targets, field, action, value),
    )


def batch_page(
    summary: BatchSummary,
    addresses: Addresses,
    *,
    outcome: EditOutcome | None = None,
    verb: str = "changed",
    waiting: bool = False,
) -> BatchPage:
    """What was changed in one go: as it is just done, or as the store knows it."""
    left = {} if outcome is None else outcome.left
    changed = summary.models if outcome is None else len(outcome.changed)
    return BatchPage(
        batch=summary.batch,
        sentence=f"{changed:,} {'model' if changed == 1 else 'models'} {verb}",
        made=f"by {shown(summary.made_by, 60)}, {clock(summary.made_at)}",
        left=tuple(
            (str(model)[:12], addresses.model(str(model)), shown(reason, NAME_CHARACTERS))
            for model, reason in list(left.items())[:LEFT_SHOWN]
        ),
        more_left=max(0, len(left) - LEFT_SHOWN),
        waiting=waiting,
        undo_url=addresses.undo(summary.batch),
    )


def history_page(
    model: StoredModel,
    revisions: Sequence[Revision],
    addresses: Addresses,
    pair: tuple[Revision, Revision] | None,
    *,
    may_edit: bool,
    problem: str = "",
) -> HistoryPage:
    """All revisions of a model, newest first, and how the two of `pair` differ."""
    before, after = (None, None) if pair is None else pair
    rows = history_rows(revisions[-REVISIONS_SHOWN - 1 :], addresses)
    return HistoryPage(
        id=str(model.id),
        name=shown(text_at(model.document, "name") or str(model.id), NAME_CHARACTERS),
        url=addresses.model(str(model.id)),
        revision=model.revision,
        rows=rows,
        more=max(0, len(revisions) - len(rows)),
        before=before.number if before else max(1, model.revision - 1),
        after=after.number if after else model.revision,
        differences=()
        if before is None or after is None
        else tuple(changes_between(before.document, after.document)),
        may_edit=may_edit,
        problem=problem,
    )


def digest_of(targets: Iterable[tuple[str, int]], *change: str) -> str:
    """Names exactly this change of these models at these revisions."""
    text = "\0".join((*change, *(f"{model} {revision}" for model, revision in targets)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def label_of(name: str) -> str:
    """What a field is called for people."""
    row = fields().get(name)
    return row.label if row else shown(name, 80)


def value_text(value: Any) -> str:
    """A value as one line; empty for none."""
    if value is None:
        return ""
    if isinstance(value, list):
        return shown(", ".join(map(str, value)), NAME_CHARACTERS)
    return shown(value, NAME_CHARACTERS)


def _groups(model: StoredModel, rows: dict[str, EditRow], addresses: Addresses) -> Iterable[FieldGroup]:
    for group, title in TITLES.items():
        chosen = [row for row in editable() if row.group == group]
        if chosen:
            yield FieldGroup(
                title=title,
                fields=tuple(
                    FieldChoice(
                        name=row.name,
                        label=row.label,
                        description=row.description,
                        value=_shown_value(model.document, row),
                        url=addresses.edit(str(model.id), row.name),
                        is_edited=row.name in rows,
                    )
                    for row in chosen
                ),
            )


def _shown_value(document: Mapping[str, Any], row: Field) -> str:
    """The value as every other page has it: a date no more exact than it is known, a language by its name."""
    known = column(row.name) if row.type == "date" or row.named is not None else None
    value = None if known is None else figure_of(document, known)
    return value_text(value_at(document, row.name)) if value is None else value.text


def _form(model: StoredModel, name: str, edit: EditRow | None, typed: str | None, problem: str) -> FieldForm:
    row: Field | None = fields().get(name)
    present = value_at(model.document, name)
    words = present if isinstance(present, list) else [] if present is None else [present]
    is_list = row is not None and row.list
    return FieldForm(
        name=name,
        label=label_of(name),
        description="" if row is None else row.description,
        value=", ".join(map(str, words)) if typed is None else typed,
        present=value_text(present),
        example=EXAMPLES.get("" if row is None else row.type, ""),
        kind=_kind(row),
        is_list=is_list,
        takes_words=takes_words(name),
        edit=edit,
        why=provenance_of(name, model.provenance, "" if row is None else row.description),
        problem=problem,
    )


def _kind(row: Field | None) -> str:
    if row is None:
        return "line"
    if row.type == "boolean":
        return "choice"
    return "lines" if row.type == "text" else "line"
