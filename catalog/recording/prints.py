"""What a group was made of, and what proves that two groups are the same weights or the same files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Any

from catalog.lazy_dataclasses import replace
from catalog.records import Extraction, Group, Member, Observation, Role
from catalog.records.hashes import combined_sha256
from catalog.records.objects import SAME_BYTES

SAME_FILES = "files:"
SAME_OBJECTS = "objects:"
WEIGHTS = frozenset({Role.WEIGHTS, Role.DATA})


def signature(group: Group, recipe: str) -> str:
    """Equal if and only if normalising again would give the same record: every file's state, reading and place."""
    parts = [recipe, group.kind, group.name_hint or "", "orphan" if group.orphan else "", *group.copies]
    parts += [group.version_hint or "", group.owner_hint or ""]
    for member in sorted(
        group.members, key=lambda member: (member.object.key, member.subject or "", member.distance)
    ):
        extraction = member.extraction
        if member.subject_digest:  # of a file with thousands of runs only what it says of this one matters
            parts += [member.object.key, member.subject_digest, member.subject or "", str(member.distance)]
            continue
        read_by = (
            f"{extraction.extractor}:{extraction.extractor_version}:{extraction.status}"
            if extraction
            else "-"
        )
        parts += [
            member.object.key,
            member.object.change_token,
            member.object.sha256 or "",
            (extraction.tensors_digest if extraction else None) or "",
            read_by,
            member.subject or "",
            str(member.distance),
        ]
    return _digest(parts)


def with_subject_digests(extraction: Extraction) -> Extraction:
    """The extraction, its subjects with what tells whether the same is said of them."""
    if not extraction.subjects:
        return extraction
    digests = SubjectDigests()
    digests.add(extraction.observations)
    return digests.applied(extraction)


class SubjectDigests:
    """What tells whether a file says the same of each of its subjects, whatever is said of the others."""

    def __init__(self) -> None:
        self._digests: dict[str | None, bytes] = {}
        """Of each subject so far: a hasher of each would be 600 bytes, and a tracker's database has thousands."""

    def add(self, observations: Iterable[Observation]) -> None:
        """More of what the file says."""
        hashers: dict[str | None, Any] = {}
        for seen in observations:
            statement = (
                seen.field,
                seen.raw,
                seen.pointer,
                seen.origin,
                seen.evidence,
                seen.unit,
                sorted(seen.context.items()),
                seen.masked,
            )
            if (hasher := hashers.get(seen.subject)) is None:
                hasher = hashers[seen.subject] = hashlib.sha256(self._digests.get(seen.subject, b""))
            hasher.update(repr(statement).encode("utf-8", "backslashreplace"))
        self._digests |= {subject: hasher.digest() for subject, hasher in hashers.items()}

    def applied(self, extraction: Extraction) -> Extraction:
        """The extraction, whose observations may be elsewhere, with the digests of its subjects."""
        whole = repr(
            (
                extraction.extractor,
                extraction.extractor_version,
                extraction.format,
                extraction.role,
                extraction.status,
            )
        )
        whole += repr((extraction.risks, extraction.problems)) + self._digest_of(None)
        subjects = [
            replace(subject, digest=_digest([whole, self._digest_of(subject.id)]))
            for subject in extraction.subjects
        ]
        return replace(extraction, subjects=tuple(subjects))

    def _digest_of(self, subject: str | None) -> str:
        return (self._digests.get(subject) or hashlib.sha256().digest()).hex()


def identity(group: Group) -> str | None:
    """Equal for the same files under another name: they keep inode, size and time of writing when they are moved, and
    objects the digest that their storage gives them. Another file may get all of it, so that this is no proof without
    what the files say (`same_files`).
    """
    parts = []
    for member in weights_of(group):
        meta = member.object
        if meta.file_identity is None or meta.last_modified is None:
            return None
        # To move an object is to write it anew.
        is_digest = meta.file_identity.startswith(SAME_BYTES)
        written = "" if is_digest else meta.last_modified.isoformat()
        parts.append(f"{meta.file_identity} {meta.size_bytes} {written}")
    return f"moved:{_digest(sorted(set(parts)))}" if parts else None


def contents(group: Group) -> str | None:
    """Equal only for the same bytes: by SHA-256 of every weights file, by digests of their storage, or because they are
    the same files (links). The latter is true of files that are there at the same time alone.
    """
    weights = weights_of(group)
    hashes = [member.object.sha256 for member in weights if member.object.sha256]
    if weights and len(hashes) == len(weights):
        return combined_sha256(hashes)
    files = [member.object.file_identity for member in weights]
    if files and all(files):
        digests = all(name.startswith(SAME_BYTES) for name in files if name)
        return f"{SAME_OBJECTS if digests else SAME_FILES}{_digest(sorted({name for name in files if name}))}"
    return None


def is_proof(contents: str) -> bool:
    """Whether equal ones prove equal bytes at whatever time: an inode is given again when its file is deleted."""
    return not contents.startswith(SAME_FILES)


def same_files(before: Iterable[Member], weights: Iterable[Member]) -> bool:
    """Whether each of these weights is one of the files before, under another name: one with its inode and its bytes,
    or, where the bytes of either are not known, one whose header says the same.
    """
    known = {member.object.file_identity: member for member in before}
    pairs = [(known.get(member.object.file_identity), member) for member in weights]
    return bool(pairs) and all(
        old is not None and new.object.file_identity is not None and _same_file(old, new)
        for old, new in pairs
    )


def _same_file(old: Member, new: Member) -> bool:
    if old.object.sha256 and new.object.sha256:
        return old.object.sha256 == new.object.sha256
    return old.object.size_bytes == new.object.size_bytes and _header(old) == _header(new)


def _header(member: Member) -> object:
    """What the file says of its weights, whatever it is called."""
    extraction = member.extraction
    if extraction is None:
        return None
    if extraction.tensors is not None:
        return extraction.format, extraction.tensors.names_sha256, extraction.tensors.tallies
    statements = sorted((seen.field, seen.pointer, repr(seen.raw)) for seen in extraction.observations)
    return extraction.format, extraction.status, statements


def weights_of(group: Group) -> list[Member]:
    """The files with the bytes; what nobody reads is in a group because another file names it as its data."""
    return [member for member in group.members if is_weights_file(member)]


def is_weights_file(member: Member) -> bool:
    return member.extraction is None or member.extraction.role in WEIGHTS


def _digest(parts: Iterable[str]) -> str:
    hasher = hashlib.sha256()
    for part in parts:
        data = os.fsencode(part)
        hasher.update(len(data).to_bytes(8, "big"))
        hasher.update(data)
    return hasher.hexdigest()
