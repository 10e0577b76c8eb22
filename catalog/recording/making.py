"""One record made from what the store holds of its files, wherever there is a processor for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from catalog.errors import StoreDamaged, described
from catalog.lazy_dataclasses import dataclass, replace
from catalog.recording.changes import change_of
from catalog.recording.lending import NOTHING, Borrowed
from catalog.recording.whole_extractions import Reading, filled
from catalog.records import Edit, Extraction, FileStatus, Group, Member, ModelId, ObjectKey, Problem
from catalog.store.canonical import sanitised
from catalog.store.documents import NOT_MADE_CODE
from catalog.store.manifest_rows import extraction_of
from catalog.store.record_changes import PackedRecord, RecordChange
from catalog.store.stored_records import pack_record

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A group with outlines, at its place, and `bodies`, the extractions of its files as the manifest has them."""

    group: Group
    bodies: Mapping[ObjectKey, bytes]
    signature: str
    edits: Sequence[Edit]
    now: datetime
    moved_from: ModelId | None
    lent: Borrowed = NOTHING


def make_of_outlines(task: Task, reason: str) -> RecordChange:
    """The change where nothing could be made of what the files say: of their outlines, with the reason as a problem of the
    one that says most. It has no signature, so that the next crawl which comes by tries again.
    """
    try:
        return _made_of(task, reason, lambda outline: outline)
    except Exception as error:  # noqa: BLE001 - what broke over the whole may stand in an outline, too
        log.warning("no record of outlines group=%s error=%s", ascii(task.group.key), type(error).__name__)
        return _made_of(task, reason, _bare)


def _bare(outline: Extraction) -> Extraction:
    """What the file is, and nothing that it says."""
    return Extraction(
        key=outline.key,
        extractor=outline.extractor,
        extractor_version=outline.extractor_version,
        format=outline.format,
        role=outline.role,
    )


def make_of_filled(task: Task) -> RecordChange:
    """The change where the group of the task has its whole extractions, as those have that share a file. It is not packed, and
    what breaks over one model costs that model alone here, too. Raises StoreDamaged.
    """
    try:
        return change_of(
            task.group,
            signature=task.signature,
            edits=task.edits,
            now=task.now,
            moved_from=task.moved_from,
            lent=task.lent,
        )
    except StoreDamaged:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        log.warning("no record could be made group=%s error=%s", ascii(task.group.key), type(error).__name__)
        return replace(make_of_outlines(task, described(error)), group=task.group)


def _made_of(task: Task, reason: str, kept: Callable[[Extraction], Extraction]) -> RecordChange:
    spoken_of = [member.object.key for member in task.group.members if member.extraction is not None]
    largest = max(spoken_of, key=lambda key: len(task.bodies.get(key, b"")), default=None)
    message = f"no record could be made of what it says: {reason}"

    def marked(member: Member) -> Member:
        if member.extraction is None:
            return member
        extraction = kept(member.extraction)
        if member.object.key == largest:
            trouble = Problem(code=NOT_MADE_CODE, message=message, key=member.object.key)
            extraction = replace(extraction, status=FileStatus.UNREADABLE, problems=(trouble,))
        return replace(member, extraction=extraction)

    group = replace(task.group, members=tuple(map(marked, task.group.members)))
    change = change_of(
        group, signature="", edits=task.edits, now=task.now, moved_from=task.moved_from, lent=task.lent
    )
    return _packed(change)


def make(task: Task) -> RecordChange:
    """The change with its record packed; beside that the record has no provenance, and its document as it is kept. It is of no
    group: whoever asked has the group. What breaks over one model costs that model alone. Raises StoreDamaged.
    """
    try:
        return _change(task)
    except StoreDamaged:
        raise
    except Exception as error:  # noqa: BLE001 - what a file says may be of a kind that nobody thought of
        log.warning("no record could be made group=%s error=%s", ascii(task.group.key), type(error).__name__)
        return make_of_outlines(task, described(error))


def _change(task: Task) -> RecordChange:
    readings = {key: Reading(extraction_of(key, body)) for key, body in task.bodies.items()}
    change = change_of(
        filled(task.group, readings),
        signature=task.signature,
        edits=task.edits,
        now=task.now,
        moved_from=task.moved_from,
        lent=task.lent,
    )
    return _packed(change)


def _packed(change: RecordChange) -> RecordChange:
    content = sanitised(change.record.document)
    packed = PackedRecord(body=pack_record(change.record, content), content=content)
    outside = replace(change.record, provenance={}, document=content)  # one document, which travels once
    return replace(change, record=outside, packed=packed, group=None)
