"""A model's headline metrics as pages write them, and what is said beside the number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from mappings.metrics import find
from webui.headline import LABEL_CHARACTERS, Headline, headlines, metric_label
from webui.numbers import Figure, decimal
from webui.text import shown


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
    return tuple(_score(headline) for headline in headlines(document, wanted))


def first_score(document: Mapping[str, Any], wanted: Iterable[str]) -> Score | None:
    """That of the metric that comes first."""
    return next(map(_score, headlines(document, wanted, most=1)), None)


def direction_note(name: str) -> str:
    """`lower is better`, where a reader may think the opposite."""
    metric = find(name)
    return "lower is better" if metric and metric.direction == "down" else ""


def _score(headline: Headline) -> Score:
    return Score(
        metric=headline.metric,
        label=metric_label(headline.metric),
        value=decimal(headline.value, digits=3),
        dataset=dataset_of(headline.evaluation),
        split=shown(headline.evaluation.get("split") or "", LABEL_CHARACTERS),
        note=evaluation_note({**headline.evaluation, "metric": headline.metric}),
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
