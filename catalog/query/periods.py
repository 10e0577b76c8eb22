"""Dates as periods: a date of precision P covers [start, end), so `after:2023` begins on 1 January 2024.

All instants are UTC; a typed date without a zone means UTC. Boundaries are exact to the millisecond, which is what
every engine stores.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

from catalog.lazy_dataclasses import dataclass
from catalog.query.instants import months_later
from catalog.text.patterns import pattern

FIRST_YEAR, LAST_YEAR = 1900, 9998
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
MAX_RELATIVE = 10_000
_DAYS = {"d": 1, "w": 7}
_MONTHS = {"m": 1, "mo": 1, "y": 12}

_YEAR = pattern(r"\d{4}")
_MONTH = pattern(r"(\d{4})[-/.](\d{1,2})")
_DAY = pattern(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_COMPACT_DAY = pattern(r"(\d{4})(\d{2})(\d{2})")
_MONTH_FIRST = pattern(r"(\d{1,2})/(\d{4})")
_QUARTER = pattern(r"(\d{4})[- ]?q([1-4])|q([1-4])[-/ ]?(\d{4})")
_WEEK = pattern(r"(\d{4})-?w(\d{1,2})|(?:calendar |iso )?(?:week|wk|kw|cw) ?(\d{1,2})[ /,-]+(\d{4})")
"""Weeks from Monday on, the first with a Thursday of the year. Source: ISO 8601."""
_INSTANT = pattern(
    r"(\d{4}-\d{1,2}-\d{1,2})[t ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(z|utc|[+-]\d{2}:?\d{2})?"
)
_RELATIVE = pattern(r"-(\d{1,5})\s?(min|h|d|w|mo|m|y)")
_WORDS_DAY = pattern(r"(\d{1,2})(?:st|nd|rd|th)?[-/. ]+([a-z]{3,9})\.?,?[-/. ]+(\d{4})")
_WORDS_DAY_US = pattern(r"([a-z]{3,9})\.?[-/. ]+(\d{1,2})(?:st|nd|rd|th)?(?:,[-/. ]*|[-/. ]+)(\d{4})")
_WORDS_MONTH = pattern(r"([a-z]{3,9})\.?,?[-/. ]*(\d{4})|(\d{4})[-/. ]+([a-z]{3,9})")
_OLDEST_MODEL, _NEWEST_MODEL = 1990, 2099
"""The years in which a model may have been made, where four digits alone may be a year or a number."""
_PARTS_OF_YEAR = {
    "spring": (3, 3),
    "summer": (6, 3),
    "autumn": (9, 3),
    "fall": (9, 3),
    "winter": (12, 3),
    "early": (1, 4),
    "beginning": (1, 4),
    "start": (1, 4),
    "mid": (5, 4),
    "middle": (5, 4),
    "late": (9, 4),
    "end": (9, 4),
}
"""First month and how many: seasons of the north by whole months, thirds of a year. A winter is called by the year in which it begins."""
_PART_OF_YEAR = pattern(
    rf"({'|'.join(_PARTS_OF_YEAR)})(?: |(?<=early)-|(?<=late)-|(?<=mid)-)(\d{{4}})(?:/(?:\d\d)?(\d\d))?"
)
_EPOCH_MS = pattern(r"1\d{12}")
"""Milliseconds since 1970, from 2001 on. Source: MLflow, attributes of runs and of registered models."""
_DATE_MATH = pattern(r"now(?:(-)(\d{1,5})([smhdwMy]))?(?:/([dwMy]))?")
"""Source: Elasticsearch reference, date math."""
_AMBIGUOUS = pattern(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The instants [start, end). A relative date (`-30d`) is one instant: start == end."""

    start: datetime
    end: datetime
    relative: bool = False


