"""What a reported metric's name means: the canonical metric, the split, and what else the name tells.

Used by the normaliser on files and by the query on what people type, so both agree.
"""

from __future__ import annotations

import re
from functools import lru_cache

from catalog.lazy_dataclasses import dataclass
from catalog.text.slugs import stored_slug
from mappings.metrics import LOWER_IS_BETTER, Metric, ambiguous_splits, find, splits

GROUP_WORDS = frozenset({"metrics", "metric", "results", "scores", "performance", "summary"})
AGGREGATIONS = {
    "best": "best",
    "final": "last",
    "last": "last",
    "max": "best",
    "mean": "mean",
    "avg": "mean",
    "epoch": "epoch",
    "step": "step",
}
UNCERTAINTY_SUFFIXES = ("stderr", "std_err", "std_error", "std", "stdev", "std_dev", "stddev", "ci95")
NOT_METRICS = frozenset(
    {
        "epoch", "epochs", "step", "steps", "global_step", "iteration", "iter", "learning_rate", "lr", "grad_norm", "timestamp",
        "samples", "num_samples", "n_samples", "num_input_tokens_seen", "total_flos", "seed", "batch_size", "num_epochs",
        "num_examples", "n_shot", "num_fewshot", "alias", "sample_len", "sample_count", "n_sample", "parameters", "num_parameters",
        "n_parameters", "param_count", "parameter_count", "model_size", "max_epochs", "max_steps", "max_iters", "total_steps", "total_epochs",
        "epoch_num", "iter_num", "num_steps", "num_updates", "n_iter", "current_epoch", "eta_seconds", "eta", "data_time", "lr0",
        "step_num", "global_steps", "n_params", "total_params", "trainable_params", "num_params", "params", "model_size_mb", "model_bytes",
        "best_epoch", "best_step", "best_iteration", "epochs_trained", "elapsed", "elapsed_time", "elapsed_seconds", "random_state",
        "n_estimators", "max_depth", "max_length", "max_seq_length", "num_labels", "num_classes", "n_classes", "n_features", "support",
        "test_size", "train_size", "val_size", "train_samples", "test_samples", "eval_samples", "version", "threshold", "num_workers",
        "gpu_mem", "gpu_memory", "memory_mb", "n_samples_train", "n_samples_test", "metric",
        "training_iteration", "iterations_since_restore", "pid", "time_this_iter_s", "time_total_s", "time_since_restore",
        "timesteps_total", "timesteps_since_restore", "timesteps_this_iter", "warmup_time", "rank_data_time", "memory", "time",
        "n", "n_total", "total", "count", "tp", "tn", "fp", "fn", "true_positives", "true_negatives", "false_positives", "false_negatives",
    }
)  # fmt: skip
"""Names that trainers log among their metrics though they measure nothing."""

