"""Elasticsearch's times, such as 5m."""

from __future__ import annotations

import re

from webui.es.faults import illegal

_TIME = re.compile(r"(\d{1,9})(ms|s|m|h|d)")
MAX_KEEP_ALIVE_SECONDS = 3_600.0
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds_of(text: object, part: str) -> float:
    """The seconds that a time means. Raises Fault 400 for what is none."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise illegal(part, "is a time such as 500ms, 30s or 5m.")
    return int(match[1]) * _SECONDS[match[2]]


def keep_alive(seconds: float) -> float:
    """The time, if it may be asked for."""
    if not 0 < seconds <= MAX_KEEP_ALIVE_SECONDS:
        raise illegal("keep_alive", f"is at most {MAX_KEEP_ALIVE_SECONDS / 60:g}m; every request renews it.")
    return seconds
