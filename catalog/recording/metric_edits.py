"""Metrics that a person or a job tells the catalog of a model: edits of fields that are named after what was measured.

The field is `metrics.NAME`, `metrics.NAME@DATASET` or `metrics.NAME@DATASET#SPLIT`; of one field the last edit counts.
The value is the number, or an object with `value` and the `step` of the training that it is of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.normalise.values.units import read_number

PREFIX = "metrics."
CONTEXT = ("step",)


def field_of(metric: str, *, dataset: str | None = None, split: str | None = None) -> str:
    """The field under which this metric is kept."""
    about = f"@{dataset or ''}" if dataset or split else ""
    return f"{PREFIX}{metric}{about}{f'#{split}' if split else ''}"


def observed(field: str, value: Any) -> tuple[str, Any, dict[str, Any]]:
    """The field, raw value and context of the observation that an edit is; of other fields the edit as it is."""
    if not field.startswith(PREFIX):
        return field, value, {}
    name, _, about = field.removeprefix(PREFIX).partition("@")
    dataset, _, split = about.partition("#")
    context: dict[str, Any] = {"block": "edit", "dataset": dataset or None, "split": split or None}
    if isinstance(value, Mapping):
        context |= {part: value[part] for part in CONTEXT if part in value}
        value = value.get("value")
    return f"{PREFIX}{name}", value, {part: about for part, about in context.items() if about is not None}


def why_no_metric(field: str, value: Any) -> str | None:
    """Why this is no metric with its number."""
    field, raw, _ = observed(field, value)
    if not field.removeprefix(PREFIX).strip():
        return "a metric has no name"
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return f"{field} takes a number"
    return f"{field} cannot be {str(raw)[:80]!r} (no number)" if _is_no_number(raw) else None


def _is_no_number(raw: float | str) -> bool:
    """Whether it is neither a number nor what libraries write of one that diverged."""
    return read_number(raw) is None and str(raw).strip().casefold() not in {"nan", "inf", "-inf"}
