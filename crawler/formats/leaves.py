"""The single values of a nested document, with the names that lead to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MAX_LEVELS = 8
MAX_LIST = 64


def leaves(
    value: Any, names: tuple[str, ...] = (), *, rows: bool = False
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Scalars and short lists of scalars with the path to them; where asked for, short lists of objects, too."""
    if isinstance(value, Mapping):
        if names and _is_spread(value):
            yield names, dict(value)
        elif len(names) < MAX_LEVELS:
            for name, item in value.items():
                yield from leaves(item, (*names, str(name)), rows=rows)
    elif isinstance(value, list):
        kinds = (int, float, str, Mapping) if rows else (int, float, str)
        if names and len(value) <= MAX_LIST and all(isinstance(item, kinds) for item in value):
            yield names, value
    elif names and value is not None:
        yield names, value


def numbers(value: Any) -> dict[str, int | float]:
    """The numbers below the value by their names, joined by `/`."""
    return {
        "/".join(names): leaf
        for names, leaf in leaves(value)
        if isinstance(leaf, (int, float)) and not isinstance(leaf, bool)
    }


def _is_spread(value: Mapping[str, Any]) -> bool:
    """{"mean": …, "std": …} is one value with its uncertainty, as {"value": …, "standard_deviation": …} is."""
    return ("mean" in value and set(value) <= {"mean", "std", "stderr", "min", "max", "n"}) or (
        "value" in value and set(value) <= {"value", "standard_deviation", "std", "stderr"}
    )
