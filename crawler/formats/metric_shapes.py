"""What libraries write of a model's metrics into one JSON or YAML file, as names and values without the words around them.

Source: scikit-learn `classification_report(output_dict=True)`; the model quality reports that SageMaker's model registry reads
(`{"regression_metrics": {"mse": {"value": …, "standard_deviation": …}}}`); kubeflow/pipelines `mlpipeline-metrics.json`;
evalplus/evalplus evalplus/evaluate.py (`pass_at_k`); IDSIA/sacred sacred/observers/file_storage.py (`metrics.json`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.text.slugs import stored_slug
from crawler.formats.leaves import leaves

_OF_EVALPLUS = "pass_at_k"
_GROUPS = frozenset(
    {
        "binary_classification_metrics",
        "class_report",
        "classification_report",
        "model_quality",
        "multiclass_classification_metrics",
        _OF_EVALPLUS,
        "regression_metrics",
        "report",
        "text_generation_metrics",
    }
)
"""Names of what is around metrics, which are no part of their names."""
_COUNTS = frozenset({"cm", "conf_matrix", "conf_mat", "confusion_matrix", "confusion_matrices", "support"})
"""How many samples there were of what: no metrics."""
_LISTS = frozenset({"evaluation", "evaluations", "metrics", "results", "scores", "values"})
"""What lists of metrics are called, which is no part of their names."""
_NAME_KEYS = ("metric", "metric_name", "metricName", "name")
_VALUE_KEYS = ("value", "numberValue", "metric_value", "metricValue", "score")
_SPLIT_KEYS = ("split", "subset", "dataset_split")
_DATASET_KEYS = ("dataset", "dataset_name")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMetric:
    """One metric: its name without the words around it, where it stands, its value, and split, data set, variant and step
    where they are said.
    """

    name: str
    place: tuple[str, ...]
    value: Any
    split: str | None = None
    dataset: str | None = None
    config: str | None = None
    step: int | float | None = None


def reported_metrics(value: Any) -> Iterator[ReportedMetric]:
    """Every metric that the file reports."""
    if _is_history(value):
        yield from _last_of_each(value)
        return
    if isinstance(value, list):
        yield from _of_rows(value, (), ()) if named_rows(value) else ()
        return
    shapes: dict[tuple[str, ...], Counter[frozenset[str]]] = {}
    for names, leaf in leaves(value, rows=True):
        slugs = [
            ""
            if (slug in _GROUPS or slug in _COUNTS) and _is_label(value, names[: level + 1], shapes)
            else slug
            for level, slug in enumerate(map(stored_slug, names))
        ]
        if not _COUNTS.isdisjoint(slugs):
            continue
        kept = tuple(name for name, slug in zip(names, slugs, strict=True) if slug not in _GROUPS)
        if not kept:
            continue
        if isinstance(leaf, list) and named_rows(leaf):
            yield from _of_rows(leaf, kept[:-1] if slugs[-1] in _LISTS else kept, names)
        elif _OF_EVALPLUS in slugs:
            yield ReportedMetric(name=kept[-1], place=names, value=leaf, config="/".join(kept[:-1]) or None)
        else:
            yield ReportedMetric(name="/".join(kept), place=names, value=leaf)


def _is_history(value: Any) -> bool:
    """Whether each metric is its steps and its values, as Sacred keeps them."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(
            isinstance(series, Mapping)
            and isinstance(series.get("steps"), list)
            and isinstance(series.get("values"), list)
            and len(series["steps"]) == len(series["values"])
            for series in value.values()
        )
    )


def _last_of_each(history: Mapping[str, Mapping[str, Any]]) -> Iterator[ReportedMetric]:
    for name, series in history.items():
        last = len(series["values"]) - 1
        if last < 0 or not _is_number(series["values"][last]):
            continue
        step = series["steps"][last]
        yield ReportedMetric(
            name=name,
            place=(name, "values", str(last)),
            value=series["values"][last],
            step=step if _is_number(step) else None,
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_label(
    value: Any, names: tuple[str, ...], shapes: dict[tuple[str, ...], Counter[frozenset[str]]]
) -> bool:
    """Whether `report` or `support` is what one class is called: others beside it have the same values. `shapes` are the keys
    of what is below each object that was looked at.
    """
    *above, last = names
    outer = value
    for name in above:
        outer = outer.get(name) if isinstance(outer, Mapping) else None
    own = outer.get(last) if isinstance(outer, Mapping) else None
    if not isinstance(outer, Mapping) or not isinstance(own, Mapping):
        return False
    counted = shapes.get(tuple(above))
    if counted is None:
        counted = shapes[tuple(above)] = Counter(
            frozenset(inner)
            for name, inner in outer.items()
            if isinstance(inner, Mapping) and stored_slug(str(name)) not in _COUNTS
        )
    others = counted[frozenset(own)]
    return others > 0 if stored_slug(last) in _COUNTS else others > 1


def named_rows(value: list[Any]) -> bool:
    """Whether every element is an object that names a metric and says its value."""
    return bool(value) and all(
        isinstance(row, Mapping)
        and isinstance(_first(row, _NAME_KEYS), str)
        and isinstance(_first(row, _VALUE_KEYS), (int, float, str))
        for row in value
    )


def _of_rows(rows: list[Any], above: tuple[str, ...], place: tuple[str, ...]) -> Iterator[ReportedMetric]:
    for number, row in enumerate(rows):
        split, dataset = _first(row, _SPLIT_KEYS), _first(row, _DATASET_KEYS)
        yield ReportedMetric(
            name="/".join((*above, _first(row, _NAME_KEYS))),
            place=(*place, str(number)),
            value=_first(row, _VALUE_KEYS),
            split=split if isinstance(split, str) else None,
            dataset=dataset if isinstance(dataset, str) else None,
        )


def _first(row: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((row[key] for key in keys if key in row), None)
