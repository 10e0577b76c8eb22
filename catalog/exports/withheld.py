"""What leaves the catalog without the fields that not everybody may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.sealing.names import marked_names, taken_apart, told_with


def without(document: Mapping[str, Any], sensitive: Iterable[str] = ()) -> dict[str, Any]:
    """The document without these fields and those that the table marks, nested ones included, and those told with them."""
    kept = dict(document)
    named = {*marked_names(), *sensitive}
    for name in sorted(named | told_with(named)):
        head, _, rest = name.partition(".")
        if not rest:
            kept.pop(head, None)
        elif isinstance(kept.get(head), Mapping):
            kept[head], _ = taken_apart(kept[head], rest)
            if not kept[head]:
                del kept[head]
        elif isinstance(kept.get(head), list):
            kept[head] = [
                {key: value for key, value in item.items() if key != rest}
                if isinstance(item, Mapping)
                else item
                for item in kept[head]
            ]
    return kept
