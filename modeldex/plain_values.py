"""Values of Python, NumPy and tensors as what JSON can hold, or the reason why not."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum
from os import PathLike, fspath
from typing import Any

MAX_NAME_CHARS = 200
MAX_TEXT_CHARS = 10_000
MAX_LIST = 1_000
MAX_LEVELS = 6

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
    if isinstance(number, int):
        return number if abs(number) < 2**63 else float(number)
    return number if math.isfinite(number) else str(number)


def plain(value: Any, levels: int = MAX_LEVELS) -> Any:
    """The value as JSON holds it. Raises NotPlain."""
    value = _scalar(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        if len(value) > MAX_TEXT_CHARS:
            raise NotPlain(f"is longer than {MAX_TEXT_CHARS:,} characters")
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _collection(value, levels)
    raise NotPlain(f"is a {type(value).__name__}")


def _collection(value: Any, levels: int) -> Any:
    if levels == 0:
        raise NotPlain(f"is nested more than {MAX_LEVELS} levels deep")
    if len(value) > MAX_LIST:
        raise NotPlain(f"has more than {MAX_LIST:,} entries")
    if isinstance(value, Mapping):
        return {str(name)[:MAX_NAME_CHARS]: plain(item, levels - 1) for name, item in value.items()}
    items = value if isinstance(value, list | tuple) else sorted(value, key=repr)
    return [plain(item, levels - 1) for item in items]


def _scalar(value: Any) -> Any:
    """What enumerations, paths, NumPy's numbers and tensors of one element stand for."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, PathLike):
        return str(fspath(value))
    if isinstance(value, bool | int | float | str) or value is None:
        return _built_in(value)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "size", 1) != 0:
        try:
            return item()
        except (TypeError, ValueError, RuntimeError):  # an array of several
            return value
    return value


def _built_in(value: Any) -> Any:
    """A number that is more than one, such as `numpy.float64`, as the number alone."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value
