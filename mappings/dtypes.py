"""The table of tensors' element types: canonical names, their other spellings, widths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from mappings.tables import table


@dataclass(frozen=True, slots=True, kw_only=True)
class Dtype:
    """One row of dtypes.toml. `bits` of one element, None where it has no fixed width."""

    name: str
    bits: int | None = None
    float: bool = False
    aliases: tuple[str, ...] = ()


@cache
def dtypes() -> Mapping[str, Dtype]:
    """Every element type by its canonical name."""
    rows = table("dtypes")["dtypes"]
    return {
        name: Dtype(name=name, **{**row, "aliases": tuple(row.get("aliases", ()))})
        for name, row in rows.items()
    }


@cache
def aliases() -> Mapping[str, str]:
    """Canonical name by every other name, in small letters."""
    return {alias: row.name for row in dtypes().values() for alias in row.aliases}


@cache
def numpy_codes() -> Mapping[str, str]:
    """Canonical name by NumPy's type code (`f4`, `i8`), where the digits are bytes."""
    codes: Mapping[str, str] = table("dtypes")["numpy"]
    return codes
