"""Dataclasses of `catalog.records` to JSON, compressed with a dictionary of typical texts, and back, without loss.

Fields at their default are left out, so a field that is added later with a default reads old rows. Values from files
(`Any`) keep what JSON cannot say under `$`-tags: tuples, NaN and infinities.

msgspec reads what has no such tags, in a third of the time of the decoder below (78 of 270 µs for an extraction, 200 of
540 for a record, inflating included). It does not write: it cannot leave out defaults of dataclasses, and says NaN as null.
"""

from __future__ import annotations

import json
import math
import types
import typing
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

COMPRESSION_LEVEL = 6
"""With a dictionary it makes 659 bytes of the record of a small model; level 4 makes 761 in two thirds of the time."""
MEMORY_LEVEL = 6
"""Of zlib, in its own measure: 160 kB for a stream instead of 268 kB. Most texts are so small that to get and clear that
memory took longer than to compress them: 77 of 95 µs for an outline, which now takes 18 µs."""
MAX_INFLATED_BYTES = 1 << 30
UNREADABLE = (zlib.error, ValueError, KeyError, TypeError)
"""What `unpack` and `unpack_json` raise for bytes that are not what `pack` made."""


@cache
def dictionary() -> bytes:
    """What the texts of a small model have in common with those of every other: its extractions, then its record.

    It never changes: each stream names the one that it was written with by its Adler-32 (RFC 1950, section 2.2), and
    whoever makes another one keeps this beside it for reading.
    """
    return Path(__file__).with_name("typical_texts.jsonl").read_bytes()


def pack(value: Any) -> bytes:
    """The dataclass as compressed JSON."""
    return pack_json(encode(value))


def unpack(kind: type[T], data: bytes) -> T:
    """The dataclass that `pack` was given."""
    import msgspec  # noqa: PLC0415 - 15 ms that a search need not pay

    text = _inflate(data)
    hint: Any = kind
    if b'"$' not in text:
        try:
            plain: T = _plain_decoder(hint).decode(text)
        except (
            msgspec.MsgspecError
        ):  # lone surrogates, infinities, a value of a type that its field does not have
            pass
        else:
            return plain
    result: T = _decoder(hint)(json.loads(text))
    return result


def is_whole(data: bytes) -> bool:
    """Whether the bytes are as they were packed: their checksum says so, for a tenth of what unpacking costs."""
    try:
        _inflate(data)
    except UNREADABLE:
        return False
    return True


@cache
def _plain_decoder(kind: Any) -> Any:
    import msgspec  # noqa: PLC0415

    return msgspec.json.Decoder(kind)


def pack_json(value: Any) -> bytes:
    """Plain JSON, compressed."""
    import orjson  # noqa: PLC0415 - 20 ms that only the writing side needs

    try:
        text = orjson.dumps(value)
    except TypeError:  # integers beyond 64 bits, and lone surrogates, which ASCII escapes keep
        text = json.dumps(value, separators=(",", ":")).encode("ascii")
    deflater = _primed_deflater().copy()
    packed: bytes = deflater.compress(text) + deflater.flush()
    return packed


@cache
def _primed_deflater() -> Any:
    """A stream that has taken in the dictionary, to be copied for each text: to take it in costs 60 µs, a copy 10."""
    return zlib.compressobj(
        COMPRESSION_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS, MEMORY_LEVEL, zlib.Z_DEFAULT_STRATEGY, dictionary()
    )


def unpack_json(data: bytes) -> Any:
    return json.loads(_inflate(data))


def read_object(text: str) -> dict[str, Any]:
    """The JSON object of a text column; empty where there is none, and so unlike whatever belongs there."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _inflate(data: bytes) -> bytes:
    """The text, with the dictionary or, as earlier versions wrote it, without one."""
    inflater = zlib.decompressobj(zdict=dictionary())
    return inflater.decompress(data, MAX_INFLATED_BYTES)


def instant(value: datetime) -> str:
    """UTC text that sorts by time."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_instant(value: str) -> datetime:
    return datetime.fromisoformat(value.removesuffix("Z")).replace(tzinfo=UTC)


def encode(value: Any) -> Any:
    """JSON of a dataclass or of anything inside one."""
    kind: Any = type(value)
    return value if kind in _AS_THEY_ARE else _encoder(kind)(value)


_AS_THEY_ARE = frozenset({str, int, bool, type(None)})


@cache
def _encoder(kind: type[Any]) -> Callable[[Any], Any]:
    if kind is float:
        return _encode_float
    if is_dataclass(kind):
        return _encode_fields
    for ancestor, encoder in _ENCODERS:
        if issubclass(kind, ancestor):
            return encoder
    raise TypeError(f"{kind.__name__} is not a value that a file's metadata can hold")


def _encode_float(value: float) -> Any:
    return value if math.isfinite(value) else {"$float": repr(value)}


def _encode_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    plain = {_text(key): encode(item) for key, item in value.items()}
    return {"$map": plain} if any(key.startswith("$") for key in plain) else plain


def _encode_tuple(value: tuple[Any, ...]) -> dict[str, Any]:
    return {"$tuple": _encode_list(value)}


