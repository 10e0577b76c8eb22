"""What a plug-in of others returns, held against the types that its door promises: taken as it is, or refused in one sentence.

Our own plug-ins are held to them by the type checker and by their suites, and are not looked at again.
"""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

from catalog.errors import PromiseBroken, described

T = TypeVar("T")
Taker = Callable[[Any, str], Any]

MOST_NUMBER = 2**63
"""Of what is counted or measured in bytes."""
MAX_DEPTH = 64
MAX_VALUES = 200_000
MAX_INTEGER_BITS = 10_000
"""Of a number in a value from a file: Python writes no longer ones, of 4,300 digits."""
MAX_NAME_CHARACTERS = 40
"""Of a name in a mapping, where a sentence says which."""
JSON_VALUE = "a JSON value"
_SINGLE: Mapping[Any, str] = {bool: "true or false", datetime: "a time with its zone"}
_MANY: Mapping[Any, str] = {str: "texts"}


@contextmanager
def only_errors() -> Iterator[None]:
    """Around each call of a plug-in of others: a library that ends its process, or raises what no `except Exception` sees, costs
    what the call was about, and not all that this process does. Ctrl-C and SIGTERM are KeyboardInterrupt here, and go through.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise RuntimeError(described(error)) from error


def taken(kind: type[T], value: Any, what: str = "") -> T:
    """The value as one of this dataclass, with tuples where it has lists. Raises PromiseBroken with the place of what is wrong;
    `what` is how the place begins.
    """
    result: T = taken_type(kind, value, what)
    return result


def taken_type(kind: Any, value: Any, place: str) -> Any:
    """The same for any type that a field may have."""
    return _taker(kind)(value, place)


@cache
def _taker(hint: Any) -> Taker:
    """What takes values of a type as it stands at a field."""
    hint = getattr(hint, "__supertype__", hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return plain
    if origin in {typing.Union, types.UnionType}:
        return _optional(next(part for part in arguments if part is not type(None)))
    if origin is tuple:
        return _listed(arguments[0]) if arguments[-1] is Ellipsis else _row(arguments)
    if origin is Sequence:
        return _listed(arguments[0])
    if origin is not None and issubclass(origin, Mapping):
        return _mapping if arguments[1] is Any else _mapping_of(arguments[1])
    if issubclass(hint, Enum):
        return _member(hint)
    if is_dataclass(hint):
        return _dataclass(cast("type[Any]", hint))
    if hint is int:
        return _number
    if hint is float:
        return _measure
    return _text if hint is str else _instance(hint)


def _optional(hint: Any) -> Taker:
    take = _taker(hint)
    return lambda value, place: None if value is None else take(value, place)


def _listed(hint: Any) -> Taker:
    take, expected = _taker(hint), f"a list of {_many(hint)}"

    def take_list(value: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(value, tuple | list):
            raise broken(value, place, expected)
        return tuple([take(item, f"{place}[{number}]") for number, item in enumerate(value)])

    return take_list


def _row(hints: tuple[Any, ...]) -> Taker:
    def take_row(value: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(value, tuple | list) or len(value) != len(hints):
            raise broken(value, place, f"a list of {len(hints)}")
        pairs = enumerate(zip(hints, value, strict=True))
        return tuple([_taker(hint)(item, f"{place}[{number}]") for number, (hint, item) in pairs])

    return take_row


def _mapping(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise broken(value, place, "a mapping")
    mapping: Mapping[str, Any] = plain(value, place)
    return mapping


def _mapping_of(hint: Any) -> Taker:
    take = _taker(hint)

    def take_mapping(value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise broken(value, place, "a mapping")
        rows = [(_text(name, f"a name in {place}"), item) for name, item in list(value.items())]
        return {name: take(item, f"{place}[{name[:MAX_NAME_CHARACTERS]!r}]") for name, item in rows}

    return take_mapping


def _member(kind: type[Enum]) -> Taker:
    expected = f"one of {', '.join(str(member.value) for member in kind)}"

    def take_member(value: Any, place: str) -> Enum:
        try:
            return kind(value)
        except (ValueError, TypeError):
            raise broken(value, place, expected) from None

    return take_member


def _dataclass(kind: type[Any]) -> Taker:
    hints = typing.get_type_hints(kind)
    names = [row.name for row in fields(kind)]

    def take_dataclass(value: Any, place: str) -> Any:
        if not isinstance(value, kind):
            raise broken(value, place, _single(kind))
        changed: dict[str, Any] = {}
        same: dict[str, Any] = {}
        for name in names:
            before = getattr(value, name)
            after = _taker(hints[name])(before, f"{place}.{name}" if place else name)
            (same if after is before else changed)[name] = after
        if type(value) is not kind:  # what is of a stranger's class may be none in another process
            return kind(**same, **changed)
        return replace(value, **changed) if changed else value

    return take_dataclass


def _instance(kind: type[Any]) -> Taker:
    def take_instance(value: Any, place: str) -> Any:
        if not isinstance(value, kind):
            raise broken(value, place, _single(kind))
        return value

    return _time if kind is datetime else take_instance


def _time(value: Any, place: str) -> datetime:
    """A time as it stands in UTC, where it can."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise broken(value, place, _SINGLE[datetime])
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    try:
        there = value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise broken(value, place, "a time of the years from 1 to 9999") from None
    return datetime.combine(there.date(), there.time(), UTC)


