"""Values out of foreign JSON objects, checked: a number where a number belongs, else None."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

MAX_LEFTOVERS = 400
MAX_LIST = 64
MAX_NAME_CHARACTERS = 200
MAX_LEVELS = 4


def pointer(*path: str | int) -> str:
    """The place as `json:/a/b`. Source: RFC 6901."""
    return "json:" + "".join(["/" + _step(part) for part in path])


@lru_cache(maxsize=1024)
def _step(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")[:MAX_NAME_CHARACTERS]


def whole(value: Any) -> int | None:
    """A whole number that is zero or more, below 2^63."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if value == int(value) and 0 <= value < 2**63 else None


def positive(value: Any) -> int | None:
    """A whole number above zero."""
    return whole(value) or None


def number(value: Any) -> float | int | None:
    """A number as JSON has it; truth values are none."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def text(value: Any) -> str | None:
    """Text that says something."""
    return value.strip() or None if isinstance(value, str) else None


def texts(value: Any, *, limit: int = 500) -> list[str]:
    """The texts of a list; a single text is a list of one."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return []
    return [item.strip() for item in value[:limit] if isinstance(item, str) and item.strip()]


def listed(value: object) -> list[Any]:
    """The value if it is a list, and an empty one of anything else."""
    return value if isinstance(value, list) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """An object; anything else is an empty one."""
    return (
        value if isinstance(value, (dict, Mapping)) else {}
    )  # to ask an abstract class first takes ten times as long


def leftovers(
    value: Mapping[str, Any], known: frozenset[str] | set[str] = frozenset()
) -> Iterator[tuple[str, Any, str]]:
    """(dotted name, scalar or short list of scalars, pointer) of everything whose first key is not known.

    Bounds: 400 values, 4 levels, lists of up to 64 scalars (longer ones give their length).
    """
    for count, leftover in enumerate(_walk(value, known, (), 0)):
        if count >= MAX_LEFTOVERS:
            return
        yield leftover


def _walk(
    value: Mapping[str, Any], known: frozenset[str] | set[str], path: tuple[str, ...], level: int
) -> Iterator[tuple[str, Any, str]]:
    for key, item in value.items():
        if level == 0 and key in known:
            continue
        here = (*path, str(key))
        if isinstance(item, Mapping):
            if level + 1 < MAX_LEVELS:
                yield from _walk(item, known, here, level + 1)
            elif item:
                yield _name(here), f"({len(item)} entries)", pointer(*here)
        elif isinstance(item, list):
            if item:
                yield _name(here), _short(item), pointer(*here)
        elif item is not None and item != "":
            yield _name(here), item, pointer(*here)


def _short(items: list[Any]) -> Any:
    if len(items) <= MAX_LIST and all(isinstance(item, (str, int, float, bool)) for item in items):
        return [item[:1000] if isinstance(item, str) else item for item in items]
    return f"({len(items)} values)"


def _name(path: tuple[str, ...]) -> str:
    return ".".join(path)[:MAX_NAME_CHARACTERS]
