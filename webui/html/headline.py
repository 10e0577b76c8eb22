"""Which of a model's metrics a short view shows, and what it says beside the number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mappings.metrics import find
from webui.documents import rows_at
from webui.numbers import Figure, decimal
from webui.text import shown

# What people ask for first when they name no metric; then whatever the model reports.
USUAL = (
    "accuracy",
    "f1",
    "f1_macro",
    "map",
    "rouge_l",
    "bleu",
    "roc_auc",
    "wer",
    "perplexity",
    "rmse",
    "loss",
)
OTHERS_SHOWN = 2
LABEL_CHARACTERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One metric of a model: the canonical value, the data it was measured on, and what to know about it."""

    metric: str
    label: str
    value: Figure
    dataset: str
    split: str
    note: str


def scores(document: Mapping[str, Any], wanted: Iterable[str] = ()) -> tuple[Score, ...]:
    """The metrics to show, most wanted first: those of the search, the usual ones, then the rest."""
    metrics = document.get("metrics")
    if not isinstance(metrics, Mapping):
        return ()
    numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
    quality = [name for name in numbers if not _is_performance(name)]
    order = dict.fromkeys([*wanted, *USUAL, *quality, *numbers])
    chosen = [name for name in order if name in numbers][: 1 + OTHERS_SHOWN]
    return tuple(_score(document, name, numbers[name]) for name in chosen)


def metric_label(name: str) -> str:
    """What people call the metric."""
    metric = find(name)
    if metric is None and name.startswith("train_") and (trained := find(name.removeprefix("train_"))):
        return f"{trained.label} (training data)"
    return metric.label if metric else shown(name, LABEL_CHARACTERS)


def direction_note(name: str) -> str:
    """`lower is better`, where a reader may think the opposite."""
    metric = find(name)
    return "lower is better" if metric and metric.direction == "down" else ""


def _is_performance(name: str) -> bool:
    metric = find(name)
    return metric is not None and metric.group == "performance"


def _score(document: Mapping[str, Any], name: str, value: float) -> Score:
    evaluation = _evaluation(document, name, value)
    return Score(
        metric=name,
        label=metric_label(name),
        value=decimal(value, digits=3),
        dataset=dataset_of(evaluation),
        split=shown(evaluation.get("split") or "", LABEL_CHARACTERS),
        note=evaluation_note({**evaluation, "metric": name}),
    )


def evaluation_note(evaluation: Mapping[str, Any]) -> str:
    """What an evaluation says beyond its number: that its unit is a guess, that it is doubtful, its direction."""
    unit = str(evaluation.get("unit") or "")
    inferred = evaluation.get("evidence") == "inferred" or "inferred" in unit
    notes = [
        "unit inferred" if inferred else "",
        shown(str(evaluation.get("flag") or "").replace("-", " "), LABEL_CHARACTERS),
        direction_note(str(evaluation.get("metric") or "")),
        _history_note(evaluation.get("history")),
    ]
    return ", ".join(note for note in notes if note)


def _history_note(history: Any) -> str:
    """What came before the last value of a run: `best 0.96 at step 1 of 3 values`."""
    if not isinstance(history, Mapping) or not isinstance(history.get("points"), int):
        return ""
    best, step = history.get("best"), history.get("best_step")
    if not isinstance(best, int | float):
        return f"last of {history['points']:,} values"
    at = f" at step {step:,}" if isinstance(step, int) else ""
    return f"best {decimal(best).text}{at}, {history['points']:,} values"


def dataset_of(evaluation: Mapping[str, Any]) -> str:
    """The data set as its source writes it."""
    return shown(evaluation.get("dataset_id") or evaluation.get("dataset") or "", LABEL_CHARACTERS)


def _evaluation(document: Mapping[str, Any], name: str, value: float) -> Mapping[str, Any]:
    rows = [row for row in rows_at(document, "evaluations") if headline_name(row) == name]
    same = [row for row in rows if row.get("value") == value]
    return (same or rows or [{}])[0]


def headline_name(evaluation: Mapping[str, Any]) -> str:
    """The name under which an evaluation's value may stand among the metrics: values on training data have their own."""
    name = str(evaluation.get("metric") or "")
    return f"train_{name}" if evaluation.get("split") == "train" and not name.startswith("train_") else name
