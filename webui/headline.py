"""Which of a model's metrics a short view shows, and which evaluation each of them is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from mappings.metrics import find
from webui.documents import rows_at
from webui.text import shown

# What people ask for first when they name no metric; then whatever the model reports.
USUAL = (
    "accuracy",
    "f1",
    "f1_macro",
    "map",
    "rougel",
    "bleu",
    "roc_auc",
    "wer",
    "perplexity",
    "rmse",
    "loss",
)
HEADLINES_SHOWN = 3
DATASET_UNKNOWN = "data set unknown"
"""What every page says where nobody says what a value was measured on."""
LABEL_CHARACTERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One metric of a model: its canonical value, and the evaluation that it was taken from, empty if none is known."""

    metric: str
    value: float
    evaluation: Mapping[str, Any]


def headlines(
    document: Mapping[str, Any], wanted: Iterable[str] = (), *, most: int = HEADLINES_SHOWN
) -> tuple[Headline, ...]:
    """The metrics to show, most wanted first: those of the search, the usual ones, then the rest."""
    metrics = document.get("metrics")
    if not isinstance(metrics, dict | Mapping):
        return ()
    chosen: list[str] = []
    for name in _by_interest(metrics, wanted):
        if name in metrics and name not in chosen and isinstance(metrics[name], int | float):
            chosen.append(name)
            if len(chosen) == most:
                break
    return tuple(
        Headline(metric=name, value=metrics[name], evaluation=_evaluation(document, name, metrics[name]))
        for name in chosen
    )


def _by_interest(metrics: Mapping[str, Any], wanted: Iterable[str]) -> Iterator[str]:
    """Names of metrics, some of them twice; how fast a model is comes behind how good it is."""
    yield from wanted
    yield from USUAL
    yield from (name for name in metrics if not _is_performance(name))
    yield from metrics


def headline_of(document: Mapping[str, Any], name: str) -> Headline | None:
    """One metric of a model; None if it does not report it."""
    metrics = document.get("metrics")
    value = metrics.get(name) if isinstance(metrics, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Headline(metric=name, value=value, evaluation=_evaluation(document, name, value))


def metric_label(name: str) -> str:
    """What people call the metric."""
    metric = find(name)
    if metric is None and name.startswith("train_") and (trained := find(name.removeprefix("train_"))):
        return f"{trained.label} (training data)"
    return metric.label if metric else shown(name, LABEL_CHARACTERS)


def _is_performance(name: str) -> bool:
    metric = find(name)
    return metric is not None and metric.group == "performance"


def _evaluation(document: Mapping[str, Any], name: str, value: float) -> Mapping[str, Any]:
    rows = [row for row in rows_at(document, "evaluations") if headline_name(row) == name]
    same = [row for row in rows if row.get("value") == value]
    return (same or rows or [{}])[0]


def headline_name(evaluation: Mapping[str, Any]) -> str:
    """The name under which an evaluation's value may stand among the metrics: values on training data have their own."""
    name = str(evaluation.get("metric") or "")
    return f"train_{name}" if evaluation.get("split") == "train" and not name.startswith("train_") else name
