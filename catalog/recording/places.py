"""Where a person finds a model: its one file, or its directory."""

from __future__ import annotations

from collections.abc import Callable

from catalog.recording.prints import is_weights_file
from catalog.records import Group, ObjectKey, Place, display_key


def place_of(group: Group, uri_of: Callable[[ObjectKey], str]) -> Place:
    """The place of the group, with the URIs that its source gives to keys."""
    key = _key_of(group)
    uri = uri_of(ObjectKey("" if key == "." else key))
    return Place(path=display_key(key), uri=uri, locations=(uri, *map(uri_of, group.copies)))


def _key_of(group: Group) -> ObjectKey:
    files = [member.object.key for member in group.members if is_weights_file(member) or member.is_part]
    if group.kind == "file" and len(files) == 1:
        return files[0]
    if group.kind == "run":
        return _shared_file(group) or ObjectKey(group.key.partition("#")[0])
    if group.kind in {"file", "shards"}:
        return ObjectKey(group.key.rpartition("/")[0] or ".")
    if group.kind == "directory" and files and group.key != "." and not files[0].startswith(f"{group.key}/"):
        # A package, whose suffix the key leaves out.
        return ObjectKey("/".join(files[0].split("/")[: group.key.count("/") + 1]))
    return ObjectKey(group.key)


def _shared_file(group: Group) -> ObjectKey | None:
    """The one file that tells of this run and of others: a tracker's database."""
    if len({member.object.key for member in group.members}) != 1:
        return None
    (first, *_) = group.members
    shared = first.extraction is not None and len({subject.id for subject in first.extraction.subjects}) > 1
    return first.object.key if shared else None
