"""Instants as engines hold them: UTC milliseconds since 1970."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """UTC milliseconds since 1970, cut (not rounded), as Elasticsearch's `date` keeps them."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // _MILLISECOND


def moment(value: float) -> datetime:
    """The instant of these milliseconds."""
    return EPOCH + timedelta(milliseconds=value)


def months_later(moment: datetime, months: int) -> datetime:
    """The same day so many months later, or the month's last day where it has no such day. Raises ValueError.

    The same as dateutil's relativedelta from 300 months before to 300 after, without an import of 10 ms in every search.
    """
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise ValueError(year)
    for day in (moment.day, 30, 29):
        try:
            return moment.replace(year=year, month=month + 1, day=min(day, moment.day))
        except ValueError:
            continue
    return moment.replace(year=year, month=month + 1, day=28)
