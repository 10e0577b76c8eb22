"""For `xgboost.train(callbacks=[...])` and the estimators of scikit-learn's kind.

Source: dmlc/xgboost, python-package/xgboost/callback.py, TrainingCallback.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any

from modeldex.callbacks.training_log import EVERY_SECONDS, TrainingLog, about

SETTINGS = (
    "eta",
    "max_depth",
    "max_leaves",
    "min_child_weight",
    "subsample",
    "colsample_bytree",
    "lambda",
    "alpha",
    "gamma",
)


def for_xgboost(
    path: str | os.PathLike[str],
    *,
    params: Mapping[str, Any] | None = None,
    every_seconds: float = EVERY_SECONDS,
) -> Any:
    """A callback that writes the newest value of each metric and evaluation set beside the model at `path`.

    Objective, booster and the usual settings are the booster's own; `params` adds to them. Raises ImportError without xgboost.
    """
    import xgboost  # noqa: PLC0415 - only who trains with it has it

    training = TrainingLog(path, every_seconds=every_seconds)

    class ModeldexCallback(xgboost.callback.TrainingCallback):
        def before_training(self, model: Any) -> Any:
            training.began({**_settings(model), **(params or {})})
            return model

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002 - xgboost's signature
            for name, metrics in evals_log.items():
                newest = {metric: _mean(values[-1]) for metric, values in metrics.items() if values}
                training.measured(newest, step=epoch + 1, **about(name))
            return False

        def after_training(self, model: Any) -> Any:
            best = getattr(model, "best_iteration", None) if _was_stopped_early(model) else None
            training.ended(rounds=_rounds(model), best_iteration=best)
            return model

    return ModeldexCallback()


def _mean(value: Any) -> Any:
    """The mean of a cross-validation, which gives it with its deviation."""
    return value[0] if isinstance(value, tuple) else value


def _settings(model: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    with contextlib.suppress(
        AttributeError, ValueError, KeyError, TypeError
    ):  # the folds of a cross-validation have none
        learner = json.loads(model.save_config())["learner"]
        settings["objective"] = learner["objective"]["name"]
        booster = learner["gradient_booster"]
        settings["booster"] = booster["name"]
        trees = booster.get("tree_train_param", {})
        settings |= {name: float(trees[name]) for name in SETTINGS if name in trees}
    return settings


def _was_stopped_early(model: Any) -> bool:
    attributes = getattr(model, "attributes", None)
    return callable(attributes) and "best_iteration" in attributes()


def _rounds(model: Any) -> int | None:
    rounds = getattr(model, "num_boosted_rounds", None)
    return int(rounds()) if callable(rounds) else None
