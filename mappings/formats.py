"""The table of formats: which is counted, and which suffixes belong to no model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from mappings.tables import table


@cache
def counted_ranks() -> Mapping[str, int]:
    """The rank of each format when the same weights are there in several: the least is counted."""
    return {name: rank for rank, name in enumerate(table("formats")["counted"])}


@cache
def never_opened() -> frozenset[str]:
    """Suffixes, without their dot, of files that say nothing of models."""
    groups: Mapping[str, list[str]] = table("formats")["never_opened"]
    return frozenset(suffix for suffixes in groups.values() for suffix in suffixes)
