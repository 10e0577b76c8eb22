"""sentence-transformers: modules.json, its own configuration, and the pooling and dense layers' small files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.errors import Malformed
from catalog.records import Evidence, Extraction, Origin, Role, Severity
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, mapping, pointer, positive, text
from crawler.formats.siblings import sibling
from crawler.promises import Container, Promise
from crawler.reader import RangedReader

MAX_MODULES = 50
TOP_FILES = ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json")
_MODULE_CONFIG = re.compile(r"(?:^|/)\d+_([A-Za-z]+)/config\.json$")
_VERSIONS = {
    "pytorch": "torch",
    "sentence_transformers": "sentence-transformers",
    "transformers": "transformers",
}


class SentenceTransformersExtractor:
    """Reads the whole of each file. The last Dense layer, else Pooling, says the embedding's width.

    Source: UKPLab/sentence-transformers sentence_transformers/SentenceTransformer.py, models/Pooling.py, models/Dense.py.
    """

    name = "sentence-transformers"
    version = 2
    description = "modules.json and module configurations of sentence-transformers"
    reads = "modules, embedding dimension, longest sequence, versions, similarity function, prompts"
    limits = "JSON 16 MB, 50 modules"
    promises = Promise(containers=(Container(files=("modules.json",)),))
    signs = Signs(names=(*TOP_FILES, "config.json"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        if name == "modules.json" and b'"type"' not in head:
            return None
        if name not in TOP_FILES and b'"architectures"' in head:
            return None  # the configuration of transformers for the network in the module's directory
        if name in TOP_FILES or (name == "config.json" and _MODULE_CONFIG.search(key)):
            return Claim(format="sentence-transformers", role=Role.CONFIG, confidence=90)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        value = jsons.read(reader)
        if reader.name == "modules.json":
            _tell_modules(findings, value)
        elif not isinstance(value, Mapping):
            raise Malformed("the JSON document is not an object")
        elif reader.name == "config_sentence_transformers.json":
            _tell_settings(findings, value)
        elif reader.name == "sentence_bert_config.json":
            _tell_library(findings, "json:")
            findings.say("context_length", positive(value.get("max_seq_length")), pointer("max_seq_length"))
            for name, item, place in leftovers(value, {"max_seq_length"}):
                findings.say(f"extra.sentence_bert.{name}", item, place)
        else:
            _tell_module(findings, value, str(reader.key))
        return findings.extraction()


def _tell_library(findings: Findings, place: str) -> None:
    findings.say("framework", "sentence-transformers", place)
    findings.say("library", "sentence-transformers", place)


def _tell_modules(findings: Findings, modules: Any) -> None:
    if not isinstance(modules, list):
        raise Malformed("modules.json is not a list")
    _tell_library(findings, pointer(0, "type"))
    names = []
    for index, module in enumerate(modules[:MAX_MODULES]):
        kind = text(mapping(module).get("type"))
        if kind is None:
            continue
        names.append(kind.rsplit(".", 1)[-1])
        if not kind.startswith("sentence_transformers."):
            detail = f"module {index} is {kind[:200]}: code outside sentence-transformers"
            findings.risk("remote-code", Severity.MEDIUM, detail)
        path = text(mapping(module).get("path"))
        if path is not None and sibling(path) is None:
            findings.risk("path-traversal", Severity.HIGH, f"module {index} names the path {path[:200]!r}")
    findings.say("extra.modules", names, pointer()) if names else None
    if "CrossEncoder" not in names:
        findings.say("task", "sentence-similarity", pointer(0, "type"), evidence=Evidence.INFERRED)


def _tell_settings(findings: Findings, config: Mapping[str, Any]) -> None:
    _tell_library(findings, pointer("__version__"))
    versions = mapping(config.get("__version__"))
    findings.say(
        "framework_version",
        text(versions.get("sentence_transformers")),
        pointer("__version__", "sentence_transformers"),
    )
    for key, package in _VERSIONS.items():
        version = text(versions.get(key))
        place = pointer("__version__", key)
        findings.say("dependencies", version and f"{package}=={version}", place, evidence=Evidence.INFERRED)
    findings.say(
        "extra.similarity_fn_name", text(config.get("similarity_fn_name")), pointer("similarity_fn_name")
    )
    for name, item, place in leftovers(config, {"__version__", "similarity_fn_name"}):
        findings.say(f"extra.sentence_transformers.{name}", item, place)


def _tell_module(findings: Findings, config: Mapping[str, Any], key: str) -> None:
    match = _MODULE_CONFIG.search(key)
    kind = match[1] if match else "module"
    if kind == "Dense":
        # A Dense layer comes after pooling and decides the width of what comes out.
        width = positive(config.get("out_features"))
        findings.say("embedding_dimension", width, pointer("out_features"))
    else:
        for name in ("embedding_dimension", "word_embedding_dimension"):
            width = positive(config.get(name))
            findings.say("embedding_dimension", width, pointer(name), evidence=Evidence.DERIVED)
    for name, item, place in leftovers(
        config, {"word_embedding_dimension", "embedding_dimension", "out_features"}
    ):
        findings.say(f"extra.{kind.lower()}.{name}", item, place)
