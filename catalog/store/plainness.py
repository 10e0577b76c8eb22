"""Whether JSON can say a value as it is: what files say may hold tuples and infinities, and it has neither."""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from typing import Any

Check = Callable[[Any], bool]

PLAIN: frozenset[type[Any]] = frozenset({str, int, bool, type(None)})
"""Types of values that are in JSON what they are."""
_TEXT = frozenset({str})


def is_plain(value: Any) -> bool:
    """Whether the value, or every value from files (`Any`) inside a record, is of JSON's own types."""
    kind: Any = type(value)
    return kind in PLAIN or _CHECKS[kind](value)


class _Checks(dict[type[Any], Check]):
    """How to tell of values of each type whether they are plain, found out when the first of them is met."""

    def __missing__(self, kind: type[Any]) -> Check:
        self[kind] = check = _fields_check(kind) if is_dataclass(kind) else _is_not_plain
        return check


def _is_plain_list(values: Sequence[Any]) -> bool:
    return PLAIN.issuperset(map(type, values)) or all(map(is_plain, values))


def _is_plain_dict(values: Mapping[Any, Any]) -> bool:
    return _TEXT.issuperset(map(type, values)) and all(map(is_plain, values.values()))


def _is_not_plain(value: Any) -> bool:  # noqa: ARG001 - one signature for every check
    return False


_CHECKS = _Checks({float: math.isfinite, list: _is_plain_list, dict: _is_plain_dict})


def _fields_check(kind: Any) -> Check:
    """What looks at those fields of a record that may hold values from files, as a text of Python that names each of them:
    a third of a model's share of it is spent here, and a loop over the fields took three times as long.
    """
    conditions = ["True"]
    for name, hint in typing.get_type_hints(kind).items():
        if not _holds_any(hint):
            continue
        if typing.get_origin(hint) is tuple:
            conditions.append(f"(not value.{name} or all(map(is_plain, value.{name})))")
        else:
            conditions.append(f"(type(value.{name}) in plain or is_plain(value.{name}))")
    names: dict[str, Any] = {"plain": PLAIN, "is_plain": is_plain}
    exec(f"def check_fields(value):\n    return {' and '.join(conditions)}", names)  # noqa: S102 - names of fields and nothing else, as dataclasses do it
    return typing.cast("Check", names["check_fields"])


@cache
def _holds_any(hint: Any) -> bool:
    """Whether a place of this type may hold values from files. Records hold none of their own type."""
    if hint is Any:
        return True
    parts = typing.get_type_hints(hint).values() if is_dataclass(hint) else typing.get_args(hint)
    return any(map(_holds_any, parts))
