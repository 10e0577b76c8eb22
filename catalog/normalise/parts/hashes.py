"""What identifies the weights of a record by their bytes. Names, shapes and sizes alone never do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from catalog.layouts.content_addressed import content_key
from catalog.normalise.assembly import Draft
from catalog.normalise.parts.measured import counted_observation, listing_observation
from catalog.normalise.parts.weight_sets import WeightSet
from catalog.records import Member, Observation, display_key
from catalog.records.hashes import combined_sha256, tensors_hash

LEAST_TENSORS = 8
"""Fewer tensors have the same names and shapes by chance."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OF_SHA256 = "sha256:"


def describe(draft: Draft, chosen: Sequence[WeightSet], files: Sequence[Member]) -> None:
    """The hashes of the counted weights; `files` are theirs with the data they name."""
    if draft.group.orphan:
        draft.flags.add("orphan")
    if files:
        _set_content_hash(draft, files)
    _set_tensors_hash(draft, chosen)
    _set_structure_hash(draft, chosen)


def _set_content_hash(draft: Draft, files: Sequence[Member]) -> None:
    """Known only if every file's hash is: that of one shard is not the model's."""
    declared = _declared(draft)
    hashes = []
    for member in files:
        proven, stated = member.object.sha256, declared.get(member.object.key)
        if proven is not None and stated is not None and stated.raw != proven:
            draft.problem(
                "checksum-mismatch",
                f"{display_key(member.object.key)} has the SHA-256 {proven}, not the {stated.raw} that is written down",
                stated,
            )
            draft.flags.add("conflict")
        named = content_key(member.object.key)
        if (
            proven is not None
            and named is not None
            and named.startswith(_OF_SHA256)
            and named[len(_OF_SHA256) :] != proven
        ):
            draft.problem(
                "checksum-mismatch",
                f"{display_key(member.object.key)} has the SHA-256 {proven}, not the one that it is called by",
                listing_observation([member], "content_hash", [proven]),
            )
        known = proven or (stated.raw if stated is not None else None)
        if known is not None:
            hashes.append(known)
    if len(hashes) != len(files) or draft.values.get("complete") is False:
        return
    value = combined_sha256(hashes)
    by_word = [declared[member.object.key] for member in files if member.object.sha256 is None]
    seen = by_word[0] if by_word else listing_observation(files, "content_hash", hashes[:100])
    draft.set_derived("content_hash", value, seen)


def _declared(draft: Draft) -> Mapping[str, Observation]:
    """What pointers and checksum files say, by the file that each is about."""
    declared: dict[str, Observation] = {}
    for seen in draft.observed("content_hash"):
        about = seen.context.get("file", seen.key)
        if isinstance(seen.raw, str) and _SHA256.fullmatch(seen.raw):
            declared.setdefault(str(about), seen)
    return declared


def _set_tensors_hash(draft: Draft, chosen: Sequence[WeightSet]) -> None:
    members = [member for item in chosen for member in item.members]
    digests = [member.extraction.tensors_digest if member.extraction else None for member in members]
    known = [digest for digest in digests if digest is not None]
    if not members or len(known) != len(members) or draft.values.get("complete") is False:
        return
    identity = tensors_hash(known)
    draft.set_derived("tensors_hash", identity, counted_observation(chosen, "tensors_hash", identity))


def _set_structure_hash(draft: Draft, chosen: Sequence[WeightSet]) -> None:
    """Known where every file's tensors are: what a model and one trained on from it share."""
    members = [member for item in chosen for member in item.members]
    summaries = [summary for item in chosen for summary in item.summaries]
    is_whole = len(summaries) == len(members) and all(summary.complete for summary in summaries)
    if not members or not is_whole or draft.values.get("complete") is False:
        return
    if sum(summary.count for summary in summaries) < LEAST_TENSORS:
        return
    structure = combined_sha256([summary.names_sha256 for summary in summaries])
    draft.set_derived("structure_hash", structure, counted_observation(chosen, "structure_hash", structure))
