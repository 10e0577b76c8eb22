"""What leaves the catalog without the fields that not everybody may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.sealing.names import MARK, TOLD_WITH, marked_names, parted


def without(document: Mapping[str, Any], sensitive: Iterable[str] = ()) -> dict[str, Any]:
    """The document without these fields and those that the table marks, and without those that say the same."""
    named = {*marked_names(), *sensitive}
    named |= {other for name in named for other in TOLD_WITH.get(name.partition(".")[0], ())}
    kept, _ = parted(document, named)
    kept.pop(MARK, None)
    return kept
