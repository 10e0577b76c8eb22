"""Dates as files write them, read into UTC instants with the precision that was really there.

A year is a period and not the first of January: `precision` says how much of the instant was written. Nothing is
guessed: an ambiguous or implausible date has no value, and the raw text stays with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.text.patterns import pattern

EARLIEST_YEAR = 2006
"""Older dates come from clocks that were never set, and from zip files without dates."""
FUTURE_ALLOWED = timedelta(days=2)
MAX_WRITTEN_DATE = 10**8
PRECISIONS = ("year", "month", "day", "instant")
EPOCH_UNITS: Mapping[str, int] = {
    **dict.fromkeys(("s", "sec", "seconds", "epoch_s", "epoch_seconds"), 1),
    **dict.fromkeys(("ms", "milliseconds", "epoch_ms", "epoch_millis"), 10**3),
    **dict.fromkeys(("us", "µs", "microseconds", "epoch_us"), 10**6),
    **dict.fromkeys(("ns", "nanoseconds", "epoch_ns"), 10**9),
}

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_ZONES = {"z": 0, "utc": 0, "gmt": 0, "cet": 60, "cest": 120}
_TIME = (
    r"(?P<hour>\d{2}|\d(?=:))[:\-]?(?P<minute>\d{2})(?:[:\-]?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[ap])\.?m\b\.?)?\s*(?P<zone>z|utc|gmt|cet|cest|[+-]\d{2}:?\d{2}|[+-]\d{2}|[a-z]{2,5})?(?:\s*\[[\w/]+\])?"
)
_ISO = pattern(
    rf"(?P<year>\d{{4}})(?P<sep>[-/.:]?)(?P<month>\d{{2}})(?P=sep)(?P<day>\d{{2}})(?:[t @_]\s*{_TIME})?",
    re.IGNORECASE,
)
_YEAR = pattern(r"(?P<year>\d{4})")
_MONTH = pattern(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})")
_MONTH_FIRST = pattern(r"(?P<month>\d{1,2})/(?P<year>\d{4})")
_HAN = pattern(r"(?P<year>\d{4})\s?年\s?(?P<month>\d{1,2})\s?月(?:\s?(?P<day>\d{1,2})\s?日)?")
_LOOSE_ISO = pattern(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})")
_SLASHED = pattern(
    rf"(?P<first>\d{{1,2}})[-/.](?P<second_part>\d{{1,2}})[-/.](?P<year>\d{{4}})(?:,?[t @_,]\s*{_TIME})?",
    re.IGNORECASE,
)
_NAMED = pattern(
    r"(?:[a-z]{3,9},?\s+)?(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?[\s-]+(?:of\s+)?)?(?P<name>[a-z]{3,9})\.?[\s-]+(?:(?P<day2>\d{1,2})(?:st|nd|rd|th)?,?\s+)?"
    rf"(?:(?P<year>\d{{4}})(?:,?\s+{_TIME})?)",
    re.IGNORECASE,
)
_CTIME = pattern(
    r"(?:[a-z]{3}\s+)?(?P<name>[a-z]{3})\s+(?P<day>\d{1,2})\s+(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})\s+(?:(?P<zone>[a-z]{2,5})\s+)?(?P<year>\d{4})",
    re.IGNORECASE,
)
_EPOCH_TEXT = pattern(r"\d{9,19}(?:\.\d+)?")
_MISSING = {(1970, 1, 1), (1980, 1, 1), (1, 1, 1), (1900, 1, 1), (1979, 11, 30)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DateReading:
    """A UTC instant with its precision, or None with the reason: ambiguous, implausible, missing or unreadable."""

    value: datetime | None = None
    precision: str = "instant"
    changes: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def text(self) -> str:
        """The value as documents hold it; only for readings that have one."""
        return "" if self.value is None else instant_text(self.value)

    def end(self) -> datetime:
        """The first instant after the period that was written; only for readings that have a value."""
        assert self.value is not None
        if self.precision == "year":
            return self.value.replace(year=self.value.year + 1)
        if self.precision == "month":
            return (self.value.replace(day=1) + timedelta(days=32)).replace(day=1)
        return self.value + (timedelta(days=1) if self.precision == "day" else timedelta(0))


def instant_text(value: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.mmmZ`."""
    return f"{value.astimezone(UTC).isoformat(timespec='milliseconds')[:23]}Z"


