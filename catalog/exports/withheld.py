"""What leaves the catalog without the fields that not everybody may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.sealing.names import MARK, marked_names, parted, told_with


def without(document: Mapping[str, Any], sensitive: Iterable[str] = ()) -> dict[str, Any]:
    """The document without these fields and those that the table marks, and without those that say the same."""
    named = {*marked_names(), *sensitive}
    kept, _ = parted(document, named | told_with(named))
    kept.pop(MARK, None)
    return kept
