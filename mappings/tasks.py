"""The table of tasks: pipeline tags, their other names, and the names of classes that show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from mappings.tables import table


@cache
def _tables() -> Mapping[str, Mapping[str, Any]]:
    return table("tasks")


@cache
def pipeline_tags() -> frozenset[str]:
    """Every task that hubs know."""
    return frozenset(_tables()["tasks"])


@cache
def aliases() -> Mapping[str, str]:
    """The task by every slug that means it and is not its own."""
    return {alias: name for name, row in _tables()["tasks"].items() for alias in row.get("aliases", ())}


def leading_metrics(name: str) -> tuple[str, ...]:
    """The metrics that say how good a model of this task is, by the task's name or an alias; the usual one first."""
    slug = name.casefold().replace("-", "_").replace(" ", "_")
    row = _tables()["tasks"].get(aliases().get(slug, slug.replace("_", "-")), {})
    return tuple(row.get("metrics", ()))


@cache
def every_comparison() -> frozenset[str]:
    """The metrics by which models of any task are compared."""
    return frozenset(metric for row in _tables()["tasks"].values() for metric in row.get("metrics", ()))


@lru_cache(maxsize=1024)
def of_architecture(name: str) -> str | None:
    """The task of a transformers class, by its whole name or its end."""
    bare = name.removeprefix("TF").removeprefix("Flax")
    return _tables()["classes"].get(name) or _first("endings", bare.endswith)


@lru_cache(maxsize=1024)
def of_estimator(class_name: str) -> str | None:
    """The task of a class that works on tables."""
    return _first("estimators", class_name.endswith)


@lru_cache(maxsize=1024)
def of_pipeline(class_name: str) -> str | None:
    """The task of a diffusers pipeline class."""
    return _first("pipelines", class_name.__contains__)


def of_peft(task_type: str) -> str | None:
    """The task of a PEFT `task_type`."""
    return _tables()["peft"].get(task_type.upper())


def of_keras_hub(name: str) -> str | None:
    """The task of a class that a preset of KerasHub names."""
    return _tables()["keras_hub"].get(name)


def _first(kind: str, fits: Callable[[str], bool]) -> str | None:
    return next((task for part, task in _tables()[kind].items() if fits(part)), None)
