"""Configurations of single runtimes beside the weights: Meta's and Mistral's params.json, OpenCLIP, ONNX Runtime GenAI, MLC,
and what Ultralytics writes beside an export.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from catalog.records import Evidence, Extraction, Origin, Role
from crawler.extractor import Claim, Findings
from crawler.formats import context_length, jsons, properties, yamls
from crawler.formats.json_values import leftovers, mapping, pointer, positive, text, texts
from crawler.promises import Promise
from crawler.reader import RangedReader
from mappings import tasks

EXPORT = "metadata.yaml"
MAX_EXPORTED = 500


class ModelConfigsExtractor:
    """Reads the whole file; each name has its own few keys.

    Source: meta-llama/llama-models models/llama3/args.py; mlfoundations/open_clip src/open_clip/factory.py;
    microsoft/onnxruntime-genai src/config.h; mlc-ai/mlc-llm python/mlc_llm/interface/gen_config.py;
    ultralytics/ultralytics engine/exporter.py (`metadata.yaml`).
    """

    name = "model-configs"
    version = 3
    description = (
        "params.json (Meta, Mistral), open_clip_config.json, genai_config.json, mlc-chat-config.json, metadata.json (KerasHub),"
        " metadata.yaml (exports of Ultralytics)"
    )
    reads = (
        "model type, context length, sizes, quantisation, library; of exports task, licence, classes and date"
    )
    limits = "JSON 16 MB, YAML 2 MB"
    promises = Promise(
        configs=(
            "params.json",
            "model_config.json",
            "mlc-chat-config.json",
            "open_clip_config.json",
            "genai_config.json",
            "hyperparams.yaml",
        )
    )

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        if name == "params.json" and not (b'"dim"' in head and b'"n_layers"' in head):
            return None
        if name == "metadata.json" and not _KERAS_HUB.search(head):
            return None
        if name == EXPORT and b"Ultralytics" in head:
            return Claim(format="model-config", role=Role.CONFIG, confidence=80)
        return Claim(format="model-config", role=Role.CONFIG, confidence=80) if name in _READERS else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        if reader.name == EXPORT:
            export = yamls.json_value(yamls.read(reader))
            items = list(export.items())[:MAX_EXPORTED] if isinstance(export, dict) else []
            properties.tell_properties(findings, items, "yaml:", block="metadata")
            return findings.extraction()
        config = jsons.read_object(reader)
        findings.look_for_templates(config, "json:")
        read = _READERS.get(reader.name)
        if read is not None:
            read(findings, config)
        for name, value, place in leftovers(config):
            findings.say(f"extra.{reader.name.removesuffix('.json').replace('-', '_')}.{name}", value, place)
        return findings.extraction()


def _tell_params(findings: Findings, config: Mapping[str, Any]) -> None:
    findings.say(
        "embedding_dimension", positive(config.get("dim")), pointer("dim"), evidence=Evidence.INFERRED
    )
    findings.say("layers", positive(config.get("n_layers")), pointer("n_layers"), evidence=Evidence.DECLARED)
    reading = context_length.read(config)
    if reading is not None:
        findings.say("context_length", reading[0], pointer(*reading[1]))


def _tell_open_clip(findings: Findings, config: Mapping[str, Any]) -> None:
    findings.say("library", "open_clip", "json:")
    findings.say("task", "zero-shot-image-classification", "json:", evidence=Evidence.INFERRED)
    model = mapping(config.get("model_cfg"))
    findings.say("embedding_dimension", positive(model.get("embed_dim")), pointer("model_cfg", "embed_dim"))
    tokens = positive(mapping(model.get("text_cfg")).get("context_length"))
    findings.say("context_length", tokens, pointer("model_cfg", "text_cfg", "context_length"))
    size = positive(mapping(model.get("vision_cfg")).get("image_size"))
    findings.say(
        "preprocessing", size and f"resize {size}x{size}", pointer("model_cfg", "vision_cfg", "image_size")
    )


def _tell_genai(findings: Findings, config: Mapping[str, Any]) -> None:
    model = mapping(config.get("model"))
    decoder = mapping(model.get("decoder"))
    findings.say("library", "onnxruntime-genai", "json:")
    findings.say("model_type", text(model.get("type")), pointer("model", "type"))
    findings.say("context_length", positive(model.get("context_length")), pointer("model", "context_length"))
    width = positive(decoder.get("hidden_size"))
    findings.say(
        "embedding_dimension", width, pointer("model", "decoder", "hidden_size"), evidence=Evidence.INFERRED
    )
    depth = positive(decoder.get("num_hidden_layers"))
    findings.say(
        "layers", depth, pointer("model", "decoder", "num_hidden_layers"), evidence=Evidence.DECLARED
    )


def _tell_mlc(findings: Findings, config: Mapping[str, Any]) -> None:
    findings.say("library", "mlc-llm", "json:")
    findings.say("model_type", text(config.get("model_type")), pointer("model_type"))
    findings.say(
        "context_length", positive(config.get("context_window_size")), pointer("context_window_size")
    )
    scheme = text(config.get("quantization"))
    if scheme is not None and scheme[:1] == "q" and scheme[1:2].isdecimal() and scheme[1:2].isascii():
        findings.say("quantization.scheme", scheme, pointer("quantization"))
        bits = int(scheme[1])
        if 0 < bits < 8:  # q0f16 is not quantised
            findings.say("quantization.method", "mlc", pointer("quantization"))
            findings.say("quantization.bits", bits, pointer("quantization"))


def _tell_keras_hub(findings: Findings, config: Mapping[str, Any]) -> None:
    """What a preset of KerasHub (before: KerasNLP) says. Source: keras-team/keras-hub src/utils/preset_utils.py."""
    findings.say("library", "keras-hub", "json:/keras_hub_version", evidence=Evidence.INFERRED)
    findings.say("framework", "keras", pointer("keras_version"), evidence=Evidence.INFERRED)
    findings.say("framework_version", text(config.get("keras_version")), pointer("keras_version"))
    count = positive(config.get("parameter_count"))
    findings.say("parameters", count, pointer("parameter_count"), evidence=Evidence.DECLARED)
    saved = text(config.get("date_saved"))
    if saved is not None and (match := re.fullmatch(r"(\d{4}-\d\d-\d\d)@(\d\d:\d\d:\d\d)", saved)):
        findings.say("created_at", f"{match[1]}T{match[2]}", pointer("date_saved"))
    for number, name in enumerate(texts(config.get("tasks"))[:1]):
        findings.say("task", tasks.of_keras_hub(name), pointer("tasks", number), evidence=Evidence.INFERRED)


_KERAS_HUB = re.compile(rb'"keras_(?:hub|nlp|cv)_version"')
_READERS: Mapping[str, Callable[[Findings, Mapping[str, Any]], None]] = {
    "params.json": _tell_params,
    "metadata.json": _tell_keras_hub,
    "open_clip_config.json": _tell_open_clip,
    "genai_config.json": _tell_genai,
    "mlc-chat-config.json": _tell_mlc,
}
