"""The changes that make a model again what one of its revisions was, as far as a person can set it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.normalise.parts.edits import EDITED, FREE, is_edited, said_by_files
from catalog.recording.field_changes import Action, FieldChange, converted, editable, why_not
from catalog.records import StoredModel
from catalog.records.history import differences
from catalog.records.leaves import value_at
from mappings import fields_where


def restoring_changes(
    document: Mapping[str, Any], present: StoredModel
) -> tuple[list[FieldChange], list[str]]:
    """The changes of the present model, and the names of what differs and stays as storage says.

    A field of which files say again what the revision held is given back to them; others are set by hand.
    """
    names = dict.fromkeys(
        [*(row.name for row in editable()), *_free_names(document), *_free_names(present.document)]
    )
    never_edited = EDITED not in document.get("flags", ())
    edited = {name for name, known in present.provenance.items() if is_edited(known)}
    changes = []
    kept: list[str] = []
    for name in names:
        wanted = value_at(document, name)
        files_say = said_by_files(name, present.provenance.get(name))
        if _same(wanted, value_at(present.document, name)):
            if never_edited and name in edited and _same(wanted, files_say):
                changes.append(FieldChange(field=name, action=Action.GIVE_BACK))
            continue
        change = _change(name, wanted, present)
        if change is None:
            kept.append(name)
        else:
            changes.append(change)
    changed = {change.field for change in changes}
    for each in differences(document, present.document):
        top = each.field.partition(".")[0]
        if (
            top not in fields_where("follows")
            and top not in FREE
            and each.field not in changed
            and why_not(each.field) is not None
        ):
            kept.append(each.field)
    return changes, list(dict.fromkeys(kept))


def _change(name: str, wanted: Any, present: StoredModel) -> FieldChange | None:
    if _same(wanted, said_by_files(name, present.provenance.get(name))):
        return FieldChange(field=name, action=Action.GIVE_BACK)
    if wanted is None:
        return FieldChange(field=name, action=Action.EMPTY)
    if converted(name, wanted).value is None:
        return None
    return FieldChange(field=name, value=wanted)


def _free_names(document: Mapping[str, Any]) -> list[str]:
    names = []
    for prefix in FREE:
        entries = document.get(prefix)
        names += [f"{prefix}.{key}" for key in entries] if isinstance(entries, Mapping) else []
    return [name for name in names if why_not(name) is None]


def _same(value: Any, other: Any) -> bool:
    return (
        (value or None) == (other or None)
        if isinstance(value, list) or isinstance(other, list)
        else value == other
    )