_LM_EVAL = re.compile(r"(?P<name>[A-Za-z0-9_.@+-]+),(?P<filter>[A-Za-z0-9_.-]+)")
_BARE_DECIMAL = re.compile(r"(?<![\d.])\.(?=\d)")
_SET_NUMBER = re.compile(r"^\d_(?=[a-z])")  # boosters number their evaluation sets: valid_0, validation_1
_ON_SPLIT = re.compile(
    r"^(?P<name>[a-z0-9_]+?)_(?:on|in|for)_(?:the_)?(?P<split>[a-z]+)(?:_(?:set|split|data|dataset))?$"
)
_SPLIT_SET = re.compile(r"^(?P<name>[a-z0-9_]+?)_(?P<split>[a-z]+)_(?:set|split|data)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricName:
    """One raw name, understood. `metric` is None for unknown names, whose `name` is their own slug.

    `split` is what the name says (None: nothing), `aggregation` best, last, mean, epoch or step, `filter` lm-eval's.
    `percent` says that the name itself declares percent; `uncertainty` that it is the error of another metric.
    """

    raw: str
    name: str
    metric: Metric | None = None
    split: str | None = None
    aggregation: str | None = None
    filter: str | None = None
    percent: bool = False
    uncertainty: bool = False

    @property
    def direction(self) -> str | None:
        if self.metric is not None:
            return self.metric.direction
        return "down" if self.name.endswith(LOWER_IS_BETTER) else None

    @property
    def changes(self) -> tuple[str, ...]:
        """`alias acc→accuracy` where the canonical name is another than the raw one."""
        return (f"alias {self.raw}→{self.name}",) if self.raw != self.name else ()


def resolve_metric_name(text: str) -> str | None:
    """The canonical metric that a text names, whatever split it says; None when the registry has none."""
    understood = read_metric_name(text)
    return None if understood.metric is None or understood.uncertainty else understood.metric.name


def metric_direction(name: str) -> str | None:
    """Whether more of this canonical name or slug is better: up, down, or None when nobody knows."""
    bare = name.removeprefix("train_")
    metric = find(name) or find(bare)
    if metric is not None:
        return metric.direction
    return "down" if bare.endswith(LOWER_IS_BETTER) else None


def headline_name(understood: MetricName) -> str:
    """The name under which documents have a value that is called so: train values and errors have their own."""
    name = f"{understood.name}_stderr" if understood.uncertainty else understood.name
    return f"train_{name}" if understood.split == "train" else name


@lru_cache(maxsize=16_384)
def read_metric_name(raw: str) -> MetricName:
    """The meaning of a raw metric name. Total: an unknown name is its own slug."""
    bare, filter_ = _without_filter(raw.strip())
    percent = "%" in bare
    name = stored_slug(_BARE_DECIMAL.sub("0.", bare.replace("%", " ")))
    for suffix in ("_pct", "_percent", "_percentage"):
        if name.endswith(suffix) and find(name) is None:
            name, percent = name.removesuffix(suffix), True
    name, uncertainty = _without_uncertainty(name)
    name, split, aggregation = _without_qualifiers(name)
    metric = find(name)
    return MetricName(
        raw=raw,
        name=metric.name if metric else name,
        metric=metric,
        split=split,
        aggregation=aggregation,
        filter=filter_,
        percent=percent,
        uncertainty=uncertainty,
    )


def normal_split(text: str) -> str:
    """A data set's split as train, validation, test or other."""
    name = stored_slug(text)
    if name in splits():
        return splits()[name]
    words = name.split("_")
    return next((splits()[word] for word in words if word in splits()), "other")


def _without_filter(raw: str) -> tuple[str, str | None]:
    match = _LM_EVAL.fullmatch(raw)
    if match is None:
        return raw, None
    return match["name"], None if match["filter"] == "none" else match["filter"]


def _without_uncertainty(name: str) -> tuple[str, bool]:
    for suffix in UNCERTAINTY_SUFFIXES:
        if name.endswith(f"_{suffix}"):
            return name.removesuffix(f"_{suffix}"), True
    return name, False


def _without_qualifiers(name: str) -> tuple[str, str | None, str | None]:
    """The name with split and aggregation words cut off at both ends, one by one, until the registry knows it.

    A name that stays unknown loses only its split: nobody knows that its other words are no part of it.
    """
    known = _stripped(name, aggregations=True)
    return known if find(known[0]) is not None else _stripped(name, aggregations=False)


def _stripped(name: str, *, aggregations: bool) -> tuple[str, str | None, str | None]:
    split: str | None = None
    aggregation: str | None = None
    while find(name) is None:
        shorter, said_split, said_aggregation = _one_qualifier_less(name)
        if shorter == name or (said_split is None and not aggregations):
            break
        name, split, aggregation = shorter, split or said_split, aggregation or said_aggregation
    return name, split, aggregation


def _one_qualifier_less(name: str) -> tuple[str, str | None, str | None]:
    for pattern in (_ON_SPLIT, _SPLIT_SET):
        match = pattern.match(name)
        if match and match["split"] in splits():
            return match["name"], splits()[match["split"]], None
    first, _, rest = name.partition("_")
    if rest and first in splits():
        return _SET_NUMBER.sub("", rest), splits()[first], None
    if rest and (first in GROUP_WORDS or (first in AGGREGATIONS and first not in {"epoch", "step"})):
        return rest, None, AGGREGATIONS.get(first)
    head, _, last = name.rpartition("_")
    if head and last in splits() and last not in ambiguous_splits():
        return head, splits()[last], None
    if head and last in AGGREGATIONS and last != "max":
        return head, None, AGGREGATIONS[last]
    return name, None, None
