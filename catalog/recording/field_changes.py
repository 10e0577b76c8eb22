"""What a person wants done to fields, checked against the table of fields, and what is said of them by hand then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from itertools import islice
from typing import Any

from catalog.errors import EditRefused
from catalog.lazy_dataclasses import dataclass, replace
from catalog.normalise.parts import edits as edit_parts
from catalog.normalise.values import field_values, secrets
from catalog.recording import metric_edits
from catalog.records import EditKind, EditState, Evidence, ObjectKey, Observation, Origin
from catalog.text.spelling import nearest
from mappings import SEARCHABLE_TYPES, Field, fields

FREE = (*(f"{prefix}." for prefix in edit_parts.FREE), metric_edits.PREFIX)
"""In front of names that the table does not list; their values may be anything plain, of metrics numbers."""

OF_THE_STORE = frozenset({"extra.moved_to"})
"""Free by its name, and said by the store alone: whoever set it would lead readers to another model."""

MEASURED_RULES = frozenset({"counted", "derived"})
NOT_ALONE = frozenset({"base_model.relation"})
"""Part of an entry that has a name of its own: edited alone, it would belong to nothing."""

MAX_NAME_CHARS = 200
MAX_VALUE_CHARS = 100_000
MAX_WORDS = 1_000
MAX_CHANGES = 10_000
"""Of one model in one go. A model keeps 2,000 free values and 5,000 evaluations."""
MAX_REASONS = 100
"""Looking for the field that was meant takes a millisecond for each."""
NOTHING = EditState()


class Action(StrEnum):
    """What is done to a field."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"
    EMPTY = "empty"
    GIVE_BACK = "give back"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One thing done to one field of a model. EMPTY and GIVE_BACK have no value."""

    field: str
    action: Action = Action.SET
    value: Any = None


def changes_of(values: Mapping[str, Any], clear: Sequence[str] = ()) -> list[FieldChange]:
    """Fields to be set, and fields to be given back to the files."""
    return [
        *(FieldChange(field=name, value=value) for name, value in values.items()),
        *(FieldChange(field=name, action=Action.GIVE_BACK) for name in clear),
    ]


def typed_value(name: str, text: str) -> Any:
    """What a person typed for this field: a list as JSON or with commas between, where the field holds several; anything
    else as it stands. Raises EditRefused for a JSON list that is none.
    """
    field = fields().get(name)
    if text.startswith("[") and (field is None or field.list):
        try:
            return json.loads(text)
        except ValueError as error:
            raise EditRefused(
                (f"the value of {name} begins like a JSON list and is none: {error}",)
            ) from error
    if field is not None and field.list:
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def checked_changes(changes: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    """The changes fit to be made, secrets masked. Raises EditRefused, which names everything that is wrong with them."""
    wanted = list(changes)
    if len(wanted) > MAX_CHANGES:
        raise EditRefused((f"{len(wanted):,} fields are changed, at most {MAX_CHANGES:,} are in one go",))
    reasons = list(islice((reason for change in wanted if (reason := _why_not_change(change))), MAX_REASONS))
    if len(reasons) == MAX_REASONS:
        reasons.append("what comes behind these was not looked at")
    wanted = _each_once(replace(change, field=metric_edits.usual_field(change.field)) for change in wanted)
    for name, same in by_field(wanted).items():
        actions = [change.action for change in same]
        if Action.SET in actions and Action.GIVE_BACK in actions:
            reasons.append(f"{name} is both set and cleared")
        elif len(actions) > 1 and not {Action.ADD, Action.REMOVE}.issuperset(actions):
            reasons.append(f"{name} is changed twice")
    if reasons:
        raise EditRefused(tuple(dict.fromkeys(reasons)))
    return tuple(
        replace(
            change,
            field=usual_name(change.field),
            value=secrets.masked(change.field.rpartition(".")[2], change.value)[0],
        )
        for change in wanted
    )


def by_field(changes: Iterable[FieldChange]) -> Mapping[str, Sequence[FieldChange]]:
    """The changes of each field, in their order."""
    fields_changed: dict[str, list[FieldChange]] = {}
    for change in changes:
        fields_changed.setdefault(change.field, []).append(change)
    return fields_changed


def state_after(before: EditState, changes: Iterable[FieldChange]) -> EditState:
    """What is said of one field by hand after these checked changes of it."""
    for change in changes:
        match change.action:
            case Action.SET:
                before = EditState(value=change.value)
            case Action.EMPTY:
                before = EditState(kind=EditKind.EMPTY)
            case Action.GIVE_BACK:
                before = NOTHING
            case Action.ADD:
                before = _with_words(before, _words(change))
            case Action.REMOVE:
                before = _without_words(before, _words(change))
    return before


def editable() -> list[Field]:
    """The fields of the table that a person may set."""
    return [field for field in fields().values() if why_not(field.name) is None]


@cache
def _editable_names() -> tuple[str, ...]:
    return tuple(row.name for row in editable())


def usual_name(name: str) -> str:
    """The one name under which edits of this field are kept, whatever the spelling of a free name or a metric."""
    is_metric = name.startswith(metric_edits.PREFIX)
    return metric_edits.usual_field(name) if is_metric else edit_parts.place_of(name)


def takes_words(name: str) -> bool:
    """Whether words can be added to this field and taken away from it."""
    field = fields().get(name)
    return field is not None and field.list and field.type == "keyword" and not field.settled_apart


def why_not(name: str) -> str | None:
    """Why nobody may set this field."""
    field = fields().get(name)
    if edit_parts.place_of(name) in OF_THE_STORE:
        return f"{name} is said by Modeldex and cannot be set"
    if field is None:
        if name.startswith(FREE) and not name.endswith(".") and len(name) <= MAX_NAME_CHARS:
            return None
        close = nearest(name, _editable_names(), limit=1)
        return f"there is no field {name[:MAX_NAME_CHARS]!r}" + (
            f", did you mean {close[0]}?" if close else ""
        )
    if (
        field.rule in MEASURED_RULES
        or field.type not in SEARCHABLE_TYPES - {"flattened"}
        or name in NOT_ALONE
    ):
        return f"{name} is measured or made by Modeldex and cannot be set"
    return None


def converted(name: str, value: Any) -> field_values.Converted:
    """What the field would hold of this value, or why it cannot."""
    field = fields().get(name)
    if field is None:
        return field_values.scalar(value)
    seen = Observation(
        field=name,
        raw=value,
        pointer="",
        key=ObjectKey(""),
        extractor="edit",
        extractor_version=1,
        origin=Origin.EDIT,
        evidence=Evidence.EXPLICIT,
    )
    return field_values.convert(field, seen, now=datetime.now(UTC))


def _each_once(changes: Iterable[FieldChange]) -> list[FieldChange]:
    """The changes without metrics that are told twice under two spellings, with the same number."""
    kept: dict[str, list[FieldChange]] = {}
    for change in changes:
        same = kept.setdefault(change.field, [])
        if change not in same or not change.field.startswith(metric_edits.PREFIX):
            same.append(change)
    return [change for same in kept.values() for change in same]


def _why_not_change(change: FieldChange) -> str | None:
    name = change.field
    reason = why_not(name)
    if reason is None and change.action is Action.EMPTY and name.startswith(metric_edits.PREFIX):
        return f"{name} takes a number"
    if reason is not None or change.action in {Action.EMPTY, Action.GIVE_BACK}:
        return reason
    if change.action in {Action.ADD, Action.REMOVE} and not takes_words(name):
        return f"{name} holds one value: set it, there is nothing to add to or take away from"
    return _why_no_value(name, change.value)


def _why_no_value(name: str, value: Any) -> str | None:
    """Why the field cannot hold the value."""
    if len(str(value)) > MAX_VALUE_CHARS:
        return f"the value of {name} is longer than {MAX_VALUE_CHARS:,} characters"
    if value is None:
        return f"{name} has no value"
    if name.startswith(metric_edits.PREFIX):
        return metric_edits.why_no_metric(name, value)
    if isinstance(value, list) and len(value) > MAX_WORDS:
        return f"{name} cannot hold {len(value):,} values, {MAX_WORDS:,} at most"
    reading = converted(name, value)
    if reading.value is None:
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        return f"{name} cannot be {shown[:80]!r} ({reading.reason})"
    return None


def _words(change: FieldChange) -> list[Any]:
    """The words of a change in their usual spelling, so that what was added can be taken away."""
    words = converted(change.field, change.value).value
    return list(words) if isinstance(words, list) else []


def _with_words(before: EditState, words: Sequence[Any]) -> EditState:
    if before.kind is EditKind.EMPTY:
        return EditState(value=list(words))
    if before.kind is EditKind.SET and before.value is not None:
        known = before.value if isinstance(before.value, list) else [before.value]
        return EditState(value=[*known, *edit_parts.without(words, known)])
    added, removed = _parts(before)
    return _merged([*added, *edit_parts.without(words, added)], edit_parts.without(removed, words))


def _without_words(before: EditState, words: Sequence[Any]) -> EditState:
    if before.kind is EditKind.EMPTY:
        return before
    if before.kind is EditKind.SET and before.value is not None:
        known = before.value if isinstance(before.value, list) else [before.value]
        left = edit_parts.without(known, words)
        return EditState(value=left) if left else EditState(kind=EditKind.EMPTY)
    added, removed = _parts(before)
    return _merged(edit_parts.without(added, words), [*removed, *edit_parts.without(words, removed)])


def _parts(state: EditState) -> tuple[list[Any], list[Any]]:
    value = state.value or {}
    return list(value.get(edit_parts.ADD, ())), list(value.get(edit_parts.REMOVE, ()))


def _merged(added: Sequence[Any], removed: Sequence[Any]) -> EditState:
    value = {edit_parts.ADD: list(added), edit_parts.REMOVE: list(removed)}
    kept = {part: words for part, words in value.items() if words}
    return EditState(kind=EditKind.MERGE, value=kept) if kept else NOTHING
