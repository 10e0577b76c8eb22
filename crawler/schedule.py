"""When a source is due: `every 1h`, or the five fields of cron in UTC.

By hand, because the libraries for it bring a scheduler or a time zone table of their own; what is due is decided from the
start of the last run in the store, so that a worker that was away crawls once for all that it missed.
Source: POSIX.1-2017, crontab, "INPUT FILES"; steps and names as in crontab(5) of vixie-cron.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from catalog.errors import UserError

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LEAST_SECONDS, MOST_SECONDS = 1, 366 * 86_400
HORIZON_DAYS = 366 * 8
"""The longest pause of a cron line that ever matches: 29 February over a year such as 2100."""
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
ADVICE = 'Write "every 30m", "every 1h", "every 1d" or five fields of cron in UTC, as in "0 3 * * *".'
_EVERY = re.compile(r"every\s+(\d{1,9})\s*([smhd])")
_PART = re.compile(r"(?:\*|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:/(\d+))?")


class Schedule(Protocol):
    """Says when the next run begins."""

    def following(self, last: datetime) -> datetime:
        """The first due time after a run that began at `last`."""
        ...


@dataclass(frozen=True, slots=True)
class Interval:
    """A time between the starts of two runs."""

    seconds: float

    def following(self, last: datetime) -> datetime:
        return last + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Cron:
    """Minutes at which a run begins."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Whether a day of the month or of the week is enough: so it is when both are given."""

    def following(self, last: datetime) -> datetime:
        """Raises UserError if there never is one (30 February)."""
        moment = last.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        day = moment.replace(hour=0, minute=0)
        for number in range(HORIZON_DAYS):
            if self._on(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        due = day.replace(hour=hour, minute=minute)
                        if number or due >= moment:
                            return due
            day += timedelta(days=1)
        raise UserError("This schedule never comes due.", advice=ADVICE)

    def _on(self, day: datetime) -> bool:
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (in_month or in_week if self.either_day else in_month and in_week)


def parse_schedule(text: str) -> Schedule:
    """Raises UserError for what is no schedule or never comes due."""
    lowered = text.strip().lower()
    every = _EVERY.fullmatch(lowered)
    if every:
        seconds = int(every[1]) * UNITS[every[2]]
        if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
            raise UserError(f"The schedule {text!r} is not between a second and a year.", advice=ADVICE)
        return Interval(seconds)
    fields = lowered.split()
    try:
        minutes, hours, days, months, weekdays = fields
        cron = Cron(
            minutes=_numbers(minutes, 0, 59),
            hours=_numbers(hours, 0, 23),
            days=_numbers(days, 1, 31),
            months=_numbers(months, 1, 12, MONTHS),
            weekdays=frozenset(number % 7 for number in _numbers(weekdays, 0, 7, WEEKDAYS)),
            either_day=not (days.startswith("*") or weekdays.startswith("*")),
        )
    except ValueError as error:
        raise UserError(f"{text!r} is no schedule.", advice=ADVICE) from error
    cron.following(datetime.now(UTC))
    return cron


def _numbers(field: str, low: int, high: int, names: list[str] | None = None) -> frozenset[int]:
    """The numbers that one field of a cron line means. Raises ValueError."""
    numbers: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(part)
        first, last, step = match[1], match[2], int(match[3] or 1)
        start = low if first is None else _number(first, low, names)
        until_end = first is None or (match[3] is not None and last is None)
        end = high if until_end else _number(last or first, low, names)
        if not low <= start <= end <= high or step < 1:
            raise ValueError(part)
        numbers.update(range(start, end + 1, step))
    return frozenset(numbers)


def _number(text: str, low: int, names: list[str] | None) -> int:
    return names.index(text) + low if names and text in names else int(text)
