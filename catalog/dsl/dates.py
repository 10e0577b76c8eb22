"""Dates of Elasticsearch JSON: periods, date math, and the patterns in which dates are read and written.

A date is the period that it names: `2023` is a year, `now/d` a day, `2023-05-01||+1M` one instant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from catalog.dsl.zones import has_zone, in_zone, moved, rounded
from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass
from catalog.query.instants import milliseconds
from catalog.query.instants import moment as instant_of
from catalog.query.periods import FIRST_YEAR, LAST_YEAR, Period, parse_period
from catalog.text.patterns import pattern

MAX_DATE = 80
"""Characters of one date with its math."""
MAX_PATTERN = 80
_MOST_DIGITS = 10**18
_OPERATION = pattern(r"([+-])(\d{1,5})?([yMwdhHms])|/([yMwdhHms])")
_UTC = frozenset(
    {
        "UTC",
        "Z",
        "+00:00",
        "-00:00",
        "+00",
        "+0000",
        "GMT",
        "UT",
        "UCT",
        "Zulu",
        "Etc/UTC",
        "Etc/GMT",
        "Etc/UCT",
        "Etc/Zulu",
    }
)
_ISO = frozenset(
    {
        "strict_date_optional_time",
        "date_optional_time",
        "strict_date_optional_time_nanos",
        "strict_date_time",
        "date_time",
        "iso8601",
    }
)
_NAMED: Mapping[str, str] = {
    "yyyy": "yyyy",
    "year": "yyyy",
    "strict_year": "yyyy",
    "year_month": "yyyy-MM",
    "strict_year_month": "yyyy-MM",
    "date": "yyyy-MM-dd",
    "strict_date": "yyyy-MM-dd",
    "year_month_day": "yyyy-MM-dd",
    "strict_year_month_day": "yyyy-MM-dd",
    "basic_date": "yyyyMMdd",
    "date_time_no_millis": "yyyy-MM-dd'T'HH:mm:ss'Z'",
    "strict_date_time_no_millis": "yyyy-MM-dd'T'HH:mm:ss'Z'",
    "hour_minute_second": "HH:mm:ss",
}
_LETTERS = pattern(r"yyyy|uuuu|MM|dd|HH|mm|ss|SSS|'[^']*'|[^A-Za-z']")
_READ = {
    "y": r"(?P<year>\d{4})",
    "M": r"(?P<month>\d{2})",
    "d": r"(?P<day>\d{2})",
    "H": r"(?P<hour>\d{2})",
    "m": r"(?P<minute>\d{2})",
    "s": r"(?P<second>\d{2})",
    "S": r"(?P<milli>\d{3})",
}
_PRECISION = (("milli", "ms"), ("second", "s"), ("minute", "m"), ("hour", "h"), ("day", "d"), ("month", "M"))


@dataclass(frozen=True, slots=True)
class DateFormat:
    """One of the forms in which Elasticsearch writes a date: ISO 8601, a number since 1970, or a pattern."""

    name: str
    parts: tuple[str, ...] = ()

    def written(self, moment: datetime) -> str:
        """The date as text."""
        moment = moment.astimezone(UTC)
        if self.name == "epoch_millis":
            return str(milliseconds(moment))
        if self.name == "epoch_second":
            return str(milliseconds(moment) // 1_000)
        return "".join(_written(part, moment) for part in self.parts) if self.parts else iso(moment)

    def read(self, text: str) -> Period | None:
        """The period that the text names in this form; None when it is in another."""
        if self.name.startswith("epoch_"):
            if not pattern(r"-?\d{1,17}").fullmatch(text):
                return None
            return _instant(int(text) * (1 if self.name == "epoch_millis" else 1_000), "format")
        if not self.parts:
            return parse_period(text, _now())
        match = re.fullmatch("".join(_reading(part) for part in self.parts), text)
        if match is None:
            return None
        parts = {name: int(value) for name, value in match.groupdict().items()}
        try:
            start = datetime(
                parts.get("year", 1970),
                parts.get("month", 1),
                parts.get("day", 1),
                parts.get("hour", 0),
                parts.get("minute", 0),
                parts.get("second", 0),
                parts.get("milli", 0) * 1_000,
                tzinfo=UTC,
            )
            return _period(start, next((unit for name, unit in _PRECISION if name in parts), "y"))
        except (ValueError, OverflowError):
            return None


def _written(part: str, moment: datetime) -> str:
    values = {
        "y": f"{moment.year:04}",
        "u": f"{moment.year:04}",
        "M": f"{moment.month:02}",
        "d": f"{moment.day:02}",
        "H": f"{moment.hour:02}",
        "m": f"{moment.minute:02}",
        "s": f"{moment.second:02}",
        "S": f"{moment.microsecond // 1_000:03}",
    }
    return values[part[0]] if part[0] in values else part.strip("'") if len(part) > 1 else part


def _reading(part: str) -> str:
    letter = "y" if part[0] == "u" else part[0]
    return _READ.get(letter) or re.escape(part.strip("'") if len(part) > 1 else part)


ISO = DateFormat("strict_date_optional_time")


def date_formats(given: Any) -> tuple[DateFormat, ...]:
    """The forms of a `format`, which stand between `||`; the first is the one to write in.

    Raises RequestRefused for patterns with names of days or months, weeks, or zones.
    """
    if not isinstance(given, str) or len(given) > MAX_PATTERN:
        raise RequestRefused("format", f"is a text of up to {MAX_PATTERN} characters.")
    return tuple(_date_format(form.strip()) for form in given.split("||"))


def _date_format(text: str) -> DateFormat:
    if text in _ISO or text in {"epoch_millis", "epoch_second"}:
        return DateFormat(text)
    spelled = _NAMED.get(text, text)
    parts = tuple(_LETTERS.findall(spelled))
    letters = [part[0] for part in parts if part[0].isalpha()]
    if "".join(parts) != spelled or not letters or len(set(letters)) < len(letters):
        raise RequestRefused(
            "format",
            f"{text!r:.60} is not known; write yyyy, MM, dd, HH, mm, ss, SSS, iso8601 or epoch_millis.",
        )
    return DateFormat(text, parts)


def period_of(value: Any, part: str, formats: Sequence[DateFormat] = (), zone: tzinfo = UTC) -> Period:
    """The period that a date covers: text of any precision, `now-30d/d`, or milliseconds since 1970.

    Days begin in `zone`, and so do dates that say no zone themselves; those in milliseconds, too, as in Elasticsearch.
    """
    if isinstance(value, bool):
        raise RequestRefused(part, "needs a date.")
    if isinstance(value, int | float) and not formats:
        return _local(_instant(value, part), zone)
    if isinstance(value, int) and abs(value) < _MOST_DIGITS:
        value = str(value)
    if not isinstance(value, str) or len(value) > MAX_DATE:
        raise RequestRefused(part, "needs a date.")
    if value.startswith("now"):
        return _calculated(_now(), value[3:], value, part, zone)
    anchor, bars, math_ = value.partition("||")
    period = _plain(anchor, part, formats, zone)
    return _calculated(period.start, math_, value, part, zone) if bars and math_ else period


def _plain(text: str, part: str, formats: Sequence[DateFormat], zone: tzinfo) -> Period:
    """A date without math, in one of the given forms or else in any usual one."""
    if not formats and pattern(r"-?\d{9,14}").fullmatch(text):
        return _local(_instant(int(text), part), zone)
    for form in formats:
        period = form.read(text)
        if period is not None:
            return period if not form.parts and has_zone(text) else _local(period, zone)
    period = parse_period(text, _now()) if not formats and not text.startswith("-") else None
    if period is None or period.relative:
        shape = (
            f"in the form of {' or '.join(form.name for form in formats)}"
            if formats
            else "such as 2024-05-01, 2024-05, now-30d"
        )
        span = f"of the years {FIRST_YEAR} to {LAST_YEAR}"
        raise RequestRefused(part, f"needs a date {shape}, {span}, not {text!r:.80}.")
    return period if has_zone(text) else _local(period, zone)


def _local(period: Period, zone: tzinfo) -> Period:
    """The period that clocks in the zone show; where they are set back at its end, up to the first time they show it."""
    if zone is UTC:
        return period
    last = period.end - timedelta(milliseconds=1)
    return Period(start=in_zone(period.start, zone), end=in_zone(last, zone) + timedelta(milliseconds=1))


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1_000 * 1_000)


def _instant(since_1970: float, part: str) -> Period:
    try:
        start = instant_of(math.floor(since_1970))
        return Period(start=start, end=start + timedelta(milliseconds=1))
    except (OverflowError, ValueError):
        raise RequestRefused(part, "is a date out of range.") from None


def _calculated(moment: datetime, operations: str, text: str, part: str, zone: tzinfo) -> Period:
    """The instant after all the steps (`+1M-2d`), or the period that the last one rounds to (`/d`)."""
    at, unit = 0, "ms"
    while at < len(operations):
        match = _OPERATION.match(operations, at)
        if match is None:
            raise RequestRefused(part, f"needs a date such as now-30d or now-1y/d, not {text!r:.80}.")
        at = match.end()
        try:
            if match[4]:
                unit, moment = match[4], rounded(moment, match[4], zone)
            else:
                unit, moment = "ms", moved(moment, int(f"{match[1]}{match[2] or 1}"), match[3], zone)
        except (ValueError, OverflowError):
            raise RequestRefused(part, f"is a date out of range: {text!r:.80}.") from None
    try:
        return _period(moment, unit, zone)
    except (ValueError, OverflowError):
        raise RequestRefused(part, f"is a date out of range: {text!r:.80}.") from None


def _period(start: datetime, unit: str, zone: tzinfo = UTC) -> Period:
    if unit == "ms":
        return Period(start=start, end=start + timedelta(milliseconds=1))
    return Period(start=start, end=moved(start, 1, unit, zone))


def is_utc(zone: Any) -> bool:
    """Whether this `time_zone` is the one of all dates here; a browser in London in winter writes GMT."""
    return isinstance(zone, str) and zone in _UTC


def date_options(
    body: Mapping[str, Any], *, advice: str = "write the zone behind the date"
) -> tuple[DateFormat, ...]:
    """The forms that a clause names. Raises RequestRefused for another time zone than UTC."""
    if not is_utc(body.get("time_zone", "UTC")):
        raise RequestRefused("time_zone", f"dates are UTC here; {advice}.")
    return date_formats(body["format"]) if body.get("format") is not None else ()


def iso(moment: datetime) -> str:
    """`2024-01-01T00:00:00.000Z`, as Elasticsearch writes dates."""
    moment = moment.astimezone(UTC)
    # %Y alone writes the year 126 with three digits.
    return f"{moment.year:04}-{moment:%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