def _number(value: Any, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_NUMBER:
        raise broken(value, place, "a whole number from 0 on")
    return int(value)


def _measure(value: Any, place: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise broken(value, place, "a finite number")
    return float(value)


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise broken(value, place, "text")
    return _plain_text(value, place)


def _plain_text(value: str, place: str) -> str:
    if not value.isascii():
        try:
            value.encode("utf-8", "surrogateescape")  # undecodable bytes of names travel so
        except UnicodeEncodeError:
            raise broken(value, place, "text without halves of characters") from None
    return value if type(value) is str else str.__str__(value)


def _single(kind: type[Any]) -> str:
    article = "an" if kind.__name__[0] in "AEIO" else "a"
    return _SINGLE.get(kind, f"{article} {kind.__name__}")


def _many(hint: Any) -> str:
    hint = getattr(hint, "__supertype__", hint)
    return (
        _MANY.get(hint) or re.sub(r"(?<!^)(?=[A-Z])", " ", getattr(hint, "__name__", "value")).lower() + "s"
    )


def plain(value: Any, place: str) -> Any:
    """A value as JSON can hold it, beside dates, bytes, NaN and infinities, which the catalog knows how to keep."""
    return _plain(value, place, 0, [MAX_VALUES])


def _plain(value: Any, place: str, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if depth > MAX_DEPTH or left[0] < 0:
        raise PromiseBroken(f"more than {MAX_DEPTH} levels or {MAX_VALUES:,} parts", place, JSON_VALUE)
    if isinstance(value, str):
        return _plain_text(value, place)
    if isinstance(value, Mapping):
        return {_key(name, place): _plain(item, place, depth + 1, left) for name, item in list(value.items())}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(item, place, depth + 1, left) for item in value]
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        raise PromiseBroken(f"a number of more than {MAX_INTEGER_BITS:,} bits", place, JSON_VALUE)
    for kind in (int, float):  # a subclass is kept as what it is in JSON
        if isinstance(value, kind):
            return value if isinstance(value, bool) else kind(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return _time(value, place)
    if value is None or isinstance(value, bytes | datetime):
        return value
    raise broken(value, place, JSON_VALUE)


def _key(name: Any, place: str) -> str:
    """The name in an object as JSON writes it, which has no other names than texts."""
    if isinstance(name, str):
        return _plain_text(name, place)
    if name is None or isinstance(name, bool | float | int):
        return str(_plain(name, place, 0, [1]))
    raise broken(name, place, "text as a name in it")


def broken(value: Any, place: str, expected: str) -> PromiseBroken:
    """The error about a value that is of another type than was promised at this place."""
    return PromiseBroken(_shown(value), place, expected)


def _shown(value: Any) -> str:
    """What came, for a sentence: None and numbers as they are, of all else the type, which is what is wrong with it."""
    if value is None or (type(value) in {bool, int, float} and len(repr(value)) < 30):
        return repr(value)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in set('aeiou') else 'a'} {name}"
