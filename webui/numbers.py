"""Numbers, sizes and dates as people read them, each with its exact value beside it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from catalog.lazy_dataclasses import dataclass
from webui.text import shown

COUNT_STEPS = ((10**12, "T"), (10**9, "B"), (10**6, "M"))
BYTE_STEPS = ((10**18, "EB"), (10**15, "PB"), (10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
SMALLEST_ABBREVIATED_COUNT = 10**6
EXACT_FLOATS_BELOW = 1e15
"""Doubles beyond are not exact to the unit: their further digits say nothing."""
LONGEST_INTEGER = 10**21
AXIS_CHARACTERS = 8
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value for people: `text` is short, `exact` says all of it."""

    text: str
    exact: str


def count(number: float) -> Figure:
    """41,155 stays as it is; 7,241,732,096 is 7.24 B."""
    exact = f"{int(number):,}" if number == int(number) else f"{number:,.6g}"
    if abs(number) < SMALLEST_ABBREVIATED_COUNT:
        return Figure(text=exact, exact=exact)
    return Figure(text=_stepped(number, COUNT_STEPS), exact=exact)


def size(number_of_bytes: float) -> Figure:
    """Decimal units, as disks and hubs count: 168 kB."""
    exact = f"{int(number_of_bytes):,} bytes"
    if abs(number_of_bytes) < BYTE_STEPS[-1][0]:
        return Figure(text=f"{int(number_of_bytes)} B", exact=exact)
    return Figure(text=_stepped(number_of_bytes, BYTE_STEPS), exact=exact)


def _stepped(number: float, steps: tuple[tuple[int, str], ...]) -> str:
    for index, (step, unit) in enumerate(steps):
        if abs(number) >= step or index == len(steps) - 1:
            scaled = number / step
            digits = 0 if abs(scaled) >= 100 else 1 if abs(scaled) >= 10 else 2
            text = f"{scaled:.{digits}f}"
            return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"
    raise AssertionError


def decimal(number: float, digits: int = 4) -> Figure:
    """So many significant digits; what is lost is in `exact`."""
    exact = repr(number)
    if not math.isfinite(number):
        return Figure(text=str(number), exact=exact)
    if isinstance(number, int) or number == int(number):
        written_out = abs(number) < (LONGEST_INTEGER if isinstance(number, int) else EXACT_FLOATS_BELOW)
        return Figure(text=f"{int(number):,}" if written_out else f"{number:.{digits}g}", exact=exact)
    text = (
        f"{number:.{digits}g}"
        if 1e-4 <= abs(number) < 10**digits
        else f"{number:,.0f}"
        if 1 <= abs(number) < 1e9
        else f"{number:.3g}"
    )
    return Figure(text=text, exact=exact)


def bound(text: str) -> str:
    """The bound of a bar as a query spells it, short enough to stand below an axis: 1e15 of 1000000000000000."""
    return (
        f"{float(text):.4g}".replace("e+", "e")
        if len(text) > AXIS_CHARACTERS and text.isascii() and text.isdigit()
        else text
    )


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th."""
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def seconds(number: float) -> Figure:
    """1 h 40 min, 12 min, 3.2 s."""
    exact = f"{number:,} seconds"
    if number >= 3_600:
        return Figure(text=f"{int(number // 3_600)} h {int(number % 3_600 // 60)} min", exact=exact)
    if number >= 60:
        return Figure(text=f"{int(number // 60)} min {int(number % 60)} s", exact=exact)
    return Figure(text=f"{number:.3g} s", exact=exact)


def moment(value: Any, precision: str | None = None) -> Figure | None:
    """12 Mar 2024, or only as much of it as is known. None for what is no date."""
    instant = as_datetime(value)
    if instant is None:
        return None
    instant = instant.astimezone(UTC)
    if precision == "year":
        return Figure(text=f"{instant.year}", exact=f"{instant.year}: only the year is known")
    if precision == "month":
        month = f"{MONTHS[instant.month - 1]} {instant.year}"
        return Figure(text=month, exact=f"{month}: only the month is known")
    day = f"{instant.day} {MONTHS[instant.month - 1]} {instant.year}"
    exact = (
        f"{day}: only the day is known"
        if precision == "day"
        else f"{instant.isoformat(' ', 'seconds')[:19]} UTC"
    )
    return Figure(text=day, exact=exact)


def as_datetime(value: Any) -> datetime | None:
    """The instant that a document's date says, UTC where it names no zone."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def clock(value: datetime | None) -> str:
    """12 Mar 2024 14:05 UTC, for the times of crawls."""
    if value is None:
        return ""
    instant = value if value.tzinfo else value.replace(tzinfo=UTC)
    instant = instant.astimezone(UTC)
    return f"{instant.day} {MONTHS[instant.month - 1]} {instant.year} {instant:%H:%M} UTC"


def figure(value: Any, unit: str | None, kind: str = "") -> Figure:
    """Any document value by the unit and type that its field declares."""
    if isinstance(value, bool):
        return Figure(text="yes" if value else "no", exact="true" if value else "false")
    if isinstance(value, int | float):
        return _number(value, unit)
    if isinstance(value, list | tuple):
        text = shown(", ".join(str(element) for element in value))
        return Figure(text=text, exact=text)
    if kind == "date" and (date := moment(value)):
        return date
    text = shown(value)
    return Figure(text=text, exact=text)


def _number(value: float, unit: str | None) -> Figure:
    if not math.isfinite(value):
        return Figure(text=str(value), exact=str(value))
    match unit:
        case "bytes":
            return size(value)
        case "count" | "tokens":
            counted = count(value)
            return counted if unit == "count" else Figure(text=counted.exact, exact=f"{counted.exact} tokens")
        case "seconds":
            return seconds(value)
        case "fraction":
            return Figure(text=f"{value * 100:.4g} %", exact=repr(value))
        case _:
            # Seeds, revisions and other plain numbers are read digit by digit: no separators for small ones.
            return (
                Figure(text=str(value), exact=str(value))
                if isinstance(value, int) and value < 10_000
                else decimal(value)
            )
