"""What the reading of one object came to, fit to be stored."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.normalise.masking import masked_extraction
from catalog.normalise.values.secrets import masked_text
from catalog.recording.prints import with_subject_digests
from catalog.records import Extraction, ObjectMeta
from catalog.store.entries import Entry, Reading, outlined
from catalog.store.shares import split
from crawler import sniffing

LOOKED_AT = "looked at:2"
NOT_OPENED = "not opened:2"
NOT_RESTORED = "not restored:1"
COULD_NOT_OPEN = "could not open:1"
"""Of a file that no reader wants because of its name: whether somebody looked if a loader would run something of its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the manifest gets to know of an object. `extraction` None leaves the stored one. `broken` are extractors that
    broke while they looked at it, with a sentence each.
    """

    entry: Entry
    extraction: Extraction | None = None
    shares: Mapping[bytes, bytes] | None = None
    """Of a file that tells of many models what it says of each, by the names of their rows (`catalog.store.shares`)."""
    opened: bool = True
    bytes_read: int = 0
    broken: Mapping[str, str] = field(default_factory=dict)


def kept(outcome: Outcome, before: Entry | None) -> Outcome:
    """The outcome as it may be stored: with what was known before, and without secrets."""
    return without_secrets(_remembered(outcome, before))


def skipped(meta: ObjectMeta, signature: str, *, opened: bool, bytes_read: int = 0) -> Outcome:
    entry = Entry(object=meta, reading=Reading.SKIPPED, signature=signature)
    return Outcome(entry=entry, opened=opened, bytes_read=bytes_read)


def without_secrets(outcome: Outcome) -> Outcome:
    """The outcome as it may be stored. Whatever read the file, nothing secret of it goes further than this."""
    entry = outcome.entry
    outline = None if entry.outline is None else masked_extraction(entry.outline)
    error = None if entry.error is None else masked_text(entry.error)
    extraction = None if outcome.extraction is None else masked_extraction(outcome.extraction)
    shares = outcome.shares
    if extraction is not None and extraction.subjects:
        if shares is None:
            extraction = with_subject_digests(extraction)
            extraction, split_off = split(extraction)
            shares = split_off or None
        outline = None if outline is None else replace(outline, subjects=extraction.subjects)
    if outline is not entry.outline or error != entry.error:
        entry = replace(entry, outline=outline, error=error)
    is_as_it_was = entry is outcome.entry and extraction is outcome.extraction and shares is outcome.shares
    return outcome if is_as_it_was else replace(outcome, entry=entry, extraction=extraction, shares=shares)


def put_off(meta: ObjectMeta, before: Entry | None, reason: str, *, is_changing: bool = False) -> Outcome:
    """No fault of the file: what was known of it stays, and the next run reads it again."""
    attempts = (before.attempts if before else 0) + 1
    if before is not None and before.outline is not None:
        return Outcome(
            entry=replace(before, state="live", reading=Reading.RETRY, attempts=attempts, error=reason)
        )
    entry = Entry(object=meta, reading=Reading.RETRY, signature="", attempts=attempts, error=reason)
    if is_changing or sniffing.promised_format(meta.key) is None:
        return Outcome(entry=entry)
    extraction = sniffing.unreadable(meta, "unreadable", reason)
    return Outcome(entry=replace(entry, outline=outlined(extraction)), extraction=extraction)


def _remembered(outcome: Outcome, before: Entry | None) -> Outcome:
    """With the hashes that an earlier run made of the same bytes."""
    entry = outcome.entry
    if before is None or before.object.change_token != entry.object.change_token:
        return outcome
    if entry.object.sha256 is None and before.object.sha256 is not None:
        entry = replace(entry, object=replace(entry.object, sha256=before.object.sha256))
    extraction = outcome.extraction
    digest = before.outline.tensors_digest if before.outline else None
    if extraction is not None and extraction.tensors_digest is None and digest is not None:
        extraction = replace(extraction, tensors_digest=digest)
        entry = replace(entry, outline=outlined(extraction))
    return replace(outcome, entry=entry, extraction=extraction)