def _encode_list(value: Sequence[Any]) -> list[Any]:
    return [encode(item) for item in value]


_ENCODERS: tuple[tuple[type[Any], Callable[[Any], Any]], ...] = (
    (Enum, attrgetter("_value_")),  # as `value` says it, without two calls of Python
    (datetime, lambda value: {"$at": value.isoformat()}),
    (Mapping, _encode_mapping),
    (tuple, _encode_tuple),
    (list, _encode_list),
    # Subclasses of JSON types (a YAML scalar that remembers its quotes) are kept as what they are in JSON.
    (str, str.__str__),
    (int, int),
    (float, lambda value: _encode_float(float(value))),
    (bytes, lambda value: value.decode("utf-8", "backslashreplace")),
    (set, lambda value: _encode_list(sorted(value, key=repr))),
    (frozenset, lambda value: _encode_list(sorted(value, key=repr))),
)


def _text(key: Any) -> str:
    return key if type(key) is str else str(key)


@dataclass(frozen=True, slots=True)
class _Row:
    """How one field of a dataclass is written."""

    name: str
    default: Any
    kind: type[Any]  # of the default
    or_empty: bool  # an empty mapping is the default
    is_tuple: bool  # by its type, and so needs no tag


@dataclass(frozen=True, slots=True)
class _Fields:
    """How a dataclass is written. `values` takes those of all fields at once, which is half of what they cost one by one."""

    values: Callable[[Any], tuple[Any, ...]]
    defaults: tuple[Any, ...]
    rows: tuple[_Row, ...]


@cache
def _fields(kind: Any) -> _Fields:
    rows = tuple(
        _Row(
            row.name,
            row.default,
            type(row.default),
            row.default_factory is not MISSING,
            row.name in _tuples(kind),
        )
        for row in fields(kind)
    )
    getter = attrgetter(*(row.name for row in rows))
    values = getter if len(rows) > 1 else lambda value: (getter(value),)
    return _Fields(values, tuple(row.default for row in rows), rows)


def _encode_fields(value: Any) -> dict[str, Any]:
    result = {}
    whole: Any = type(value)
    plan = _fields(whole)
    for item, default, row in zip(plan.values(value), plan.defaults, plan.rows, strict=True):
        if item is default:
            continue
        kind: Any = type(item)
        if kind is row.kind and item == default:
            continue
        if kind in _AS_THEY_ARE:
            result[row.name] = item
        elif row.is_tuple and kind is tuple:
            result[row.name] = _encode_list(item)
        elif not (row.or_empty and not item and (kind is dict or isinstance(item, Mapping))):
            result[row.name] = _encoder(kind)(item)
    return result


@cache
def _tuples(kind: type[Any]) -> frozenset[str]:
    """The fields that are tuples by their type and so need no tag."""
    return frozenset(
        name for name, hint in typing.get_type_hints(kind).items() if typing.get_origin(hint) is tuple
    )


def _value(data: Any) -> Any:
    """The opposite of `encode` for `Any`."""
    if isinstance(data, dict):
        if len(data) == 1:
            tag, body = next(iter(data.items()))
            if tag == "$tuple":
                return tuple(_value(item) for item in body)
            if tag == "$float":
                return float(body)
            if tag == "$at":
                return datetime.fromisoformat(body)
            if tag == "$map":
                return {key: _value(item) for key, item in body.items()}
        return {key: _value(item) for key, item in data.items()}
    if isinstance(data, list):
        return [_value(item) for item in data]
    return data


@cache
def _decoder(hint: Any) -> Callable[[Any], Any]:
    if isinstance(hint, typing.NewType):
        return _decoder(hint.__supertype__)
    if is_dataclass(hint):
        return _dataclass_decoder(typing.cast("type[Any]", hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    origin = typing.get_origin(hint)
    if origin in {types.UnionType, typing.Union}:
        inner = [_decoder(part) for part in typing.get_args(hint) if part is not type(None)]
        return inner[0] if len(inner) == 1 else _value
    if origin is tuple:
        item = _decoder(typing.get_args(hint)[0])
        return lambda data: tuple(item(part) for part in data)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        value = _decoder(typing.get_args(hint)[1])
        return lambda data: {key: value(part) for key, part in _untagged(data).items()}
    return _value


def _untagged(data: dict[str, Any]) -> dict[str, Any]:
    inner = data.get("$map") if len(data) == 1 else None
    return inner if isinstance(inner, dict) else data


def _dataclass_decoder(kind: type[T]) -> Callable[[Any], T]:
    hints = typing.get_type_hints(kind)
    plan: dict[str, Callable[[Any], Any]] = {}

    def decode(data: dict[str, Any]) -> T:
        if not plan:  # filled late: types may hold themselves
            plan.update({row.name: _optional(_decoder(hints[row.name])) for row in fields(kind)})  # type: ignore[arg-type]  # a dataclass by is_dataclass
        return kind(**{name: plan[name](item) for name, item in data.items() if name in plan})

    return decode


def _optional(decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda data: None if data is None else decode(data)
