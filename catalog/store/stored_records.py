"""What a record's row has beside the document of the newest revision: why each value is what it is, and what the standing of
the model may hide of what its files say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import field
from msgspec.structs import replace

from catalog.records import Contender, Document, FieldProvenance, ModelRecord
from catalog.records.values import Value
from catalog.store.canonical import sanitised
from catalog.store.codec import pack, unpack
from catalog.store.documents import MOVED_TO, content_of, replaced_by_standing

OF_DOCUMENT, RAW_IS_VALUE, RAW_LISTS_VALUE = 1, 2, 4
"""What is left out of a field with one winner and nothing against it: the value that the document says, too, and what the file has,
where that is the value or a list of it alone.
"""
WHOLE = 0
_REPEATABLE = frozenset({str, int, float, bool})
"""Types of values that are left out: two that are equal and of the same one are written alike, but for zeros with a sign."""
_OF_STORE = frozenset(
    {
        *(
            "status",
            "duplicate_group",
            "locations",
            "first_seen",
            "last_seen",
            "revision",
            "flags",
            "problems",
        ),
        *("extra", f"extra.{MOVED_TO}"),
    }
)
"""Fields of which the finished document says something else than the files (`finish`)."""


class StoredRecord(Value, frozen=True, kw_only=True):
    """`own` is what the finished document may not say any more. `document` is the whole content, which earlier versions kept.
    `repeated` has a digit for each field of the provenance, in its order (`OF_DOCUMENT` and so on); empty: nothing is left out.
    """

    provenance: Mapping[str, FieldProvenance] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    repeated: str = ""

    def content(self, present: Document) -> Document:
        """What files and persons say of the model, whose finished document is this one."""
        return sanitised(self.document) if self.document else content_of(present, self.own)

    def whole_provenance(self, present: Document) -> Mapping[str, FieldProvenance]:
        """Why the values of this finished document are what they are. Of a field whose value the document has not (it is sealed, or
        damaged) there is nothing to say.
        """
        if not self.repeated:
            return self.provenance
        whole: dict[str, FieldProvenance] = {}
        content = self.content(present)
        for digit, (name, known) in zip(self.repeated, self.provenance.items(), strict=True):
            left_out = int(digit)
            value = _value_of(content, name) if left_out & OF_DOCUMENT else None
            if not left_out & OF_DOCUMENT:
                whole[name] = _with_raw(known, left_out)
            elif value is not None:
                (winner,) = known.winners
                whole[name] = _with_raw(replace(known, winners=(replace(winner, value=value),)), left_out)
        return whole


def pack_record(record: ModelRecord, content: Document) -> bytes:
    """The record, whose document is fit for every database as `content`, without what that says by itself."""
    digits, provenance = [], {}
    for name, known in record.provenance.items():
        left_out, provenance[name] = _without_repeated(name, known, content)
        digits.append(str(left_out))
    return pack(
        StoredRecord(
            provenance=provenance,
            own=replaced_by_standing(content),
            repeated="".join(digits) if any(digit != "0" for digit in digits) else "",
        )
    )


def unpack_record(data: bytes) -> StoredRecord:
    """Raises UNREADABLE."""
    return unpack(StoredRecord, data)


def _without_repeated(name: str, known: FieldProvenance, content: Document) -> tuple[int, FieldProvenance]:
    if len(known.winners) != 1 or known.losers:
        return WHOLE, known
    (winner,) = known.winners
    value, raw = winner.value, winner.observation.raw
    if type(value) not in _REPEATABLE or (type(value) is float and not value):
        return WHOLE, known
    left_out = WHOLE
    if _is_same(raw, value):
        left_out |= RAW_IS_VALUE
    elif type(raw) is list and len(raw) == 1 and _is_same(raw[0], value):
        left_out |= RAW_LISTS_VALUE
    is_of_document = name not in _OF_STORE and _is_same(_value_of(content, name), value)
    left_out |= OF_DOCUMENT * is_of_document
    if left_out == WHOLE:
        return WHOLE, known
    observation = winner.observation
    if left_out & (RAW_IS_VALUE | RAW_LISTS_VALUE):
        observation = replace(observation, raw=None)
    kept = replace(winner, observation=observation, value=None if is_of_document else value)
    return left_out, replace(known, winners=(kept,))


def _with_raw(known: FieldProvenance, left_out: int) -> FieldProvenance:
    if not left_out & (RAW_IS_VALUE | RAW_LISTS_VALUE):
        return known
    (winner,) = known.winners
    raw = winner.value if left_out & RAW_IS_VALUE else [winner.value]
    return replace(known, winners=(_with(winner, raw),))


def _with(winner: Contender, raw: Any) -> Contender:
    return replace(winner, observation=replace(winner.observation, raw=raw))


def _is_same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)


def _value_of(content: Document, name: str) -> Any:
    """What the document says of this field, if that has a place of its own there."""
    value: Any = content
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
