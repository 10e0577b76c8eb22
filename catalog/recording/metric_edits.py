"""Metrics that a person or a job tells the catalog of a model: edits of fields that are named after what was measured.

The field is `metrics.NAME`, `metrics.NAME@DATASET` or `metrics.NAME@DATASET#SPLIT`; of one field the last edit counts.
In a name, a data set or a split, `%`, `@` and `#` are written as in addresses: `%25`, `%40` and `%23`. The @ of a name that
ends in a number or is known with it (`recall@5`) needs that not. The value is the number, or an object with `value` and
the `step` of the training that it is of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import replace
from catalog.normalise.metrics import headline_name, normal_split, read_metric_name
from catalog.normalise.parts.edits import FIELD
from catalog.normalise.parts.evaluation import dataset_slug
from catalog.normalise.values.units import read_number
from catalog.text.slugs import stored_slug

PREFIX = "metrics."
EXTRACTOR = "edit"
BY = "edit by "
"""In front of who told it, in the place of the file that a value is of."""
CONTEXT = ("step",)
_ESCAPES = {"%": "%25", "@": "%40", "#": "%23"}
_SIGN = re.compile("[%@#]")
_ESCAPE = re.compile("|".join(_ESCAPES.values()))
_SLUG = re.compile(r"^(?=.*[A-Za-z0-9])[ -~]{1,128}$")
_NUMBER = re.compile(r"[0-9]+(?:[.:_-][0-9]+)*")


def field_of(metric: str, *, dataset: str | None = None, split: str | None = None) -> str:
    """The field under which this metric is kept."""
    about = ""
    if dataset or split:
        word = _escaped(dataset or "")
        about = f"@@{word}" if _is_of_name(metric, word) else f"@{word}"
    return f"{PREFIX}{_escaped(metric)}{about}{f'#{_escaped(split)}' if split else ''}"


def parts_of(field: str) -> tuple[str, str | None, str | None]:
    """The name, the data set and the split that such a field is about."""
    name, at, rest = field.removeprefix(PREFIX).partition("@")
    while at and _is_of_name(_unescaped(name), word := re.split("[@#]", rest, maxsplit=1)[0]):
        name, rest = f"{name}@{word}", rest.removeprefix(word)
        at, rest = rest[:1], rest if rest.startswith("#") else rest[1:]
    dataset, _, split = rest.removeprefix("@").partition("#")
    return _unescaped(name), _unescaped(dataset) or None, _unescaped(split) or None


def usual_field(field: str) -> str:
    """The field under which this metric is kept, however its name is spelled; of other fields the field as it is."""
    if not field.startswith(PREFIX):
        return field
    name, dataset, split = parts_of(field)
    return field_of(_usual_name(name), dataset=dataset, split=split)


def is_of_headline(field: str) -> bool:
    """Whether this is said of the model as such, so that it may be against the value that stands for the model. What is
    said of one data set or split is against nothing that files say of others. So are fields that are no metrics.
    """
    if not field.startswith(PREFIX):
        return True
    name, dataset, split = parts_of(field)
    return not dataset and not split and read_metric_name(name).split in {None, "train"}


def observed(field: str, value: Any) -> tuple[str, Any, dict[str, Any]]:
    """The field, raw value and context of the observation that an edit is; of other fields the edit as it is."""
    if not field.startswith(PREFIX):
        return field, value, {}
    name, dataset, split = parts_of(field)
    context: dict[str, Any] = {"block": "edit", "dataset": dataset, "split": split, FIELD: field}
    if isinstance(value, Mapping):
        context |= {part: value[part] for part in CONTEXT if part in value}
        value = value.get("value")
    return f"{PREFIX}{name}", value, {part: about for part, about in context.items() if about is not None}


def fact_of(field: str) -> tuple[str, str, str]:
    """The fact that such a field tells, whatever the words: the metric, the data set, the split."""
    name, dataset, split = parts_of(field)
    meaning = read_metric_name(name)
    if split and meaning.split != "train":
        return headline_name(replace(meaning, split=None)), dataset_slug(dataset), normal_split(split)
    return headline_name(meaning), dataset_slug(dataset), meaning.split or ""


def told_in(document: Mapping[str, Any]) -> dict[tuple[str, str, str], tuple[str, Any]]:
    """What persons and jobs told of metrics when the document was made: by fact the field and its value."""
    entries = {}
    for entry in document.get("evaluations", ()):
        if entry.get("source") != EXTRACTOR or not str(entry.get("key")).startswith(BY):
            continue
        name, split = entry["raw_name"], entry.get("split")
        if split == read_metric_name(name).split:
            split = None
        field = field_of(name, dataset=entry.get("dataset_id"), split=split)
        value = _as_told(entry["raw_value"])
        entries[fact_of(field)] = field, {"value": value, "step": entry["step"]} if "step" in entry else value
    return entries


def measured_in(document: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What files said of metrics when the document was made."""
    return [
        tuple(entry.get(part) for part in ("metric", "value", "dataset", "split", "step"))
        for entry in document.get("evaluations", ())
        if entry.get("source") != EXTRACTOR or "sources" in entry
    ]


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


def _usual_name(raw: str) -> str:
    """The plainest name that means all that this one means: its split, and whether it is percent, too."""
    raw = raw.strip()
    meaning = read_metric_name(raw)
    if meaning.metric is None and not _SLUG.search(raw):
        return raw  # the slug would tell nobody what was measured
    plain = (meaning.name, f"{meaning.split}_{meaning.name}", stored_slug(raw))
    same = (name for name in plain if replace(read_metric_name(name), raw=raw) == meaning)
    return next(same, raw)


def _as_told(raw: str) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw  # a number in a text: 91 %


def _is_of_name(name: str, word: str) -> bool:
    """Whether what stands behind the @ says which metric this is, as in `recall@5`, and no data set."""
    if _NUMBER.fullmatch(word):
        return True
    if not word or "%" in word:
        return False
    alone, whole = read_metric_name(name), read_metric_name(f"{name}@{word}")
    return whole.metric is not None and (whole.split, whole.aggregation) == (alone.split, alone.aggregation)


def _escaped(text: str) -> str:
    return _SIGN.sub(lambda sign: _ESCAPES[sign[0]], text)


def _unescaped(text: str) -> str:
    signs = {escape: sign for sign, escape in _ESCAPES.items()}
    return _ESCAPE.sub(lambda escape: signs[escape[0]], text)
