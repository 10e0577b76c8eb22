"""What stands for conditions that have no column: coded terms for evaluations, and which columns say that they exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from itertools import combinations
from typing import Any

from indexer.engines.tantivy.schema import code_name, metric_columns
from mappings import evaluation_parts, indexed_fields


def _asked(how: str) -> tuple[str, ...]:
    return tuple(
        part.name for part in evaluation_parts().values() if part.asked == how and part.type == "keyword"
    )


EVALUATION_SETS = _asked("together")
"""Conditions on one evaluation that are answered in any combination, together with a range of its value."""
EVALUATION_SINGLES = _asked("alone")
"""Conditions that are answered alone, together with a range of the value."""
UNVALUED = "g"
"""Stands for the value of an evaluation without one: after all numbers, which are hex digits."""
EVALUATION_PARTS = (*EVALUATION_SETS, *EVALUATION_SINGLES)


@cache
def _columns_with_own_exists() -> frozenset[str]:
    """Fields whose fast column says whether they exist; all others are named in `_present`."""
    kinds = {"keyword", "name", "long", "double", "date", "boolean"}
    own = {row.name for row in indexed_fields() if row.type in kinds}
    return frozenset(own | {f"metrics.{slug}" for slug in metric_columns()})


def has_own_exists(name: str) -> bool:
    return name in _columns_with_own_exists()


@lru_cache(maxsize=4_096)
def heads(values: tuple[Any, ...]) -> tuple[str, ...]:
    """The codes of every set of conditions that an evaluation with these parts satisfies."""
    parts = {name: value for name, value in zip(EVALUATION_PARTS, values, strict=True) if value is not None}
    sets = [name for name in EVALUATION_SETS if name in parts]
    chosen: list[tuple[str, ...]] = [
        names for size in range(len(sets) + 1) for names in combinations(sets, size)
    ]
    chosen += [(name,) for name in EVALUATION_SINGLES if name in parts]
    return tuple(code_name(evaluation_key({name: parts[name] for name in names})) for names in chosen)


def evaluation_key(conditions: Mapping[str, str]) -> str:
    """The text whose code stands for these conditions on one evaluation."""
    return "\x1f".join(["evaluations", *(f"{name}={conditions[name]}" for name in sorted(conditions))])


def answerable(names: Sequence[str]) -> bool:
    """Whether conditions on these parts of one evaluation, taken together, have a code."""
    return set(names) <= set(EVALUATION_SETS) or (len(names) == 1 and names[0] in EVALUATION_SINGLES)