def parse_period(text: str, now: datetime) -> Period | None:
    """The period that `text` names, or None. `now` anchors `today`, `yesterday` and `-30d`."""
    math = _DATE_MATH.fullmatch(text.strip()[:40])
    text = " ".join(text.strip().casefold().split()).replace("\N{MINUS SIGN}", "-")
    if not 0 < len(text) <= 40 or not text.isascii():
        return None
    try:
        if math is not None and text != "now":
            return _date_math(math[2], math[3], math[4], now.astimezone(UTC))
        if _EPOCH_MS.fullmatch(text):
            moment = datetime.fromtimestamp(int(text) / 1000, tz=UTC)
            return Period(start=moment, end=moment + timedelta(milliseconds=1))
        for reader in (_numbers, _words, _instant):
            period = reader(text)
            if period is not None:
                return period
        return _relative(text, now.astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def is_year(word: str) -> bool:
    """Whether four digits are a year in which a model may have been made."""
    return (
        word.isascii() and word.isdigit() and len(word) == 4 and _OLDEST_MODEL <= int(word) <= _NEWEST_MODEL
    )


def ambiguous_readings(text: str) -> tuple[str, ...]:
    """The ISO dates that a date such as 03/04/2023 may mean: two when day and month cannot be told apart.

    Between points the day stands first. Source: CLDR 45, short dates.
    """
    match = _AMBIGUOUS.fullmatch(text.strip())
    if match is None:
        return ()
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    pairs = {(second, first)} if match[2] == "." else {(first, second), (second, first)}
    return tuple(sorted(f"{year:04}-{month:02}-{day:02}" for month, day in pairs if _valid(year, month, day)))


def _valid(year: int, month: int, day: int) -> bool:
    try:
        _day(year, month, day)
    except ValueError:
        return False
    return True


def _numbers(text: str) -> Period | None:
    if _YEAR.fullmatch(text):
        return _months(int(text), 1, 12)
    if match := _QUARTER.fullmatch(text):
        year, quarter = int(match[1] or match[4]), int(match[2] or match[3])
        return _months(year, quarter * 3 - 2, 3)
    if match := _WEEK.fullmatch(text):
        monday = date.fromisocalendar(_checked(int(match[1] or match[4])), int(match[2] or match[3]), 1)
        start = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
        return Period(start=start, end=start + timedelta(days=7))
    if match := _DAY.fullmatch(text):
        return _day(int(match[1]), int(match[3]), int(match[4]))
    if match := _COMPACT_DAY.fullmatch(text):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if match := _MONTH.fullmatch(text):
        return _months(int(match[1]), int(match[2]), 1)
    if match := _MONTH_FIRST.fullmatch(text):
        return _months(int(match[2]), int(match[1]), 1)
    readings = ambiguous_readings(text)
    if len(readings) == 1:
        return _numbers(readings[0])
    return None


def _words(text: str) -> Period | None:
    if match := _WORDS_DAY.fullmatch(text):
        month = month_number(match[2])
        return _day(int(match[3]), month, int(match[1])) if month else None
    if match := _WORDS_DAY_US.fullmatch(text):
        month = month_number(match[1])
        return _day(int(match[3]), month, int(match[2])) if month else None
    if match := _PART_OF_YEAR.fullmatch(text):
        if not is_year(match[2]):
            return None  # end 4096
        first, count = _PARTS_OF_YEAR[match[1]]
        crosses = match[1] == "winter" and int(match[3] or 0) == (int(match[2]) + 1) % 100
        return _months(int(match[2]), first, count) if crosses or not match[3] else None
    if match := _WORDS_MONTH.fullmatch(text):
        month = month_number(match[1] or match[4])
        return _months(int(match[2] or match[3]), month, 1) if month else None
    return None


def month_number(name: str) -> int:
    """1 to 12 for an English month name or its first three letters (also `sept`), else 0."""
    name = name.casefold().rstrip(".")
    name = "sep" if name == "sept" else name
    if name in MONTHS:
        return MONTHS.index(name) + 1
    return MONTH_NAMES.index(name) + 1 if name in MONTH_NAMES else 0


def _instant(text: str) -> Period | None:
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    year, month, day = (int(part) for part in match[1].split("-"))
    _checked(year)
    fraction = (match[5] or "").ljust(6, "0")[:6]
    start = datetime(
        year,
        month,
        day,
        int(match[2]),
        int(match[3]),
        int(match[4] or 0),
        int(fraction),
        tzinfo=_zone(match[6]),
    ).astimezone(UTC)
    start = start.replace(microsecond=start.microsecond // 1000 * 1000)
    width = timedelta(minutes=1) if not match[4] else timedelta(seconds=1)
    return Period(start=start, end=start + (timedelta(milliseconds=1) if match[5] else width))


def _zone(text: str | None) -> timezone:
    if not text or text in {"z", "utc"}:
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _relative(text: str, now: datetime) -> Period | None:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if text in {"now", "today", "yesterday"}:
        if text == "now":
            return Period(start=now, end=now, relative=True)
        start = today - timedelta(days=text == "yesterday")
        return Period(start=start, end=start + timedelta(days=1), relative=True)
    if text in {"this-week", "last-week"}:
        start = today - timedelta(days=today.weekday() + (7 if text == "last-week" else 0))
        return Period(start=start, end=start + timedelta(days=7), relative=True)
    if text in {"this-month", "last-month"}:
        first = months_later(today.replace(day=1), -1 if text == "last-month" else 0)
        return Period(start=first, end=months_later(first, 1), relative=True)
    if text in {"this-quarter", "last-quarter"}:
        begun = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
        first = months_later(begun, -3 if text == "last-quarter" else 0)
        return Period(start=first, end=months_later(first, 3), relative=True)
    if text in {"this-year", "last-year"}:
        period = _months(now.year - (text == "last-year"), 1, 12)
        return Period(start=period.start, end=period.end, relative=True)
    match = _RELATIVE.fullmatch(text)
    if match is None or int(match[1]) > MAX_RELATIVE:
        return None
    amount, unit = int(match[1]), match[2]
    # A whole minute keeps the query, and with it caches and links, the same for that minute.
    minute = now.replace(second=0, microsecond=0)
    if unit in _MONTHS:
        start = months_later(minute, -amount * _MONTHS[unit])
    elif unit in _DAYS:
        start = minute - timedelta(days=amount * _DAYS[unit])
    else:
        start = minute - (timedelta(hours=amount) if unit == "h" else timedelta(minutes=amount))
    _checked(start.year)
    return Period(start=start, end=start, relative=True)


def _date_math(amount: str | None, unit: str | None, rounded: str | None, now: datetime) -> Period | None:
    """`now-30d`, and `now-1d/d`, the whole of that day."""
    words = {"M": "mo", "m": "min"}
    if unit == "s":
        return None
    moment = now if amount is None else None
    if moment is None:
        back = _relative(f"-{amount}{words.get(str(unit), unit)}", now)
        if back is None:
            return None
        moment = back.start
    if rounded is None:
        return Period(start=moment, end=moment, relative=True)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match rounded:
        case "d":
            return Period(start=day, end=day + timedelta(days=1), relative=True)
        case "w":
            monday = day - timedelta(days=day.weekday())
            return Period(start=monday, end=monday + timedelta(days=7), relative=True)
        case "M":
            return Period(start=day.replace(day=1), end=months_later(day.replace(day=1), 1), relative=True)
    year = _months(moment.year, 1, 12)
    return Period(start=year.start, end=year.end, relative=True)


def _checked(year: int) -> int:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(year)
    return year


def _day(year: int, month: int, day: int) -> Period:
    start = datetime(_checked(year), month, day, tzinfo=UTC)
    return Period(start=start, end=start + timedelta(days=1))


def _months(year: int, month: int, count: int) -> Period:
    start = datetime(_checked(year), month, 1, tzinfo=UTC)
    years, after = divmod(month - 1 + count, 12)
    return Period(start=start, end=datetime(year + years, after + 1, 1, tzinfo=UTC))


def format_instant(moment: datetime) -> str:
    """ISO 8601 with as much precision as the instant needs, in UTC: `2024-05-01`, `2024-05-01T10:00Z`."""
    moment = moment.astimezone(UTC)
    if moment.microsecond:
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    if moment.second:
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return f"{moment:%Y-%m-%dT%H:%MZ}" if moment.hour or moment.minute else f"{moment:%Y-%m-%d}"


def format_start(moment: datetime) -> str:
    """The shortest date whose period starts here: `2024`, `2024-05`, `2024-05-01`, `2024-05-01T10:00Z`."""
    moment = moment.astimezone(UTC)
    text = format_instant(moment)
    if len(text) == len("2024-05-01"):
        return text.removesuffix("-01").removesuffix("-01") if moment.month == 1 else text.removesuffix("-01")
    return text


def spelled(start: datetime, end: datetime) -> str | None:
    """The one date whose period is [start, end), if there is one."""
    return next((text for text in _candidates(start) if _covers(text, start, end)), None)


def last_period(end: datetime) -> str:
    """The shortest date whose period ends here: the inclusive upper end of a range."""
    before = end - timedelta(milliseconds=1)
    for text in _candidates(before):
        period = parse_period(text, before)
        if period is not None and period.end == end:
            return text
    return format_instant(before)


def _candidates(moment: datetime) -> Iterator[str]:
    moment = moment.astimezone(UTC)
    patterns = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ")
    yield from (moment.strftime(pattern) for pattern in patterns)
    yield f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _covers(text: str, start: datetime, end: datetime) -> bool:
    period = parse_period(text, start)
    return period is not None and period.start == start and period.end == end


def say(moment: datetime) -> str:
    """An instant for people: `1 Jan 2024`, `1 Jan 2024 10:30`."""
    moment = moment.astimezone(UTC)
    day = f"{moment.day} {MONTHS[moment.month - 1].capitalize()} {moment.year}"
    return f"{day} {moment:%H:%M}" if moment.hour or moment.minute else day
