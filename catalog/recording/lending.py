"""What files of one source say of a model in another: a registry of the bucket's models, a repository of its remote's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from catalog.layouts import names
from catalog.layouts.content_addressed import content_key
from catalog.lazy_dataclasses import dataclass, replace
from catalog.recording.prints import is_weights_file
from catalog.records import Evidence, Group, Member, ModelId, ObjectKey, Observation, Origin, Role
from catalog.store.joins import Joined, Lender
from mappings import fields

MAX_OBSERVATIONS = 5_000
EXTRACTOR = "joins"
STORED_AT, DESCRIBED_AT = "extra.stored_at", "extra.described_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrowed:
    """What is said elsewhere of one model, and how it is called there. `hearsay` are files of those who know no more than
    its address. `is_orphan` None leaves that to its own source.
    """

    observations: tuple[Observation, ...] = ()
    hearsay: frozenset[ObjectKey] = frozenset()
    name: str | None = None
    is_orphan: bool | None = None


NOTHING = Borrowed()


def borrowed(joined: Mapping[ModelId, Joined]) -> dict[ModelId, Borrowed]:
    """What each of these models has from those that it is joined with."""
    return {model: _borrowed(own) for model, own in joined.items()}


def with_borrowed(group: Group, own: Borrowed) -> Group:
    """The group as it is normalised: with what is said elsewhere. An object that is filed under its hash is called as there."""
    if own == NOTHING:
        return group
    stored = next((member for member in group.members if is_weights_file(member)), None)
    is_nameless = stored is not None and content_key(stored.object.key) is not None
    return replace(
        group,
        lent=own.observations,
        hearsay=own.hearsay,
        name_hint=own.name if own.name and is_nameless else group.name_hint,
        orphan=group.orphan if own.is_orphan is None else own.is_orphan,
    )


def _borrowed(joined: Joined) -> Borrowed:
    lenders = sorted(
        joined.lenders, key=lambda lender: lender.by_address
    )  # who knows its bytes is heard first
    seen = [observation for lender in lenders for observation in _statements(lender)]
    hearsay = {ObjectKey(key) for lender in lenders if lender.by_address for key in _keys(lender)}
    links = []
    if joined.lenders:
        links.append(_link(DESCRIBED_AT, [lender.uri for lender in joined.lenders]))
    if joined.stored_at:
        links.append(_link(STORED_AT, joined.stored_at))
    return Borrowed(
        observations=(*seen[:MAX_OBSERVATIONS], *links),
        hearsay=frozenset(hearsay),
        name=next(filter(None, map(_called, lenders)), None),
        is_orphan=joined.is_orphan,
    )


def _called(lender: Lender) -> str:
    """What the model is called there, a file without its suffix; one that is called `model` after where it is."""
    name = names.stem(lender.name)
    return names.model_name(lender.uri, is_file=False) or name if names.is_generic_stem(name) else name


def _statements(lender: Lender) -> Iterator[Observation]:
    for member in lender.group.members:
        if _speaks(member) and member.extraction is not None:
            for seen in member.extraction.observations:
                if seen.subject in {None, member.subject} and not (lender.by_address and _bounds(seen.field)):
                    yield replace(
                        seen,
                        key=_key(lender, seen.key),
                        subject=None,
                        lent_by=f"{lender.name} {lender.version}".strip(),
                        lender=lender.model,
                    )


def _keys(lender: Lender) -> Iterator[ObjectKey]:
    for member in lender.group.members:
        if member.extraction is not None:
            yield from {_key(lender, seen.key) for seen in member.extraction.observations}


def _key(lender: Lender, key: ObjectKey) -> ObjectKey:
    return ObjectKey(f"{lender.source.rstrip('/')}/{key}")


def _bounds(field: str) -> bool:
    """Whether rights are given by what stands in this field; what has no field of its own is kept among the free ones."""
    rows = fields()
    row = rows.get(field) or rows.get(field.partition(".")[0]) or rows["extra"]
    return row.bounds_rights


def _speaks(member: Member) -> bool:
    """Whether a file of a model there speaks of the model here: not one that has the weights, or is beside many models."""
    return (
        member.extraction is not None
        and not is_weights_file(member)
        and member.extraction.role not in {Role.PART, Role.INDEX}
        and member.distance >= 0
    )


def _link(field: str, uris: Sequence[str]) -> Observation:
    return Observation(
        field=field,
        raw=list(uris),
        pointer="join:",
        key=ObjectKey(uris[0]),
        extractor=EXTRACTOR,
        extractor_version=1,
        origin=Origin.LISTING,
        evidence=Evidence.DERIVED,
    )
