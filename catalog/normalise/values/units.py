"""Numbers as files and people write them: 7B, 1.1 billion, 2 GB, 90%, 93,4, 20.0 ± 1.2, and float32 noise."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.text.patterns import pattern

MAX_NUMBER_CHARS = 64
MAX_LONG = 2**63 - 1
MAX_EXPONENT = 308
FLOAT32_NOISE_DIGITS = 12
"""A double with fewer digits was written by hand or is a plain binary fraction; float32 noise has 15 to 17."""

COUNT_SUFFIXES: Mapping[str, int] = {
    "k": 10**3,
    "thousand": 10**3,
    "m": 10**6,
    "mn": 10**6,
    "mio": 10**6,
    "million": 10**6,
    "millions": 10**6,
    "b": 10**9,
    "g": 10**9,
    "bn": 10**9,
    "billion": 10**9,
    "billions": 10**9,
    "t": 10**12,
    "tn": 10**12,
    "trillion": 10**12,
    "trillions": 10**12,
}
BYTE_SUFFIXES: Mapping[str, int] = {
    "b": 1,
    "byte": 1,
    "bytes": 1,
    **{f"{letter}{end}": 1000**power for power, letter in enumerate("kmgtp", 1) for end in ("", "b")},
    **{f"{letter}i{end}": 1024**power for power, letter in enumerate("kmgtp", 1) for end in ("", "b")},
}
SECOND_SUFFIXES: Mapping[str, Decimal] = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("0.001"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), Decimal(1)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), Decimal(60)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), Decimal(3600)),
    **dict.fromkeys(("d", "day", "days"), Decimal(86400)),
}
FILLER_WORDS = frozenset(
    {"params", "param", "parameters", "parameter", "tokens", "token", "values", "weights", "bits", "bit"}
)

_NUMBER = r"[+-]?(?:\d[\d_]*(?:[.,' \u00a0\u202f]\d+)*[.,]?|[.,]\d+)(?:[eE][+-]?\d{1,4})?"
_QUANTITY = pattern(
    rf"[~≈]?\s*(?P<number>{_NUMBER})\s*(?P<suffix>%|[a-zA-Zµμ]+)?(?:[ _-]+(?P<filler>[a-zA-Z]+))?"
)
_UNCERTAIN = pattern(
    rf"(?P<value>{_NUMBER})\s*(?P<percent>%?)\s*(?:(?:±|\+/-|\+-)\s*(?P<plus>{_NUMBER})|\(\s*(?:±|\+/-)?\s*(?P<paren>{_NUMBER})\s*\))\s*(?P<percent2>%?)"
)
_CLOCK = pattern(
    r"(?:(?P<days>\d+) days?,? )?(?P<hours>\d+):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d(?:\.\d+)?))?"
)
_THOUSANDS = {sep: re.compile(rf"[+-]?\d{{1,3}}(?:{re.escape(sep)}\d{{3}})+") for sep in (",", ".", " ", "'")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A number read from a raw value: exact, with what was written beside it.

    `percent` says that a % sign stood there (the value is not divided yet). `uncertainty` is in the value's own unit.
    """

    value: Decimal
    percent: bool = False
    uncertainty: Decimal | None = None
    changes: tuple[str, ...] = ()


def read_number(raw: Any) -> Reading | None:
    """The finite number that a JSON value or a text means; None for booleans, NaN, infinities and words."""
    if isinstance(raw, bool) or raw is None:
        return None
    if isinstance(raw, int):
        return Reading(value=Decimal(raw)) if abs(raw) <= 10**MAX_EXPONENT else None
    if isinstance(raw, float):
        return _read_float(raw)
    if isinstance(raw, Decimal):
        return Reading(value=raw) if raw.is_finite() else None
    if isinstance(raw, str):
        return _read_text(raw)
    return None


def parse_number(text: str) -> int | float | None:
    """A plain number in text, with thousands separators or a decimal comma, without a unit."""
    value = _decimal(text.strip())
    return None if value is None else plain(value)


def parse_quantity(raw: Any, unit: str | None = None) -> int | float | None:
    """The number in the unit's canonical measure: 7B → 7000000000, 2 GiB → 2147483648, 90% → 0.9, 1:30 h → 5400.

    Units: `unit` is that of a field or metric row (count, tokens, bytes, fraction, seconds, bits, None).
    None when the text is no such quantity.
    """
    if not isinstance(raw, str):
        reading = read_number(raw)
        return None if reading is None else plain(reading.value)
    text = raw.strip()
    if unit == "seconds" and (clock := _CLOCK.fullmatch(text)):
        return _clock_seconds(clock)
    if len(text) > MAX_NUMBER_CHARS or not (match := _QUANTITY.fullmatch(text)):
        return None
    value = _decimal(match["number"])
    filler = (match["filler"] or "").lower()
    factor = _factor((match["suffix"] or ""), unit)
    if value is None or factor is None or (filler and filler not in FILLER_WORDS):
        return None
    return plain(value * factor)


def plain(value: Decimal) -> int | float | None:
    """An int where the number is whole and was not written beyond 2^63, else a finite float."""
    if not value.is_finite() or value.adjusted() > MAX_EXPONENT:
        return None
    if value == value.to_integral_value() and abs(value) <= MAX_LONG:
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else None


