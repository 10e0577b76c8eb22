"""config.json of transformers, timm and libraries that write alike: architecture, sizes, declared precision, risks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from catalog.layouts.companions import COMPANION
from catalog.layouts.content_addressed import content_key
from catalog.records import Evidence, Extraction, Origin, Role, Severity
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import context_length, jsons, properties, quantization
from crawler.formats.json_values import leftovers, mapping, pointer, positive, text, texts
from crawler.promises import Promise
from crawler.reader import RangedReader
from mappings import tasks

WIDTHS = ("hidden_size", "d_model", "n_embd", "dim", "hidden_dim", "model_dim", "embed_dim", "num_features")
DEPTHS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "depth")
ENGINE = "pretrained_config"
"""Where the configuration of an engine keeps that of its model. Source: NVIDIA/TensorRT-LLM tensorrt_llm/builder.py."""
NESTED = (ENGINE, "text_config", "llm_config", "language_config", "thinker_config", "decoder")
"""Where multi-modal configurations keep the language model's own values."""

Level: TypeAlias = tuple[tuple[str, ...], Mapping[str, Any]]
"""A configuration, or one in it, with its path."""
PRECISIONS = ("dtype", "torch_dtype")

PEOPLE = {"license": "license", "author": "owner", "model_name": "name", "description": "description"}
"""What people add to configurations by hand; transformers keeps unknown keys."""

_KNOWN = frozenset(
    {
        "architectures",
        "model_type",
        "torch_dtype",
        "dtype",
        "transformers_version",
        "quantization_config",
        "auto_map",
    }
    | {
        "id2label",
        "label2id",
        "_name_or_path",
        "architecture",
        "num_classes",
        "quantization",
        "custom_pipelines",
    }
    | {"pretrained_cfg", *PEOPLE, *WIDTHS, *DEPTHS, *context_length.KEYS}
)
_MARKS = frozenset(
    {"architectures", "model_type", "architecture", "transformers_version", "auto_map", "_class_name"}
)
"""What configurations of models have, and settings of a training have not."""
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}")
_NOT_A_REPOSITORY = re.compile(
    r"^(?:\.|~|/|[A-Za-z]:)|\b(?:checkpoint-\d+|outputs?|models?|data|home|mnt|tmp|root|runs|ckpts?)/"
)
_OF_A_MODEL = re.compile(
    rb'\s*\{(?=.*"model_type"\s*:\s*")(?=.*"(?:architectures|hidden_size|d_model|transformers_version)"\s*:)'
    rb'|\s*\{(?=.*"architecture"\s*:\s*")(?=.*"(?:pretrained_cfg|num_classes)"\s*:)',
    re.DOTALL,
)
"""Of a file with another name the first bytes have the keys of transformers or of timm."""


