"""Configurations of single runtimes beside the weights: Meta's and Mistral's params.json, OpenCLIP, ONNX Runtime GenAI, MLC,
Jan, Piper and Paddle, and what Ultralytics writes beside an export.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import HEAD_BYTES, Claim, Findings
from crawler.formats import context_length, dtypes, jsons, properties, yamls
from crawler.formats.json_values import leftovers, listed, mapping, pointer, positive, text, texts
from crawler.promises import Container, Promise
from crawler.reader import RangedReader
from mappings import tasks

EXPORT = "metadata.yaml"
MAX_EXPORTED = 500
JAN = "model.json"
PIPER = ".onnx.json"
PADDLE = frozenset({"inference.yml", "infer_cfg.yml"})
MERGES = frozenset({"mergekit_config.yml", "mergekit_config.yaml"})
MAX_MERGED = 50
MAX_LABELS = 100
MAX_SHAPE_CHARACTERS = 200
_COMPILED = ".mlmodelc/metadata.json"
_COMPILED_KEYS = (b'"metadataOutputVersion"', b'"specificationVersion"', b'"storagePrecision"')
"""What Apple's compiler writes, and nobody else who keeps a list in a `metadata.json`."""
NANOTRON = "checkpoint_metadata.json"
SERVED = "model-settings.json"


