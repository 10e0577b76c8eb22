"""One group of files and the edits of its model to the record that is committed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from catalog.lazy_dataclasses import replace
from catalog.normalise.parts import edits as edit_parts
from catalog.recording import prints
from catalog.recording.lending import NOTHING, Borrowed, with_borrowed
from catalog.recording.metric_edits import BY, EXTRACTOR, is_of_headline, observed
from catalog.recording.ties import ties_of
from catalog.records import Edit, EditKind, Evidence, Group, ModelId, ObjectKey, Observation, Origin
from catalog.store.record_changes import RecordChange


def change_of(
    group: Group,
    *,
    signature: str,
    edits: Sequence[Edit] = (),
    now: datetime,
    moved_from: ModelId | None = None,
    lent: Borrowed = NOTHING,
) -> RecordChange:
    """The record of the group with whole extractions, as its files, edits and files elsewhere make it, at the group's place."""
    from catalog.normalise.record import normalise  # noqa: PLC0415 - a crawl that finds nothing new needs no normaliser

    group = replace(group, edits=observations_of(edits))
    record = normalise(with_borrowed(group, lent), now=now)
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
        ties=ties_of(group),
    )


def last_of(edits: Sequence[Edit]) -> int:
    """The number of the last of these edits, 0 if there is none."""
    return max((edit.id for edit in edits), default=0)


def observations_of(edits: Sequence[Edit]) -> tuple[Observation, ...]:
    """What persons say, as the normaliser hears it. A field that was given back says nothing."""
    return tuple(seen for edit in edits for seen in _statements(edit))


def _statements(edit: Edit) -> Iterator[Observation]:
    if edit.kind is EditKind.EMPTY:
        yield _statement(edit, "", edit_parts.EMPTY)
    elif edit.kind is EditKind.MERGE:
        for part in (edit_parts.ADD, edit_parts.REMOVE):
            if words := edit.value.get(part):
                yield _statement(edit, words, part)
    elif edit.value is not None:
        yield _statement(edit, edit.value, edit_parts.SET)


def _statement(edit: Edit, raw: Any, part: str) -> Observation:
    field, raw, context = observed(edit.field, raw)
    context |= {edit_parts.PART: part, "at": edit.made_at.isoformat(timespec="seconds")}
    if edit.overrides is not None and is_of_headline(edit.field):
        context[edit_parts.OVERRIDES] = list(edit.overrides)
    return Observation(
        field=field,
        raw=raw,
        pointer=f"edit:{edit.id}",
        key=ObjectKey(f"{BY}{edit.made_by}"),
        extractor=EXTRACTOR,
        extractor_version=1,
        origin=Origin.EDIT,
        evidence=Evidence.EXPLICIT,
        context=context,
    )
