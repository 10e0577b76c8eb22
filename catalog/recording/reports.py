"""What a job tells the catalog of one model: edits that need no revision, since a job does not look at the record first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.errors import EditRefused
from catalog.recording.edits import checked
from catalog.recording.metric_edits import PREFIX
from catalog.recording.remake import remake_in
from catalog.records import ModelId
from catalog.store import Store

MAX_METRICS = 2_000
"""Metrics of one model that are told and not read from files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """The model's revision afterwards, and the fields that are other than before."""

    revision: int
    changed: tuple[str, ...]


def report_model(store: Store, model: ModelId, values: Mapping[str, Any], *, made_by: str) -> Reported:
    """Sets these fields of the model as `edit_model` does, whatever its revision. What is told again changes nothing.

    Raises EditRefused, NotRemakable.
    """
    fit = checked(values)
    with store.records.transaction(made_by="edit") as batch:
        batch.lock([model])
        known = {edit.field: edit.value for edit in batch.edits([model]).get(model, ())}
        new = {field: value for field, value in fit.items() if known.get(field) != value}
        metrics = {
            field
            for field in (*known, *new)
            if field.startswith(PREFIX) and (field in new or known[field] is not None)
        }
        if len(metrics) > MAX_METRICS:
            raise EditRefused(
                (f"the model would have {len(metrics):,} metrics that no file says, at most {MAX_METRICS:,}",)
            )
        if new:
            batch.edit(model, new, made_by=made_by)
            remake_in(batch, [model])
    if new:
        store.records.settle_copies()
    return Reported(revision=batch.revision(model), changed=tuple(sorted(new)))
