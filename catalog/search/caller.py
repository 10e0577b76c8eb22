"""Who asks, for an engine whose own log can say so. A web server sets it for the time of one request."""

from __future__ import annotations

from contextvars import ContextVar

CALLER: ContextVar[str] = ContextVar("caller", default="")
"""User and number of the request, as in our own log; empty where nobody in particular asks."""
