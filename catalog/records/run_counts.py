"""What a run counted, in the words that pages and commands have for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from catalog.lazy_dataclasses import dataclass
from catalog.records.record import ACCEPTED_AT

_LABELS = {
    "models": ("model", "models"),
    "risks": ("risk", "risks"),
    "objects": ("object", "objects"),
    "failed": ("file unread", "files unread"),
    "scopes_failed": ("directory not listed", "directories not listed"),
    "skipped": ("left out", "left out"),
}
"""Of one and of several. The reasons of a run tell of directories and of what was left out; of unread files the source tells."""
_BYTES = {"bytes_read": "read", "bytes": "in all files", "bytes_received": "received"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """So many of what the label says."""

    number: int
    label: str
    is_bytes: bool = False


def counted(counts: Mapping[str, int]) -> Iterator[Counted]:
    """What there is any of, in the order of the run. A time among the counts is none."""
    for name, number in counts.items():
        if number and name != ACCEPTED_AT:
            yield _counted(name, number)


def _counted(name: str, number: int) -> Counted:
    if name in _BYTES:
        return Counted(number=number, label=_BYTES[name], is_bytes=True)
    single, several = _LABELS.get(name, (name, name))
    return Counted(number=number, label=(single if number == 1 else several).replace("_", " "))
