"""The files of a source that say something about models, as grouping takes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from catalog.records import Member, ObjectKey
from catalog.store.documents import LIVE
from catalog.store.manifest import Manifest


def members_of(manifest: Manifest, without: Collection[ObjectKey] = frozenset()) -> list[Member]:
    """The files that say something about models, and those that they name as their data."""
    entries = [entry for entry in manifest.models_files() if entry.object.key not in without]
    members = [Member(object=entry.object, extraction=entry.outline) for entry in entries]
    known = {member.object.key for member in members}
    named = {key for member in members for key in _referenced(member)} - known - set(without)
    data = [entry for entry in manifest.entries(sorted(named)).values() if entry.state == LIVE]
    return members + [Member(object=entry.object, extraction=None) for entry in data if entry.outline is None]


def _referenced(member: Member) -> Iterator[ObjectKey]:
    folder = member.object.key.rpartition("/")[0]
    for reference in member.extraction.references if member.extraction else ():
        yield ObjectKey(f"{folder}/{reference.name}" if folder else reference.name)
