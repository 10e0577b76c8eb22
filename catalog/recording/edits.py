"""What persons say of models, by compare-and-set on the revision that they looked at: of one, of many, and undone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from typing import Any

from catalog.errors import EditRefused, NotAllowed, NotRemakable, RevisionConflict, UserError
from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.normalise.parts.edits import place_of, said_by_files
from catalog.recording.authorship import Authorship
from catalog.recording.field_changes import (
    Action,
    FieldChange,
    by_field,
    changes_of,
    checked_changes,
    editable,
    state_after,
    usual_name,
)
from catalog.recording.metric_edits import is_of_headline, observed
from catalog.recording.remake import remake_in, why_not_remakable
from catalog.recording.series_moves import held_by_others, is_given_twice, takings
from catalog.records import Document, EditState, FieldProvenance, ModelId
from catalog.records.accounts import Happening
from catalog.records.history import BatchSummary, batch_of, edit_cause
from catalog.store import Store
from catalog.store.batch import RecordBatch
from catalog.store.edits import NO_EDIT, NewEdit
from mappings import fields_where

__all__ = [
    "EditOutcome",
    "Target",
    "checked",
    "edit_model",
    "edit_models",
    "editable",
    "new_edits",
    "undo_batch",
]

PAGE_MODELS = 50
"""Models changed in one transaction: nobody waits long for it, and one that is killed leaves whole pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A model to be changed if it still is at the revision that was looked at."""

    model: ModelId
    revision: int


@dataclass(slots=True, kw_only=True)
class EditOutcome:
    """What an edit of several models did, by model. `left` are those that it did not touch, each with the reason."""

    batch: str
    changed: list[ModelId] = field(default_factory=list)
    unchanged: list[ModelId] = field(default_factory=list)
    left: dict[ModelId, str] = field(default_factory=dict)


def edit_model(
    store: Store,
    model: ModelId,
    *,
    expected: int,
    values: Mapping[str, Any] | None = None,
    clear: Sequence[str] = (),
    changes: Sequence[FieldChange] = (),
    by: Authorship,
    kind: str = "edit",
    cause: str = "",
    beside: bool = False,
    tell: Callable[[Document, int], Happening | None] = lambda _before, _revision: None,
) -> int:
    """Changes fields of the model if it still is at the `expected` revision; its revision afterwards.

    What one model of a series has at a time leaves the model of its series that has it, unless it is given `beside`.

    The values win over what files say, now and in every later crawl, until they are cleared. Nothing of it happens, or
    all. What `tell` makes of the document before and the new revision is written into the audit with it. Raises
    EditRefused, NotAllowed, RevisionConflict, NotRemakable.
    """
    wanted = checked_changes([*changes_of(values or {}, clear), *changes])
    with store.records.transaction(
        made_by=kind, author=by.made_by, cause=edit_cause(by.batch, cause)
    ) as records:
        records.lock([model])
        if records.state(model) is not None:
            if not by.may_edit(records.document(model)):
                raise NotAllowed("change this model")
            records.expect(model, expected)
        if (reason := why_not_remakable(records, model)) is not None:
            raise NotRemakable(model, reason)
        before, present = records.disclosed(model), records.present(model)
        new = new_edits(records, {model: wanted})
        losing = {} if beside else takings(records, new, by)
        records.edit([*new, *new_edits(records, losing)], batch=by.batch)
        remake_in(records, [model, *losing])

        def line() -> Happening | None:
            revision = records.revision(model)
            happening = tell(before, revision) if new or revision != present else None
            return happening if happening is None or not losing else _with_losers(happening, losing)

        records.note(line)
    store.records.settle_copies()
    return records.revision(model)


def edit_models(
    store: Store,
    targets: Sequence[Target],
    changes: Sequence[FieldChange],
    *,
    by: Authorship,
    cause: str = "",
    tell: Callable[[int], Happening | None] = lambda _changed: None,
    progress: Callable[[EditOutcome], None] = lambda _outcome: None,
) -> EditOutcome:
    """The same changes for many models, page by page, as one batch that can be undone.

    A model that is at another revision by now, or that cannot be changed, is left as it is and costs nobody else
    anything; of one that its author does not see, nothing is told. What was done when it is killed stays done, and is of
    the batch: `tell` says what the audit tells of so many changed models, for each page. Raises EditRefused.
    """
    wanted = checked_changes(changes)
    if any(change.field in fields_where("one_of_series") for change in wanted):
        names = store.records.names_of([target.model for target in targets])
        if (reason := is_given_twice(names, wanted)) is not None:
            raise EditRefused((reason,))
    outcome = EditOutcome(batch=by.batch)
    for start in range(0, len(targets), PAGE_MODELS):
        page = {target.model: target.revision for target in targets[start : start + PAGE_MODELS]}
        with store.records.transaction(
            made_by="bulk", author=by.made_by, cause=edit_cause(by.batch, cause)
        ) as records:
            models = _those_that_may(records, page, by, outcome)
            new = new_edits(records, dict.fromkeys(models, wanted))
            losing = takings(records, new, by)
            new += new_edits(records, losing)
            _change(records, new, [*models, *losing], outcome, tell)
        progress(outcome)
    store.records.settle_copies()
    return outcome


def undo_batch(
    store: Store,
    undone: str,
    *,
    by: Authorship,
    tell: Callable[[int], Happening | None] = lambda _changed: None,
) -> EditOutcome:
    """Fields that this batch changed are as they were before it, where nobody changed them since; the rest is left and
    told, but for models that its author does not see. Nor does it bring back what a model was while they did not see it.
    Is a batch itself. `tell` as above. Raises UserError if there is none such.
    """
    summary = store.edits.summary(undone)
    if summary is None or not (by.sees is None or any(map(by.sees, store.edits.documents(undone)))):
        raise UserError(
            f"There is no edit {undone[:40]!r}.", advice="modeldex history ID names the edits of a model."
        )
    outcome = EditOutcome(batch=by.batch)
    fields_of = dict(store.edits.batch(undone))
    models = list(fields_of)
    for start in range(0, len(models), PAGE_MODELS):
        page = {model: fields_of[model] for model in models[start : start + PAGE_MODELS]}
        unseen = {model for model in page if not _saw_before(store, model, summary, by)}
        with store.records.transaction(
            made_by="undo", author=by.made_by, cause=edit_cause(by.batch, f"of edit {undone}")
        ) as records:
            records.lock(list(page))
            present = _those_that_may(records, {model: records.present(model) for model in page}, by, outcome)
            new = _taken_back(records, undone, {model: page[model] for model in present}, unseen, outcome)
            _change(records, new, present, outcome, tell)
    store.records.settle_copies()
    return outcome


def _taken_back(
    records: RecordBatch,
    undone: str,
    names: Mapping[ModelId, Sequence[str]],
    unseen: Collection[ModelId],
    outcome: EditOutcome,
) -> list[NewEdit]:
    """The rows by which these fields are as they were before the batch; what is left as it is goes to the outcome."""
    new = []
    for model, edits in records.edits(list(names)).items():
        states = {edit.field: edit for edit in edits}
        later = [name for name in names[model] if model in unseen or states[name].batch != undone]
        set_aside = frozenset(later)
        provenance = cache(partial(records.provenance, model))
        new += [
            _new_edit(provenance, model, name, states[name].before, states[name].state)
            for name in names[model]
            if name not in set_aside
        ]
        if later:
            outcome.left[model] = f"{', '.join(later)} changed since"
    taken = held_by_others(records, new)
    outcome.left |= taken
    return [edit for edit in new if edit.model not in taken]


def checked(values: Mapping[str, Any], clear: Sequence[str] = ()) -> dict[str, Any]:
    """The values fit to be kept, secrets masked. Raises EditRefused, which names everything that is wrong with them."""
    changes = checked_changes(changes_of(values, clear))
    return {change.field: change.value for change in changes if change.action is not Action.GIVE_BACK}


def _saw_before(store: Store, model: ModelId, batch: BatchSummary, by: Authorship) -> bool:
    """Whether the author would have seen the model as it was when the batch changed it."""
    return by.sees is None or by.sees(_document_before(store, model, batch))


def _document_before(store: Store, model: ModelId, batch: BatchSummary) -> Document:
    """What the model was when the batch changed it; empty where that is not known, as of one that moved since."""
    history = store.records.history(model)
    numbers = [revision.number for revision in history if batch_of(revision.cause) == batch.batch]
    before = [
        revision
        for revision in history
        if (revision.number < numbers[0] if numbers else revision.made_at < batch.made_at)
    ]
    return before[-1].document if before else {}


def _those_that_may(
    records: RecordBatch,
    page: Mapping[ModelId, int],
    by: Authorship,
    outcome: EditOutcome,
) -> list[ModelId]:
    """The models of the page, locked, that can be changed and are at the revision that was looked at."""
    records.lock(page)
    models = []
    for model, revision in page.items():
        if by.sees is not None and not by.sees(records.document(model)):
            continue
        if (reason := why_not_remakable(records, model)) is not None:
            outcome.left[model] = reason
        elif records.present(model) != revision:
            conflict = RevisionConflict(model, expected=revision, present=records.present(model))
            outcome.left[model] = f"it is at revision {conflict.present} by now, not {revision}"
        elif not by.may_edit(records.document(model)):
            outcome.left[model] = "you may not change it"
        else:
            models.append(model)
    return models


def _change(
    records: RecordBatch,
    new: Sequence[NewEdit],
    models: Sequence[ModelId],
    outcome: EditOutcome,
    tell: Callable[[int], Happening | None],
) -> None:
    edited = sorted({edit.model for edit in new})
    records.edit(new, batch=outcome.batch)
    if edited:
        remake_in(records, edited)
        records.note(lambda: tell(len(edited)))
    outcome.changed += edited
    outcome.unchanged += [model for model in models if model not in edited and model not in outcome.left]


def _with_losers(happening: Happening, losing: Collection[ModelId]) -> Happening:
    """The line of the audit with the models that what was given was taken from."""
    return replace(happening, after={**happening.after, "taken_from": sorted(losing)})


def new_edits(records: RecordBatch, wanted: Mapping[ModelId, Sequence[FieldChange]]) -> list[NewEdit]:
    """The rows that these changes come to; none for a field of which the same is said already, of the same files."""
    known = records.edits(list(wanted))
    new = []
    for model, changes in wanted.items():
        present = sorted(known.get(model, ()), key=lambda edit: not edit.state.is_none)
        edits = {usual_name(edit.field): edit for edit in present}
        provenance = cache(partial(records.provenance, model))
        for name, same in by_field(changes).items():
            last = edits.get(name)
            before = NO_EDIT if last is None else last.state
            after = state_after(before, same)
            edit = _new_edit(provenance, model, name if last is None else last.field, after, before)
            if after != before or (last is not None and last.overrides != edit.overrides):
                new.append(edit)
    return new


def _new_edit(
    provenance: Callable[[], Mapping[str, FieldProvenance]],
    model: ModelId,
    name: str,
    state: EditState,
    before: EditState,
) -> NewEdit:
    overridden = None
    if not state.is_none and is_of_headline(name):
        place = place_of(observed(name, None)[0])
        overridden = (said_by_files(place, provenance().get(place)),)
    return NewEdit(model=model, field=name, state=state, before=before, overrides=overridden)
