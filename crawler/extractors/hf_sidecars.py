"""Small machine-written files of a transformers directory: generation and preprocessor configuration, quantiser files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.records import Evidence, Extraction, Origin, Role, Severity
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, quantization
from crawler.formats.json_values import leftovers, mapping, number, pointer, text
from crawler.reader import RangedReader

GENERATION = frozenset({"generation_config.json"})
PREPROCESSOR = frozenset(
    {"preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json"}
)
QUANTIZER = frozenset({"quantize_config.json", "quant_config.json", "hf_quant_config.json"})
UNREAD = frozenset(
    {
        "tokenizer.json",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
        "special_tokens_map.json",
        "added_tokens.json",
    }
    | {
        "tokenizer.model",
        "spiece.model",
        "sentencepiece.bpe.model",
        "source.spm",
        "target.spm",
        "normalizer.json",
    }
    | {"vocab.bpe", "bpe.codes", "tekken.json"}
)
STEPS = ("do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_pad", "do_convert_rgb")


class HfSidecarsExtractor:
    """Reads the whole of a small file; vocabularies are only named, never read."""

    name = "hf-sidecars"
    version = 6
    description = (
        "generation_config.json, preprocessor_config.json, quantize_config.json, files of a tokenizer"
    )
    reads = "preprocessing steps, sampling defaults, quantisation; vocabularies by name only"
    limits = "JSON 16 MB"
    signs = Signs(names=UNREAD | GENERATION | PREPROCESSOR | QUANTIZER)

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the exact name decides
        name = key.rsplit("/", 1)[-1]
        if name in UNREAD:
            return Claim(format="tokenizer", role=Role.AUXILIARY, confidence=80)
        if name in GENERATION | PREPROCESSOR | QUANTIZER:
            return Claim(format="hf-config", role=Role.CONFIG, confidence=80)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        role = Role.AUXILIARY if reader.name in UNREAD else Role.CONFIG
        findings = Findings(reader, self, format=None, role=role, origin=Origin.CONFIG)
        if reader.name in UNREAD:
            return findings.extraction()
        config = mapping(jsons.read(reader))
        findings.look_for_templates(config, "json:")
        if reader.name in GENERATION:
            _tell_generation(findings, config)
        elif reader.name in PREPROCESSOR:
            _tell_preprocessor(findings, config)
        else:
            _tell_quantizer(findings, config)
        return findings.extraction()


def _tell_generation(findings: Findings, config: Mapping[str, Any]) -> None:
    findings.say(
        "extra.transformers_version",
        text(config.get("transformers_version")),
        pointer("transformers_version"),
    )
    for name, value, place in leftovers(config, {"transformers_version", "_from_model_config"}):
        findings.say(f"extra.generation.{name}", value, place)


def _tell_preprocessor(findings: Findings, config: Mapping[str, Any]) -> None:
    for key in ("image_processor_type", "feature_extractor_type", "processor_class"):
        findings.say("extra." + key, text(config.get(key)), pointer(key))
    for step in STEPS:
        if config.get(step) is True:
            findings.say("preprocessing", _step(step, config), pointer(step))
    rate = number(config.get("sampling_rate"))
    if rate is not None:
        findings.say("preprocessing", f"audio at {rate:g} Hz", pointer("sampling_rate"))
    if isinstance(config.get("auto_map"), Mapping) and config["auto_map"]:
        findings.risk(
            "remote-code", Severity.MEDIUM, "auto_map runs Python of the repository for the processor"
        )
    for name, value, place in leftovers(
        config, {*STEPS, "auto_map", "image_processor_type", "feature_extractor_type"}
    ):
        if name != "processor_class":
            findings.say(f"extra.preprocessor.{name}", value, place)


def _step(step: str, config: Mapping[str, Any]) -> str:
    """The step in words, with its size where the configuration gives one."""
    word = step.removeprefix("do_").replace("_", " ")
    size = config.get(
        {"do_resize": "size", "do_center_crop": "crop_size", "do_pad": "pad_size"}.get(step, "")
    )
    if number(size) is not None:
        return f"{word} {size}"
    sides = mapping(size)
    if number(sides.get("height")) is not None and number(sides.get("width")) is not None:
        return f"{word} {sides['height']}x{sides['width']}"
    edge = number(sides.get("shortest_edge"))
    return word if edge is None else f"{word} {edge}"


def _tell_quantizer(findings: Findings, config: Mapping[str, Any]) -> None:
    for field, value, below in quantization.read(config):
        findings.say(field, value, pointer(*below))
    findings.say("base_model.id", _base(config), pointer("model_name_or_path"), evidence=Evidence.INFERRED)
    for name, value, place in leftovers(config):
        findings.say(f"extra.quantizer.{name}", value, place)


def _base(config: Mapping[str, Any]) -> str | None:
    """AutoGPTQ writes the source model here when it is a repository."""
    name = text(config.get("model_name_or_path"))
    return (
        name if name is not None and name.count("/") == 1 and not name.startswith((".", "/", "~")) else None
    )
