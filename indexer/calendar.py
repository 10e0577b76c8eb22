"""Calendar and fixed periods in UTC: where a period starts, and which one follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from catalog.query.instants import EPOCH, months_later
from catalog.query.request import DateHistogramAgg

_MONTHS = {"year": 12, "quarter": 3, "month": 1}


def period_start(moment: datetime, interval: str | int) -> datetime:
    """The start of the period that holds this instant. `interval` is a calendar name or a number of seconds."""
    moment = moment.astimezone(UTC)
    if isinstance(interval, int):
        return EPOCH + timedelta(seconds=(moment - EPOCH) // timedelta(seconds=interval) * interval)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "day":
        return day
    if interval == "week":
        return day - timedelta(days=day.weekday())
    months = _MONTHS[interval]
    return day.replace(day=1, month=(day.month - 1) // months * months + 1)


def next_period(start: datetime, interval: str | int) -> datetime:
    """The start of the period after the one that begins here."""
    if isinstance(interval, int):
        return start + timedelta(seconds=interval)
    if interval in {"day", "week"}:
        return start + timedelta(days=1 if interval == "day" else 7)
    return months_later(start, _MONTHS[interval])


def period_count(first: datetime, last: datetime, interval: str | int) -> int:
    """How many periods lie between two starts of periods, both included."""
    if isinstance(interval, str) and interval in _MONTHS:
        months = (last.year - first.year) * 12 + last.month - first.month
        return months // _MONTHS[interval] + 1
    days = {"day": 1, "week": 7}
    length = timedelta(days=days[interval]) if isinstance(interval, str) else timedelta(seconds=interval)
    return (last - first) // length + 1


def period_ends(
    wanted: DateHistogramAgg, starts: Iterable[datetime], interval: str | int
) -> tuple[datetime, datetime] | None:
    """The starts of the first and the last period that a histogram shows; None where it shows none."""
    reached = list(starts)
    if wanted.bounds is not None and not wanted.min_doc_count:
        reached += [period_start(bound, interval) for bound in wanted.bounds]
    return (min(reached), max(reached)) if reached else None


def periods(first: datetime, last: datetime, interval: str | int) -> Iterator[datetime]:
    """Starts of all periods from the one that holds `first` to the one that holds `last`."""
    start = period_start(first, interval)
    while start <= last:
        yield start
        try:
            start = next_period(start, interval)
        except (ValueError, OverflowError):  # the year 9999 has no successor in Python
            return
