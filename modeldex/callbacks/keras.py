"""For `model.fit(callbacks=[...])` of Keras 2 and 3.

Source: keras-team/keras, keras/src/callbacks/callback.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from modeldex.callbacks.training_log import EVERY_SECONDS, TrainingLog


def for_keras(
    path: str | os.PathLike[str],
    *,
    params: Mapping[str, Any] | None = None,
    best_of: Any = None,
    every_seconds: float = EVERY_SECONDS,
) -> Any:
    """A callback that writes the values of the newest epoch beside the model at `path`, and those of `evaluate`.

    Keras tells a callback nothing of the others: `best_of` is the `EarlyStopping` that puts back its best weights, or the
    `ModelCheckpoint` that saves them alone; at the end the values are then those of that epoch. What Keras measures on the
    training data is called `train_`, so that it is not taken for the model's score. Settings are the optimizer's and those of
    `fit`; `params` adds to them. Raises ImportError without keras.
    """
    import keras  # noqa: PLC0415 - only who trains with it has it

    training = TrainingLog(path, every_seconds=every_seconds)

    class ModeldexCallback(keras.callbacks.Callback):  # type: ignore[misc]  # no types are published
        fitting = False

        def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras's signature
            self.fitting = True
            training.began({**_settings(self), **(params or {})})

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            training.measured(_of_an_epoch(logs or {}), step=epoch + 1)

        def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras's signature
            self.fitting = False
            best, epoch = _of_the_best(self.model, best_of)
            training.measured(best, step=epoch)
            training.ended()

        def on_test_end(self, logs: Any = None) -> None:
            if not self.fitting:  # within fit it is the validation, which comes again at the end of the epoch
                training.measured(logs or {})
                training.flush()

    return ModeldexCallback()


def _of_an_epoch(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name if name.startswith("val_") else f"train_{name}": value for name, value in values.items()}


def _of_the_best(model: Any, best_of: Any) -> tuple[dict[str, Any], int | None]:
    """What was measured in the epoch that `best_of` keeps, and its number; nothing where it keeps none."""
    if best_of is None:
        return {}, None
    history = model.history.history
    try:
        place = history[best_of.monitor].index(best_of.best)
    except (KeyError, ValueError):
        return {}, None
    values = {name: series[place] for name, series in history.items() if len(series) > place}
    return _of_an_epoch(values), model.history.epoch[place] + 1


def _settings(callback: Any) -> dict[str, Any]:
    asked = getattr(callback, "params", None) or {}
    settings = {name: asked[name] for name in ("epochs", "steps") if asked.get(name)}
    if "steps" in settings:
        settings["steps_per_epoch"] = settings.pop("steps")
    optimizer = getattr(getattr(callback, "model", None), "optimizer", None)
    if optimizer is not None:
        config = dict(optimizer.get_config())
        settings["optimizer"] = config.pop("name", type(optimizer).__name__)
        settings |= config
    return settings
