"""Records (`catalog.records`) to compressed JSON, and back, without loss.

Fields at their default are left out, so a field that is added later with a default reads old rows. Values from files
(`Any`) keep what JSON cannot say under `$`-tags: tuples, NaN and infinities.

msgspec writes and reads what has no such tags, which is nearly all, in a third of the time of what is below or less: 6 of
53 µs to write the record of a small model, 16 of 72 to read it. It would say NaN as null and a tuple as a list, so that
somebody has to look (`catalog.store.plainness`).
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from catalog.records.values import Value
from catalog.store.compression import packed, unpacked
from catalog.store.plainness import PLAIN, is_plain

T = TypeVar("T")

TAG = b'"$'
"""How tags begin, and a text or a name that looks like one."""
UNREADABLE = (ValueError, KeyError, TypeError)
"""What `unpack` and `unpack_json` raise for bytes that are not what `pack` made."""


def pack(value: Any) -> bytes:
    """The record as compressed JSON."""
    text = _plain_text(value)
    return pack_json(encode(value)) if text is None else packed(text)


def _plain_text(value: Any) -> bytes | None:
    """JSON of a record that needs no tags, None of one that does or may do so."""
    if not isinstance(value, Value) or not is_plain(value):
        return None
    try:
        text: bytes = _plain_encoder().encode(value)
    except (UnicodeEncodeError, TypeError):  # lone surrogates, and subclasses of texts and numbers
        return None
    return None if TAG in text else text


@cache
def _plain_encoder() -> Any:
    return msgspec.json.Encoder()


def unpack(kind: type[T], data: bytes) -> T:
    """The dataclass that `pack` was given."""
    text = unpacked(data)
    hint: Any = kind
    if TAG not in text:
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
        unpacked(data)
    except UNREADABLE:
        return False
    return True


@cache
def _plain_decoder(kind: Any) -> Any:
    return msgspec.json.Decoder(kind)


def pack_json(value: Any) -> bytes:
    """Plain JSON, compressed."""
    import orjson  # noqa: PLC0415 - 20 ms that only the writing side needs

    try:
        text = orjson.dumps(value)
    except TypeError:  # integers beyond 64 bits, and lone surrogates, which ASCII escapes keep
        text = json.dumps(value, separators=(",", ":")).encode("ascii")
    return packed(text)


def unpack_json(data: bytes) -> Any:
    """What `pack_json` was given; in a third of the time of Python's own reader where it is strict JSON, as nearly all is."""
    text = unpacked(data)
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):  # lone surrogates, great depth, and what is no JSON
        return json.loads(text)


def read_object(text: str) -> dict[str, Any]:
    """The JSON object of a text column; empty where there is none, and so unlike whatever belongs there."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def instant(value: datetime) -> str:
    """UTC text that sorts by time."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_instant(value: str) -> datetime:
    return datetime.fromisoformat(value.removesuffix("Z")).replace(tzinfo=UTC)


def encode(value: Any) -> Any:
    """JSON of a dataclass or of anything inside one."""
    kind: Any = type(value)
    return value if kind in PLAIN else _ENCODERS[kind](value)


class _Encoders(dict[type[Any], Callable[[Any], Any]]):
    """How values of each type are written, found out when the first of them is met."""

    def __missing__(self, kind: type[Any]) -> Callable[[Any], Any]:
        self[kind] = encoder = _encoder(kind)
        return encoder


_ENCODERS = _Encoders()


def _encoder(kind: type[Any]) -> Callable[[Any], Any]:
    if kind is float:
        return _encode_float
    if is_dataclass(kind):
        return _fields_encoder(kind)
    for ancestor, encoder in _ENCODERS_OF_KINDS:
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
    return [item if type(item) in PLAIN else _ENCODERS[type(item)](item) for item in value]


_ENCODERS_OF_KINDS: tuple[tuple[type[Any], Callable[[Any], Any]], ...] = (
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


def _fields_encoder(kind: Any) -> Callable[[Any], dict[str, Any]]:
    """What writes those fields of a record that have not their defaults. A tuple by its type needs no tag."""
    rows = [(row, row.name in _tuples(kind)) for row in fields(kind)]

    def encode_fields(value: Any) -> dict[str, Any]:
        return {
            row.name: _encode_list(item) if is_tuple and type(item) is tuple else encode(item)
            for row, is_tuple in rows
            if not _is_default(item := getattr(value, row.name), row)
        }

    return encode_fields


def _is_default(item: Any, row: Field[Any]) -> bool:
    if row.default_factory is not MISSING:  # a mapping
        return not item and isinstance(item, Mapping)
    return item is row.default or (type(item) is type(row.default) and bool(item == row.default))


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
