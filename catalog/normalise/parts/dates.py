"""The dates of a record: their precision, where they contradict each other, and the one date to sort by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache

from catalog.lazy_dataclasses import replace
from catalog.normalise.assembly import Draft
from catalog.normalise.values import field_values
from catalog.normalise.values.dates import DateReading
from catalog.records import Contender, Evidence, Observation
from mappings import fields

DATE_TOLERANCE = timedelta(days=1)


def describe(draft: Draft, evaluated: Sequence[tuple[DateReading, Observation]]) -> None:
    """Precision beside each date, conflicts between them, and the one date to sort by."""
    for name in _observed_dates():
        winner = _date_winner(draft, name)
        if winner is not None:
            draft.dates[name] = winner
            if f"{name}_precision" in fields():
                draft.values[f"{name}_precision"] = winner.precision
            _date_conflict(draft, name)
    trained, created = draft.dates.get("trained_at"), draft.dates.get("created_at")
    if (
        trained
        and created
        and trained.value
        and created.value
        and trained.value > created.end() + DATE_TOLERANCE
    ):
        draft.provenance["trained_at"] = replace(draft.provenance["trained_at"], conflict=True)
        draft.problem(
            "date-conflict",
            "training ended after the artifact was created",
            draft.provenance["trained_at"].winners[0].observation,
        )
    _set_best_date(draft, evaluated)


def _date_winner(draft: Draft, name: str) -> DateReading | None:
    provenance = draft.provenance.get(name)
    if provenance is None or not provenance.winners:
        return None
    return _reading(draft, provenance.winners[0])


def _reading(draft: Draft, contender: Contender) -> DateReading:
    converted = field_values.convert(fields()["created_at"], contender.observation, now=draft.now)
    assert converted.date is not None
    return converted.date


def _date_conflict(draft: Draft, name: str) -> None:
    provenance = draft.provenance[name]
    first = _reading(draft, provenance.winners[0])
    for loser in provenance.losers:
        if loser.value is None or loser.observation.evidence is Evidence.INFERRED:
            continue
        other = _reading(draft, loser)
        if _apart(first, other):
            draft.provenance[name] = replace(provenance, conflict=True)
            draft.problem(
                "date-conflict",
                f"{name}: {first.text} and {other.text} are more than a day apart",
                loser.observation,
            )
            return


def _set_best_date(draft: Draft, evaluated: Sequence[tuple[DateReading, Observation]]) -> None:
    for name in ("trained_at", "created_at"):
        if name in draft.dates:
            _use_date(draft, name, draft.dates[name], draft.provenance[name].winners[0].observation)
            return
    usable = [(reading, seen) for reading, seen in evaluated if reading.value is not None]
    if usable:
        reading, seen = min(usable, key=lambda pair: (pair[0].text, pair[1].key, pair[1].pointer))
        _use_date(draft, "evaluated_at", reading, seen)


def _use_date(draft: Draft, source: str, reading: DateReading, seen: Observation) -> None:
    draft.set_derived("best_date", reading.text, seen, (f"from {source}", *reading.changes))
    draft.values["best_date_precision"] = reading.precision
    draft.values["date_source"] = source


def _apart(first: DateReading, other: DateReading) -> bool:
    """Whether two periods have more than a day between them."""
    assert first.value is not None
    assert other.value is not None
    return other.value - first.end() > DATE_TOLERANCE or first.value - other.end() > DATE_TOLERANCE


@cache
def _observed_dates() -> tuple[str, ...]:
    """The dates that files state; the others are made of them, or of the history."""
    return tuple(row.name for row in fields().values() if row.type == "date" and row.rule != "derived")
