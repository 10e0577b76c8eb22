"""Free key/value properties that people put into model files: which field of the document a key speaks of.

ONNX `metadata_props`, Core ML `userDefined`, booster attributes and their like have no schema; a key that is a field's
name or alias, or a metric with a number behind it, goes there, everything else is kept under `extra`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from catalog.errors import ExtractError
from catalog.records import Evidence
from catalog.text.patterns import pattern
from catalog.text.slugs import slug
from crawler.formats import jsons
from crawler.formats.json_values import leftovers
from mappings import fields
from mappings import metrics as metric_table

if TYPE_CHECKING:
    from crawler.extractor import Findings

MAX_NESTED = 500
MAX_KEY_CHARACTERS = 200

_NUMBER = pattern(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*%?\s*")
_DATE = pattern(r"\s*\d{4}-\d{2}(-\d{2})?([T ]|\s*$)")
_CLASS = pattern(r"(?:^\s*\{|,)\s*[\"']?\d+[\"']?\s*:")
_METRICS_PREFIX = pattern(r"metrics?[^A-Za-z0-9]+", re.IGNORECASE)
_IDENTITY = {
    "description": "description",
    "short_description": "description",
    "author": "owner",
    "authors": "owner",
    "owner": "owner",
    "organization": "owner",
    "license": "license",
    "licence": "license",
    "license_link": "license_link",
    "license_url": "license_link",
    "version": "version",
    "model_version": "version",
    "task": "task",
    "pipeline_tag": "task",
    "name": "name",
    "model_name": "name",
    "title": "title",
    "date": "created_at",
    "created": "created_at",
    "created_at": "created_at",
    "creation_date": "created_at",
    "trained_at": "trained_at",
    "training_date": "trained_at",
    "trained_on_date": "trained_at",
    "train_date": "trained_at",
    "release_date": "released_at",
    "language": "language",
    "languages": "language",
    "tags": "tags",
    "use_case": "use_case",
    "architecture": "architecture",
    "arch": "architecture",
    "model_type": "model_type",
    "library": "library",
    "library_name": "library",
    "framework": "origin_framework",
    "dataset": "datasets",
    "datasets": "datasets",
    "training_dataset": "datasets",
    "training_data": "datasets",
    "trained_on": "datasets",
    "data_source": "data_sources",
    "data_sources": "data_sources",
    "preprocessing": "preprocessing",
    "base_model": "base_model.id",
    "commit": "code_version",
    "git_commit": "code_version",
    "git_sha": "code_version",
    "code_version": "code_version",
    "run_id": "run_id",
    "mlflow_run_id": "run_id",
    "parameters": "parameters",
    "params": "parameters",
    "num_parameters": "parameters",
    "parameter_count": "parameters",
}


def is_metric(name: str, value: Any) -> bool:
    """Whether the name is a known metric, with or without a split in it, and the value a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return False
    key = slug(name)
    return metric_table.find(key) is not None or metric_table.find(_split().sub("", key)) is not None


def field_of(name: str) -> str | None:
    """The document field that a free key speaks of."""
    key = slug(name)
    return _IDENTITY.get(key) or _training_names().get(key)


def tell_properties(
    findings: Findings, items: Iterable[tuple[str, Any]], pointer: str, *, block: str
) -> None:
    """All properties of one file. Exports of Ultralytics mean their library by `version` and list classes in `names`."""
    listed = list(items)
    texts = {name: value for name, value in listed if isinstance(value, str)}
    ultralytics = texts.get("author") == "Ultralytics" or texts.get("description", "").startswith(
        "Ultralytics"
    )
    for name, value in listed:
        place = f"{pointer}/{name}"
        if ultralytics and name == "version":
            findings.say("extra.ultralytics_version", value, place)
            continue
        if ultralytics and name == "names":
            findings.say("classes", _classes(value), place, evidence=Evidence.DERIVED)
            if isinstance(value, (Mapping, list)):
                labels = list(value.values() if isinstance(value, Mapping) else value)
                findings.say("extra.class_names", [str(label)[:200] for label in labels[:200]], place)
                continue
        tell_property(findings, name, value, place, block=block)


def _classes(names: Any) -> int | None:
    """The entries of {0: 'person', 1: …}, as JSON or as Python writes it."""
    return len(names) if isinstance(names, (Mapping, list)) else len(_CLASS.findall(str(names))) or None


