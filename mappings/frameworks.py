"""The table of frameworks and of the libraries around them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from mappings.tables import table


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """One row of frameworks.toml."""

    name: str
    aliases: tuple[str, ...] = ()
    built_on: str | None = None
    loader: bool = False
    tabular: bool = False


@cache
def frameworks() -> Mapping[str, Framework]:
    """Every framework by the name that documents use."""
    rows = table("frameworks")["frameworks"]
    return {
        name: Framework(name=name, **{**row, "aliases": tuple(row.get("aliases", ()))})
        for name, row in rows.items()
    }


@cache
def spellings() -> Mapping[str, Framework]:
    """The framework by every slug that means it, its own name's included."""
    own = {name.replace("-", "_").replace(".", "_"): row for name, row in frameworks().items()}
    return {alias: row for row in frameworks().values() for alias in row.aliases} | own


def origin(text: str, *, of: str) -> str | None:
    """The framework that a converter or an exporter names as the one before; None for strangers and for `of` itself."""
    row = spellings().get("_".join(re.findall(r"[a-z0-9]+", text.lower())))
    return None if row is None or row.loader or row.name == of else row.name
