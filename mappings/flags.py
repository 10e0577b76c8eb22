"""The table of flags and statuses as frozen rows: everything that `is:` can ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from mappings.tables import table


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One row of flags.toml. `badge` is the tone in which a model's card shows it as `text`, None where it does not."""

    name: str
    by: Literal["normaliser", "store"]
    description: str
    badge: Literal["info", "warn"] | None = None
    text: str = ""


@cache
def flags() -> Mapping[str, Flag]:
    """What a document may carry in `flags`, by name."""
    return _rows("flags")


@cache
def statuses() -> Mapping[str, Flag]:
    """What a document's `status` may be, by name; the one that outweighs the others first."""
    return _rows("statuses")


@cache
def askable() -> Mapping[str, Flag]:
    """Everything that `is:` knows, by name; where a flag and a status share theirs, the flag."""
    return {name: {**statuses(), **flags()}[name] for name in sorted({*flags(), *statuses()})}


def _rows(kind: str) -> Mapping[str, Flag]:
    rows = table("flags")[kind]
    return {name: Flag(name=name, **{"text": name, **row}) for name, row in rows.items()}
