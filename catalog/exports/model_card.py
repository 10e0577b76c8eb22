"""A record as a model card: Markdown with the YAML head that the Hugging Face Hub reads, and so does a crawl.

Source: huggingface/hub-docs, modelcard.md (metadata specification).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Document = Mapping[str, Any]

MAX_RESULTS = 1_000
MAX_TAGS = 500
MAX_SETTINGS = 500
HEADINGS = (
    ("use_case", "Use"),
    ("architecture", "Architecture"),
    ("parameters", "Parameters"),
    ("precision", "Precision"),
)
_HEAD = (
    ("license_name", "license_name"),
    ("license_link", "license_link"),
    ("library", "library_name"),
    ("task", "pipeline_tag"),
    ("version", "version"),
    ("framework", "framework"),
    ("model_type", "model_type"),
    ("architecture", "architecture"),
    ("owner", "author"),
    ("title", "title"),
    ("description", "description"),
    ("use_case", "use_case"),
    ("code_version", "code_version"),
    ("run_id", "run_id"),
)
_DATES = (("trained_at", "trained_at"), ("released_at", "release_date"), ("created_at", "created_at"))
_PRECISIONS = {"year": len("2024"), "month": len("2024-05"), "day": len("2024-05-31")}
UNNAMED = "unknown"
"""In place of a task or data set that nobody named: the Hub takes no results without them."""
_LISTS = (("language", "language"), ("tags", "tags"), ("datasets", "datasets"))
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def model_card(document: Document) -> str:
    """The card. What no card has a place for (files, hashes, risks) is left out."""
    head = yaml.safe_dump(_metadata(document), sort_keys=False, allow_unicode=True, width=1_000)
    return f"---\n{head}---\n\n" + "\n".join(_body(document))


def _metadata(document: Document) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if licence := document.get("license"):
        metadata["license"] = licence
    for field, key in _HEAD:
        if document.get(field) not in {None, ""}:
            metadata[key] = document[field]
    for field, key in _DATES:
        if instant := document.get(field):
            metadata[key] = instant[: _PRECISIONS.get(document.get(f"{field}_precision", ""), len(instant))]
    for field, key in _LISTS:
        if values := document.get(field):
            metadata[key] = list(values)[:MAX_TAGS]
    bases = document.get("base_model") or []
    if names := [base["id"] for base in bases if base.get("id")]:
        metadata["base_model"] = names[0] if len(names) == 1 else names
    relations = {base.get("relation") for base in bases}
    if len(relations) == 1 and (relation := relations.pop()):
        metadata["base_model_relation"] = relation
    settings = {**document.get("hyperparameters", {}), **document.get("training", {})}
    if settings:
        metadata["hyperparameters"] = dict(list(settings.items())[:MAX_SETTINGS])
    results = list(_results(document))
    if reported := document.get("metric_names"):
        metadata["metrics"] = list(reported)[:MAX_TAGS]
    metadata["model-index"] = [{"name": document.get("name", ""), "results": results}]
    return metadata


def _results(document: Document) -> Iterator[dict[str, Any]]:
    """One result for each data set and split, those that stand for the model first: the first of a card is its own."""
    headline = document.get("metrics", {})
    evaluations = [entry for entry in document.get("evaluations", []) if entry.get("value") is not None]
    leading = [entry for entry in evaluations if headline.get(_headline_name(entry)) == entry["value"]]
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for entry in [*leading, *(entry for entry in evaluations if entry not in leading)][:MAX_RESULTS]:
        key = tuple(entry.get(part) for part in ("task", "dataset_id", "config", "split", "revision"))
        groups.setdefault(key, []).append(entry)
    for (task, dataset, config, split, revision), entries in groups.items():
        named = dataset or UNNAMED
        about = {"type": named, "name": named, "config": config, "split": split, "revision": revision}
        result: dict[str, Any] = {
            "task": {"type": task or document.get("task") or UNNAMED},
            "dataset": {key: value for key, value in about.items() if value},
        }
        result["metrics"] = [
            {"type": entry["metric"], "value": entry["value"], "name": entry["metric"]} for entry in entries
        ]
        yield result


def _headline_name(entry: Mapping[str, Any]) -> str:
    return f"train_{entry['metric']}" if entry.get("split") == "train" else str(entry["metric"])


def _body(document: Document) -> Iterator[str]:
    name = _inert(document.get("title") or document.get("name") or "Model")
    yield f"# {name}\n"
    if description := document.get("description"):
        yield f"{_inert(description)}\n"
    facts = [(label, document[field]) for field, label in HEADINGS if document.get(field)]
    if facts:
        yield "| | |\n| --- | --- |"
        for label, value in facts:
            yield f"| {label} | {_inert(f'{value:,}' if isinstance(value, int) else value)} |"
        yield ""
    if metrics := document.get("metrics"):
        yield "| Metric | Value |\n| --- | ---: |"
        for metric, value in sorted(metrics.items()):
            yield f"| {_inert(metric)} | {value:.6g} |"
        yield ""
    yield f"From the catalog: `{_inert(document.get('id', ''))}`, revision {document.get('revision', '?')}.\n"


def _inert(text: Any) -> str:
    """The text on one line with nothing in it that Markdown acts upon."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))
