"""One group of files and the edits of its model to the record that is committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from catalog.recording import prints
from catalog.recording.metric_edits import observed
from catalog.records import Edit, Evidence, Group, ModelId, ObjectKey, Observation, Origin
from catalog.store.batch import RecordChange

EXTRACTOR = "edit"


def change_of(
    group: Group,
    *,
    signature: str,
    edits: Sequence[Edit] = (),
    now: datetime,
    moved_from: ModelId | None = None,
) -> RecordChange:
    """The record of the group with whole extractions, as files and edits make it, at the group's place."""
    from catalog.normalise.record import normalise  # noqa: PLC0415 - a crawl that finds nothing new needs no normaliser

    group = replace(group, edits=observations_of(edits))
    record = normalise(group, now=now)
    document = record.document
    if (place := group.place) is not None:
        document = {**document, "path": place.path, "uri": place.uri, "locations": [*place.locations]}
    return RecordChange(
        record=replace(record, document=document),
        signature=signature,
        fingerprint=document.get("content_hash") or prints.contents(group),
        tensors=document.get("tensors_hash"),
        identity=prints.identity(group),
        moved_from=moved_from,
        group=group,
        edit=last_of(edits),
    )


def last_of(edits: Sequence[Edit]) -> int:
    """The number of the last of these edits, 0 if there is none."""
    return max((edit.id for edit in edits), default=0)


def observations_of(edits: Sequence[Edit]) -> tuple[Observation, ...]:
    """What persons say, as the normaliser hears it. A field that was given back says nothing."""
    return tuple(_observation_of(edit) for edit in edits if edit.value is not None)


def _observation_of(edit: Edit) -> Observation:
    field, raw, context = observed(edit.field, edit.value)
    return Observation(
        field=field,
        raw=raw,
        pointer=f"edit:{edit.id}",
        key=ObjectKey(f"edit by {edit.made_by}"),
        extractor=EXTRACTOR,
        extractor_version=1,
        origin=Origin.EDIT,
        evidence=Evidence.EXPLICIT,
        context=context,
    )
