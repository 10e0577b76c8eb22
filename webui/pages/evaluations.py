"""Every reported value of a model as a table, the headlines marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.records import FieldProvenance
from webui.documents import rows_at
from webui.figures import Figure, decimal
from webui.pages.headline import direction_note, metric_label, unit_note
from webui.pages.provenance import Provenance, provenance_of
from webui.text import shown

ROWS_SHOWN = 500
CELL_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRow:
    """One value: canonical, and as its file writes it. `why` is set on headlines."""

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
    """The rows, headline values first within each metric, and how many are left out."""
    headlines = document.get("metrics")
    numbers: Mapping[str, Any] = headlines if isinstance(headlines, Mapping) else {}
    open_headlines = dict(numbers)
    rows = []
    for entry in rows_at(document, "evaluations"):
        name = str(entry.get("metric") or entry.get("raw_name") or "")
        is_headline = name in open_headlines and open_headlines[name] == entry.get("value")
        if is_headline:
            del open_headlines[name]
        rows.append(_row(entry, name, provenance if is_headline else None))
    rows += [_row({"value": value}, name, provenance) for name, value in open_headlines.items()]
    first_place = {row.metric: index for index, row in reversed(list(enumerate(rows)))}
    rows.sort(key=lambda row: (first_place[row.metric], not row.headline))
    return tuple(rows[:ROWS_SHOWN]), max(0, len(rows) - ROWS_SHOWN)


def _row(
    entry: Mapping[str, Any], name: str, provenance: Mapping[str, FieldProvenance] | None
) -> EvaluationRow:
    return EvaluationRow(
        metric=shown(name, CELL_CHARACTERS),
        label=metric_label(name),
        value=_value(entry),
        dataset=shown(entry.get("dataset") or "", CELL_CHARACTERS),
        split=shown(entry.get("split") or "", CELL_CHARACTERS),
        raw=_as_written(entry),
        note=unit_note(entry.get("unit")) or direction_note(name),
        source=shown(entry.get("source") or "", CELL_CHARACTERS),
        headline=provenance is not None,
        why=None if provenance is None else provenance_of(f"metrics.{name}", provenance),
    )


def _value(entry: Mapping[str, Any]) -> Figure:
    value = entry.get("value")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return decimal(value)
    raw = shown(entry.get("raw_value", ""), CELL_CHARACTERS)
    return Figure(text=raw or "–", exact="Not a number that can be compared")


def _as_written(entry: Mapping[str, Any]) -> str:
    name, value = entry.get("raw_name"), entry.get("raw_value")
    said = [shown(part, CELL_CHARACTERS) for part in (name, value) if part is not None]
    return " = ".join(said)
