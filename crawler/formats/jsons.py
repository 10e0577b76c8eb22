"""JSON from outside as Python values, within bounds that are checked before anything is built.

Size, depth and number of values are measured on the text, so a hostile document costs one linear scan and no memory.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from crawler.reader import RangedReader

Json: TypeAlias = Any
"""None, bool, int, float, str, list or JsonObject."""

MAX_INT_DIGITS = 40

_STRING = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL
)  # always matches at a quote: no second try, linear
_NOT_BRACKET = re.compile(r"[^\[\]{}]+")
_UNUSUAL_NUMBER = re.compile(rf"[0-9]{{{MAX_INT_DIGITS + 1}}}|[eE]\+?[0-9]{{3}}")
"""What may be an integer beyond the limit or a number beyond a double: such documents take the slower decoder."""

_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLimits:
    """What one document may hold. Units: bytes, levels, values (members, elements and containers)."""

    size_bytes: int = 16 * 1024 * 1024
    depth: int = 200
    nodes: int = 200_000


class JsonObject(dict[str, Any]):
    """A JSON object. `duplicates` are keys that stand more than once in it; the last one counts."""

    __slots__ = ("duplicates",)

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.duplicates: tuple[str, ...] = () if len(self) == len(pairs) else _repeated(pairs)


def load(data: bytes, *, limits: JsonLimits | None = None) -> Json:
    """The value of one JSON document. NaN, Infinity and numbers beyond a double stay text (`"NaN"`, `"1e400"`).

    Raises Malformed, LimitExceeded.
    """
    limits = limits or JsonLimits()
    if len(data) > limits.size_bytes:
        raise LimitExceeded("bytes of a JSON document", limit=limits.size_bytes, found=len(data))
    return load_text(decode(data), limits=limits)


def read(reader: RangedReader, *, limits: JsonLimits | None = None) -> Json:
    """As `load`, of a whole file in one request."""
    size_limit = (limits or JsonLimits()).size_bytes
    if reader.size_bytes > size_limit:
        raise LimitExceeded("bytes of a JSON document", limit=size_limit, found=reader.size_bytes)
    return load(reader.take(0, reader.size_bytes), limits=limits)


def read_object(reader: RangedReader) -> JsonObject:
    """As `read`, of a file that must hold one object."""
    value = read(reader)
    if not isinstance(value, JsonObject):
        raise Malformed("the JSON document is not an object")
    return value


def decode(data: bytes) -> str:
    """The text of a JSON document: UTF-8, or UTF-16/32 as its first bytes say. Raises Malformed."""
    try:
        return data.decode(json.detect_encoding(data[:4] or b"\0"))
    except UnicodeDecodeError as error:
        raise Malformed("JSON text is not valid UTF-8", where=f"byte {error.start}") from None


def load_text(text: str, *, limits: JsonLimits | None = None) -> Json:
    """As `load`, of text that is already decoded."""
    _check_structure(text, limits or JsonLimits())
    try:
        value = (_CAREFUL if _UNUSUAL_NUMBER.search(text) else _QUICK).decode(text)
    except (ValueError, RecursionError) as error:
        where = f"character {error.pos}" if isinstance(error, json.JSONDecodeError) else None
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise Malformed(f"not JSON: {reason}", where=where) from None
    return _without_surrogates(value) if _ESCAPED_SURROGATE.search(text) else value


def _check_structure(text: str, limits: JsonLimits) -> None:
    opened = text.count("[") + text.count("{")
    if opened <= limits.depth and opened + text.count(",") < limits.nodes:
        return
    bare = _STRING.sub("", text)
    nodes = bare.count(",") + bare.count("[") + bare.count("{") + 1
    if nodes > limits.nodes:
        raise LimitExceeded("values of a JSON document", limit=limits.nodes, found=nodes)
    steps = map(_STEP.__getitem__, _NOT_BRACKET.sub("", bare))
    deepest = max(itertools.accumulate(steps), default=0)
    if deepest > limits.depth:
        raise LimitExceeded("depth of a JSON document", limit=limits.depth, found=deepest)


def _repeated(pairs: Sequence[tuple[str, Any]]) -> tuple[str, ...]:
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for key, _ in pairs:
        if key in seen:
            repeated[key] = None
        seen.add(key)
    return tuple(repeated)


def _int(text: str) -> int:
    digits = len(text.removeprefix("-"))
    if digits > MAX_INT_DIGITS:
        raise LimitExceeded("digits of a JSON integer", limit=MAX_INT_DIGITS, found=digits)
    return int(text)


def _float(text: str) -> float | str:
    number = float(text)
    return number if number - number == 0 else text


def _without_surrogates(value: Json) -> Json:
    """Half of a surrogate pair cannot be encoded by anything downstream."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, JsonObject):
        return JsonObject(
            [(_without_surrogates(key), _without_surrogates(item)) for key, item in value.items()]
        )
    return value


_QUICK = json.JSONDecoder(object_pairs_hook=JsonObject, parse_constant=str, strict=False)
_CAREFUL = json.JSONDecoder(
    object_pairs_hook=JsonObject, parse_int=_int, parse_float=_float, parse_constant=str, strict=False
)
