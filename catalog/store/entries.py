"""What the manifest knows of one object, and how it is packed. Needs no database: whoever reads files makes these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from catalog.lazy_dataclasses import dataclass, replace
from catalog.records import Extraction, ObjectMeta, Risk, Severity
from catalog.store.codec import pack
from catalog.store.documents import LIVE


class Reading(StrEnum):
    """What became of the attempt to read an object."""

    SKIPPED = "skipped"  # its name says nothing of a model, and its first bytes are no pickle that calls
    UNCLAIMED = "unclaimed"  # opened, and no extractor reads it
    READ = "read"
    FAILED = "failed"  # its own fault: final for these bytes and this extractor
    RETRY = "retry"  # storage's fault, or it changed meanwhile: read again by the next run


class Standing(NamedTuple):
    """What an object was when it was read, how it was read, and whether it is there."""

    change_token: str
    reading: str
    signature: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object of the manifest. `outline` is its extraction without observations, tensors, problems and all but the
    worst risks.
    """

    object: ObjectMeta
    reading: Reading
    signature: str
    state: str = LIVE
    attempts: int = 0
    error: str | None = None
    outline: Extraction | None = None

    @property
    def standing(self) -> Standing:
        return Standing(self.object.change_token, self.reading, self.signature, self.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedEntry:
    """An entry as the manifest keeps it: its outline, and the extraction beside it, are packed (None: there is none).

    The digest of tensors, half a small file's share in the store, stands in the outline alone (`with_digest`). `shares` are
    what the file says of each of many subjects, by the names of their rows (`catalog.store.shares`); None: it has none, and
    had none before.
    """

    entry: Entry
    outline: bytes | None
    body: bytes | None
    shares: Mapping[bytes, bytes] | None = None


def packed_entry(
    entry: Entry, extraction: Extraction | None, *, shares: Mapping[bytes, bytes] | None = None
) -> PackedEntry:
    """The entry with its extraction, ready to be written."""
    return PackedEntry(
        entry=replace(entry, outline=None),
        outline=None if entry.outline is None else pack(entry.outline),
        body=None if extraction is None else pack(_without_digest(extraction, entry.outline)),
        shares=shares,
    )


def _without_digest(extraction: Extraction, outline: Extraction | None) -> Extraction:
    if outline is None or outline.tensors_digest is None:
        return extraction
    if outline.tensors_digest != extraction.tensors_digest:
        return extraction
    return replace(extraction, tensors_digest=None)


def with_digest(extraction: Extraction, outline: Extraction | None) -> Extraction:
    """The stored extraction with what its outline alone holds."""
    if extraction.tensors_digest is not None or outline is None or outline.tensors_digest is None:
        return extraction
    return replace(extraction, tensors_digest=outline.tensors_digest)


def outlined(extraction: Extraction) -> Extraction:
    """What grouping needs of an extraction."""
    return replace(
        extraction, observations=(), tensors=None, risks=tuple(serious_risks(extraction)), problems=()
    )


def serious_risks(extraction: Extraction) -> Iterator[Risk]:
    """Of each kind the worst risk for which a file is shown whether or not a model is beside it."""
    if not extraction.risks:
        return
    for kind in ("code-execution", "unchecked"):
        worst = [risk for risk in extraction.risks if risk.kind == kind and risk.severity >= Severity.MEDIUM]
        yield from sorted(worst, key=lambda risk: -risk.severity)[:1]
