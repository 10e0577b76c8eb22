"""diffusers: model_index.json of a pipeline, and the configuration of each of its components."""

from __future__ import annotations

import re

from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import diffusers_index, jsons, quantization
from crawler.formats.json_values import leftovers, mapping, pointer, positive, text
from crawler.promises import Container, Promise
from crawler.reader import RangedReader

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
    promises = Promise(containers=(Container(files=("model_index.json",), kind="pipeline"),))
    signs = Signs(names=("model_index.json",))

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
        diffusers_index.tell_pipeline(findings, index)
        return findings.extraction()


class DiffusersComponentExtractor:
    """Reads the whole file: class and version of one component (a network, a scheduler)."""

    name = "diffusers-component"
    version = 1
    description = "config.json and scheduler_config.json of diffusers components"
    reads = "component class, diffusers version, its settings"
    limits = "JSON 16 MB"
    signs = Signs(names=COMPONENT_FILES)

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
        diffusers_index.tell_version(findings, config)
        for field, value, below in quantization.read(mapping(config.get("quantization_config"))):
            findings.say(field, value, pointer("quantization_config", *below))
        if mapping(config.get("auto_map")):
            diffusers_index.tell_custom_code(findings, "auto_map runs Python of the repository")
        for key, value, place in leftovers(config, {"_diffusers_version", "num_layers", "auto_map"}):
            findings.say(
                f"extra.{reader.name.removesuffix('.json').removesuffix('_config')}.{key}", value, place
            )
        return findings.extraction()
