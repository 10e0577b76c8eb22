"""What a group of files names in other sources, and what it is there known by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from catalog.layouts.content_addressed import content_key
from catalog.recording.prints import weights_of
from catalog.records import Group, Member, Subject
from catalog.records.ties import GLOBAL, LOCATION, LOGGED, RUN, Ties

MAX_TIES = 2_000


def ties_of(group: Group) -> Ties:
    """The ties of a group with whole extractions, at its place."""
    return Ties(named=_bounded(_named(group)), owned=_bounded(_owned(group)))


def _named(group: Group) -> set[str]:
    """Of several things that a file tells of, only those that are this model: a run is wider than each model it logged."""
    bound = [subject for member in group.members if not _is_list(member) for subject in _subjects(member)]
    wider = {part for subject in bound for part in subject.part_of}
    keys = {key for subject in bound if subject.id not in wider for key in subject.join_keys}
    named = {key for key in keys if key.startswith(GLOBAL)}
    if any(key.startswith(LOGGED) for key in named):
        named = {key for key in named if not key.startswith(RUN)}
    return named


def _owned(group: Group) -> Iterator[str]:
    weights = weights_of(group)
    if not weights:
        return
    for member in group.members:
        if (content := content_key(member.object.key)) is not None:
            yield content
        if member.subject is None and member.extraction is not None and member.distance >= 0:
            yield from (key for key in member.extraction.join_keys if key.startswith(GLOBAL))
    for member in weights:
        if member.object.sha256:
            yield f"sha256:{member.object.sha256}"
    if group.place is not None:
        for uri in {group.place.uri, *group.place.locations}:
            yield f"{LOCATION}{uri.rstrip('/')}"


def _subjects(member: Member) -> Iterator[Subject]:
    if member.subject is not None and member.extraction is not None:
        yield from (subject for subject in member.extraction.subjects if subject.id == member.subject)


def _is_list(member: Member) -> bool:
    """A list of a directory's files lies in a remote itself: it says which objects are one output, and not of what."""
    return content_key(member.object.key) is not None


def _bounded(ties: Iterable[str]) -> frozenset[str]:
    several = frozenset(ties)
    return several if len(several) <= MAX_TIES else frozenset(sorted(several)[:MAX_TIES])
