"""What a store that files objects under their hashes proves: hashes for nothing, and which objects nobody names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from catalog.layouts.content_addressed import content_key
from catalog.records import Member
from crawler.grouping.copies import nearest, place_of_model
from crawler.grouping.draft import Draft, directory_of

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
    return replace(member, object=replace(member.object, sha256=sha256), promised_sha256=sha256)


def of_own_store(member: Member, drafts: Sequence[Draft]) -> list[Draft]:
    """The models that the file names by their bytes, but for those of other stores: a name and a tag are given in the
    store that has the manifest, and a copy of its blobs elsewhere has manifests of its own.
    """
    stored = [draft for draft in drafts if _is_blob(draft)] if len(drafts) > 1 else []
    own = {id(draft) for draft in nearest(directory_of(member.object.key), stored, place_of_model)}
    others = {id(draft) for draft in stored} - own
    return [draft for draft in drafts if id(draft) not in others]


def _is_blob(draft: Draft) -> bool:
    return (content_key(next(iter(draft.weights), "")) or "").startswith(SHA256)


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


def without_copies(drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts without those in a DVC cache or remote whose bytes are a model at its own place in the source too:
    they are other locations of that model, and noted there.
    """
    stored = [draft for draft in drafts if _is_stored(draft)]
    if not stored:
        return list(drafts)
    homes = _homes([draft for draft in drafts if draft.weights and not _is_stored(draft)], stored)
    gone = set()
    for draft in stored:
        home = _home_of(draft, homes)
        if home is not None:
            home.copies.extend(draft.weights)
            gone.add(id(draft))
    return [draft for draft in drafts if id(draft) not in gone]


def _is_stored(draft: Draft) -> bool:
    keys = [content_key(key) for key in draft.weights]
    return bool(keys) and all(key is not None and key.startswith(MD5) for key in keys)


def _homes(placed: Sequence[Draft], stored: Sequence[Draft]) -> dict[str, list[Draft]]:
    """`md5:` key -> the models at a place of their own that a DVC file binds to it; for a directory's files too."""
    homes: dict[str, list[Draft]] = {}
    for draft in placed:
        for key in _md5_of(draft):
            homes.setdefault(key, []).append(draft)
    for draft in stored:
        for (key, _), member in draft.context.items():
            own = content_key(key)
            for content in _subject_keys(member) if own in homes else ():
                known = homes.setdefault(content, [])
                known.extend(home for home in homes[own or ""] if home not in known)
    return homes


def _md5_of(draft: Draft) -> list[str]:
    return [key for member in draft.context.values() for key in _subject_keys(member)]


def _subject_keys(member: Member) -> list[str]:
    subjects = member.extraction.subjects if member.extraction else ()
    return [
        key
        for subject in subjects
        if subject.id == member.subject
        for key in subject.join_keys
        if key.startswith(MD5)
    ]


def _home_of(draft: Draft, homes: Mapping[str, Sequence[Draft]]) -> Draft | None:
    """The one model that has a file of this size, and not provably another one, for each of the stored objects."""
    for home in homes.get(content_key(next(iter(draft.weights))) or "", ()):
        if all(
            home in homes.get(content_key(key) or "", ())
            and any(_may_be(member, other) for other in home.weights.values())
            for key, member in draft.weights.items()
        ):
            return home
    return None


def _may_be(stored: Member, placed: Member) -> bool:
    """A file that was changed since its hash was written down is another model than the one in the store."""
    first, second = stored.object, placed.object
    return first.size_bytes == second.size_bytes and (
        first.sha256 is None or second.sha256 is None or first.sha256 == second.sha256
    )


def is_orphan(draft: Draft, named: frozenset[str]) -> bool:
    """Whether all bytes of the model are objects of a DVC store that nothing in the source names any more."""
    own = [content_key(key) for key in draft.weights]
    return bool(own) and all(key is not None and key.startswith(MD5) and key not in named for key in own)
