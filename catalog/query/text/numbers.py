"""Numbers as people write them: `7B`, `350M`, `2GB`, `4GiB`, `90%`, `1.5e9`, `32k`, `2h`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from catalog.lazy_dataclasses import dataclass
from catalog.text.patterns import pattern

MAX_NUMBER_CHARACTERS = 40
MAX_MAGNITUDE = Decimal("1e300")
"""Beyond this a double would become infinite on the way to an engine."""

_THOUSAND, _KIBI = 1000, 1024
_EXACT_BELOW = 1e15
_LARGEST_COUNT = 2**63
_LETTERS = "kmgtpe"
COUNT_UNITS: Mapping[str, int] = {
    "k": _THOUSAND,
    "thousand": _THOUSAND,
    "m": _THOUSAND**2,
    "mm": _THOUSAND**2,
    "million": _THOUSAND**2,
    "b": _THOUSAND**3,
    "bn": _THOUSAND**3,
    "g": _THOUSAND**3,
    "billion": _THOUSAND**3,
    "t": _THOUSAND**4,
    "trillion": _THOUSAND**4,
    "tsd": _THOUSAND,
    "tausend": _THOUSAND,
    "mio": _THOUSAND**2,
    "millionen": _THOUSAND**2,
    "mrd": _THOUSAND**3,
    "milliarden": _THOUSAND**3,
    **dict.fromkeys(("mille", "mila", "mil"), _THOUSAND),
}
BYTE_UNITS: Mapping[str, int] = {
    "b": 1,
    **{
        f"{word}{plural}": _THOUSAND**power
        for power, word in ((2, "meg"), (3, "gig"))
        for plural in ("", "s")
    },
    "byte": 1,
    "bytes": 1,
    **{letter: _THOUSAND ** (power + 1) for power, letter in enumerate(_LETTERS[:-1])},  # 2e is no unit
    **{f"{letter}b": _THOUSAND ** (power + 1) for power, letter in enumerate(_LETTERS)},
    **{f"{letter}ib": _KIBI ** (power + 1) for power, letter in enumerate(_LETTERS)},
    **{
        f"{word}byte{plural}": _THOUSAND ** (power + 1)
        for power, word in enumerate(("kilo", "mega", "giga", "tera", "peta", "exa"))
        for plural in ("", "s")
    },
    **{f"{letter}o": _THOUSAND ** (power + 1) for power, letter in enumerate(_LETTERS)},
    **{f"{letter}io": _KIBI ** (power + 1) for power, letter in enumerate(_LETTERS)},
}
"""Decimal and binary prefixes. Source: IEC 80000-13:2008, clause 4; octets as French writes them."""
TOKEN_UNITS: Mapping[str, int] = {**COUNT_UNITS, "tokens": 1, "ki": _KIBI}
SECOND_UNITS: Mapping[str, int] = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
}
MILLISECOND_UNITS: Mapping[str, int | Decimal] = {
    **{f"{letter}s": Decimal("0.001") for letter in "u\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}"},
    **dict.fromkeys(("microsecond", "microseconds"), Decimal("0.001")),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), 1),
    **{word: seconds * _THOUSAND for word, seconds in SECOND_UNITS.items() if word != "m"},
}
"""A lone m is no minute here: beside ms it may be a thousandth, too."""
BIT_UNITS: Mapping[str, int] = {"bit": 1, "bits": 1, "-bit": 1}
UNITS: Mapping[str | None, Mapping[str, int | Decimal]] = {
    "count": COUNT_UNITS,
    "bytes": BYTE_UNITS,
    "tokens": TOKEN_UNITS,
    "seconds": SECOND_UNITS,
    "bits": BIT_UNITS,
    "fraction": {},
    "ms": MILLISECOND_UNITS,
    None: {},
}

_NUMBER = pattern(
    r"(?P<digits>[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|[1-9]\d?(?:,\d{2})+,\d{3}|[1-9]\d{0,2}(?:\.\d{3}){2,}(?:,\d+)?|[1-9]\d{0,2}(?:\.\d{3})+,\d+"
    r"|\d+,\d+|\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)"
    r"\s*(?P<unit>%|percent|pct|-?[a-zA-Z\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}]*)"
)
SPOKEN_NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
}
"""Numbers in words, as sentences have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number in the unit of its field. `half_step` is half of the last digit that was written: 7B is 7e9 ± 0.5e9."""

    value: Decimal
    half_step: Decimal
    percent: bool = False
    unit: str = ""


def parse_number(text: str, unit: str | None = None) -> Number | None:
    """The number that `text` writes for a field measured in `unit`, or None when it is not one."""
    text = text.strip().replace("\N{MINUS SIGN}", "-").replace("_", "")
    if not 0 < len(text) <= MAX_NUMBER_CHARACTERS:
        return None
    text = _RAISED.sub(lambda match: f"^{match[0].translate(_FROM_RAISED)}", text)
    text = _APOSTROPHES.sub(lambda match: match[0][1:], _POWER.sub(_scientific, text))
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    suffix = match["unit"].casefold()
    percent = suffix in {"%", "percent", "pct"}
    factor = 1 if percent or not suffix else UNITS.get(unit, COUNT_UNITS).get(suffix)
    if factor is None:
        return None
    spelled = match["digits"]
    counted = unit in {"count", "tokens"} and not suffix
    if (counted or suffix in _GERMAN_UNITS) and _ONE_GROUP.fullmatch(spelled):
        spelled = spelled.replace(".", "")  # nobody counts fractions of a parameter: 10.000 are ten thousand
    try:
        digits = Decimal(pointed(spelled))
    except InvalidOperation:
        return None
    value = digits * factor
    if abs(value) > MAX_MAGNITUDE:
        return None
    exponent = digits.as_tuple().exponent
    step = Decimal(1).scaleb(min(exponent, 0) if isinstance(exponent, int) else 0) * factor
    return Number(value=value, half_step=step / 2, percent=percent, unit=suffix)


def binary_excess(number: Number) -> Decimal:
    """How much more a count is where its unit stands for powers of 1,024: 192 of 8k, 48,576 of 1M, none of 8Ki."""
    unit = TOKEN_UNITS[number.unit]
    return number.value / unit * (Decimal(_KIBI) ** round(math.log(unit, _THOUSAND)) - unit)


_GERMAN_UNITS = frozenset({"mio", "mrd", "tsd", "tausend", "millionen", "milliarden"})
"""Who writes these parts thousands by a point: `1.000 Mio` are as many as 1 Mrd."""
_RAISED = pattern(
    r"(?<=10)[\N{SUPERSCRIPT MINUS}]?[\N{SUPERSCRIPT ZERO}\N{SUPERSCRIPT ONE}\N{SUPERSCRIPT TWO}\N{SUPERSCRIPT THREE}\N{SUPERSCRIPT FOUR}-\N{SUPERSCRIPT NINE}]{1,3}"
)
_FROM_RAISED = str.maketrans(
    "\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ZERO}\N{SUPERSCRIPT ONE}\N{SUPERSCRIPT TWO}\N{SUPERSCRIPT THREE}\N{SUPERSCRIPT FOUR}\N{SUPERSCRIPT FIVE}\N{SUPERSCRIPT SIX}\N{SUPERSCRIPT SEVEN}\N{SUPERSCRIPT EIGHT}\N{SUPERSCRIPT NINE}",
    "-0123456789",
)
"""`10\N{SUPERSCRIPT NINE}` as 10^9."""
_APOSTROPHES = pattern(r"(?<=\d)['\N{RIGHT SINGLE QUOTATION MARK}]\d{3}(?!\d)")
"""Between thousands, as Switzerland writes them."""
_POWER = pattern(
    r"^(?:(?P<times>\d+(?:\.\d+)?)[*x\N{MULTIPLICATION SIGN}])?10(?:\^|\*\*)(?P<power>[+-]?\d{1,3})"
)
_THOUSANDS_BY_COMMA = pattern(
    r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?(?:[eE].*)?|[+-]?[1-9]\d?(?:,\d{2})+,\d{3}"
)
"""By threes, or by twos above the first three, as in India."""
_THOUSANDS_BY_POINT = pattern(r"[+-]?[1-9]\d{0,2}(?:(?:\.\d{3}){2,}(?:,\d+)?|(?:\.\d{3})+,\d+)(?:[eE].*)?")


_ONE_GROUP = pattern(r"[1-9]\d{0,2}\.\d{3}")


def pointed(digits: str) -> str:
    """Digits with a point before the fraction and nothing between thousands.

    Thousands are groups of exactly three digits behind a first group without a leading zero, else a comma stands
    before the fraction: `1,000` is a thousand, `0,900` and `1,5` are less than two.
    """
    if _THOUSANDS_BY_COMMA.fullmatch(digits):
        return digits.replace(",", "")
    if _THOUSANDS_BY_POINT.fullmatch(digits):
        return digits.replace(".", "").replace(",", ".")
    return digits.replace(",", ".")


def _scientific(power: re.Match[str]) -> str:
    """`10^9` and `2*10^9` as 1e9 and 2e9."""
    return f"{power['times'] or 1}e{power['power']}"


def has_thousands(digits: str) -> bool:
    """Whether the commas of this number stand between thousands."""
    return _THOUSANDS_BY_COMMA.fullmatch(digits) is not None


def looks_numeric(text: str) -> bool:
    """True for anything that starts the way a number, or a range of numbers, does."""
    text = text.lstrip("+-\N{MINUS SIGN}.*<>=")
    return bool(text) and text[0].isdigit() and text[0].isascii()


def plain(value: Decimal, *, integer: bool) -> int | float:
    """The value as the type that nodes carry: int on whole-number fields, else float."""
    if integer and value == value.to_integral_value():
        return int(value)
    return float(value)


def format_number(value: float, unit: str | None = None) -> str:
    """The shortest exact spelling: 7000000000 of a count is 7B, 2000000000 bytes are 2GB, 0.5 is 0.5."""
    if isinstance(value, bool):
        return str(value).lower()
    below = _LARGEST_COUNT if unit in _PRINTED else _EXACT_BELOW
    whole = int(value) if abs(value) < below and value == int(value) else None
    if whole is None:
        return _with_power(repr(value))
    for suffix, factor in _PRINTED.get(unit, ()):
        scaled = Decimal(whole) / factor
        if abs(scaled) >= 1 and len(scaled.as_tuple().digits) <= 4:
            return f"{scaled.normalize():f}{suffix}"
    return str(whole)


def _with_power(digits: str) -> str:
    """`1e40` for a whole number of more digits than are read."""
    if len(digits) <= MAX_NUMBER_CHARACTERS or not digits.lstrip("-").isdigit():
        return digits
    mantissa = digits.rstrip("0")
    return f"{mantissa}e{len(digits) - len(mantissa)}"


_COUNTS = (("T", 10**12), ("B", 10**9), ("M", 10**6), ("k", 10**3))
_PRINTED: Mapping[str | None, tuple[tuple[str, int], ...]] = {
    "count": _COUNTS,
    "tokens": _COUNTS,
    "bytes": (("EB", 10**18), ("PB", 10**15), ("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)),
}
