"""A record as a bill of materials of a machine-learning model.

Source: CycloneDX 1.6, bom-1.6.schema.json (component of type machine-learning-model, modelCard).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from catalog.text.licences import spdx_expression

Document = Mapping[str, Any]

MAX_ENTRIES = 1_000
NAMESPACE = uuid.UUID("6f1f7a52-7d0a-5a0e-9f0b-2d0f3a8c1b44")
"""Any constant: the same record has the same serial number wherever it is exported."""
PROPERTIES = (
    "id",
    "revision",
    "parameters",
    "size_bytes",
    "precision",
    "framework",
    "library",
    "format",
    "context_length",
    "trained_at",
    "created_at",
    "code_version",
    "run_id",
    "content_hash",
    "tensors_hash",
    "risk_kinds",
)


def cyclonedx(document: Document) -> dict[str, Any]:
    """The bill of materials, the same for the same revision."""
    revision = int(document.get("revision") or 1)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, str(document['id']))}",
        "version": revision,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "modeldex"}]},
            "component": _component(document),
        },
        "components": _files(document),
    }


def _component(document: Document) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": str(document["id"]),
        "name": str(document.get("name") or document.get("path") or document["id"]),
    }
    for key, field in (("version", "version"), ("description", "description")):
        if document.get(field):
            component[key] = str(document[field])
    if owner := document.get("owner"):
        component["authors"] = [{"name": str(owner)}]
    if licence := document.get("license"):
        expression = spdx_expression(licence)
        component["licenses"] = [{"expression": expression} if expression else {"license": {"name": licence}}]
    if tags := document.get("tags"):
        component["tags"] = [str(tag) for tag in dict.fromkeys(tags)][:MAX_ENTRIES]
    if (digest := _only_file_hash(document)) is not None:
        component["hashes"] = [{"alg": "SHA-256", "content": digest}]
    if ancestors := [base["id"] for base in document.get("base_model", []) if base.get("id")]:
        component["pedigree"] = {
            "ancestors": [{"type": "machine-learning-model", "name": str(name)} for name in ancestors]
        }
    component["modelCard"] = _card(document)
    component["properties"] = [
        {"name": f"modeldex:{field}", "value": _text(document[field])}
        for field in PROPERTIES
        if document.get(field) not in (None, "", [])
    ] + [
        {"name": f"modeldex:hyperparameters:{name}", "value": _text(value)}
        for name, value in _settings(document)
    ]
    return component


def _settings(document: Document) -> list[tuple[str, Any]]:
    settings = {**document.get("hyperparameters", {}), **document.get("training", {})}
    return list(settings.items())[:MAX_ENTRIES]


def _card(document: Document) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for key, field in (
        ("task", "task"),
        ("architectureFamily", "model_type"),
        ("modelArchitecture", "architecture"),
    ):
        if document.get(field):
            parameters[key] = str(document[field])
    if datasets := document.get("datasets"):
        parameters["datasets"] = [{"type": "dataset", "name": str(name)} for name in datasets[:MAX_ENTRIES]]
    for key in ("inputs", "outputs"):
        if formats := [_format(entry) for entry in document.get(key, [])[:MAX_ENTRIES]]:
            parameters[key] = [{"format": text} for text in formats]
    card: dict[str, Any] = {}
    if parameters:
        card["modelParameters"] = parameters
    if metrics := [_metric(entry) for entry in _evaluations(document)]:
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    if use := document.get("use_case"):
        card["considerations"] = {"useCases": [str(use)]}
    return card


def _evaluations(document: Document) -> list[Mapping[str, Any]]:
    entries = [entry for entry in document.get("evaluations", []) if entry.get("value") is not None]
    return entries[:MAX_ENTRIES]


def _metric(entry: Mapping[str, Any]) -> dict[str, Any]:
    split = entry.get("split")
    metric: dict[str, Any] = {
        "type": f"{split}_{entry['metric']}" if split else str(entry["metric"]),
        "value": _text(entry["value"]),
    }
    if dataset := entry.get("dataset_id") or entry.get("dataset"):
        metric["slice"] = str(dataset)
    if (spread := entry.get("uncertainty")) is not None:
        metric["confidenceInterval"] = {
            "lowerBound": _text(entry["value"] - spread),
            "upperBound": _text(entry["value"] + spread),
        }
    return metric


def _format(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    shape = ",".join(map(str, entry.get("shape") or ()))
    return f"{entry.get('name', '')} {entry.get('dtype', '')} [{shape}]".strip()


def _files(document: Document) -> list[dict[str, Any]]:
    """Its files with the hashes that are known."""
    files: list[dict[str, Any]] = []
    for file in document.get("files", [])[:MAX_ENTRIES]:
        entry: dict[str, Any] = {
            "type": "file",
            "bom-ref": f"{document['id']}/{file.get('key')}",
            "name": str(file.get("key")),
        }
        if digest := file.get("sha256"):
            entry["hashes"] = [{"alg": "SHA-256", "content": str(digest)}]
        if entry["bom-ref"] not in {known["bom-ref"] for known in files}:
            files.append(entry)
    return files


def _only_file_hash(document: Document) -> str | None:
    """The hash of the weights where they are one file: that of several is ours alone."""
    content = document.get("content_hash")
    return content if content in {file.get("sha256") for file in document.get("files", [])} else None


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return repr(value) if isinstance(value, float) else str(value)
