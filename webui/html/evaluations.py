"""Every reported value of a model as a table, the headlines marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.records import Contender, FieldProvenance, display_key
from catalog.text.natural import natural_key
from mappings.metrics import find
from webui.documents import rows_at
from webui.headline import headline_name, metric_label
from webui.html.headline import dataset_of, evaluation_note
from webui.html.provenance import Provenance, provenance_of, statement_alone
from webui.numbers import Figure, decimal
from webui.text import shown

ROWS_SHOWN = 500
CELL_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRow:
    """One value: canonical, and as its file writes it. `why` is None where nothing says more than `source`."""

    metric: str
    label: str
    value: Figure
    dataset: str
    split: str
    raw: str
    note: str
    source: str
    headline: bool
    why: Provenance | None


def evaluation_rows(
    document: Mapping[str, Any], provenance: Mapping[str, FieldProvenance]
) -> tuple[tuple[EvaluationRow, ...], int]:
    """The rows, headline values first within each metric, then by data set, and how many are left out."""
    headlines = document.get("metrics")
    numbers: Mapping[str, Any] = headlines if isinstance(headlines, Mapping) else {}
    open_headlines = dict(numbers)
    others = _other_statements(provenance)
    rows = []
    for entry in rows_at(document, "evaluations"):
        name = str(entry.get("metric") or entry.get("raw_name") or "")
        headline = next(
            (candidate for candidate in (headline_name(entry), name) if candidate in open_headlines), ""
        )
        is_headline = bool(headline) and open_headlines[headline] == entry.get("value")
        if is_headline:
            del open_headlines[headline]
        why = provenance_of(f"metrics.{headline}", provenance) if is_headline else _why(entry, others)
        rows.append(_row(entry, name, why, is_headline=is_headline))
    for name, value in open_headlines.items():
        rows.append(
            _row({"value": value}, name, provenance_of(f"metrics.{name}", provenance), is_headline=True)
        )
    first_place = {row.metric: index for index, row in reversed(list(enumerate(rows)))}
    rows.sort(
        key=lambda row: (
            find(row.metric) is None,
            _place(row.metric, first_place),
            not row.headline,
            natural_key(row.dataset),
        )
    )
    return tuple(rows[:ROWS_SHOWN]), max(0, len(rows) - ROWS_SHOWN)


def _place(metric: str, first_place: Mapping[str, int]) -> tuple[int, str]:
    """Metrics that are known stand as they were written; others are many at times, and stand as one looks them up."""
    return (first_place[metric], "") if find(metric) else (0, natural_key(metric))


_Place = tuple[str, str]
"""Of a reported value: its file, and what it came to."""


def _other_statements(provenance: Mapping[str, FieldProvenance]) -> dict[_Place, list[Contender]]:
    """What was reported beside the headlines, by its place, in the order of the reports."""
    others: dict[_Place, list[Contender]] = {}
    for field, entry in provenance.items():
        if field.startswith("metrics."):
            for contender in entry.losers:
                place = (display_key(contender.observation.key), repr(contender.value))
                others.setdefault(place, []).append(contender)
    return others


def _why(entry: Mapping[str, Any], others: Mapping[_Place, list[Contender]]) -> Provenance | None:
    """Where a value that is no headline stands. Of several alike in one file the one of the same data set."""
    alike = others.get((str(entry.get("key") or ""), repr(entry.get("value"))), [])
    dataset = str(entry.get("dataset_id") or "")
    of_this = [
        contender for contender in alike if str(contender.observation.context.get("dataset") or "") == dataset
    ]
    return statement_alone((of_this or alike)[0]) if alike else None


def _row(entry: Mapping[str, Any], name: str, why: Provenance | None, *, is_headline: bool) -> EvaluationRow:
    return EvaluationRow(
        metric=shown(name, CELL_CHARACTERS),
        label=metric_label(name),
        value=_value(entry),
        dataset=dataset_of(entry),
        split=shown(entry.get("split") or "", CELL_CHARACTERS),
        raw=_as_written(entry),
        note=evaluation_note({**entry, "metric": name}),
        source=_source(entry),
        headline=is_headline,
        why=why,
    )


def _value(entry: Mapping[str, Any]) -> Figure:
    value = entry.get("value")
    if isinstance(value, int | float) and not isinstance(value, bool):
        figure = decimal(value)
        spread = entry.get("uncertainty")
        if isinstance(spread, int | float):
            return Figure(
                text=f"{figure.text} ± {decimal(spread, digits=2).text}", exact=f"{figure.exact} ± {spread!r}"
            )
        return figure
    raw = shown(entry.get("raw_value", ""), CELL_CHARACTERS)
    return Figure(text=raw or "–", exact="Not a number that can be compared")


def _as_written(entry: Mapping[str, Any]) -> str:
    name, value = entry.get("raw_name"), entry.get("raw_value")
    parts = [shown(part, CELL_CHARACTERS) for part in (name, value) if part is not None]
    return " = ".join(parts)


def _source(entry: Mapping[str, Any]) -> str:
    """The file that says it; where there is none, who does."""
    key = str(entry.get("key") or "").rsplit("/", 1)[-1]
    return shown(key or str(entry.get("source") or ""), CELL_CHARACTERS)
