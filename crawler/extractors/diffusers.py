"""diffusers: model_index.json of a pipeline, and the configuration of each of its components."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.records import Evidence, Extraction, Origin, Reference, Role, Severity
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, quantization, tasks
from crawler.formats.json_values import leftovers, mapping, pointer, positive, text
from crawler.formats.siblings import sibling
from crawler.reader import RangedReader

LIBRARIES = frozenset({"diffusers", "transformers", "onnxruntime", "optimum", "peft", "flax"})
OWN_MODULES = frozenset(
    {
        "stable_diffusion",
        "stable_diffusion_safe",
        "latent_diffusion",
        "paint_by_example",
        "deepfloyd_if",
        "unidiffuser",
    }
    | {
        "kandinsky",
        "kandinsky2_2",
        "wuerstchen",
        "audioldm2",
        "stable_audio",
        "stable_cascade",
        "controlnet",
        "shap_e",
    }
    | {"blip_diffusion", "spectrogram_diffusion", "musicldm", "hunyuandit", "ledits_pp", "pag"}
)
"""Modules of diffusers.pipelines that an index may name as a library. Source: diffusers pipeline_loading_utils.py."""
MAX_COMPONENTS = 200
COMPONENT_FILES = frozenset({"config.json", "scheduler_config.json"})
_CLASS = re.compile(rb'"_class_name"\s*:')


class DiffusersPipelineExtractor:
    """Reads the whole file; every component is a directory beside it.

    Source: huggingface/diffusers src/diffusers/pipelines/pipeline_utils.py.
    """

    name = "diffusers-pipeline"
    version = 1
    description = "model_index.json of diffusers pipelines"
    reads = "pipeline class, components with library and class, custom code, diffusers version"
    limits = "JSON 16 MB, 200 components"

    def claims(self, key: str, head: bytes) -> Claim | None:
        if key.rsplit("/", 1)[-1] != "model_index.json" or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in {
            b"{",
            b"",
        }:
            return None
        return Claim(format="diffusers", role=Role.INDEX, confidence=90 if _CLASS.search(head) else 60)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.INDEX, origin=Origin.CONFIG)
        index = jsons.read_object(reader)
        name = index.get("_class_name")
        module = name[0] if isinstance(name, list) and name and isinstance(name[0], str) else None
        name = text(name[-1]) if isinstance(name, list) and name else text(name)
        findings.say("architecture", name, pointer("_class_name"))
        findings.say("framework", "diffusers", pointer("_class_name"))
        findings.say("library", "diffusers", pointer("_class_name"))
        findings.say(
            "task", name and tasks.of_pipeline(name), pointer("_class_name"), evidence=Evidence.INFERRED
        )
        if module is not None:
            _custom(findings, f"the pipeline {name} comes from the file {module[:100]!r}")
        _tell_version(findings, index)
        _tell_components(findings, index)
        return findings.extraction()


class DiffusersComponentExtractor:
    """Reads the whole file: class and version of one component (a network, a scheduler)."""

    name = "diffusers-component"
    version = 1
    description = "config.json and scheduler_config.json of diffusers components"
    reads = "component class, diffusers version, its settings"
    limits = "JSON 16 MB"

    def claims(self, key: str, head: bytes) -> Claim | None:
        if key.rsplit("/", 1)[-1] not in COMPONENT_FILES or not _CLASS.search(head):
            return None
        return Claim(format="diffusers", role=Role.CONFIG, confidence=90)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        config = jsons.read_object(reader)
        name = text(config.get("_class_name"))
        if name is not None and not name.endswith("Scheduler"):
            findings.say("architecture", name, pointer("_class_name"))
        findings.say("framework", "diffusers", pointer("_class_name"))
        findings.say("library", "diffusers", pointer("_class_name"))
        findings.say(
            "layers", positive(config.get("num_layers")), pointer("num_layers"), evidence=Evidence.DECLARED
        )
        _tell_version(findings, config)
        for field, value, below in quantization.read(mapping(config.get("quantization_config"))):
            findings.say(field, value, pointer("quantization_config", *below))
        if mapping(config.get("auto_map")):
            _custom(findings, "auto_map runs Python of the repository")
        for key, value, place in leftovers(config, {"_diffusers_version", "num_layers", "auto_map"}):
            findings.say(
                f"extra.{reader.name.removesuffix('.json').removesuffix('_config')}.{key}", value, place
            )
        return findings.extraction()


def _tell_version(findings: Findings, config: Mapping[str, Any]) -> None:
    version = text(config.get("_diffusers_version"))
    findings.say("framework_version", version, pointer("_diffusers_version"))
    findings.say(
        "dependencies",
        version and f"diffusers=={version}",
        pointer("_diffusers_version"),
        evidence=Evidence.INFERRED,
    )


def _tell_components(findings: Findings, index: Mapping[str, Any]) -> None:
    components = [
        (key, value) for key, value in index.items() if isinstance(value, list) and key != "_class_name"
    ]
    if len(components) > MAX_COMPONENTS:
        findings.problem("limit-exceeded", f"{len(components)} components, {MAX_COMPONENTS} are read")
    for key, value in components[:MAX_COMPONENTS]:
        if len(value) != 2 or value[1] is None or not isinstance(value[1], str):
            continue  # a component that is left out is [null, null]
        library = value[0] if isinstance(value[0], str) else None
        findings.say(f"extra.components.{key}", f"{library}.{value[1]}", pointer(key))
        _check_library(findings, key, library, value[1])
        name = sibling(key)
        if name is None:
            findings.risk(
                "path-traversal",
                Severity.HIGH,
                f"component {key[:200]!r} is not a directory beside the index",
            )
        else:
            findings.refers_to(Reference(name=name, relation="component"))
    for key, value, place in leftovers(
        {k: v for k, v in index.items() if not isinstance(v, list)}, {"_diffusers_version"}
    ):
        findings.say(f"extra.pipeline.{key}", value, place)


def _check_library(findings: Findings, component: str, library: str | None, class_name: str) -> None:
    if library is None or library.split(".")[0] in LIBRARIES or library in OWN_MODULES:
        return
    _custom(
        findings,
        f"component {component[:100]!r} is {library[:100]}.{class_name[:100]}: code outside diffusers and transformers",
    )


def _custom(findings: Findings, detail: str) -> None:
    findings.risk("remote-code", Severity.MEDIUM, detail)
