"""What a document says under the name of a field: also numbers that have no field of their own.

Those are hyper-parameters and other paths below a flattened field (`hyperparameters.n_estimators`), and metrics on one
data set (`metrics.f1@conll2003`). Whoever indexes or sorts asks here, so that all say the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from catalog.text.folding import fold
from catalog.text.patterns import pattern
from mappings import fields

MAX_NUMERAL_CHARACTERS = 40
_NUMERAL = pattern(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?", re.ASCII)
_SPLIT_RANK = {"test": 0, "validation": 1, "train": 3}
_OTHER_SPLIT = 2
_NOT_SLUG = pattern(r"[^a-z0-9_]+")


@lru_cache(maxsize=4_096)
def key_slug(text: str) -> str:
    """A key of a free object as one part of a field's name."""
    return _NOT_SLUG.sub("_", text.lower()).strip("_") or "_"


def is_leaf(name: str) -> bool:
    """Whether this is a path below a flattened field."""
    root, _, rest = name.partition(".")
    row = fields().get(root)
    return bool(rest) and row is not None and row.type == "flattened"


def is_metric_on_dataset(name: str) -> bool:
    """Whether this is a metric on one data set, such as `metrics.f1@conll2003`."""
    return name.startswith("metrics.") and "@" in name


def has_named_number(name: str) -> bool:
    """Whether the numbers of this field are found by its name alone, because it has no field of its own."""
    return is_metric_on_dataset(name) or is_leaf(name)


def numeral(text: str) -> float | None:
    """The number that a text is, as far as a double holds it: `0.30` is 0.3; None for every other text."""
    if not 0 < len(text) <= MAX_NUMERAL_CHARACTERS or not _NUMERAL.fullmatch(text):
        return None
    value = float(text)
    return value + 0.0 if math.isfinite(value) else None


def leaf_numbers(root: str, leaves: Mapping[str, list[str]]) -> Iterator[tuple[str, float]]:
    """Name and number of every path that holds exactly one value, and that a number. A list has no number."""
    for path, texts in leaves.items():
        if len(texts) == 1 and (value := numeral(texts[0])) is not None:
            yield f"{root}.{path}", value


def split_rank(evaluation: Mapping[str, Any]) -> int:
    """Which of several reports of one metric on one data set stands for the model: the one with the lowest rank."""
    return _SPLIT_RANK.get(fold(str(evaluation.get("split") or "")), _OTHER_SPLIT)


def metrics_by_dataset(evaluations: Iterable[Any]) -> dict[str, float]:
    """`metrics.<metric>@<data set>` and the number that stands for the model there, names folded.

    Of several reports it is that of the test split, then of validation, then of no or another split, then of training;
    within one of these the first in the document, whose evaluations stand in the order of trust.
    """
    chosen: dict[str, tuple[int, float]] = {}
    for evaluation in evaluations:
        if type(evaluation) is not dict and not isinstance(evaluation, Mapping):
            continue
        metric, dataset, value = (evaluation.get(part) for part in ("metric", "dataset", "value"))
        if not isinstance(metric, str) or not isinstance(dataset, str) or not metric or not dataset:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            continue
        name = _name_on_dataset(metric, dataset)
        rank = split_rank(evaluation)
        if name not in chosen or rank < chosen[name][0]:
            chosen[name] = (rank, float(value) + 0.0)
    return {name: value for name, (_, value) in chosen.items()}


@lru_cache(maxsize=1_024)
def _name_on_dataset(metric: str, dataset: str) -> str:
    """Models are measured on the same few data sets."""
    return fold(f"metrics.{metric}@{dataset}")


def is_ordered_text(name: str) -> bool:
    """Whether the field holds texts whose order means something: keys of versions."""
    row = fields().get(name)
    return row is not None and row.indexed_as == "versions"