class HfConfigExtractor:
    """Reads the whole file. What a configuration says of precision is a wish: tensors decide where they are read."""

    name = "hf-config"
    version = 9
    description = "config.json of transformers, timm, TensorRT-LLM and alike; NAME.json and NAME_config.json of the model file NAME"
    reads = "architecture, model type, task (from the class), context length, sizes, labels, quantisation, remote code; settings of a training"
    limits = "JSON 16 MB, 200,000 values, depth 200"
    promises = Promise(configs=("config.json",))
    signs = Signs(beginnings=(b"{",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        is_named = name.lower() == "config.json" or (
            content_key(key) is not None and b'"architectures"' in head
        )
        if not is_named and name.lower().endswith(".json") and _OF_A_MODEL.match(head):
            return Claim(format=COMPANION, role=Role.CONFIG, confidence=35)
        if not is_named or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
            return None
        sure = b'"architectures"' in head or b'"model_type"' in head or b'"architecture"' in head
        return Claim(format="hf-config", role=Role.CONFIG, confidence=80 if sure else 50)

    def extract(self, reader: RangedReader) -> Extraction:
        is_named = reader.name.lower() == "config.json" or content_key(reader.key) is not None
        of = None if is_named else COMPANION
        findings = Findings(reader, self, format=of, role=Role.CONFIG, origin=Origin.CONFIG)
        config = jsons.read_object(reader)
        findings.look_for_templates(config, "json:")
        levels = _levels(config)
        _tell_identity(findings, config, levels)
        _tell_sizes(findings, levels)
        _tell_quantization(findings, levels)
        _tell_labels(findings, config)
        _tell_remote_code(findings, config)
        _tell_base(findings, config, folder=reader.key.rpartition("/")[0].rpartition("/")[2])
        settings = {} if _MARKS & config.keys() else _settings(config)
        for name, value in settings.items():
            properties.tell_setting(findings, name, value, pointer(name))
        for name, value, place in leftovers(config, _KNOWN | settings.keys()):
            findings.say(f"extra.{name}", value, place)
        return findings.extraction()


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a training, where a run keeps its settings as config.json, as those of Sacred do: one alone may be anything."""
    settings = {
        name: value
        for name, value in config.items()
        if isinstance(value, (int, float, str)) and properties.setting_field(name).startswith("training.")
    }
    return settings if len(settings) > 1 else {}


def _tell_identity(findings: Findings, config: Mapping[str, Any], levels: list[Level]) -> None:
    architectures = texts(config.get("architectures"))
    if architectures:
        findings.say("architecture", architectures[0], pointer("architectures", 0))
        task = tasks.of_architecture(architectures[0])
        findings.say("task", task, pointer("architectures", 0), evidence=Evidence.INFERRED)
        if len(architectures) > 1:
            findings.say("extra.architectures", architectures, pointer("architectures"))
    if str(config.get("module", "")).startswith("keras"):  # a preset of KerasHub
        _tell_text(findings, "architecture", config, "class_name")
    _tell_text(findings, "model_type", config, "model_type")
    for key, field in PEOPLE.items():
        _tell_text(findings, field, config, key)
    version = text(config.get("transformers_version"))
    if version or (architectures and config.get("model_type")):
        place = pointer("transformers_version" if version else "architectures")
        findings.say("library", "transformers", place, evidence=Evidence.INFERRED)
    if version:
        findings.say("extra.transformers_version", version, pointer("transformers_version"))
        findings.say(
            "dependencies",
            f"transformers=={version}",
            pointer("transformers_version"),
            evidence=Evidence.INFERRED,
        )
    is_declared = any(config.get(key) is not None for key in PRECISIONS)
    for path, level in levels[:1] if is_declared else levels:
        for key in PRECISIONS:
            _tell_text(findings, "precision", level, *path, key, evidence=Evidence.DECLARED)
    _tell_text(findings, "architecture", mapping(config.get(ENGINE)), ENGINE, "architecture")
    _tell_timm(findings, config)


def _tell_text(
    findings: Findings,
    field: str,
    level: Mapping[str, Any],
    *path: str,
    evidence: Evidence = Evidence.EXPLICIT,
) -> None:
    """What the last key of the path says in its level: most configurations have few of the keys that they may have."""
    value = text(level.get(path[-1]))
    if value is not None:
        findings.say(field, value, pointer(*path), evidence=evidence)


def _tell_timm(findings: Findings, config: Mapping[str, Any]) -> None:
    """Timm writes `architecture` and a `pretrained_cfg`. Source: huggingface/pytorch-image-models timm/models/_hub.py."""
    if not isinstance(config.get("architecture"), str) or "pretrained_cfg" not in config:
        _tell_text(findings, "architecture", config, "architecture")
        return
    details = mapping(config["pretrained_cfg"])
    findings.say("architecture", text(config["architecture"]), pointer("architecture"))
    findings.say("library", "timm", pointer("pretrained_cfg"), evidence=Evidence.INFERRED)
    findings.say("task", "image-classification", pointer("architecture"), evidence=Evidence.INFERRED)
    findings.say("classes", positive(config.get("num_classes")), pointer("num_classes"))
    findings.say("license", text(details.get("license")), pointer("pretrained_cfg", "license"))
    findings.say(
        "name",
        text(details.get("tag")) and f"{config['architecture']}.{details['tag']}",
        pointer("pretrained_cfg", "tag"),
    )
    for name, value, place in leftovers(details, {"license"}):
        findings.say(f"extra.pretrained_cfg.{name}", value, place.replace("json:", "json:/pretrained_cfg", 1))


def _levels(config: Mapping[str, Any]) -> list[Level]:
    """The configuration, and those of language models in it, each with its path."""
    nested: list[Level] = [
        ((name,), config[name]) for name in NESTED if name in config and isinstance(config[name], Mapping)
    ]
    return [((), config), *nested]


def _tell_sizes(findings: Findings, levels: list[Level]) -> None:
    for field, keys in (("embedding_dimension", WIDTHS), ("layers", DEPTHS)):
        reading = next(
            (
                (size, pointer(*path, key))
                for path, level in levels
                for key in keys
                if key in level and (size := positive(level[key])) is not None
            ),
            None,
        )
        if reading is not None:
            evidence = (
                Evidence.DECLARED if field == "layers" else Evidence.INFERRED
            )  # pooling may say otherwise
            findings.say(field, *reading, evidence=evidence)
    for path, level in levels:
        length = context_length.read(level)
        if length is not None:
            findings.say("context_length", length[0], pointer(*path, *length[1]))
            break


def _tell_quantization(findings: Findings, levels: list[Level]) -> None:
    for path, level in levels:
        for key in ("quantization_config", "quantization"):
            settings = level.get(key)
            if not isinstance(settings, Mapping):
                continue
            for field, value, below in quantization.read(settings):
                findings.say(field, value, pointer(*path, key, *below))
            for name, value, place in leftovers(settings):
                findings.say(f"extra.{key}.{name}", value, place.replace("json:", pointer(*path, key), 1))
            return


def _tell_labels(findings: Findings, config: Mapping[str, Any]) -> None:
    labels = config.get("id2label")
    if not isinstance(labels, Mapping) or not labels:
        return
    findings.say("classes", len(labels), pointer("id2label"))
    names = [label[:200] for label in list(labels.values())[:100] if isinstance(label, str)]
    if any(not re.fullmatch(r"LABEL_\d+", name) for name in names):
        findings.say("extra.labels", names, pointer("id2label"))


def _tell_remote_code(findings: Findings, config: Mapping[str, Any]) -> None:
    """`auto_map` and `custom_pipelines` make `trust_remote_code=True` import Python files of the repository."""
    for key in ("auto_map", "custom_pipelines"):
        value = config.get(key)
        if isinstance(value, Mapping) and value:
            classes = [
                item
                for entry in value.values()
                for item in ([entry] if isinstance(entry, str) else texts(entry))
            ]
            detail = f"{key} runs Python of the repository: {', '.join(sorted(set(classes)))[:300] or ', '.join(value)}"
            findings.risk("remote-code", Severity.MEDIUM, detail)
            findings.say(f"extra.{key}", sorted(set(classes))[:64], pointer(key))


def _tell_base(findings: Findings, config: Mapping[str, Any], *, folder: str) -> None:
    """`_name_or_path` names the model that was loaded for training, if it is a repository and not its own name."""
    name = text(config.get("_name_or_path"))
    if name is None:
        return
    findings.say("extra._name_or_path", name, pointer("_name_or_path"))
    is_repository = _REPOSITORY.fullmatch(name) and not _NOT_A_REPOSITORY.search(name)
    if is_repository and name.rsplit("/", 1)[-1].lower() != folder.lower():
        findings.say("base_model.id", name, pointer("_name_or_path"), evidence=Evidence.INFERRED)
