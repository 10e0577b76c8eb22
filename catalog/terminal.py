"""Words and tables for a terminal: inert whatever a file says of itself, and no wider than the window."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.text import safety
from catalog.text.absence import ABSENT

NARROWEST = 4
LONG_NUMBER = 10_000
"""From here on a number is said in short, too."""


def printable(value: object, *, limit: int | None = None) -> str:
    r"""The text on one line with control characters, escapes and direction marks as \x1b, \u202e; cut at `limit`."""
    text = str(value)
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return safety.inert(text, _escape, categories=safety.ACTING | safety.UNKNOWN)


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def width(text: str) -> int:
    """Columns the text takes: East Asian wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def named_apart(words: str) -> str:
    """What stands behind a name that other models of the list have, too."""
    return f" ({words})" if words else ""


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    columns: int | None = None,
    whole: Sequence[str] = (),
) -> list[str]:
    """Lines of a table that fits: the widest column gives way first; those named in `whole` never do."""
    cells = [[printable("" if cell is None else cell) for cell in row] for row in [head, *rows]]
    widths = [max(width(row[place]) for row in cells) for place in range(len(head))]
    room = columns or shutil.get_terminal_size((100, 24)).columns
    yielding = [place for place, name in enumerate(head) if name not in whole]
    while yielding and sum(widths) + 2 * (len(widths) - 1) > room:
        place = max(yielding, key=lambda number: widths[number])
        if widths[place] <= NARROWEST:
            break
        widths[place] -= 1
    right = [
        all(_is_number(row[place]) for row in cells[1:]) and len(cells) > 1 for place in range(len(head))
    ]
    return [
        "  ".join(_cell(text, widths[place], right=right[place]) for place, text in enumerate(row)).rstrip()
        for row in cells
    ]


def _cell(text: str, room: int, *, right: bool) -> str:
    if width(text) > room:
        while width(text) > room - 1:
            text = text[:-1]
        text += "\N{HORIZONTAL ELLIPSIS}"
    gap = " " * (room - width(text))
    return gap + text if right else text + gap


def _is_number(text: str) -> bool:
    return not text or text[0].isdigit()


def count_text(value: float | None) -> str:
    """7.6B, 345M, 12.3k; empty for nothing."""
    return _scaled(value, 1000, ("", "k", "M", "B", "T"), "")


def absence(document: Mapping[str, Any]) -> str:
    """What stands behind the name of a model that is not there: where it went, or that it is missing."""
    if document.get("status") not in ABSENT:
        return ""
    return " (moved)" if "moved" in document.get("flags", ()) else f" ({document['status']})"


def amount_text(value: int, unit: str | None) -> str:
    """12,345,678 (12.3M): the exact number, and in short where it is long."""
    if value < LONG_NUMBER or unit not in {"count", "bytes"}:
        return str(value)
    return f"{value:,} ({size_text(value) if unit == 'bytes' else count_text(value)})"


def size_text(value: float | None) -> str:
    """Decimal units, as disks are sold: 1.2 GB."""
    return _scaled(value, 1000, ("B", "kB", "MB", "GB", "TB", "PB", "EB"), " ")


def _scaled(value: float | None, step: int, units: Sequence[str], gap: str) -> str:
    if value is None:
        return ""
    place, number = 0, float(value)
    while number >= step * 0.9995 and place < len(units) - 1:
        number, place = number / step, place + 1
    digits = f"{number:.0f}" if place == 0 or number >= 99.95 else f"{number:.3g}"
    return f"{digits}{gap}{units[place]}".rstrip()