def tell_property(
    findings: Findings, name: str, value: Any, pointer: str, *, block: str = "properties", prefix: str = ""
) -> None:
    """One property as one observation; JSON objects under `metrics` and `hyperparameters` as one each."""
    key = slug(name)
    if key in {"metrics", "evaluation", "hyperparameters", "hparams", "config", "params"} and isinstance(
        value, str
    ):
        value = _parsed(value)
    if isinstance(value, Mapping):
        _tell_nested(findings, key, value, pointer, block)
        return
    bare = name[:MAX_KEY_CHARACTERS] or "unnamed"
    if key.startswith(("metrics_", "metric_")) and _is_number(value):
        findings.metric(_METRICS_PREFIX.sub("", bare) or bare, value, pointer, block=block)
    elif is_metric(bare, value):
        findings.metric(bare, value, pointer, block=block)
    elif key == "trained_on" and _DATE.match(str(value)):
        findings.say("trained_at", value, pointer)
    elif (field := field_of(bare)) is not None:
        findings.say(field, value, pointer, evidence=_evidence(field))
    else:
        findings.say(f"extra.{prefix}{bare}", value, pointer)


def _tell_nested(findings: Findings, key: str, value: Mapping[str, Any], pointer: str, block: str) -> None:
    measured = key in {"metrics", "evaluation"}
    for number, (name, item) in enumerate(value.items()):
        if number >= MAX_NESTED:
            findings.problem("limit-exceeded", f"more than {MAX_NESTED} entries under {key}", pointer)
            return
        place = f"{pointer}/{name}"
        if measured and _is_number(item):
            findings.metric(str(name)[:MAX_KEY_CHARACTERS] or "unnamed", item, place, block=block)
        elif isinstance(item, (Mapping, list)):
            findings.say(f"extra.{key}.{str(name)[:MAX_KEY_CHARACTERS]}", item, place)
        else:
            tell_setting(findings, str(name), item, place)


def tell_setting(findings: Findings, name: str, value: Any, pointer: str) -> None:
    """One training setting: a field of the training group by its alias, else a hyper-parameter."""
    if isinstance(value, (Mapping, list)) and not value:
        return
    field = setting_field(name)
    # What a run was to last gives way to how far it is.
    evidence = Evidence.DECLARED if field in {"training.epochs", "training.steps"} else Evidence.EXPLICIT
    findings.say(field, value, pointer, evidence=evidence)


_OF_TRAINING = frozenset(
    {"", "training", "train", "trainer", "optimizer", "optim", "optim_conf", "hparams", "model.optimizer"}
)


def tell_settings(findings: Findings, config: Mapping[str, Any], *, kind: str) -> None:
    """Every setting of a run, nested ones by their dotted names, up to 400: `optimizer.lr` is the learning rate, `data.seed` is
    not the run's seed. `kind` is that of the pointers, `yaml` or `json`.
    """
    for name, value, place in leftovers(config):
        group, _, last = name.rpartition(".")
        setting = last if group in _OF_TRAINING and field_of(last) is not None else name
        tell_setting(findings, setting, value, place.replace("json:", f"{kind}:", 1))


def setting_field(name: str) -> str:
    """The document field that a training setting of this name is."""
    return _training_names().get(slug(name)) or f"hyperparameters.{name[:MAX_KEY_CHARACTERS] or 'unnamed'}"


@cache
def _training_names() -> Mapping[str, str]:
    names: dict[str, str] = {}
    for field in fields().values():
        if field.name.startswith("training."):
            for spelling in (field.name.partition(".")[2], *field.aliases):
                names.setdefault(spelling, field.name)
    names.update({"seed": "training.seed", "random_seed": "training.seed", "random_state": "training.seed"})
    del names["step"], names["epoch"]  # a position in a run, not a setting
    return names


def _parsed(text: str) -> Any:
    try:
        return jsons.load_text(text)
    except ExtractError:
        return text


def _is_number(value: Any) -> bool:
    return (isinstance(value, (int, float)) and not isinstance(value, bool)) or (
        isinstance(value, str) and _NUMBER.fullmatch(value) is not None
    )


def _evidence(field: str) -> Evidence:
    return Evidence.DECLARED if field == "parameters" else Evidence.EXPLICIT


@cache
def _split() -> re.Pattern[str]:
    """A word for a split, or for the best or last of several values, before or behind the name of a metric."""
    words = "|".join(metric_table.splits())
    return re.compile(rf"^(?:{words}|best|final)_|_(?:{words})$")
