"""What people call the values of a field that are codes: German of `de`, "partly read" of `partial`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from catalog.text.risks import risk_words
from mappings import fields
from mappings.flags import statuses
from mappings.languages import language_name


def status_words(status: str) -> str:
    """What people call a status; one that nobody knows stays as it is."""
    row = statuses().get(status)
    return row.text if row else status


_NAMES: Mapping[str, Callable[[str], str]] = {
    "languages": language_name,
    "risks": risk_words,
    "statuses": status_words,
}


def value_name(value: str, field: str) -> str:
    """What a value of this field is called; the value itself where it is no code."""
    row = fields().get(field)
    return value if row is None or row.named is None else _NAMES[row.named](value)
