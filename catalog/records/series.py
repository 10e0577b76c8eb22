"""Where a model stands among those of its name: by version, then by date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.text.absence import ABSENT
from catalog.text.natural import release_key

LATEST = "latest"
"""The flag of models that are the latest of their name."""
MAX_VERSION_CHARACTERS = 200


def place_in_series(document: Mapping[str, Any]) -> str:
    """Where the model stands among those of its name: what sorts last is the latest. Empty where nothing tells."""
    version, date = document.get("version"), document.get("best_date")
    number = (
        release_key(version[:MAX_VERSION_CHARACTERS]) if isinstance(version, str) and version.strip() else ""
    )
    return f"{number}\n{date}" if isinstance(date, str) else number


def flagged_as_latest(document: Mapping[str, Any]) -> dict[str, Any]:
    return {**document, "flags": sorted({*document.get("flags", ()), LATEST})}


def latest_of(documents: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The ids of those of these models behind which no other of their name stands. Of absent ones none is."""
    last: dict[str, tuple[str, list[str]]] = {}
    for document in documents:
        if document.get("status") in ABSENT:
            continue
        name, place = str(document.get("name")), place_in_series(document)
        best, _ = last.setdefault(name, (place, []))
        if place > best:
            last[name] = place, []
        if place >= best:
            last[name][1].append(str(document["id"]))
    return frozenset(identifier for _, identifiers in last.values() for identifier in identifiers)
