"""What may go although nobody wrote a policy: told with bytes and with what shows it. Nothing is done about it by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

from catalog.lazy_dataclasses import dataclass
from catalog.records import Document, ModelId, SourceId
from catalog.store.retention import Retention, StandingModel
from catalog.text.folding import well_formed

MAX_LISTED = 200
"""Of one kind, those with most bytes; sums are of all."""
_CHECKPOINT = re.compile(r"(?P<run>.+)/checkpoint[-_]\d{1,18}")
ORPHAN = "orphan"


class Kind(StrEnum):
    """Why something is proposed."""

    CHECKPOINT = "checkpoint"
    COPY = "copy"
    ORPHAN = "orphan"
    UNFINISHED = "unfinished"


SENTENCES = {
    Kind.CHECKPOINT: "checkpoints of runs that ended with a model",
    Kind.COPY: "copies of the same weights",
    Kind.ORPHAN: "objects of a store of hashes that nothing names",
    Kind.UNFINISHED: "files that nobody has finished writing for a day",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One model or file. `model` is empty where it is a file of none."""

    kind: Kind
    model: str
    name: str
    path: str
    source: str
    bytes: int
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalsOfKind:
    """All that is proposed for one reason: the largest, and how many there are of how many bytes."""

    kind: Kind
    sentence: str
    number: int
    bytes: int
    largest: tuple[Proposal, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """What is remembered of a live model."""

    id: ModelId
    source: SourceId
    name: str
    path: str
    bytes: int
    first_seen: str


def proposals(store: Retention) -> tuple[ProposalsOfKind, ...]:
    """All of it, one kind after the other; every live model is read once."""
    places: dict[tuple[SourceId, str], _Line] = {}
    checkpoints: list[_Line] = []
    alike: dict[str, list[_Line]] = {}
    orphans: list[_Line] = []
    for model in store.standing():
        line, document = _line(model), model.document
        places[line.source, line.path] = line
        if _CHECKPOINT.fullmatch(line.path):
            checkpoints.append(line)
        if isinstance(group := document.get("duplicate_group"), str):
            alike.setdefault(group, []).append(line)
        if ORPHAN in document.get("flags", ()):
            orphans.append(line)
    return tuple(
        _summed(kind, each)
        for kind, each in (
            (Kind.CHECKPOINT, _checkpoints(checkpoints, places)),
            (Kind.COPY, _copies(store, alike.values())),
            (
                Kind.ORPHAN,
                (_proposal(Kind.ORPHAN, line, "its name is a hash that nothing names") for line in orphans),
            ),
            (Kind.UNFINISHED, _unfinished(store)),
        )
    )


def _checkpoints(lines: Iterable[_Line], places: dict[tuple[SourceId, str], _Line]) -> Iterator[Proposal]:
    for line in lines:
        match = _CHECKPOINT.fullmatch(line.path)
        final = places.get((line.source, match["run"])) if match else None
        if final is not None:
            evidence = f"its run ended with {final.name} ({final.id[:12]})"
            yield _proposal(Kind.CHECKPOINT, line, evidence)


def _copies(store: Retention, groups: Iterable[list[_Line]]) -> Iterator[Proposal]:
    """All but the oldest of each group, unless they are names of one file on a disk."""
    for group in groups:
        first, *others = sorted(group, key=lambda line: (line.first_seen, line.id))
        if not others:
            continue
        identities: dict[ModelId, set[str]] = {}
        for file in store.files([line.id for line in group]):
            if file.identity is not None:
                identities.setdefault(file.model, set()).add(file.identity)
        for line in others:
            if not identities.get(line.id, set()) & identities.get(first.id, set()):
                yield _proposal(Kind.COPY, line, f"the same weights are in {first.path} ({first.id[:12]})")


def _unfinished(store: Retention) -> Iterator[Proposal]:
    for left in store.unfinished():
        yield Proposal(
            kind=Kind.UNFINISHED,
            model="",
            name=left.key.rpartition("/")[2],
            path=left.key,
            source=left.source,
            bytes=left.size_bytes,
            evidence=f"last written {left.modified_at[:10]}, seen {left.noted_at[:10]}",
        )


def _proposal(kind: Kind, line: _Line, evidence: str) -> Proposal:
    return Proposal(
        kind=kind,
        model=line.id,
        name=line.name,
        path=line.path,
        source=line.source,
        bytes=line.bytes,
        evidence=well_formed(evidence),
    )


def _summed(kind: Kind, each: Iterable[Proposal]) -> ProposalsOfKind:
    listed = sorted(each, key=lambda proposal: (-proposal.bytes, proposal.path, proposal.model))
    return ProposalsOfKind(
        kind=kind,
        sentence=SENTENCES[kind],
        number=len(listed),
        bytes=sum(proposal.bytes for proposal in listed),
        largest=tuple(listed[:MAX_LISTED]),
    )


def _line(model: StandingModel) -> _Line:
    document: Document = model.document
    size = document.get("total_bytes") or document.get("size_bytes") or 0
    return _Line(
        id=model.id,
        source=model.source,
        name=model.name,
        path=str(document.get("path") or ""),
        bytes=size if isinstance(size, int) else 0,
        first_seen=str(document.get("first_seen") or ""),
    )
