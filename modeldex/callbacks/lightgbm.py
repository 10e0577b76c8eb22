"""For `lightgbm.train(callbacks=[...])` and the estimators of scikit-learn's kind.

Source: microsoft/LightGBM, python-package/lightgbm/callback.py, CallbackEnv.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from modeldex.callbacks.training_log import EVERY_SECONDS, TrainingLog, about

ORDER = 25
"""After those that record (20) and before the one that stops early (30), which ends the round by an error."""


def for_lightgbm(
    path: str | os.PathLike[str],
    *,
    params: Mapping[str, Any] | None = None,
    every_seconds: float = EVERY_SECONDS,
) -> Callable[[Any], None]:
    """A callback that writes the newest value of each metric and evaluation set beside the model at `path`.

    LightGBM tells nobody that it stopped early: the last values are then written a few seconds later, or when the process
    ends. `params` adds to LightGBM's own.
    """
    training = TrainingLog(path, every_seconds=every_seconds)

    def after_round(env: Any) -> None:
        if env.iteration == env.begin_iteration:
            training.began({**(env.params or {}), **(params or {})})
        by_set: dict[str, dict[str, Any]] = {}
        for evaluation_set, metric, value, *_ in env.evaluation_result_list or ():
            by_set.setdefault(str(evaluation_set), {})[metric] = value
        for evaluation_set, metrics in by_set.items():
            training.measured(metrics, step=env.iteration + 1, **about(evaluation_set))
        if env.iteration == env.end_iteration - 1:
            training.ended(rounds=env.iteration + 1)

    after_round.order = ORDER  # type: ignore[attr-defined]  # LightGBM asks for it
    after_round.before_iteration = False  # type: ignore[attr-defined]  # LightGBM asks for it
    return after_round
