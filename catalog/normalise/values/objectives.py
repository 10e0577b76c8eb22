"""The task that a booster's objective shows."""

from __future__ import annotations

import re

CLASSIFIER_OBJECTIVES = re.compile(
    r"(?i)logistic|softmax|softprob|multiclass|binary|logloss|crossentropy|cross_entropy|multi_?class"
)
REGRESSOR_OBJECTIVES = re.compile(
    r"(?i)^(?:reg:|regression|rmse|mae|mape|huber|poisson|quantile|tweedie|gamma|survival)"
)


def task_of_objective(objective: str) -> str | None:
    """The task that a booster's objective shows: multi:softprob → tabular-classification."""
    if CLASSIFIER_OBJECTIVES.search(objective):
        return "tabular-classification"
    return "tabular-regression" if REGRESSOR_OBJECTIVES.search(objective) else None
