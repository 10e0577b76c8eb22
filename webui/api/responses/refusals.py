"""What is answered in place of an answer."""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer:
    """What went wrong; `request_id` is where the log has the rest."""

    status: int
    title: str
    detail: str
    advice: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAnswer:
    """The answer of every address under /api to what cannot be answered."""

    error: ErrorAnswer
