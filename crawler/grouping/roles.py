"""What files are beside each other: extractors see one file, and a trainer's state, a projector or an adapter looks like
weights to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from catalog.layouts import names
from catalog.layouts.content_addressed import is_shared_blob
from catalog.records import (
    FileStatus,
    Member,
    Reference,
    Role,
    Severity,
)
from crawler.grouping.draft import (
    OF_WEIGHTS,
    directory_of,
    is_hidden_below,
    joined,
    name_of,
    upwards,
)
from crawler.grouping.layouts import (
    ADAPTER,
    ARRAY,
    BESIDE_MODELS,
    DEEPSPEED_STATE,
    HEAD,
    HUB_REPOSITORY,
    INDEX_OF_DOWNLOADS,
    OPTIMIZER_STATE,
    PROJECTOR,
    STATE_DIRECTORY,
    STATE_OF_MARIAN,
    STATE_OF_PART,
    TRAINING_STATE,
    UNPICKLED,
    WHOLE_MODEL,
)
from crawler.grouping.packages import directories_of_packages, role_of_copy
from crawler.grouping.trials import SETTINGS, directories_of_trials, role_of_settings
from crawler.sniffing import EXTRACTOR

_OF_ADAPTERS = frozenset({Role.WEIGHTS, Role.CONFIG})


def as_used(members: Sequence[Member]) -> list[Member]:
    """The members with the roles that they have beside each other: extractors see one file, and a trainer's state, a
    projector and an adapter look like weights to them.
    """
    with_weights, with_whole = set(), set()
    trials, packages = directories_of_trials(members), directories_of_packages(members)
    beside_states = {
        member.object.key.rpartition(".")[0]
        for member in members
        if member.extraction is not None and member.extraction.role is Role.WEIGHTS
    }
    for member in members:
        directory, name = directory_of(member.object.key), name_of(member.object.key)
        if member.extraction is None or member.extraction.role not in {Role.WEIGHTS, Role.INDEX}:
            continue
        if WHOLE_MODEL.match(name):
            with_whole.add(directory)
        if member.extraction.role is Role.INDEX:
            continue
        if OPTIMIZER_STATE.match(name_of(directory)) or (directory in trials and name == SETTINGS):
            continue
        if not TRAINING_STATE.match(name) and not PROJECTOR.match(name):
            with_weights.add(directory)
    return [
        member
        if member.extraction is None
        or (
            role := _role_of_state(member, beside_states)
            or role_of_settings(member, trials)
            or role_of_copy(member, packages)
            or _role(member, with_weights, with_whole)
        )
        is None
        else replace(member, extraction=replace(member.extraction, role=role))
        for member in members
    ]


def _role_of_state(member: Member, beside: AbstractSet[str]) -> Role | None:
    """Weights in the directory from which a trainer goes on are those of the file of its name beside it once more; what
    would run something, or may, is shown all the same.
    """
    directory, extraction = directory_of(member.object.key), member.extraction
    match = STATE_DIRECTORY.match(name_of(directory))
    if match is None or extraction is None or extraction.role is not Role.WEIGHTS:
        return None
    if any(risk.severity >= Severity.MEDIUM for risk in extraction.risks):
        return None
    return Role.AUXILIARY if joined(directory_of(directory), match["stem"]) in beside else None


def _role(member: Member, with_weights: set[str], with_whole: set[str]) -> Role | None:
    """What the file is because of its name and its neighbours; None if it is what it seems."""
    directory, name = directory_of(member.object.key), name_of(member.object.key)
    role = member.extraction.role if member.extraction else None
    if role in OF_WEIGHTS and OPTIMIZER_STATE.match(name_of(directory)):
        return Role.AUXILIARY
    if role is Role.WEIGHTS and directory in with_whole and HEAD.match(name):
        return Role.PART
    if role in _OF_ADAPTERS and directory in with_whole and ADAPTER.match(name):
        return Role.PART
    if directory not in with_weights and _runs_something(member):
        return Role.WEIGHTS
    if role is not Role.WEIGHTS:
        return None
    if TRAINING_STATE.match(name):
        return Role.RUN if name.startswith("training_args") else Role.AUXILIARY
    if _is_state_below(directory, with_weights) or _is_state_of_part(member):
        return Role.AUXILIARY
    return Role.PART if PROJECTOR.match(name) else None


def _is_state_of_part(member: Member) -> bool:
    """Whether it is a state or an index by its name that holds no tensors, or only Marian's moments; what would run something,
    or may, is shown all the same.
    """
    extraction, name = member.extraction, name_of(member.object.key)
    is_of_marian = STATE_OF_MARIAN.match(name) is not None
    is_named_so = STATE_OF_PART.match(name) or INDEX_OF_DOWNLOADS.match(name)
    if extraction is None or (is_named_so is None and not is_of_marian):
        return False
    is_empty = extraction.tensors is None or not extraction.tensors.tallies
    return (is_empty or is_of_marian) and all(risk.severity < Severity.MEDIUM for risk in extraction.risks)


def _is_state_below(directory: str, with_weights: AbstractSet[str]) -> bool:
    """Whether the directory is, or lies in, a checkpoint of DeepSpeed beside whole weights: a universal one keeps a file
    for each tensor and each moment of the optimizer in `zero/TENSOR/`.
    """
    return any(
        directory_of(place) in with_weights and DEEPSPEED_STATE.match(name_of(place))
        for place in upwards(directory)
    )


def _runs_something(member: Member) -> bool:
    """Whether a file that only stands beside models would run something, or may, when whoever goes on training loads it:
    it is in the catalog with or without a model. Most bytes of a distributed checkpoint's shards are unchecked.
    """
    extraction, key = member.extraction, member.object.key.lower()
    if extraction is None or (
        extraction.role not in BESIDE_MODELS and not TRAINING_STATE.match(name_of(key))
    ):
        return False
    worst = {risk.kind: risk.severity for risk in extraction.risks if risk.severity >= Severity.MEDIUM}
    if "code-execution" in worst:
        # Texts name classes of somebody's own every day; what is known to be dangerous they do not.
        is_text = key.endswith(names.TEXT_SUFFIXES)
        return not is_text or (worst["code-execution"] >= Severity.HIGH and not is_hidden_below("", key))
    return "unchecked" in worst and key.endswith(UNPICKLED)


def without_linked_blobs(members: Sequence[Member]) -> list[Member]:
    """A cache of blobs shows its files under the names of its snapshots; a blob that no snapshot links, or has a copy
    of, stays.

    Source: huggingface_hub, file_download (`blobs/` holds the bytes, `snapshots/<revision>/` links to them).
    """
    blobs = [member for member in members if _is_in_blobs(member.object.key)]
    hidden = {id(member) for member in blobs}
    named = {member.object.file_identity for member in members if id(member) not in hidden}
    linked = {id(blob) for blob in blobs if blob.object.file_identity and blob.object.file_identity in named}
    if len(linked) < len(blobs):
        copies = {
            (match["repository"], member.object.size_bytes)
            for member in members
            if (match := HUB_REPOSITORY.search(member.object.key)) and match["part"] == "snapshots"
        }
        linked |= {
            id(blob)
            for blob in blobs
            if (match := HUB_REPOSITORY.search(blob.object.key))
            and (match["repository"], blob.object.size_bytes) in copies
        }
    return [member for member in members if id(member) not in linked]


def _is_in_blobs(key: str) -> bool:
    return name_of(directory_of(key)) == "blobs" or is_shared_blob(key)


def as_data(member: Member, reference: Reference) -> Member:
    """Bytes that nobody recognised by themselves are no riddle once a model says that they are its weights."""
    extraction = member.extraction
    unknown = (
        extraction is not None
        and extraction.extractor == EXTRACTOR
        and extraction.status is FileStatus.OPAQUE
    )
    return replace(member, extraction=None) if unknown and reference.relation == "data" else member


def in_role(member: Member, role: Role) -> Member:
    extraction = member.extraction
    return member if extraction is None else replace(member, extraction=replace(extraction, role=role))


def saved_beside(member: Member) -> Member:
    """An array, or another object, that was saved beside the one it is of, and says nothing else of the model."""
    data = in_role(member, Role.DATA)
    if data.extraction is None or name_of(member.object.key).endswith(ARRAY):
        return data
    return replace(data, extraction=replace(data.extraction, observations=()))
