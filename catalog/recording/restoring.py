"""The changes that make a model again what one of its revisions was, as far as a person can set it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.normalise.parts.edits import EDITED, FREE, edited_field, is_edited, place_of, said_by_files
from catalog.recording.field_changes import Action, FieldChange, converted, editable, why_not
from catalog.recording.metric_edits import PREFIX, fact_of, measured_in, observed, told_in
from catalog.records import FieldProvenance, Observation, Origin, StoredModel
from catalog.records.history import differences
from catalog.records.leaves import value_at
from mappings import fields_where


def restoring_changes(
    document: Mapping[str, Any], present: StoredModel
) -> tuple[list[FieldChange], list[str]]:
    """The changes of the present model, and the names of what differs and stays as storage says.

    A field of which files say again what the revision held is given back to them; others are set by hand. Metrics that
    were told then are told again, and what was told since is given back.
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
    metrics, measured = _metrics(document, present)
    changes += metrics
    kept += measured
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
    if "evaluations" in kept and measured_in(document) == measured_in(present.document):
        kept.remove("evaluations")
    return changes, list(dict.fromkeys(kept))


def _change(name: str, wanted: Any, present: StoredModel) -> FieldChange | None:
    if _same(wanted, said_by_files(name, present.provenance.get(name))):
        return FieldChange(field=name, action=Action.GIVE_BACK)
    if wanted is None:
        return FieldChange(field=name, action=Action.EMPTY)
    if converted(name, wanted).value is None:
        return None
    return FieldChange(field=name, value=wanted)


def _metrics(document: Mapping[str, Any], present: StoredModel) -> tuple[list[FieldChange], list[str]]:
    """What was told of metrics is told again, what was told since is given back; and the names of the metrics that will
    differ all the same, since files say something else by now.
    """
    wanted, stated = told_in(document), told_in(present.document)
    fields = {fact: field for fact, (field, _) in stated.items()}
    for name, known in present.provenance.items():
        if name.startswith(PREFIX):
            by_hand = (edited_field(name, seen) for seen in _seen(known) if seen.origin is Origin.EDIT)
            fields |= {fact_of(field): field for field in by_hand}
    changes = [
        FieldChange(field=field, action=Action.GIVE_BACK)
        for fact, field in fields.items()
        if fact not in wanted
    ]
    changes += [
        FieldChange(field=fields.get(fact, field), value=value)
        for fact, (field, value) in wanted.items()
        if fact not in stated or stated[fact][1] != value
    ]
    told_then = {place_of(observed(field, None)[0]) for field, _ in wanted.values()}
    names = {f"{PREFIX}{name}" for each in (document, present.document) for name in each.get("metrics") or ()}
    return changes, [
        name
        for name in sorted(names - told_then)
        if value_at(document, name) != said_by_files(name, present.provenance.get(name))
    ]


def _seen(known: FieldProvenance) -> Iterator[Observation]:
    return (statement.observation for statement in (*known.winners, *known.losers))


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
