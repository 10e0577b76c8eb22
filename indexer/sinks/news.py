"""What is new in a model for somebody who knew an earlier state of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.records.webhooks import News

MISSING = "missing"
PASSING = frozenset({"last_seen", "revision"})
"""Fields that change by themselves, with nothing new about the model."""


def news_of(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[News, ...]:
    """What matters most first; nothing if both states say the same. None is a model that is not there."""
    if after is None:
        return () if before is None else (News.GONE,)
    kinds = []
    if _risks(after) - _risks(before):
        kinds.append(News.RISK_FOUND)
    if before is None:
        return (*kinds, News.ADDED)
    if after.get("status") == MISSING and before.get("status") != MISSING:
        kinds.append(News.MISSING)
    if changed_fields(before, after):
        kinds.append(News.CHANGED)
    return tuple(kinds)


def changed_fields(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[str]:
    """The fields whose values differ, in alphabetical order."""
    old, new = before or {}, after or {}
    return sorted(name for name in {*old, *new} - PASSING if old.get(name) != new.get(name))


def _risks(document: Mapping[str, Any] | None) -> set[str]:
    return set((document or {}).get("risk_kinds") or ())
