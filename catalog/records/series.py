"""Where a model stands among those of its name: by version, then by date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.text.natural import release_key

MAX_VERSION_CHARACTERS = 200


def place_in_series(document: Mapping[str, Any]) -> str:
    """Where the model stands among those of its name: what sorts last is the latest. Empty where nothing tells."""
    version, date = document.get("version"), document.get("best_date")
    number = (
        release_key(version[:MAX_VERSION_CHARACTERS]) if isinstance(version, str) and version.strip() else ""
    )
    return f"{number}\n{date}" if isinstance(date, str) else number
