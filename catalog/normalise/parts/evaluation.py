"""One reported value of a metric, how it ranks among others, and how documents hold it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.normalise.metrics import (
    MetricName,
    metric_direction,
)
from catalog.normalise.values.dates import DateReading
from catalog.normalise.values.units import plain, read_number, to_float
from catalog.records import Observation, Origin, display_key

MAX_RAW_CHARS = 1_024
_ORIGIN_RANK = {
    Origin.EDIT: 0,
    Origin.SIDECAR: 1,
    Origin.CARD: 3,
    Origin.REGISTRY: 4,
    Origin.RUN: 5,
    Origin.CONFIG: 6,
    Origin.PACKAGE: 7,
    Origin.EMBEDDED: 8,
    Origin.LISTING: 9,
    Origin.FILENAME: 9,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One reported value, understood. `value` is canonical; None where there is none, with the reason in `flag`."""

    observation: Observation
    name: MetricName
    value: float | None
    unit: str
    split: str | None
    dataset: str | None
    uncertainty: float | None = None
    evaluated_at: DateReading | None = None
    changes: tuple[str, ...] = ()
    flag: str | None = None
    inferred: bool = False
    sources: tuple[str, ...] = ()
    overridden: tuple[Evaluation, ...] = ()
    """Of what a person says, the reports of files that say the same."""

    @property
    def headline_name(self) -> str:
        """The name under which the value may stand in the document's metrics: train values have their own."""
        return f"train_{self.name.name}" if self.split == "train" else self.name.name


def fact_key(item: Evaluation) -> tuple[Any, ...]:
    context = item.observation.context
    step = context.get("step") if item.observation.origin is Origin.RUN else None
    return (
        item.headline_name,
        dataset_slug(item.dataset),
        str(context.get("config") or ""),
        item.split or "",
        item.name.filter or "",
        item.name.aggregation or "",
        repr(step) if item.value is None else "",
    )


def source_rank(item: Evaluation) -> tuple[int, int]:
    seen = item.observation
    results_file = seen.origin is Origin.CARD and ".eval_results/" in f"/{seen.key}"
    return (2 if results_file else _ORIGIN_RANK[seen.origin]), 0


def report_order(item: Evaluation) -> tuple[Any, ...]:
    """Of equal sources the one that rounds less comes first."""
    seen = item.observation
    return (
        *source_rank(item),
        "digits" in seen.context,
        negative_step(seen),
        seen.key,
        seen.pointer,
        item.name.raw,
        repr(seen.raw),
    )


def negative_step(seen: Observation) -> float:
    step = seen.context.get("step")
    return -float(step) if isinstance(step, int | float) and not isinstance(step, bool) else 0.0


def entry_of(item: Evaluation) -> dict[str, Any]:
    """The evaluation as documents hold it."""
    context = item.observation.context
    entry: dict[str, Any] = {
        "metric": item.name.name,
        "value": item.value,
        "unit": item.unit,
        "dataset": dataset_slug(item.dataset) or None,
        "dataset_id": item.dataset,
        "split": item.split,
        "raw_name": item.name.raw,
        "raw_value": raw_text(item.observation.raw),
        "source": item.sources[0],
        "sources": list(item.sources) if len(item.sources) > 1 else None,
        "uncertainty": item.uncertainty,
        "filter": item.name.filter,
        "aggregation": item.name.aggregation,
        "evaluated_at": item.evaluated_at.text if item.evaluated_at and item.evaluated_at.value else None,
        "evidence": "inferred" if item.inferred else None,
        "flag": item.flag,
        "key": display_key(item.observation.key),
    }
    for part in ("config", "task", "revision"):
        entry[part] = context_text(context.get(part))
    step = read_number(context.get("step"))
    entry["step"] = None if step is None else plain(step.value)
    entry["history"] = _history(item)
    return {name: value for name, value in entry.items() if value is not None}


def _history(item: Evaluation) -> dict[str, Any] | None:
    """The values before this one, in its unit: how many there were, the first, and the best with its step."""
    history = item.observation.context.get("history")
    if not isinstance(history, Mapping) or item.value is None:
        return None
    best = {"up": "max", "down": "min"}.get(metric_direction(item.name.name) or "")
    entry = {
        "points": history.get("points"),
        "first": _in_unit(item, history.get("first")),
        "best": _in_unit(item, history.get(best)) if best else None,
        "best_step": history.get(f"{best}_step") if best else None,
    }
    return {name: value for name, value in entry.items() if value is not None} or None


def _in_unit(item: Evaluation, value: Any) -> float | None:
    number = read_number(value)
    if number is None:
        return None
    return to_float(number.value / (100 if "percent÷100" in item.changes else 1))


def context_text(value: Any) -> str | None:
    """The text of a context value, None where nothing is said."""
    return None if value is None or value == "" else raw_text(value)


def raw_text(raw: Any) -> str:
    """The raw value as bounded text, the same for every run."""
    text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False, sort_keys=True, default=repr)
    return str(text)[:MAX_RAW_CHARS]


def dataset_slug(dataset: str | None) -> str:
    """A data set's id for matching: lower case, without its owner."""
    return (dataset or "").strip().lower().rsplit("/", 1)[-1]


def source_of(seen: Observation) -> str:
    """What reported a value: the source it names, else the extractor's name."""
    named = seen.context.get("source")
    return str(named) if named else seen.extractor
