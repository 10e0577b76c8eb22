"""What a store that files objects under their hashes proves: hashes for nothing, and which objects nobody names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from catalog.records import Member
from crawler.content_names import content_key
from crawler.drafts import Draft

SHA256 = "sha256:"
MD5 = "md5:"


def with_promised_hashes(members: Sequence[Member]) -> list[Member]:
    """The members, with the SHA-256 that a blob's name promises for it and for every other name of the same file."""
    promised = {
        member.object.file_identity or member.object.key: key.removeprefix(SHA256)
        for member in members
        if (key := content_key(member.object.key)) is not None and key.startswith(SHA256)
    }
    if not promised:
        return list(members)
    return [
        _with(member, promised.get(member.object.file_identity or member.object.key)) for member in members
    ]


def _with(member: Member, sha256: str | None) -> Member:
    if sha256 is None or member.object.sha256 is not None:
        return member
    return replace(member, object=replace(member.object, sha256=sha256))


def named_objects(members: Iterable[Member]) -> frozenset[str]:
    """`md5:` keys of all objects that DVC files name, in person or as part of a directory."""
    named: set[str] = set()
    directories: dict[str, set[str]] = {}
    for member in members:
        if member.extraction is None or member.extraction.format != "dvc":
            continue
        keys = {
            key for subject in member.extraction.subjects for key in subject.join_keys if key.startswith(MD5)
        }
        own = content_key(member.object.key)
        if own is None:
            named |= keys
        else:
            directories[own] = keys
    for own, keys in directories.items():
        if own in named:
            named |= keys
    return frozenset(named)


def is_orphan(draft: Draft, named: frozenset[str]) -> bool:
    """Whether all bytes of the model are objects of a DVC store that nothing in the source names any more."""
    own = [content_key(key) for key in draft.weights]
    return bool(own) and all(key is not None and key.startswith(MD5) and key not in named for key in own)