def read_date(raw: Any, *, now: datetime, unit: str | None = None, local: bool = False) -> DateReading:
    """What a number or text says about a date.

    Units: a bare number is an epoch by its magnitude unless `unit` names one (s, ms, us, ns). `local` says that the
    writer used its own clock without naming the zone: then the day is all that is known.
    """
    if isinstance(raw, bool) or raw is None:
        return DateReading(reason="unreadable")
    if isinstance(raw, datetime):
        return _checked(_zoned(raw, None, local=local), now)
    if isinstance(raw, int | float):
        return _checked(_read_number(raw, unit), now)
    if isinstance(raw, str):
        return _checked(_read_text(raw, unit, local=local), now)
    return DateReading(reason="unreadable")


def _read_number(raw: float, unit: str | None) -> DateReading:
    if raw != raw or raw in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN
        return DateReading(reason="unreadable")
    if raw == 0:
        return DateReading(reason="missing")
    epoch = _read_epoch(raw, unit)
    if epoch is not None:
        return epoch
    if 0 < raw < MAX_WRITTEN_DATE and int(raw) == raw:  # 2023 and 20230115 are dates that lost their quotes
        return _read_text(str(int(raw)), None, local=False)
    return DateReading(reason="unreadable")


def _read_epoch(raw: float, unit: str | None) -> DateReading | None:
    per_second = EPOCH_UNITS.get(unit or "") or _epoch_unit(raw)
    return None if per_second is None else _epoch(raw, per_second)


def _epoch_unit(raw: float) -> int | None:
    """Epochs by magnitude: 1e9..1e11 seconds, 1e12..1e14 ms, 1e15..1e17 µs, from 1e18 ns."""
    for low, high, per_second in (
        (1e9, 1e11, 1),
        (1e12, 1e14, 10**3),
        (1e15, 1e17, 10**6),
        (1e18, 1e19, 10**9),
    ):
        if low <= raw < high:
            return per_second
    return None


