"""What the index of a diffusers pipeline says: its class, its components, and code from elsewhere.

Source: huggingface/diffusers src/diffusers/pipelines/pipeline_utils.py, pipeline_loading_utils.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog.records import Evidence, Reference, Severity
from crawler.formats.json_values import leftovers, pointer, text
from crawler.formats.siblings import sibling
from mappings import tasks

if TYPE_CHECKING:
    from crawler.extractor import Findings

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


def tell_pipeline(findings: Findings, index: Mapping[str, Any], *, beside: bool = True) -> None:
    """Everything a model_index.json says; its components are directories `beside` it, or inside the same file."""
    name = index.get("_class_name")
    module = name[0] if isinstance(name, list) and name and isinstance(name[0], str) else None
    name = text(name[-1]) if isinstance(name, list) and name else text(name)
    findings.say("architecture", name, pointer("_class_name"))
    findings.say("framework", "diffusers", pointer("_class_name"))
    findings.say("library", "diffusers", pointer("_class_name"))
    findings.say("task", name and tasks.of_pipeline(name), pointer("_class_name"), evidence=Evidence.INFERRED)
    if module is not None:
        tell_custom_code(findings, f"the pipeline {name} comes from the file {module[:100]!r}")
    tell_version(findings, index)
    _tell_components(findings, index, beside=beside)


def tell_version(findings: Findings, config: Mapping[str, Any]) -> None:
    version = text(config.get("_diffusers_version"))
    findings.say("framework_version", version, pointer("_diffusers_version"))
    findings.say(
        "dependencies",
        version and f"diffusers=={version}",
        pointer("_diffusers_version"),
        evidence=Evidence.INFERRED,
    )


def _tell_components(findings: Findings, index: Mapping[str, Any], *, beside: bool) -> None:
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
        elif beside:
            findings.refers_to(Reference(name=name, relation="component"))
    for key, value, place in leftovers(
        {k: v for k, v in index.items() if not isinstance(v, list)}, {"_diffusers_version"}
    ):
        findings.say(f"extra.pipeline.{key}", value, place)


def _check_library(findings: Findings, component: str, library: str | None, class_name: str) -> None:
    if library is None or library.split(".")[0] in LIBRARIES or library in OWN_MODULES:
        return
    tell_custom_code(
        findings,
        f"component {component[:100]!r} is {library[:100]}.{class_name[:100]}: code outside diffusers and transformers",
    )


def tell_custom_code(findings: Findings, detail: str) -> None:
    findings.risk("remote-code", Severity.MEDIUM, detail)
