"""The table of languages: the tag that a name means."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from mappings.tables import table


@cache
def languages() -> Mapping[str, str]:
    """Every name of a language in lower case, with its BCP-47 tag."""
    rows: Mapping[str, list[str]] = table("languages")["languages"]
    return {name: tag for tag, names in rows.items() for name in names}
