"""When a source is due: `every 1h`, or the five fields of cron in UTC.

What is due is decided from the start of the last run in the store, so that a worker that was away crawls once for all that
it missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cronsim import CronSim, CronSimError

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.records.record import CLOCKS_DIFFER
from catalog.records.sources import SourceRow

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LEAST_SECONDS, MOST_SECONDS = 1, 366 * 86_400
FIELDS = 5
"""Lines with a sixth field, seconds, are another dialect."""
ADVICE = 'Write "every 30m", "every 1h", "every 1d" or five fields of cron in UTC, as in "0 3 * * *".'
_EVERY = re.compile(r"every\s+(\d{1,9})\s*([smhd])")


FIRST_AGAIN_SECONDS = 60
"""From the start of a run that came to no end to the start of the next; after each that comes to none either it doubles."""
MOST_DOUBLINGS = 20

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a source is due that never was crawled: before every other."""


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
    """Minutes at which a run begins, as a cron line of five fields names them in UTC."""

    line: str

    def following(self, last: datetime) -> datetime:
        """Raises UserError if there never is one (30 February)."""
        moment = last.astimezone(UTC).replace(microsecond=0)
        due = next(CronSim(self.line, moment), None)
        if due is None:
            raise UserError("This schedule never comes due.", advice=ADVICE)
        return due


def parse_schedule(text: str) -> Schedule:
    """Raises UserError for what is no schedule or never comes due."""
    lowered = text.strip().lower()
    every = _EVERY.fullmatch(lowered)
    if every:
        seconds = int(every[1]) * UNITS[every[2]]
        if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
            raise UserError(f"The schedule {text!r} is not between a second and a year.", advice=ADVICE)
        return Interval(seconds)
    if len(lowered.split()) != FIELDS:
        raise UserError(f"{text!r} is no schedule.", advice=ADVICE)
    cron = Cron(lowered)
    try:
        cron.following(datetime.now(UTC))
    except CronSimError as error:
        what = "never comes due" if _has_no_such_day(lowered) else "is no schedule"
        raise UserError(f"{text!r} {what}.", advice=ADVICE) from error
    return cron


def _has_no_such_day(line: str) -> bool:
    """Whether it is the month alone that has no such day, as with 30 February."""
    fields = line.split()
    fields[3] = "*"
    try:
        CronSim(" ".join(fields), datetime.now(UTC))
    except CronSimError:
        return False
    return True


def schedule_of(row: SourceRow, default: Schedule) -> Schedule:
    """The schedule of the source; the default where it has none, or one of a newer version that is not understood."""
    try:
        return parse_schedule(row.definition.schedule) if row.definition.schedule else default
    except UserError:
        return default


def due_at(
    schedule: Schedule, started: Iterable[datetime | None], now: datetime, *, broken_off: int = 0
) -> datetime:
    """When the next run begins that follows the last of those that `started`; in the past if it is overdue.

    The last `broken_off` runs came to no end: what they left undone does not wait for the next time of the schedule.

    A run that began in the future is of a clock that was wrong, and does not put off anything; one that began a little ahead is of
    another machine, whose clock differs.
    """
    begun = [moment for moment in started if moment is not None and moment <= now + CLOCKS_DIFFER]
    if not begun:
        return AT_ONCE
    moment = schedule.following(max(begun))
    if broken_off:
        moment = min(moment, Interval(again_seconds(broken_off)).following(max(begun)))
    return moment


def again_seconds(broken_off: int) -> int:
    """How long after the start of the last of so many runs that came to no end the next begins."""
    doublings: int = min(broken_off - 1, MOST_DOUBLINGS)
    return FIRST_AGAIN_SECONDS << doublings
