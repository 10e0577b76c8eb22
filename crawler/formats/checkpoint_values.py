"""What a training checkpoint says beside its tensors: progress, settings, scores, and who wrote it.

Source: Lightning `lightning/pytorch/trainer/connectors/checkpoint_connector.py` (`dump_checkpoint`), Ultralytics
`ultralytics/engine/trainer.py` (`save_model`), the saving tutorials of torch, timm and DeepSpeed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from catalog.layouts.steps import step_key
from catalog.records import Evidence
from catalog.text.patterns import pattern
from crawler.extractor import Findings
from crawler.formats.best_scores import best_is_own
from crawler.formats.openmmlab import tell_openmmlab
from crawler.formats.pickle_nodes import Call, Dict, Global
from crawler.formats.pickle_values import Resolver, flattened, mapping, plain
from crawler.formats.torch_model import MODEL_KEYS, USED_OF_TWO
from crawler.formats.torch_tensors import tensor_of
from crawler.formats.training_data import name_of

MAX_OTHERS = 200
MAX_STEPS = 10**15

_SETTINGS = (
    "hyper_parameters",
    "hyperparameters",
    "hyperparams",
    "hparams",
    "args",
    "train_args",
    "config",
    "cfg",
    "opt",
    "options",
    "model_args",
    "model_config",
    "training_args",
    "datamodule_hyper_parameters",
    "kwargs",
    "model_kwargs",
    "model_params",
)
_EPOCHS = (
    "epoch",
    "epochs",
    "current_epoch",
    "epoch_num",
    "cur_epoch",
    "epoch_idx",
    "epochs_trained",
    "trained_epochs",
    "num_epochs",
)
_STEPS = (
    "global_step",
    "global_steps",
    "step",
    "steps",
    "iteration",
    "iterations",
    "iter",
    "num_updates",
    "iter_num",
    "n_iter",
    "step_num",
    "cur_iter",
    "current_iter",
    "cur_step",
    "current_step",
    "global_iter",
    "total_steps",
)
_RATES = ("lr", "learning_rate")
_PROGRESS_BELOW = {
    "training.epochs@mm": ("meta", "epoch"),
    "training.steps@mm": ("meta", "iter"),
    "training.epochs@fairseq": ("extra_state", "train_iterator", "epoch"),
    "training.epochs@fairseq-old": ("extra_state", "epoch"),
}
"""Field, with who writes it there. Source: open-mmlab/mmengine runner/runner.py (`save_checkpoint`); facebookresearch/fairseq
checkpoint_utils.py."""
_PROCESSED_BY_LIGHTNING = ("loops", "fit_loop", "epoch_progress", "current", "processed")
"""How many epochs Lightning has trained; its `epoch` is the number of the last one, from 0.