def _epoch(raw: float, per_second: int) -> DateReading:
    try:
        if isinstance(raw, int):
            seconds, rest = divmod(raw, per_second)
            value = datetime.fromtimestamp(seconds, tz=UTC) + timedelta(
                microseconds=rest * 10**6 // per_second
            )
        else:
            value = datetime.fromtimestamp(raw / per_second, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return DateReading(reason="implausible")
    name = {1: "s", 10**3: "ms", 10**6: "µs", 10**9: "ns"}[per_second]
    return DateReading(value=value, changes=(f"epoch-{name}→utc",))


def _read_text(raw: str, unit: str | None, *, local: bool) -> DateReading:
    text = raw.strip().strip("\"'")
    if len(text) > 64:
        return DateReading(reason="unreadable")
    if match := _YEAR.fullmatch(text):
        return _date_reading(match, precision="year")
    if match := _ISO.fullmatch(text):
        return _with_time(match, int(match["month"]), int(match["day"]), local=local)
    if match := _EPOCH_TEXT.fullmatch(text):
        number = float(text) if "." in text else int(text)
        return _read_epoch(number, unit) or DateReading(reason="unreadable")
    if match := _MONTH.fullmatch(text) or _MONTH_FIRST.fullmatch(text):
        return _date_reading(match, month=int(match["month"]), precision="month")
    if (match := _HAN.fullmatch(text)) and match["day"] is None:
        return _date_reading(match, month=int(match["month"]), precision="month")
    if match := _LOOSE_ISO.fullmatch(text) or _HAN.fullmatch(text):
        return _date_reading(match, month=int(match["month"]), day=int(match["day"]), precision="day")
    if match := _SLASHED.fullmatch(text):
        return _day_or_month_first(match, local=local)
    if match := _CTIME.fullmatch(text):
        month = _MONTHS.get(match["name"].lower())
        return (
            DateReading(reason="unreadable")
            if month is None
            else _with_time(match, month, int(match["day"]), local=local)
        )
    if match := _NAMED.fullmatch(text):
        return _named(match, local=local)
    return DateReading(reason="unreadable")


def _day_or_month_first(match: re.Match[str], *, local: bool) -> DateReading:
    first, second = int(match["first"]), int(match["second_part"])
    if first != second and first <= 12 and second <= 12:
        return DateReading(reason="ambiguous")
    month, day = (second, first) if first > 12 else (first, second)
    return _with_time(match, month, day, local=local)


def _named(match: re.Match[str], *, local: bool) -> DateReading:
    month = _MONTHS.get(match["name"][:3].lower())
    if month is None:
        return DateReading(reason="unreadable")
    day = match["day"] or match["day2"]
    if day is None:
        return _date_reading(match, month=month, precision="month")
    return _with_time(match, month, int(day), local=local)


def _with_time(match: re.Match[str], month: int, day: int, *, local: bool) -> DateReading:
    if match["hour"] is None:
        return _date_reading(match, month=month, day=day, precision="day")
    parts = match.groupdict()
    hour = _hour_of_day(int(match["hour"]), parts.get("half"))
    fraction = (parts.get("fraction") or "").ljust(6, "0")[:6]
    try:
        naive = datetime(  # noqa: DTZ001 - the zone is put on by _zoned
            int(match["year"]),
            month,
            day,
            hour,
            int(match["minute"]),
            min(int(match["second"] or 0), 59),
            int(fraction or 0),
        )
    except ValueError:
        return DateReading(reason="unreadable")
    return _zoned(naive, match["zone"], local=local)


def _hour_of_day(hour: int, half: str | None) -> int:
    """12 AM is midnight, and 12 PM noon. An hour above 12 says enough by itself."""
    if half is None or hour > 12:
        return hour
    return hour % 12 + (12 if half.lower() == "p" else 0)


def _zoned(value: datetime, zone: str | None, *, local: bool) -> DateReading:
    """The instant in UTC. Without a known zone UTC is assumed and said; a local clock leaves only the day."""
    try:
        if value.tzinfo is not None:
            return DateReading(value=value.astimezone(UTC), changes=("zone→utc",))
        offset = _offset_minutes(zone)
        if offset is not None:
            shifted = value.replace(tzinfo=timezone(timedelta(minutes=offset))).astimezone(UTC)
            return DateReading(value=shifted, changes=("zone→utc",) if offset else ())
    except (OverflowError, ValueError):
        return DateReading(reason="implausible")
    precision = "day" if local or zone else "instant"
    return DateReading(value=value.replace(tzinfo=UTC), precision=precision, changes=("date-assumed-utc",))


def _offset_minutes(zone: str | None) -> int | None:
    if not zone:
        return None
    if zone.lower() in _ZONES:
        return _ZONES[zone.lower()]
    match = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", zone)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return -minutes if match[1] == "-" else minutes


def _date_reading(match: re.Match[str], *, month: int = 1, day: int = 1, precision: str) -> DateReading:
    try:
        return DateReading(value=datetime(int(match["year"]), month, day, tzinfo=UTC), precision=precision)
    except ValueError:
        return DateReading(reason="unreadable")


def _checked(reading: DateReading, now: datetime) -> DateReading:
    """The reading without a value when the date cannot be a model's: never set, before 2006 or in the future."""
    value = reading.value
    if value is None:
        return reading
    if (value.year, value.month, value.day) in _MISSING or value.year in {1, 1970}:
        return DateReading(reason="missing")
    if value.year < EARLIEST_YEAR or value > now + FUTURE_ALLOWED:
        return DateReading(reason="implausible")
    return reading
