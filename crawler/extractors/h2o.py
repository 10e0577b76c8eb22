"""H2O models for scoring (MOJO): a zip that begins with model.ini.

Source: h2oai/h2o-3 h2o-algos/…/hex/ModelMojoWriter and h2o-genmodel/src/main/java/hex/genmodel/AbstractMojoWriter.java
(`writeModelInfo`: `[info]`, `[columns]`, `[domains]`).
"""

from __future__ import annotations

import re
from typing import Any

from catalog.errors import ExtractError, Malformed
from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import listed, mapping, text
from crawler.formats.zips import BEGINNINGS, is_zip, open_zip
from crawler.promises import Promise
from crawler.reader import RangedReader

DESCRIPTION = "model.ini"
MAX_DESCRIPTION_BYTES = 4 * 1024 * 1024
MAX_LINES = 50_000
MAX_INFO = 500
DETAILS = "experimental/modelDetails.json"
MAX_DETAILS_BYTES = 16 * 1024 * 1024
_FIRST_MEMBER = re.compile(rb"model\.ini|trees/t\d{2,6}_\d{3}(?:_aux)?\.bin|models/")
"""The description comes behind the trees of a forest, and behind the models of an ensemble."""
NAME_AT = 30
"""Where a zip has the name of its first member. Source: PKWARE APPNOTE 4.3.7."""
_METRICS = (
    *("MSE", "RMSE", "mae", "rmsle", "r2", "logloss", "AUC", "pr_auc", "Gini", "mean_per_class_error"),
    *("mean_residual_deviance", "residual_deviance", "null_deviance", "AIC"),
)
_SPLITS = {
    "training_metrics": "train",
    "validation_metrics": "validation",
    "cross_validation_metrics": "cross-validation",
}
_SETTING_TYPES = frozenset({"int", "long", "float", "double", "boolean", "enum"})
MAX_SETTINGS = 300
_TASKS = {
    "Binomial": "tabular-classification",
    "Multinomial": "tabular-classification",
    "Ordinal": "tabular-classification",
    "Regression": "tabular-regression",
    "WordEmbedding": "feature-extraction",
}
_PLAIN = {
    "h2o_version": "framework_version",
    "algorithm": "architecture",
    "algo": "model_type",
    "n_features": "features",
    "n_trees": "trees",
    "timestamp": "created_at",
}
_NO_CLASSES = frozenset(
    {"Regression", "Clustering", "DimReduction", "AutoEncoder", "WordEmbedding", "AnomalyDetection"}
)


class H2oExtractor:
    """Reads the directory and the description; trees and weights stay unread."""

    name = "h2o"
    version = 3
    description = "H2O models for scoring: MOJO (.zip, .mojo)"
    reads = "algorithm, category, version, features, classes, trees, columns, when it was saved, settings, metrics by what they were measured on"
    limits = "a description of 4 MB and 50,000 lines, details of 16 MB; trees and coefficients are not read"
    promises = Promise(formats={".mojo": "h2o-mojo"})
    signs = Signs(beginnings=BEGINNINGS)

    def claims(self, key: str, head: bytes) -> Claim | None:
        first = _FIRST_MEMBER.match(head, NAME_AT) if is_zip(head) else None
        if first is None:
            return None
        if first[0] == b"models/" and not key.lower().endswith(".mojo"):
            return None  # any archive may begin so
        return Claim(
            format="h2o-mojo", role=Role.WEIGHTS, confidence=100 if key.endswith((".zip", ".mojo")) else 92
        )

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="h2o-mojo", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        archive = open_zip(reader)
        data = archive.read_member(DESCRIPTION, MAX_DESCRIPTION_BYTES)
        sections = _sections(data.decode("utf-8", "replace"))
        info = dict(_pairs(sections.get("info", [])))
        if "algorithm" not in info and "algo" not in info:
            raise Malformed("model.ini of an H2O model names no algorithm", where=DESCRIPTION)
        _tell(findings, info)
        columns = sections.get("columns", [])
        findings.say("extra.columns", columns[:64] or None, "zip:model.ini/columns")
        if DETAILS in archive:
            try:
                _tell_details(findings, jsons.load(archive.read_member(DETAILS, MAX_DETAILS_BYTES)))
            except ExtractError as error:
                findings.failed(error)
        return findings.extraction()


def _tell_details(findings: Findings, details: Any) -> None:
    """What H2O measured, by the rows it measured on, and how the model was trained."""
    output = details.get("output") if isinstance(details, dict) else None
    if not isinstance(output, dict):
        return
    for block, split in _SPLITS.items():
        measured = mapping(output.get(block))
        for name in _METRICS:
            value = measured.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                place = f"zip:{DETAILS}/output/{block}/{name}"
                findings.metric(name, value, place, block="h2o", split=split)
    for setting in listed(details.get("parameters"))[:MAX_SETTINGS]:
        if isinstance(setting, dict) and text(setting.get("type")) in _SETTING_TYPES:
            key, actual = setting.get("name"), setting.get("actual_value")
            if isinstance(key, str) and isinstance(actual, int | float | str):
                findings.say(f"hyperparameters.{key[:100]}", actual, f"zip:{DETAILS}/parameters/{key[:100]}")


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines()[:MAX_LINES]:
        word = line.strip()
        if match := re.fullmatch(r"\[(\w+)\]", word):
            lines = sections.setdefault(match[1], [])
        elif word:
            lines.append(word)
    return sections


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    parts = (line.partition("=") for line in lines[:MAX_INFO])
    return [(name.strip(), value.strip()) for name, equals, value in parts if equals]


def _tell(findings: Findings, info: dict[str, str]) -> None:
    category = info.get("category", "")
    findings.say("framework", "h2o", "zip:model.ini", evidence=Evidence.INFERRED)
    findings.say("task", _TASKS.get(category), "zip:model.ini/category", evidence=Evidence.INFERRED)
    for name, value in info.items():
        place = f"zip:model.ini/{name}"
        plain = _PLAIN.get(name)
        number = int(value) if re.fullmatch(r"\d{1,15}", value) else value
        if plain is not None:
            findings.say(plain, number if plain in {"features", "trees"} else value, place)
        elif name == "n_classes":
            if category not in _NO_CLASSES:
                findings.say("classes", number, place)
        elif name not in {"uuid", "endianness", "license"}:
            findings.say(f"extra.h2o.{name[:100]}", number, place)