Source: Lightning-AI/pytorch-lightning src/lightning/pytorch/loops/progress.py.
"""
_TEXTS = {
    "arch": "architecture",
    "license": "license",
    "description": "description",
    "model_name": "extra.model_name",
}
_METRIC = pattern(
    r"(^|_)(best|loss|acc|accuracy|acc1|acc5|top1|top5|f1|auc|map|miou|iou|dice|bleu|rouge|wer|cer|psnr|ssim|fid|perplexity|"
    r"ppl|metric|score|mse|mae|rmse|precision|recall|fitness|error|val|valid|test)(\d*)($|_)",
    re.IGNORECASE,
)
_NOT_METRIC = pattern(r"(epoch|step|iter|path|model|file|name|time|seed|batch)", re.IGNORECASE)
_SCORE_GROUPS = (
    "metrics",
    "train_metrics",
    "val_metrics",
    "test_metrics",
    "eval_metrics",
    "results",
    "scores",
    "best_metrics",
)
_SILENT = frozenset(
    {
        *MODEL_KEYS,
        *USED_OF_TWO,
        *_SETTINGS,
        *_SCORE_GROUPS,
        "optimizer",
        "optimizer_states",
        "lr_schedulers",
        "callbacks",
        "loops",
    }
)
_ULTRALYTICS_KEYS = {"date", "version", "docs", "updates", "train_results", "git"}
_ULTRALYTICS_TASKS = {
    "detect": "object-detection",
    "segment": "image-segmentation",
    "classify": "image-classification",
    "pose": "keypoint-detection",
    "obb": "object-detection",
}


def tell_checkpoint(
    findings: Findings,
    root: Any,
    *,
    model_key: str | None,
    framework: str | None,
    resolve: Resolver | None = None,
) -> None:
    """Everything plain that a checkpoint's root says. `framework` is said unless the root names its own trainer.

    `resolve` reads tensors of one element.
    """
    pairs = mapping(root)
    if pairs is None:
        findings.say("framework", framework, "pickle:/", evidence=Evidence.INFERRED)
        return
    if (
        type(root) is Call
        and root.attributes is not None
        and root.pairs is None
        and root.name != "collections.OrderedDict"
    ):
        findings.say("framework", framework, "pickle:/", evidence=Evidence.INFERRED)
        _tell_module(findings, root, "")
        return
    state_dict_itself = model_key is None and _mostly_tensors(pairs)
    lightning = pairs.get("pytorch-lightning_version")
    ultralytics = "train_args" in pairs and ("model" in pairs or "ema" in pairs)
    if type(lightning) is str:
        _tell_lightning(findings, pairs, lightning, resolve)
    elif ultralytics:
        _tell_ultralytics(findings, pairs, resolve)
    else:
        findings.say("framework", framework, "pickle:/", evidence=Evidence.INFERRED)
    if not state_dict_itself:
        _tell_progress(findings, pairs, resolve)
        _tell_settings(findings, pairs, resolve)
        _tell_scores(findings, pairs, resolve)
        _tell_others(findings, pairs, resolve)
        tell_openmmlab(findings, pairs)
    if model_key is not None:
        _tell_module(findings, pairs.get(model_key), f"/{model_key}")


def _mostly_tensors(pairs: Dict) -> bool:
    tensors = sum(1 for _, value in pairs.items() if type(value) is Call and tensor_of(value) is not None)
    return tensors * 2 > len(pairs)


def _tell_module(findings: Findings, node: Any, pointer: str) -> None:
    """The class of a network that was pickled whole."""
    if (
        type(node) is not Call
        or type(node.callee) is not Global
        or "_modules" not in (node.attributes or Dict())
    ):
        return
    findings.say("architecture", node.class_name, f"pickle:{pointer or '/'}")
    findings.say("extra.class", node.name, f"pickle:{pointer or '/'}")
    attributes = node.attributes
    names = plain(attributes.get("names")) if attributes is not None else None
    if isinstance(names, dict) and names:
        findings.say("classes", len(names), f"pickle:{pointer}/names", evidence=Evidence.COUNTED)
        findings.say("extra.class_names", list(names.values())[:200], f"pickle:{pointer}/names")
    if attributes is not None and type(attributes.get("task")) is str:
        _tell_task(findings, attributes.get("task"), f"pickle:{pointer}/task")


def _tell_task(findings: Findings, task: str, pointer: str) -> None:
    findings.say("task", _ULTRALYTICS_TASKS.get(task, task), pointer)


def _tell_lightning(findings: Findings, pairs: Dict, version: str, resolve: Resolver | None) -> None:
    findings.say("framework", "pytorch-lightning", "pickle:/pytorch-lightning_version")
    findings.say("framework_version", version, "pickle:/pytorch-lightning_version")
    callbacks = mapping(pairs.get("callbacks"))
    if callbacks is None:
        return
    for key, state in callbacks.items():
        # before 1.5 the class itself was the key
        name = key if type(key) is str else key.name if type(key) is Global else None
        values = mapping(state)
        if values is None or name is None:
            continue
        pointer = f"pickle:/callbacks/{name.split('{')[0][:100]}"
        monitor = values.get("monitor")
        if type(monitor) is str:
            _tell_monitored(findings, monitor, values, pointer, resolve)
        findings.say("extra.monitor", monitor if type(monitor) is str else None, f"{pointer}/monitor")


def _tell_monitored(
    findings: Findings, monitor: str, values: Dict, pointer: str, resolve: Resolver | None
) -> None:
    """What the callback measured for this file; the best of the run is this file's only where it is the one that is named.

    Source: Lightning `lightning/pytorch/callbacks/model_checkpoint.py` (`state_dict`): every file of a run holds them all.
    """
    own = findings.file_name
    kept = mapping(values.get("best_k_models")) or Dict()
    scores = {_file_name(path): node for path, node in kept.named()}
    best_path = values.get("best_model_path")
    best_is_own = type(best_path) is not str or not best_path or _file_name(best_path) == own
    by_file = ("best_k_models", scores.get(own))
    current = ("current_score", values.get("current_score"))
    best = tuple((key, values.get(key)) for key in ("best_model_score", "best_score"))
    order = (
        (by_file, *best, current)
        if best_is_own and best_path
        else (by_file, current, *(best if best_is_own else ()))
    )
    for key, node in order:
        score = plain(node, resolve=resolve)
        if isinstance(score, int | float) and math.isfinite(score):
            aggregation = "best" if key.startswith("best_") and key != "best_k_models" else None
            findings.metric(
                monitor,
                score,
                f"{pointer}/{key}",
                block="callbacks",
                aggregation=aggregation,
                source="lightning",
            )
            break
    for key, node in best if not best_is_own else ():
        score = plain(node, resolve=resolve)
        if isinstance(score, int | float) and math.isfinite(score):
            findings.say(f"extra.{key}", score, f"{pointer}/{key}")


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _tell_ultralytics(findings: Findings, pairs: Dict, resolve: Resolver | None) -> None:
    findings.say("framework", "ultralytics", "pickle:/train_args", evidence=Evidence.INFERRED)
    findings.say("framework_version", plain(pairs.get("version")), "pickle:/version")
    findings.say("trained_at", plain(pairs.get("date")), "pickle:/date")
    findings.say("extra.docs", plain(pairs.get("docs")), "pickle:/docs")
    settings = mapping(pairs.get("train_args")) or Dict()
    task, data = plain(settings.get("task")), plain(settings.get("data"))
    if isinstance(task, str):
        _tell_task(findings, task, "pickle:/train_args/task")
    if isinstance(data, str):
        findings.say("datasets", name_of(data), "pickle:/train_args/data")
    fitness = plain(pairs.get("best_fitness"), resolve=resolve)
    if isinstance(fitness, int | float) and best_is_own("best_fitness", {}, findings.file_name, None):
        findings.metric("best_fitness", fitness, "pickle:/best_fitness", block="train_metrics")


def _tell_progress(findings: Findings, pairs: Dict, resolve: Resolver | None) -> None:
    processed = plain(_below(pairs, _PROCESSED_BY_LIGHTNING), resolve=resolve)
    is_known = type(processed) is int and processed > 0
    if is_known:
        findings.say("training.epochs", processed, f"pickle:/{'/'.join(_PROCESSED_BY_LIGHTNING)}")
    for field, names in (
        ("training.epochs", () if is_known else _EPOCHS),
        ("training.steps", _STEPS),
        ("training.learning_rate", _RATES),
    ):
        for name in names:
            value = plain(pairs.get(name), resolve=resolve)
            if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
                findings.say(field, value, f"pickle:/{name}")
                if field == "training.steps" and type(value) is int and value < MAX_STEPS:
                    findings.joins(step_key(findings.directory, value))
                break
    for field, path in _PROGRESS_BELOW.items():
        value = plain(_below(pairs, path), resolve=resolve)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            findings.say(field.partition("@")[0], value, f"pickle:/{'/'.join(path)}")
    for name, field in _TEXTS.items():
        value = plain(pairs.get(name))
        if isinstance(value, str):
            findings.say(field, value, f"pickle:/{name}")


def _below(pairs: Dict, path: Sequence[str]) -> Any:
    """What stands at the end of a path of keys, or None."""
    inner: Any = pairs
    for part in path:
        inner = None if (below := mapping(inner)) is None else below.get(part)
    return inner


def _tell_settings(findings: Findings, pairs: Dict, resolve: Resolver | None) -> None:
    names: set[str] = set()
    for group in _SETTINGS:
        node = pairs.get(group)
        if node is None or tensor_of(node) is not None:
            continue
        for name, value in flattened(node, resolve=resolve):
            names.add(name)
            findings.say(f"hyperparameters.{name}", value, f"pickle:/{group}/{name.replace('.', '/')}")
            if name.lower() in {"dataset", "dataset_name"} and isinstance(value, str):
                findings.say("datasets", value, f"pickle:/{group}/{name}", evidence=Evidence.INFERRED)
    optimizer = mapping(
        _first_of(pairs.get("optimizer_states"))
        or pairs.get("optimizer")
        or pairs.get("optimizer_state_dict")
    )
    groups = optimizer.get("param_groups") if optimizer is not None else None
    first = mapping(_first_of(groups))
    if first is None:
        return
    for name in ("weight_decay", "momentum", "betas", "eps", "nesterov", "amsgrad"):
        value = plain(first.get(name), resolve=resolve)
        if value is not None and name not in names:
            findings.say(f"hyperparameters.{name}", value, f"pickle:/optimizer/param_groups/0/{name}")
    if names.isdisjoint(
        _RATES
    ):  # a scheduler has usually moved the optimizer's own rate: what was set counts
        name = "initial_lr" if "initial_lr" in first else "lr"
        rate = plain(first.get(name), resolve=resolve)
        if rate is not None:
            findings.say("hyperparameters.lr", rate, f"pickle:/optimizer/param_groups/0/{name}")


def _first_of(node: Any) -> Any:
    return node[0] if type(node) in {list, tuple} and node else None


def _tell_scores(findings: Findings, pairs: Dict, resolve: Resolver | None) -> None:
    for group in _SCORE_GROUPS:
        if mapping(pairs.get(group)) is None:
            continue
        for name, value in flattened(pairs.get(group), resolve=resolve, limit=500):
            if isinstance(value, int | float) and not isinstance(value, bool):
                findings.metric(name, value, f"pickle:/{group}/{name.replace('.', '/')}", block=group)
    state = mapping(pairs.get("extra_state"))  # fairseq's: `best` beside it is the run's
    loss = None if state is None else plain(state.get("val_loss"), resolve=resolve)
    if isinstance(loss, int | float) and not isinstance(loss, bool) and math.isfinite(loss):
        findings.metric("val_loss", loss, "pickle:/extra_state/val_loss", block="extra_state")


def _tell_others(findings: Findings, pairs: Dict, resolve: Resolver | None) -> None:
    count = 0
    known = _ULTRALYTICS_KEYS if "train_args" in pairs else set()
    known |= {*_EPOCHS, *_STEPS, *_RATES, *_TEXTS, *_SILENT, "pytorch-lightning_version", "best_fitness"}
    numbers = {name: node for name, node in pairs.named() if type(node) in {int, float}}
    epoch = next((numbers[name] for name in _EPOCHS if name in numbers), None)
    for name, node in pairs.named():
        if not name or name in known or count >= MAX_OTHERS:
            continue
        single = type(node) is Call and tensor_of(node) is not None
        if (
            type(node) not in {str, int, float, bool}
            and not single
            and not (type(node) is Call and node.pairs is None)
        ):
            continue
        value = plain(node, resolve=resolve)
        if value is None or isinstance(value, dict | list):
            continue
        count += 1
        number = isinstance(value, int | float) and not isinstance(value, bool)
        is_score = number and _METRIC.search(name) and not _NOT_METRIC.search(name)
        if is_score and best_is_own(name, numbers, findings.file_name, epoch):
            findings.metric(name, value, f"pickle:/{name}", block="checkpoint")
        else:
            findings.say(f"extra.{name[:100]}", value, f"pickle:/{name}")