class ModelConfigsExtractor:
    """Reads the whole file; each name has its own few keys.

    Source: meta-llama/llama-models models/llama3/args.py; mlfoundations/open_clip src/open_clip/factory.py;
    microsoft/onnxruntime-genai src/config.h; mlc-ai/mlc-llm python/mlc_llm/interface/gen_config.py;
    ultralytics/ultralytics engine/exporter.py (`metadata.yaml`); janhq/jan core/src/types/model/modelEntity.ts (`model.json`);
    rhasspy/piper src/python/piper_train/export_onnx.py (`NAME.onnx.json`); PaddlePaddle/PaddleX (`inference.yml`) and
    PaddleDetection ppdet/engine/export_utils.py (`infer_cfg.yml`);
    urchade/GLiNER gliner/config.py; huggingface/nanotron src/nanotron/serialize/metadata.py; ray-project/ray rllib/utils/checkpoints.py.
    """

    name = "model-configs"
    version = 9
    description = (
        "params.json (Meta, Mistral), open_clip_config.json, genai_config.json, mlc-chat-config.json, metadata.json (KerasHub),"
        " metadata.yaml (exports of Ultralytics), model.json (Jan), NAME.onnx.json (Piper), inference.yml (Paddle),"
        " metadata.json of compiled Core ML models, mergekit_config.yml, model-settings.json (MLServer), gliner_config.json,"
        " rllib_checkpoint.json, checkpoint_metadata.json (nanotron), metadata.json of Rasa, config_setfit.json"
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
            "gliner_config.json",
        ),
        containers=(Container(files=(NANOTRON,), reader="model-configs"),),
    )
    signs = Signs(suffixes=(".json", ".yaml", ".yml"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        if name == "params.json" and not (b'"dim"' in head and b'"n_layers"' in head):
            return None
        if _is_compiled(key, head):
            return Claim(format="model-config", role=Role.CONFIG, confidence=80)
        if name == "metadata.json" and not _KERAS_HUB.search(head) and not _RASA.match(head):
            return None
        if name == NANOTRON and b'"metas"' not in head:
            return None
        if (name == JAN and not _JAN.search(head)) or (name == SERVED and b'"implementation"' not in head):
            return None
        if (name == EXPORT and b"Ultralytics" in head) or (
            name.endswith(PIPER) and b'"num_speakers"' in head and b'"sample_rate"' in head
        ):
            return Claim(format="model-config", role=Role.CONFIG, confidence=80)
        if name in MERGES and b"merge_method" in head:
            return Claim(format="model-config", role=Role.CONFIG, confidence=80)
        if name in PADDLE and _PADDLE.search(head):
            return Claim(format="model-config", role=Role.CONFIG, confidence=80)
        return Claim(format="model-config", role=Role.CONFIG, confidence=80) if name in _READERS else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        if reader.name == EXPORT:
            export = yamls.json_value(yamls.read(reader))
            items = list(export.items())[:MAX_EXPORTED] if isinstance(export, dict) else []
            properties.tell_properties(findings, items, "yaml:", block="metadata")
            return findings.extraction()
        if reader.name in MERGES:
            _tell_merge(findings, mapping(yamls.json_value(yamls.read(reader))))
            return findings.extraction()
        if reader.name in PADDLE:
            _tell_paddle(findings, mapping(yamls.json_value(yamls.read(reader))))
            return findings.extraction()
        if _is_compiled(reader.key, reader.head(HEAD_BYTES)):
            _tell_compiled(findings, jsons.read(reader))
            return findings.extraction()
        config = jsons.read_object(reader)
        findings.look_for_templates(config, "json:")
        read = _tell_piper if reader.name.endswith(PIPER) else _READERS.get(reader.name)
        if read is not None:
            read(findings, config)
        block = (
            "piper" if reader.name.endswith(PIPER) else reader.name.removesuffix(".json").replace("-", "_")
        )
        for name, value, place in leftovers(config, _DRAWN_OUT):
            findings.say(f"extra.{block}.{name}", value, place)
        return findings.extraction()


def _tell_params(findings: Findings, config: Mapping[str, Any]) -> None:
    findings.say(
        "embedding_dimension", positive(config.get("dim")), pointer("dim"), evidence=Evidence.INFERRED
    )
    findings.say("layers", positive(config.get("n_layers")), pointer("n_layers"), evidence=Evidence.DECLARED)
    reading = context_length.read(config)
    if reading is not None:
        findings.say("context_length", reading[0], pointer(*reading[1]))


def _tell_gliner(findings: Findings, config: Mapping[str, Any]) -> None:
    findings.say("library", "gliner", "json:")
    findings.say("task", "token-classification", "json:", evidence=Evidence.INFERRED)
    findings.say("base_model.id", text(config.get("model_name")), pointer("model_name"))
    findings.say("context_length", positive(config.get("max_len")), pointer("max_len"))


def _tell_setfit(findings: Findings, config: Mapping[str, Any]) -> None:
    """Of a classifier above an encoder of sentences. Source: huggingface/setfit src/setfit/modeling.py (`CONFIG_NAME`)."""
    findings.say("library", "setfit", "json:")
    findings.say("task", "text-classification", "json:")
    labels = texts(config.get("labels"), limit=100_000)
    findings.say("classes", len(labels) or None, pointer("labels"))
    findings.say("extra.labels", [label[:200] for label in labels[:MAX_LABELS]] or None, pointer("labels"))


def _tell_rllib(findings: Findings, _config: Mapping[str, Any]) -> None:
    findings.say("library", "rllib", "json:")
    findings.say("task", "reinforcement-learning", "json:", evidence=Evidence.INFERRED)


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


def _tell_served(findings: Findings, config: Mapping[str, Any]) -> None:
    """What MLServer calls the model that it serves.

    Source: SeldonIO/MLServer mlserver/settings.py (`ModelSettings`, `ModelParameters`).
    """
    findings.say("name", text(config.get("name")), pointer("name"))
    version = text(mapping(config.get("parameters")).get("version"))
    findings.say("version", version, pointer("parameters", "version"))


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


def _tell_metadata(findings: Findings, config: Mapping[str, Any]) -> None:
    if "rasa_open_source_version" in config:
        _tell_rasa(findings, config)
    elif "domain" not in config:
        _tell_keras_hub(findings, config)


def _tell_rasa(findings: Findings, config: Mapping[str, Any]) -> None:
    """What an assistant of Rasa says of its training. Source: RasaHQ/rasa rasa/engine/storage/storage.py (`ModelMetadata`)."""
    version = text(config.get("rasa_open_source_version"))
    findings.say("library", "rasa", pointer("rasa_open_source_version"), evidence=Evidence.INFERRED)
    findings.say("dependencies", version and f"rasa=={version}", pointer("rasa_open_source_version"))
    findings.say("trained_at", text(config.get("trained_at")), pointer("trained_at"))
    findings.say("language", text(config.get("language")), pointer("language"))
    intents = listed(mapping(config.get("domain")).get("intents"))
    findings.say("classes", len(intents) or None, pointer("domain", "intents"), evidence=Evidence.COUNTED)


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


def _tell_jan(findings: Findings, config: Mapping[str, Any]) -> None:
    about = mapping(config.get("metadata"))
    findings.say("title", text(config.get("name")), pointer("name"))
    findings.say("version", text(config.get("version")), pointer("version"))
    findings.say("description", text(config.get("description")), pointer("description"))
    findings.say("owner", text(about.get("author")), pointer("metadata", "author"))
    for index, tag in enumerate(texts(about.get("tags"))):
        findings.say("tags", tag, pointer("metadata", "tags", index))


def _is_compiled(key: str, head: bytes) -> bool:
    """Whether this is the description of a compiled Core ML model, which may be the directory that is crawled: it is a list."""
    if head.lstrip()[:1] != b"[":
        return False
    return key.endswith(_COMPILED) or (
        key == "metadata.json" and any(name in head for name in _COMPILED_KEYS)
    )


def _tell_compiled(findings: Findings, value: Any) -> None:
    """What Apple's compiler writes beside a model: a list of one description. Source: `xcrun coremlc compile`."""
    described = mapping(value[0]) if isinstance(value, list) and value else {}
    for key, field in (
        ("shortDescription", "description"),
        ("author", "owner"),
        ("license", "license"),
        ("version", "version"),
    ):
        findings.say(field, text(described.get(key)), pointer(0, key))
    precision = text(described.get("storagePrecision"))
    if precision is not None and " " not in precision:  # others are written as `Mixed (Float16, Int8)`
        findings.say("precision", precision, pointer(0, "storagePrecision"), evidence=Evidence.DECLARED)
    for key, field in (("inputSchema", "inputs"), ("outputSchema", "outputs")):
        rows = [mapping(row) for row in listed(described.get(key)) if isinstance(row, Mapping)][:MAX_LABELS]
        signature = [_tensor(row) for row in rows if text(row.get("name"))]
        findings.say(field, signature or None, pointer(0, key))
    findings.say(
        "extra.coreml.class", text(described.get("generatedClassName")), pointer(0, "generatedClassName")
    )
    findings.say(
        "extra.coreml.specification",
        positive(described.get("specificationVersion")),
        pointer(0, "specificationVersion"),
    )


def _tensor(row: Mapping[str, Any]) -> dict[str, Any]:
    shape = re.findall(r"-?\d+", str(row.get("shape"))[:MAX_SHAPE_CHARACTERS])
    return {
        "name": str(row["name"])[:200],
        "dtype": dtypes.canonical(str(row.get("dataType"))) if row.get("dataType") else None,
        "shape": [int(size) for size in shape] or None,
    }


def _tell_piper(findings: Findings, config: Mapping[str, Any]) -> None:
    findings.say("library", "piper", "json:", evidence=Evidence.INFERRED)
    findings.say("task", "text-to-speech", "json:", evidence=Evidence.INFERRED)
    findings.say("architecture", "vits", "json:", evidence=Evidence.INFERRED)
    findings.say("datasets", text(config.get("dataset")), pointer("dataset"))
    code = text(mapping(config.get("language")).get("code"))
    findings.say("language", code and code.replace("_", "-"), pointer("language", "code"))


def _tell_merge(findings: Findings, config: Mapping[str, Any]) -> None:
    """What a model was merged from. Source: arcee-ai/mergekit mergekit/config.py (`MergeConfiguration`)."""
    findings.say("extra.mergekit.merge_method", text(config.get("merge_method")), "yaml:/merge_method")
    findings.say("precision", text(config.get("dtype")), "yaml:/dtype", evidence=Evidence.DECLARED)
    merged = dict.fromkeys(_merged(config))
    for name in list(merged)[:MAX_MERGED]:
        findings.say("base_model.id", name, "yaml:/models", evidence=Evidence.INFERRED)
    if merged:
        findings.say("base_model.relation", "merge", "yaml:/merge_method", evidence=Evidence.INFERRED)


def _merged(config: Mapping[str, Any]) -> Iterator[str]:
    """Repositories of the models; paths of the machine that merged them name none."""
    rows = [config, *(mapping(row) for row in listed(config.get("models")) if isinstance(row, Mapping))]
    for part in listed(config.get("slices")):
        rows += [mapping(row) for row in listed(mapping(part).get("sources"))]
    for row in rows:
        for key in ("base_model", "model"):
            name = text(row.get(key))
            if name is not None and re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name):
                yield name


def _tell_paddle(findings: Findings, config: Mapping[str, Any]) -> None:
    name = text(mapping(config.get("Global")).get("model_name"))
    findings.say("framework", "paddlepaddle", "yaml:", evidence=Evidence.INFERRED)
    findings.say("name", name, "yaml:/Global/model_name")
    findings.say("architecture", text(config.get("arch")), "yaml:/arch")
    task = "object-detection" if text(config.get("metric")) in {"COCO", "VOC"} else None
    findings.say("task", task, "yaml:/metric", evidence=Evidence.INFERRED)
    labels = texts(config.get("label_list"), limit=100_000)
    findings.say("classes", len(labels) or None, "yaml:/label_list")
    findings.say("extra.labels", [label[:200] for label in labels[:MAX_LABELS]] or None, "yaml:/label_list")
    for part, value, place in leftovers(
        {key: config[key] for key in ("PreProcess", "PostProcess") if key in config}
    ):
        findings.say(f"extra.paddle.{part}", value, place.replace("json:", "yaml:", 1))


def _tell_nanotron(findings: Findings, config: Mapping[str, Any]) -> None:
    """Of a checkpoint of nanotron, which keeps a file for each tensor and process below `model/`."""
    findings.say("library", "nanotron", pointer("metas"))
    step = positive(mapping(config.get("metas")).get("last_train_step"))
    findings.say("training.steps", step, pointer("metas", "last_train_step"))


_DRAWN_OUT = frozenset({"domain", "train_schema", "predict_schema"})
"""The dialogues of an assistant of Rasa, and the graph of its components."""
_JAN = re.compile(rb'"object"\s*:\s*"model"|"sources"\s*:\s*\[\s*\{\s*"(?:filename|url)"')
_PADDLE = re.compile(rb"(?m)^(?:Global|Hpi|PreProcess|PostProcess|Preprocess|mode|arch|metric):")
_RASA = re.compile(rb'\s*\{\s*"(?:domain"\s*:\s*\{|trained_at"\s*:\s*"|rasa_open_source_version")')
_KERAS_HUB = re.compile(rb'"keras_(?:hub|nlp|cv)_version"')
_READERS: Mapping[str, Callable[[Findings, Mapping[str, Any]], None]] = {
    JAN: _tell_jan,
    "params.json": _tell_params,
    "metadata.json": _tell_metadata,
    "open_clip_config.json": _tell_open_clip,
    "gliner_config.json": _tell_gliner,
    "config_setfit.json": _tell_setfit,
    "rllib_checkpoint.json": _tell_rllib,
    "genai_config.json": _tell_genai,
    "mlc-chat-config.json": _tell_mlc,
    SERVED: _tell_served,
    NANOTRON: _tell_nanotron,
}
