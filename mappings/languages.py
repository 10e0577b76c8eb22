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


@cache
def _names() -> Mapping[str, str]:
    rows: Mapping[str, list[str]] = table("languages")["languages"]
    return {tag: names[0].title() for tag, names in rows.items()}


def language_name(tag: str) -> str:
    """German of `de`, German (AT) of `de-AT`; a tag that nobody named stays as it is."""
    base, dash, rest = tag.partition("-")
    name = _names().get(base.casefold())
    if name is None:
        return tag
    return f"{name} ({rest})" if dash else name
