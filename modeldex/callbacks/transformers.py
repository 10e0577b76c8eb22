"""For `Trainer(callbacks=[...])` of Hugging Face's transformers.

Source: huggingface/transformers, src/transformers/trainer_callback.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from modeldex.callbacks.training_log import EVERY_SECONDS, TrainingLog

_CHECKPOINT = re.compile(r"checkpoint-(\d{1,12})$")


def for_transformers(
    path: str | os.PathLike[str] | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    every_seconds: float = EVERY_SECONDS,
) -> Any:
    """A callback that writes what the trainer evaluates beside the model at `path`, by default its output directory.

    Where the best checkpoint is loaded at the end, the values are those of that checkpoint. Settings are the training
    arguments; `params` adds to them. The first process alone writes. Raises ImportError without transformers.
    """
    import transformers  # noqa: PLC0415 - only who trains with it has it

    logs: list[TrainingLog] = []

    def training(args: Any) -> TrainingLog:
        if not logs:
            logs.append(TrainingLog(args.output_dir if path is None else path, every_seconds=every_seconds))
        return logs[0]

    class ModeldexCallback(transformers.TrainerCallback):  # type: ignore[misc]  # no types here
        fitting = False

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the trainer's signature
            if state.is_world_process_zero:
                self.fitting = True
                training(args).began({**args.to_sanitized_dict(), **(params or {})})

        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:  # noqa: ARG002 - the trainer's signature
            if state.is_world_process_zero:
                training(args).measured(_numbers(metrics), step=state.global_step)
                if not self.fitting:
                    training(args).flush()

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the trainer's signature
            if state.is_world_process_zero:
                self.fitting = False
                best, step = _of_the_best(args, state)
                training(args).measured(best, step=step)
                training(args).ended(steps_done=state.global_step, best_step=step)

    return ModeldexCallback()


def _numbers(metrics: Any) -> dict[str, Any]:
    """What is measured; where the training stands when it is measured is the step."""
    return {name: value for name, value in (metrics or {}).items() if name not in {"epoch", "step"}}


def _of_the_best(args: Any, state: Any) -> tuple[dict[str, Any], int | None]:
    """What was measured of the checkpoint that the trainer loads at the end; nothing where it does not."""
    checkpoint = _CHECKPOINT.search(str(state.best_model_checkpoint or "").rstrip("/"))
    if not getattr(args, "load_best_model_at_end", False) or checkpoint is None:
        return {}, None
    step = int(checkpoint[1])
    best: dict[str, Any] = {}
    for entry in state.log_history:
        if entry.get("step") == step:
            best |= {name: value for name, value in _numbers(entry).items() if name.startswith("eval_")}
    return best, step
