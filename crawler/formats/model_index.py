"""Evaluation results of a model card: `model-index`, its older spellings, and `.eval_results` files.

An entry that is broken costs itself, never its neighbours.

Source: huggingface/huggingface_hub src/huggingface_hub/repocard_data.py (`model_index_to_eval_results`);
huggingface/hub-docs modelcard.md and eval_results documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.exports.model_card import UNNAMED
from catalog.lazy_dataclasses import dataclass, field
from catalog.text.slugs import slug
from mappings import metrics as metric_table

MAX_RESULTS = 5_000
PERCENT_WRITERS = (
    "open llm leaderboard",
    "open_llm_leaderboard",
    "lm-eval",
    "lm_eval",
    "lm evaluation harness",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One reported value: what it is called, the value as written, where it stands, and what refines it."""

    name: str
    value: Any
    path: tuple[str | int, ...]
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One entry that says no value, and why."""

    path: tuple[str | int, ...]
    reason: str


def read(index: Any, *, root: str) -> Iterator[Measured | Broken]:
    """Every value of a `model-index`; the first one of the first model is the card's own headline."""
    models = index if isinstance(index, list) else [index]
    first = True
    for number, model in enumerate(models):
        if not isinstance(model, Mapping):
            yield Broken(path=(root, number), reason="is not an object")
            continue
        results = model.get("results")
        if results is None:
            continue
        for place, result in enumerate(results if isinstance(results, list) else [results]):
            for entry in _result(result, (root, number, "results", place)):
                if isinstance(entry, Measured) and first and number == 0:
                    first = False
                    yield Measured(
                        name=entry.name,
                        value=entry.value,
                        path=entry.path,
                        context={**entry.context, "primary": True},
                    )
                else:
                    yield entry


def _result(result: Any, path: tuple[str | int, ...]) -> Iterator[Measured | Broken]:
    if not isinstance(result, Mapping):
        yield Broken(path=path, reason="is not an object")
        return
    context = _context(result)
    entries = result.get("metrics", result.get("metric"))
    if isinstance(entries, Mapping):
        entries = [entries]
    if not isinstance(entries, list):
        yield Broken(path=path, reason="has no metrics")
        return
    for place, entry in enumerate(entries):
        yield from _metric(entry, context, (*path, "metrics", place))


def _metric(
    entry: Any, context: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[Measured | Broken]:
    if not isinstance(entry, Mapping):
        yield Broken(path=path, reason="is not an object")
        return
    if "value" not in entry and "type" not in entry:  # {accuracy: 0.93}: the name is the key
        values = {
            name: value
            for name, value in entry.items()
            if isinstance(value, (int, float, str)) and name != "name"
        }
        if not values:
            yield Broken(path=path, reason="has no value")
        for name, value in values.items():
            yield Measured(name=str(name), value=value, path=(*path, name), context=context)
        return
    name = _name(entry)
    if name is None or entry.get("value") is None:
        yield Broken(path=path, reason="has no type" if name is None else "has no value")
        return
    own = {"verified": True} if entry.get("verified") is True else {}
    unit = entry.get("unit")
    if isinstance(unit, str):
        own["unit"] = unit  # type: ignore[assignment]  # one value type per key, not per dict
    yield Measured(name=name, value=entry["value"], path=(*path, "value"), context={**context, **own})


def _name(entry: Mapping[str, Any]) -> str | None:
    """`type` is the metric's id; `name` counts where it means a more exact metric (`f1` named "F1 Macro")."""
    kind, label = entry.get("type"), entry.get("name")
    if not isinstance(kind, str) or not kind.strip():
        return label if isinstance(label, str) and label.strip() else None
    averaged = f"{slug(kind)}_{_average(entry)}"
    if metric_table.find(averaged) is not None:
        return averaged
    if isinstance(label, str):
        by_type, by_label = metric_table.find(slug(kind)), metric_table.find(slug(label))
        if by_label is not None and by_type is not None and by_label.name != by_type.name:
            return label
    return kind


def _average(entry: Mapping[str, Any]) -> str:
    arguments = entry.get("args")
    average = arguments.get("average") if isinstance(arguments, Mapping) else None
    return str(average) if isinstance(average, str) else "?"


def _context(result: Mapping[str, Any]) -> dict[str, Any]:
    dataset, task, source = (_object(result.get(key)) for key in ("dataset", "task", "source"))
    arguments = _object(dataset.get("args"))
    named = {
        "dataset": _text(dataset.get("type")) or _text(dataset.get("name")),
        "dataset_name": _text(dataset.get("name")),
        "config": _text(dataset.get("config"))
        or _text(dataset.get("args"))
        or _text(arguments.get("config")),
        "split": _text(dataset.get("split")) or _text(arguments.get("split")),
        "revision": _text(dataset.get("revision")),
        "task": _text(task.get("type")) or _text(task.get("name")),
        "source": _text(source.get("name")) or _text(source.get("url")),
    }
    writer = (named["source"] or "").lower()
    context: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    context["block"] = f"model-index:{named['source'] or ''}"
    if any(known in writer for known in PERCENT_WRITERS):
        context["percent_writer"] = True
    return context


def _object(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        return {"name": value}
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return None if text.lower() in {"", UNNAMED} else text
