"""The table of licences: their identifiers, what people write for them, their addresses and phrases of their texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from mappings.tables import table


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """One row of licences.toml."""

    id: str
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    gnu: bool = False
    kind: str | None = None


@cache
def licences() -> Mapping[str, Licence]:
    """Every licence by its identifier, in the table's order."""
    rows = table("licences")["licences"]
    return {
        name: Licence(
            id=name,
            names=tuple(row.get("names", ())),
            urls=tuple(row.get("urls", ())),
            text=tuple(row.get("text", ())),
            gnu=bool(row.get("gnu", False)),
            kind=row.get("kind"),
        )
        for name, row in rows.items()
    }
