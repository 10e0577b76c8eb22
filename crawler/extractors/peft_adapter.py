"""adapter_config.json of PEFT: kind and rank of an adapter, and the model it sits on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.records import Evidence, Extraction, Origin, Role, Severity
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, mapping, number, pointer, positive, text
from crawler.promises import Promise
from crawler.reader import RangedReader
from mappings import tasks

_KNOWN = frozenset(
    {"peft_type", "task_type", "base_model_name_or_path", "r", "lora_alpha", "peft_version", "auto_mapping"}
)
_FOLDER = re.compile(r"^(?:/|~|\.{1,2}/|[A-Za-z]:)")


class PeftAdapterExtractor:
    """Reads the whole file. Source: huggingface/peft src/peft/config.py, src/peft/tuners/lora/config.py."""

    name = "peft-adapter"
    version = 1
    description = "adapter_config.json of PEFT"
    reads = "adapter type, rank, alpha, target modules, base model, task"
    limits = "JSON 16 MB"
    promises = Promise(configs=("adapter_config.json",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if key.rsplit("/", 1)[-1] != "adapter_config.json" or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in {
            b"{",
            b"",
        }:
            return None
        return Claim(format="peft", role=Role.CONFIG, confidence=80)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        config = jsons.read_object(reader)
        kind = text(config.get("peft_type"))
        findings.say("adapter.type", kind and kind.upper(), pointer("peft_type"))
        findings.say("adapter.rank", positive(config.get("r")), pointer("r"))
        findings.say("adapter.alpha", number(config.get("lora_alpha")), pointer("lora_alpha"))
        if kind:
            findings.say("library", "peft", pointer("peft_type"))
        task = text(config.get("task_type"))
        findings.say("task", task and tasks.of_peft(task), pointer("task_type"), evidence=Evidence.INFERRED)
        _tell_base(findings, config)
        version = text(config.get("peft_version"))
        findings.say(
            "dependencies",
            version and f"peft=={version}",
            pointer("peft_version"),
            evidence=Evidence.INFERRED,
        )
        if mapping(config.get("auto_mapping")).get("parent_library"):
            findings.say("extra.auto_mapping", dict(mapping(config["auto_mapping"])), pointer("auto_mapping"))
        for name, value, place in leftovers(config, _KNOWN):
            findings.say(f"extra.adapter.{name}", value, place)
        return findings.extraction()


def _tell_base(findings: Findings, config: Mapping[str, Any]) -> None:
    place = pointer("base_model_name_or_path")
    base = text(config.get("base_model_name_or_path"))
    if base is None:
        return
    if _FOLDER.match(
        base
    ):  # a folder of the machine that trained it: the last part is all that means something here
        findings.say("extra.adapter.base_model_path", base, place)
        base = base.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
        if not base.strip("."):
            return
    revision = text(config.get("revision"))
    context = {"relation": "adapter"} | ({"revision": revision} if revision else {})
    findings.say("base_model.id", base, place, context=context)
    findings.say("base_model.relation", "adapter", pointer("peft_type"), evidence=Evidence.INFERRED)
    if "://" in base:
        findings.risk("external-data", Severity.INFO, f"the base model is at {base[:200]}")
