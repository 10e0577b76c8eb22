"""Time zones of Elasticsearch JSON, and calendar arithmetic in them as java.time reckons.

A time that a change of clocks skips is as much later, one that comes twice is the first of the two; days and more are added
on the clock, hours and less in time.

Source: java.time.ZonedDateTime; Elasticsearch 8.19, common.time.JavaDateMathParser.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any

from catalog.errors import RequestRefused
from catalog.query.instants import months_later
from catalog.text.patterns import pattern

MAX_HOURS = 18
"""Source: java.time.ZoneOffset.MAX."""
_OFFSET = pattern(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?")
_REGION = pattern(r"[A-Z][A-Za-z0-9_+-]{1,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2}")
_OWN_ZONE = pattern(r"\d:\d.*(?:z|utc|[+-]\d{2}(?::?\d{2})?)")
_DAYS = {"d": 1, "w": 7}
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "H": 3_600}
_MONTHS = {"M": 1, "y": 12}


def zone_of(given: Any) -> tzinfo:
    """The zone of a `time_zone`: `Europe/Berlin`, `+01:00`, `UTC`. Raises RequestRefused for what is none."""
    if isinstance(given, str) and len(given) <= 100:
        zone = UTC if given in {"Z", "UTC"} else _offset(given) or _region(given)
        if zone is not None:
            return zone
    raise RequestRefused(
        "time_zone", f"{given!r:.60} is no zone that is known here; write Europe/Berlin or +01:00."
    )


def _offset(text: str) -> tzinfo | None:
    match = _OFFSET.fullmatch(text)
    if match is None or (len(match[2]) == 1 and match[3]):
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if minutes > 59 or seconds > 59 or length > timedelta(hours=MAX_HOURS):
        return None
    return timezone(-length if match[1] == "-" else length)


@lru_cache(maxsize=200)
def _region(text: str) -> tzinfo | None:
    if not _REGION.fullmatch(text) or text == "Factory":
        return None
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - few searches name a region

    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # no such zone, no name of one, a directory of them
        return None


def has_zone(text: str) -> bool:
    """Whether a date says its zone itself, so that no other one matters."""
    return _OWN_ZONE.search(text.strip().lower()) is not None


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """The instant at which clocks in the zone show what those of UTC show at this one."""
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    # ZonedDateTime.withZoneSameLocal keeps the offset of UTC where the second of two times has it, as in London.
    is_kept = second.utcoffset() == timedelta(0) and first.utcoffset() != second.utcoffset()
    comes_twice = (first.utcoffset() or timedelta(0)) > (second.utcoffset() or timedelta(0))
    return (second if is_kept and comes_twice else first).astimezone(UTC)


def moved(moment: datetime, amount: int, unit: str, zone: tzinfo) -> datetime:
    """The 31st plus a month is the last day of that month, as in Elasticsearch."""
    if unit in _SECONDS:
        return moment + timedelta(seconds=_SECONDS[unit] * amount)
    local = moment.astimezone(zone)
    if unit in _DAYS:
        return (local + timedelta(days=_DAYS[unit] * amount)).astimezone(UTC)
    later = months_later(local.replace(tzinfo=UTC), amount * _MONTHS[unit])
    return later.replace(tzinfo=zone, fold=local.fold).astimezone(UTC)


def rounded(moment: datetime, unit: str, zone: tzinfo) -> datetime:
    """The begin of the year, month, week, day, hour, minute or second on the clocks of the zone."""
    local = moment.astimezone(zone)
    kept = "yMdHms".index({"h": "H", "w": "d"}.get(unit, unit)) + 1
    year, month, day, hour, minute, second = (*local.timetuple()[:kept], *(1, 1, 1, 0, 0, 0)[kept:])
    start = datetime(year, month, day, hour, minute, second, tzinfo=zone, fold=local.fold)
    if unit == "w":
        start -= timedelta(days=local.weekday())
    return start.astimezone(UTC)
