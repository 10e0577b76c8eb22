"""What a job sends to be logged, as fields of one model: checked as a whole, nothing or all of it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.errors import UserError
from catalog.recording.metric_edits import field_of
from crawler.formats import field_tree
from crawler.formats.properties import setting_field
from modeldex.sidecar import LogRefused, checked
from webui.json_bodies import json_value

ABOUT = ("metrics", "params", "latency_ms", "throughput", "dataset", "split", "step", "fields")
MAX_MODEL_CHARS = 4_096
MAPS = ("metrics", "params", "fields")


def read_report(body: bytes) -> tuple[str, dict[str, Any]]:
    """The model that is named and the values of its fields. Raises UserError with everything that is wrong."""
    report = json_value(body)
    if not isinstance(report, dict):
        raise UserError(
            "The body is no JSON object.", advice='Send {"model": ID, "metrics": {"accuracy": 0.93}}.'
        )
    unknown = [str(name)[:60] for name in report if name not in {"model", *ABOUT}]
    if unknown:
        raise UserError(
            f"What is {', '.join(map(repr, unknown))}?", advice=f"Known are model, {', '.join(ABOUT)}."
        )
    model = report.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= MAX_MODEL_CHARS:
        raise UserError("Say which model: its id, name or address, as `model`.")
    wrong = [name for name in MAPS if not isinstance(report.get(name) or {}, dict)]
    if wrong:
        raise UserError(f"{' and '.join(wrong)}: names with values are asked for, as a JSON object.")
    try:
        entry = checked(
            report.get("metrics"),
            **{name: report[name] for name in ABOUT if name != "metrics" and report.get(name) is not None},
        )
    except LogRefused as error:
        raise UserError(f"{str(error)[:1].upper()}{str(error)[1:2_000]}") from error
    return model, dict(_values(entry))


def _values(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in entry.items():
        if name == "metrics":
            yield from ((field_of(metric), number) for metric, number in value.items())
        elif name == "evaluations":
            yield from map(_evaluation, value)
        elif name == "hyperparameters":
            yield from ((setting_field(setting), item) for setting, item in _flat(value))
        else:
            yield from _field(name, value)


def _evaluation(evaluation: Mapping[str, Any]) -> tuple[str, Any]:
    field = field_of(evaluation["metric"], dataset=evaluation.get("dataset"), split=evaluation.get("split"))
    if "step" in evaluation:
        return field, {"value": evaluation["value"], "step": evaluation["step"]}
    return field, evaluation["value"]


def _field(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    for entry in field_tree.walk({name: value}):
        if entry.field is not None and entry.field.type == "flattened" and isinstance(entry.value, dict):
            yield from ((f"{entry.field.name}.{below}", item) for below, item in _flat(entry.value))
        else:
            yield entry.name, entry.value


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        elif value is not None:
            yield f"{above}{name}", value
