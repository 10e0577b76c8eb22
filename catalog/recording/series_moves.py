"""Values that one model of a series has at a time, as stages and aliases: given by hand to one, they leave the one before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from catalog.errors import EditRefused, NotAllowed
from catalog.recording.authorship import Authorship
from catalog.recording.field_changes import Action, FieldChange, converted
from catalog.records import Document, EditKind, EditState, ModelId
from catalog.records.leaves import value_at
from catalog.store.batch import RecordBatch
from catalog.store.edits import NewEdit
from mappings import Field, fields, fields_where

ALL = "*"


def takings(records: RecordBatch, new: Sequence[NewEdit], by: Authorship) -> dict[ModelId, list[FieldChange]]:
    """The changes by which models of the same series lose what these edits give to others. The models are locked.

    Models that the author does not see are none of the series to them. Raises NotAllowed where one that they see has the
    value and may not be changed by them, EditRefused where two of a series would get the same.
    """
    losing: dict[ModelId, list[FieldChange]] = {}
    for name, field, words in _given(records, new):
        for word, number in Counter(words).items():
            if number > 1:
                raise EditRefused((f"one model of a series has the {field.name} {word!r} at a time",))
            getting = {edit.model for edit in new}
            for model in records.of_series(name, containing=word, but=getting):
                document = records.document(model)
                if not _has(document, field.name, word) or not by.is_shown(document):
                    continue
                if not by.may_edit(document):
                    raise NotAllowed(f"take the {field.name} {word!r} from the model that has it")
                losing.setdefault(model, []).append(_lost(field, word))
    return losing


def held_by_others(records: RecordBatch, new: Sequence[NewEdit]) -> dict[ModelId, str]:
    """The models that would get back by these edits what another of their series has by now, with the reason."""
    losing = {edit.model for edit in new}
    refused: dict[ModelId, str] = {}
    for edit in new:
        field = fields().get(edit.field)
        for word in () if field is None else _words(field, edit.state):
            name = records.name(edit.model)
            holders = records.of_series(name, containing=word, but=losing)
            if any(_has(records.document(model), edit.field, word) for model in holders):
                refused[edit.model] = f"another model of its series has the {edit.field} {word!r} since"
    return refused


def is_given_twice(names: Mapping[ModelId, str], changes: Sequence[FieldChange]) -> str | None:
    """Why these changes cannot be made of all these models, whose series are told by their names; None if they can."""
    shared = [name for name, number in Counter(names.values()).items() if number > 1]
    for change in changes if shared else ():
        field = fields_where("one_of_series").get(change.field)
        if field is None or change.action not in {Action.SET, Action.ADD}:
            continue
        value = converted(change.field, change.value).value
        if words := _exclusive(field, value if isinstance(value, list) else [value]):
            return f"one model of a series has the {field.name} {words[0]!r} at a time, and {shared[0]!r} has several here"
    return None


def _given(records: RecordBatch, new: Sequence[NewEdit]) -> list[tuple[str, Field, list[str]]]:
    """By series and field, the values that models get which they had not; one that several get stands there so often."""
    given: dict[tuple[str, str], list[str]] = {}
    for edit in new:
        field = fields_where("one_of_series").get(edit.field)
        if field is not None:
            words = given.setdefault((records.name(edit.model), edit.field), [])
            words += _words(field, edit.state)
    return [(name, fields()[field], words) for (name, field), words in given.items() if words]


def _words(field: Field, state: EditState) -> list[str]:
    """What a person gives a model by this edit, of the values that one of a series has."""
    value = state.value
    if state.kind is EditKind.MERGE:
        value = (value or {}).get("add")
    elif state.kind is EditKind.EMPTY:
        value = None
    if value is None:
        return []
    reading = converted(field.name, value).value
    return _exclusive(field, reading if isinstance(reading, list) else [reading])


def _exclusive(field: Field, words: Sequence[object]) -> list[str]:
    known = field.one_of_series
    return [str(word) for word in words if word is not None and (ALL in known or word in known)]


def _has(document: Document, name: str, word: str) -> bool:
    value = value_at(document, name)
    words = value if isinstance(value, list) else [value]
    return any(str(each).casefold() == word.casefold() for each in words if each is not None)


def _lost(field: Field, word: str) -> FieldChange:
    if field.list:
        return FieldChange(field=field.name, action=Action.REMOVE, value=[word])
    if field.leaves is None:
        return FieldChange(field=field.name, action=Action.EMPTY)
    return FieldChange(field=field.name, value=field.leaves)
