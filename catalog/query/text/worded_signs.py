"""Signs of comparisons as words."""

from __future__ import annotations

from collections.abc import Mapping

WORDED: Mapping[str, str] = {
    "gt": ">",
    "gte": ">=",
    "ge": ">=",
    "lt": "<",
    "lte": "<=",
    "le": "<=",
    "eq": "=",
    "ne": "!=",
    "neq": "!=",
}
"""Source: OData 4, Django, JSON:API, POSIX test, FIQL and RSQL."""
WORDED_NAMES = "|".join(sorted(WORDED, key=len, reverse=True))
"""For patterns: the longest first."""
