"""A webhook: an address that is told of news of the models that a query finds."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from catalog.lazy_dataclasses import dataclass


class News(StrEnum):
    """What a webhook may be told of a model, what matters most first."""

    RISK_FOUND = "risk-found"
    GONE = "gone"
    MISSING = "missing"
    ADDED = "added"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`query` is a query text (empty: every model), `events` what it wants to hear (empty: all), `secret` a reference to
    what its messages are signed with, `env:NAME` or `file:PATH`.
    """

    name: str
    url: str
    query: str = ""
    events: tuple[News, ...] = ()
    secret: str
    added_at: datetime | None = None
