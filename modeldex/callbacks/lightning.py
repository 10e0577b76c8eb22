"""For `Trainer(callbacks=[...])` of Lightning, as `lightning` or `pytorch_lightning`.

Source: Lightning-AI/pytorch-lightning, src/lightning/pytorch/callbacks/callback.py.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from modeldex.callbacks.training_log import EVERY_SECONDS, TrainingLog

PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def for_lightning(
    path: str | os.PathLike[str],
    *,
    params: Mapping[str, Any] | None = None,
    every_seconds: float = EVERY_SECONDS,
) -> Any:
    """A callback that writes what the module logs beside the model at `path`: after each validation and test, and at the end.

    Settings are the hyper-parameters that the module saved; `params` adds to them. The first process alone writes. Raises
    ImportError without Lightning.
    """
    training = TrainingLog(path, every_seconds=every_seconds)
    bases = tuple(module.Callback for module in _loaded())

    class ModeldexCallback(*bases):  # type: ignore[misc]  # no types are published
        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.is_global_zero:
                training.began({**dict(getattr(pl_module, "hparams", None) or {}), **(params or {})})

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - Lightning's signature
            if trainer.is_global_zero and not trainer.sanity_checking:
                training.measured(trainer.callback_metrics, step=trainer.global_step)

        def on_test_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - Lightning's signature
            if trainer.is_global_zero:
                training.measured(trainer.callback_metrics)
                training.flush()

        def on_fit_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - Lightning's signature
            if trainer.is_global_zero:
                training.measured(trainer.callback_metrics, step=trainer.global_step)
                training.ended()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:  # noqa: ARG002 - Lightning's signature
            if trainer.is_global_zero:
                training.failed(exception)

    return ModeldexCallback()


def _loaded() -> list[Any]:
    """What the job trains with is loaded by now. A trainer of either package takes callbacks of its own alone, and where
    both are loaded this is one of both.
    """
    if loaded := [module for name in PACKAGES if (module := sys.modules.get(name)) is not None]:
        return loaded
    try:
        return [import_module(PACKAGES[0])]
    except ImportError:
        return [import_module(PACKAGES[1])]
