"""Values of Python, NumPy and tensors as what JSON can hold, or the reason why not."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from numbers import Real
from os import PathLike, fspath
from typing import Any

MAX_NAME_CHARS = 200
MAX_TEXT_CHARS = 10_000
MAX_LIST = 1_000
MAX_LEVELS = 6
MAX_INTEGER_BITS = 4_096
"""Python itself writes no more than 4,300 digits."""

_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*%?\s*", re.ASCII)


class NotPlain(Exception):
    """A value that no sidecar can hold. Its text is the rest of a sentence: `is a function`."""


def measured(value: Any) -> int | float | str:
    """A number, or the text of one such as `93.4%`. Raises NotPlain.

    What is not finite becomes text, since JSON has no NaN: a loss that diverged is no reason to lose all else.
    """
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value) or len(value) > MAX_NAME_CHARS:
            raise NotPlain("is no number")
        return value.strip()
    number = _scalar(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise NotPlain(f"is a {type(value).__name__}, not a number")
    if isinstance(number, int) and abs(number) < 2**63:
        return number
    number = _floating(number)
    return number if math.isfinite(number) else str(number)


def whole(value: Any) -> int:
    """A number of steps. Raises NotPlain."""
    number = _scalar(value)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**63:
        raise NotPlain("is no whole number of steps")
    return number


def plain(value: Any, levels: int = MAX_LEVELS) -> Any:
    """The value as JSON holds it. Raises NotPlain."""
    value = _scalar(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if value.bit_length() > MAX_INTEGER_BITS:
            raise NotPlain(f"has more than {MAX_INTEGER_BITS:,} bits")
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        if len(value) > MAX_TEXT_CHARS:
            raise NotPlain(f"is longer than {MAX_TEXT_CHARS:,} characters")
        return unicode(value)
    if isinstance(value, date):  # and a time of a day, which is one
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _collection(value, levels)
    raise NotPlain(f"is a {type(value).__name__}")


def unicode(text: str) -> str:
    """The text without halves of characters, which no file takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _collection(value: Any, levels: int) -> Any:
    if levels == 0:
        raise NotPlain(f"is nested more than {MAX_LEVELS} levels deep")
    if len(value) > MAX_LIST:
        raise NotPlain(f"has more than {MAX_LIST:,} entries")
    if isinstance(value, Mapping):
        return {unicode(str(name)[:MAX_NAME_CHARS]): plain(item, levels - 1) for name, item in value.items()}
    items = value if isinstance(value, list | tuple) else sorted(value, key=repr)
    return [plain(item, levels - 1) for item in items]


def _scalar(value: Any) -> Any:
    """What enumerations, paths, numbers of all libraries and tensors of one element stand for."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, PathLike):
        return str(fspath(value))
    if isinstance(value, bool | int | float | str) or value is None:
        return _built_in(value)
    if isinstance(value, Decimal):
        return _floating(value)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "size", 1) != 0:
        try:
            if getattr(value, "mask", False):  # NumPy's masked scalar says 0.0 of itself
                return math.nan
            value = item()
        except (TypeError, ValueError, RuntimeError):  # an array of several
            return value
    # A fraction, or a number of NumPy that is longer than Python's.
    return _floating(value) if not isinstance(value, int | float) and isinstance(value, Real) else value


def _floating(number: Any) -> float:
    try:
        return float(number)
    except (OverflowError, ValueError) as error:  # beyond 1.8e308, a signalling NaN
        raise NotPlain("is no number that fits 64 bits") from error


def _built_in(value: Any) -> Any:
    """A number that is more than one, such as `numpy.float64`, as the number alone."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value