def to_float(value: Decimal) -> float | None:
    """The nearest finite double."""
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def to_long(value: Decimal) -> int | None:
    """The whole number, when it is one and fits 64 bits."""
    if not value.is_finite() or value.adjusted() > MAX_EXPONENT:
        return None
    whole = value.to_integral_value()
    return int(whole) if whole == value and abs(whole) <= MAX_LONG else None


def float32_shortest(value: float) -> float:
    """The short decimal a float32 was before it was widened: 0.004000000189989805 → 0.004.

    A double that is no float32, or that is written as short as that already, comes back as it is.
    """
    if not math.isfinite(value) or value.is_integer() or _digits(repr(value)) < FLOAT32_NOISE_DIGITS:
        return value
    if _as_float32(value) != value:
        return value
    for precision in range(1, 10):
        short = float(f"{value:.{precision}g}")
        if _as_float32(short) == value:
            return short
    return value


def _read_float(raw: float) -> Reading | None:
    if not math.isfinite(raw):
        return None
    short = float32_shortest(raw)
    changes = ("float32-shortest",) if short != raw else ()
    return Reading(value=Decimal(repr(short)), changes=changes)


def _read_text(raw: str) -> Reading | None:
    text = raw.strip()
    if len(text) > MAX_NUMBER_CHARS:
        return None
    if match := _UNCERTAIN.fullmatch(text):
        return _read_uncertain(match)
    percent = text.endswith("%")
    value = _decimal(text.rstrip("% \u00a0\u202f") if percent else text)
    if value is None:
        return None
    changes: tuple[str, ...] = ("text→number",)
    number = to_float(value)
    if number is not None and not percent and (short := float32_shortest(number)) != number:
        value, changes = Decimal(repr(short)), (*changes, "float32-shortest")
    return Reading(value=value, percent=percent, changes=changes)


def _read_uncertain(match: re.Match[str]) -> Reading | None:
    value, uncertainty = _decimal(match["value"]), _decimal(match["plus"] or match["paren"])
    if value is None or uncertainty is None:
        return None
    percent = bool(match["percent"] or match["percent2"])
    return Reading(
        value=value, percent=percent, uncertainty=uncertainty, changes=("text→number", "uncertainty-split")
    )


def _decimal(text: str) -> Decimal | None:
    """The exact number: decimal point or comma, thousands by comma, point, space, apostrophe or underscore."""
    if not text or len(text) > MAX_NUMBER_CHARS:
        return None
    text = text.replace("\u00a0", " ").replace("\u202f", " ").replace("−", "-").replace("_", "")
    mantissa, exponent_mark, exponent = _split_exponent(text)
    if "," in mantissa and "." in mantissa:
        decimal_mark = max(",.", key=mantissa.rfind)
        other = "," if decimal_mark == "." else "."
        head, _, tail = mantissa.rpartition(decimal_mark)
        if not _THOUSANDS[other].fullmatch(head):
            return None
        mantissa = f"{head.replace(other, '')}.{tail}"
    elif "," in mantissa:
        mantissa = mantissa.replace(",", "") if _is_thousands(mantissa) else mantissa.replace(",", ".")
    elif mantissa.count(".") > 1:
        if not _THOUSANDS["."].fullmatch(mantissa):
            return None
        mantissa = mantissa.replace(".", "")
    for mark in (" ", "'"):
        head, dot, tail = mantissa.partition(".")
        if mark in head and _THOUSANDS[mark].fullmatch(head):
            mantissa = f"{head.replace(mark, '')}{dot}{tail}"
    try:
        value = Decimal(f"{mantissa}{exponent_mark}{exponent}")
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= MAX_EXPONENT else None


def _is_thousands(mantissa: str) -> bool:
    """`1,234` is a thousand; `0,934` is a decimal comma, because no thousand begins with 0."""
    return bool(_THOUSANDS[","].fullmatch(mantissa)) and not mantissa.lstrip("+-").startswith("0")


def _split_exponent(text: str) -> tuple[str, str, str]:
    match = re.fullmatch(r"(?P<mantissa>[^eE]+)(?:[eE](?P<exponent>[+-]?\d{1,6}))?", text)
    if match is None:
        return text, "", ""
    return match["mantissa"], ("e" if match["exponent"] else ""), match["exponent"] or ""


def _factor(suffix: str, unit: str | None) -> Decimal | int | None:
    """What a written suffix multiplies by in this unit; None when it does not belong to it."""
    folded = suffix.lower()
    if not folded or folded in FILLER_WORDS:
        return 1
    if folded == "%":
        return Decimal("0.01") if unit in {"fraction", None} else None
    if unit == "bytes":
        return BYTE_SUFFIXES.get(folded)
    if unit in {"seconds", "s"}:
        return SECOND_SUFFIXES.get(folded)
    if unit == "ms":
        seconds = SECOND_SUFFIXES.get(folded)
        return None if seconds is None else seconds * 1000
    return COUNT_SUFFIXES.get(folded)


def _clock_seconds(match: re.Match[str]) -> int | float | None:
    days, hours, minutes = (int(match[name] or 0) for name in ("days", "hours", "minutes"))
    return plain(Decimal(days * 86400 + hours * 3600 + minutes * 60) + Decimal(match["seconds"] or 0))


def _as_float32(value: float) -> float | None:
    try:
        (single,) = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError:
        return None
    return float(single)


def _digits(text: str) -> int:
    mantissa = text.lower().partition("e")[0]
    return len(mantissa.replace(".", "").replace("-", "").lstrip("0").rstrip("0"))
