"""What a record's row has beside the document of the newest revision: why each value is what it is, and what the standing of
the model may hide of what its files say.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import field as default

from catalog.records import (
    Contender,
    Document,
    Evidence,
    FieldProvenance,
    ModelId,
    ModelRecord,
    ObjectKey,
    Observation,
    Origin,
)
from catalog.records.values import Value
from catalog.store.canonical import STORE_FIELDS, sanitised
from catalog.store.codec import pack, unpack
from catalog.store.documents import LIVE, MISSING, Standing, content_of, finish, replaced_by_standing

OF_DOCUMENT, RAW_IS_VALUE, RAW_LISTS_VALUE = 1, 2, 4
"""What is left out of a field with one winner and nothing against it: the value that the document says, too, and what the file has,
where that is the value or a list of it alone.
"""
WHOLE = 0
_REPEATABLE = frozenset({str, int, float, bool})
"""Types of values that are left out: two that are equal and of the same one are written alike, but for zeros with a sign."""


class Witness(Value, frozen=True, kw_only=True):
    """Who says something: a part of a file, as one reader read it."""

    key: ObjectKey
    extractor: str
    extractor_version: int
    origin: Origin


class Statement(Value, frozen=True, kw_only=True):
    """A contender without what it shares with others: its witness by its place among those of the record, and the field unless that
    is the one that it stands under.
    """

    witness: int = 0
    pointer: str
    raw: Any = None
    value: Any = None
    field: str = ""
    evidence: Evidence = Evidence.EXPLICIT
    unit: str | None = None
    context: Mapping[str, Any] = default(default_factory=dict)
    subject: str | None = None
    masked: bool = False
    lent_by: str = ""
    lender: ModelId | None = None
    changes: tuple[str, ...] = ()
    lost_because: str | None = None


class Reasons(Value, frozen=True, kw_only=True):
    """Why one field has its value. `left_out`: see `OF_DOCUMENT`. `field` is empty where that is what it stands under."""

    winners: tuple[Statement, ...]
    losers: tuple[Statement, ...] = ()
    conflict: bool = False
    left_out: int = WHOLE
    field: str = ""


class StoredRecord(Value, frozen=True, kw_only=True):
    """`own` is what the finished document may not say any more. `provenance`, and `document`, the whole content, are as earlier
    versions kept them.
    """

    provenance: Mapping[str, FieldProvenance] = default(default_factory=dict)
    own: dict[str, Any] = default(default_factory=dict)
    document: dict[str, Any] = default(default_factory=dict)
    reasons: Mapping[str, Reasons] = default(default_factory=dict)
    witnesses: tuple[Witness, ...] = ()

    def content(self, present: Document) -> Document:
        """What files and persons say of the model, whose finished document is this one."""
        return sanitised(self.document) if self.document else content_of(present, self.own)

    def whole_provenance(self, present: Document) -> Mapping[str, FieldProvenance]:
        """Why the values of this finished document are what they are. Of a field whose value the document has not (it is sealed, or
        damaged) there is nothing to say.
        """
        if not self.reasons:
            return self.provenance
        whole: dict[str, FieldProvenance] = {}
        content = self.content(present)
        for name, kept in self.reasons.items():
            value = _value_of(content, name) if kept.left_out & OF_DOCUMENT else None
            if value is None and kept.left_out & OF_DOCUMENT:
                continue
            whole[name] = FieldProvenance(
                field=kept.field or name,
                winners=tuple(self._contender(name, row, kept.left_out, value) for row in kept.winners),
                losers=tuple(self._contender(name, row, WHOLE, None) for row in kept.losers),
                conflict=kept.conflict,
            )
        return whole

    def _contender(self, name: str, row: Statement, left_out: int, of_document: Any) -> Contender:
        value = of_document if left_out & OF_DOCUMENT else row.value
        raw = row.raw
        if left_out & RAW_IS_VALUE:
            raw = value
        elif left_out & RAW_LISTS_VALUE:
            raw = [value]
        witness = self.witnesses[row.witness]
        seen = Observation(
            field=row.field or name,
            raw=raw,
            pointer=row.pointer,
            key=witness.key,
            extractor=witness.extractor,
            extractor_version=witness.extractor_version,
            origin=witness.origin,
            evidence=row.evidence,
            unit=row.unit,
            context=row.context,
            subject=row.subject,
            masked=row.masked,
            lent_by=row.lent_by,
            lender=row.lender,
        )
        return Contender(observation=seen, value=value, changes=row.changes, lost_because=row.lost_because)


def pack_record(record: ModelRecord, content: Document) -> bytes:
    """The record, whose document is fit for every database as `content`, without what that says by itself."""
    places: dict[tuple[Any, ...], int] = {}
    reasons = {name: _reasons(name, known, content, places) for name, known in record.provenance.items()}
    witnesses = tuple(
        Witness(key=key, extractor=extractor, extractor_version=version, origin=origin)
        for key, extractor, version, origin in places
    )
    return pack(StoredRecord(own=replaced_by_standing(content), reasons=reasons, witnesses=witnesses))


def unpack_record(data: bytes) -> StoredRecord:
    """Raises UNREADABLE."""
    return unpack(StoredRecord, data)


def _reasons(
    name: str, known: FieldProvenance, content: Document, places: dict[tuple[Any, ...], int]
) -> Reasons:
    left_out = _left_out(name, known, content)
    return Reasons(
        winners=tuple(_statement(name, row, left_out, places) for row in known.winners),
        losers=tuple(_statement(name, row, WHOLE, places) for row in known.losers),
        conflict=known.conflict,
        left_out=left_out,
        field="" if known.field == name else known.field,
    )


def _statement(name: str, row: Contender, left_out: int, places: dict[tuple[Any, ...], int]) -> Statement:
    seen = row.observation
    witness = seen.key, seen.extractor, seen.extractor_version, seen.origin
    return Statement(
        witness=places.setdefault(witness, len(places)),
        pointer=seen.pointer,
        raw=None if left_out & (RAW_IS_VALUE | RAW_LISTS_VALUE) else seen.raw,
        value=None if left_out & OF_DOCUMENT else row.value,
        field="" if seen.field == name else seen.field,
        evidence=seen.evidence,
        unit=seen.unit,
        context=seen.context,
        subject=seen.subject,
        masked=seen.masked,
        lent_by=seen.lent_by,
        lender=seen.lender,
        changes=row.changes,
        lost_because=row.lost_because,
    )


def _left_out(name: str, known: FieldProvenance, content: Document) -> int:
    if len(known.winners) != 1 or known.losers:
        return WHOLE
    (winner,) = known.winners
    value, raw = winner.value, winner.observation.raw
    if type(value) not in _REPEATABLE or (type(value) is float and not value):
        return WHOLE
    left_out = OF_DOCUMENT * (name not in _said_by_store() and _is_same(_value_of(content, name), value))
    if _is_same(raw, value):
        return left_out | RAW_IS_VALUE
    if type(raw) is list and len(raw) == 1 and _is_same(raw[0], value):
        return left_out | RAW_LISTS_VALUE
    return left_out


@cache
def _said_by_store() -> frozenset[str]:
    """Fields of which a finished document may say something else than the files."""
    standings = (
        Standing(state=MISSING, first_seen="", moved_to="", moved_path=""),
        Standing(state=LIVE, first_seen="", duplicate_group="", copies=("",)),
    )
    names = set(STORE_FIELDS)
    for name, value in (item for standing in standings for item in finish({}, standing).items()):
        names |= {name, *(f"{name}.{part}" for part in value)} if isinstance(value, dict) else {name}
    return frozenset(names)


def _is_same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)


def _value_of(content: Document, name: str) -> Any:
    """What the document says of this field, if that has a place of its own there."""
    value: Any = content
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
