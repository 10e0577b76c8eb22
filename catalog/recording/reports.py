"""What a job tells the catalog of one model: edits that need no revision, since a job does not look at the record first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.errors import EditRefused, NotRemakable
from catalog.lazy_dataclasses import dataclass
from catalog.recording.edits import new_edits
from catalog.recording.field_changes import changes_of, checked_changes
from catalog.recording.metric_edits import PREFIX
from catalog.recording.remake import remake_in, why_not_remakable
from catalog.records import ModelId
from catalog.store import Store

MAX_METRICS = 2_000
"""Metrics of one model that are told and not read from files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """The model's revision afterwards, and the fields that are other than before."""

    revision: int
    changed: tuple[str, ...]


def report_model(
    store: Store,
    model: ModelId,
    values: Mapping[str, Any],
    *,
    clear: Sequence[str] = (),
    made_by: str,
    cause: str = "told by a job",
    gives_way: bool = False,
) -> Reported:
    """Sets these fields of the model as `edit_model` does, whatever its revision, and gives others back to the files. What
    is told again changes nothing. One that gives way leaves what somebody else set as it is, also where that happened since it
    looked.

    Raises EditRefused, NotRemakable.
    """
    changes = checked_changes(changes_of(values, clear))
    with store.records.transaction(made_by="report", author=made_by, cause=cause) as records:
        records.lock([model])
        if (reason := why_not_remakable(records, model)) is not None:
            raise NotRemakable(model, reason)
        known = records.edits([model]).get(model, ())
        by_others = {edit.field for edit in known if not edit.state.is_none and edit.made_by != made_by}
        wanted = [change for change in changes if not (gives_way and change.field in by_others)]
        new = new_edits(records, {model: wanted})
        metrics = {edit.field for edit in known if not edit.state.is_none} | {edit.field for edit in new}
        if (number := sum(field.startswith(PREFIX) for field in metrics)) > MAX_METRICS:
            raise EditRefused(
                (f"the model would have {number:,} metrics that no file says, at most {MAX_METRICS:,}",)
            )
        if new:
            records.edit(new)
            remake_in(records, [model])
    if new:
        store.records.settle_copies()
    return Reported(revision=records.revision(model), changed=tuple(sorted({edit.field for edit in new})))
