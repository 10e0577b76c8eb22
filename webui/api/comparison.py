"""Models side by side as values: every field and every metric that one of them says, with what agrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog.query.text.sorting import natural_direction
from mappings import fields
from webui.api.responses.models import (
    ComparedFieldAnswer,
    ComparedMetricAnswer,
    ComparisonAnswer,
)
from webui.columns import METRIC, Column, every_measure
from webui.documents import text_at, value_at, values_at
from webui.rendering import plain


def comparison(documents: Sequence[Mapping[str, Any]], notices: Sequence[str]) -> ComparisonAnswer:
    """What these models say, in their order; null where one says nothing."""
    return ComparisonAnswer(
        ids=tuple(text_at(document, "id") for document in documents),
        names=tuple(text_at(document, "name") for document in documents),
        fields=tuple(_fields(documents)),
        metrics=tuple(_metrics(documents)),
        notices=tuple(notices),
    )


def _fields(documents: Sequence[Mapping[str, Any]]) -> Iterator[ComparedFieldAnswer]:
    for row in fields().values():
        if row.type in {"metrics", "nested", "object", "flattened"} or row.page == "apart":
            continue
        values = [plain(value_at(document, row.name)) for document in documents]
        if any(value is not None for value in values):
            equal = all(value == values[0] for value in values)
            yield ComparedFieldAnswer(field=row.name, label=row.label, values=tuple(values), equal=equal)


def _metrics(documents: Sequence[Mapping[str, Any]]) -> Iterator[ComparedMetricAnswer]:
    """One row for each metric on each data set and split: only within a row are values alike."""
    tables = [_measures(document) for document in documents]
    for name, dataset, split in sorted({key for table in tables for key in table}):
        values = [table.get((name, dataset, split)) for table in tables]
        known = [value for value in values if value is not None]
        choose = max if natural_direction(f"metrics.{name}") else min
        best = choose(known) if dataset and len(known) > 1 and len(set(known)) > 1 else None
        yield ComparedMetricAnswer(metric=name, dataset=dataset, split=split, values=tuple(values), best=best)


def _measures(document: Mapping[str, Any]) -> dict[tuple[str, str, str], float]:
    names = dict.fromkeys((*(document.get("metrics") or {}), *values_at(document, "metric_names")))
    measures: dict[tuple[str, str, str], float] = {}
    for name in map(str, names):
        of = Column(name=name, label=name, kind=METRIC, path=name, numeric=True)
        for measure in every_measure(document, of):
            measures.setdefault((name, measure.dataset, measure.split), measure.value)
    return measures
