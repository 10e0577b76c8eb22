"""adapter_config.json of PEFT and of mlx-lm: kind and rank of an adapter, and the model it sits on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.normalise.values.base_models import base_model_id, is_folder
from catalog.records import Evidence, Extraction, Origin, Role, Severity
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, mapping, number, pointer, positive, text
from crawler.formats.pickle_names import Verdict, judged
from crawler.promises import Promise
from crawler.reader import RangedReader
from mappings import tasks

_KNOWN = frozenset(
    {"peft_type", "task_type", "base_model_name_or_path", "r", "lora_alpha", "peft_version", "auto_mapping"}
)
_MLX_TRAINING = {
    "learning_rate": "learning_rate",
    "batch_size": "batch_size",
    "iters": "steps",
    "seed": "seed",
    "max_seq_length": "max_seq_length",
    "optimizer": "optimizer",
}
_MLX_KNOWN = frozenset(
    {"model", "fine_tune_type", "lora_parameters", "lr_schedule", "train", "test", "data", *_MLX_TRAINING}
)
_ADAPTER_HUB = ("adapters.", "adapter-transformers.", "adapter_transformers.")
"""With what the library Adapters, and its forerunner, begin their version."""


class PeftAdapterExtractor:
    """Reads the whole file.

    Source: huggingface/peft src/peft/config.py, src/peft/tuners/lora/config.py; ml-explore/mlx-lm mlx_lm/lora.py, which
    writes all its arguments, and Blaizzy/mlx-vlm mlx_vlm/trainer.
    """

    name = "peft-adapter"
    version = 6
    description = "adapter_config.json of PEFT, mlx-lm and Adapters (AdapterHub)"
    reads = "adapter type, rank, alpha, target modules, base model, task; of mlx-lm how it was trained, too"
    limits = "JSON 16 MB"
    promises = Promise(configs=("adapter_config.json",))
    signs = Signs(names=("adapter_config.json",))

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
        findings.look_for_templates(config, "json:")
        if "peft_type" not in config and (_MLX_KNOWN & config.keys() or "rank" in config):
            _tell_mlx(findings, config)
            return findings.extraction()
        if str(config.get("version", "")).startswith(_ADAPTER_HUB) and "config" in config:
            _tell_adapter_hub(findings, config)
            return findings.extraction()
        kind = text(config.get("peft_type"))
        findings.say("adapter.type", kind and kind.upper(), pointer("peft_type"))
        findings.say("adapter.rank", positive(config.get("r")), pointer("r"))
        findings.say("adapter.alpha", number(config.get("lora_alpha")), pointer("lora_alpha"))
        if kind:
            findings.say("library", "peft", pointer("peft_type"))
        _tell_custom_base(findings, mapping(config.get("auto_mapping")))
        task = text(config.get("task_type"))
        findings.say("task", task and tasks.of_peft(task), pointer("task_type"), evidence=Evidence.INFERRED)
        _tell_base(findings, config, "base_model_name_or_path", relation="adapter")
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


def _tell_adapter_hub(findings: Findings, config: Mapping[str, Any]) -> None:
    """An adapter of the library Adapters. Source: adapter-hub/adapters src/adapters/loading.py (`AdapterLoader.save`)."""
    findings.say("library", "adapters", pointer("version"), evidence=Evidence.INFERRED)
    kind = text(mapping(config.get("config")).get("architecture"))
    findings.say("adapter.type", kind and kind.upper(), pointer("config", "architecture"))
    findings.say("adapter.rank", positive(mapping(config.get("config")).get("r")), pointer("config", "r"))
    findings.say("name", text(config.get("name")), pointer("name"))
    _tell_base(findings, config, "model_name", relation="adapter")
    for name, value, place in leftovers(config, frozenset({"name", "model_name"})):
        findings.say(f"extra.adapter.{name}", value, place)


def _tell_mlx(findings: Findings, config: Mapping[str, Any]) -> None:
    """The arguments of mlx-lm's training; mlx-vlm writes rank and alpha alone. `full` trains the model itself."""
    kind = text(config.get("fine_tune_type")) or "lora"
    is_adapter = kind != "full"
    findings.say(
        "library",
        "mlx-lm" if "iters" in config or "model" in config else None,
        "json:/",
        evidence=Evidence.INFERRED,
    )
    parameters = mapping(config.get("lora_parameters")) or config
    inside = ("lora_parameters",) if parameters is not config else ()
    if is_adapter:
        findings.say("adapter.type", kind.upper(), pointer("fine_tune_type"))
        findings.say("adapter.rank", positive(parameters.get("rank")), pointer(*inside, "rank"))
        findings.say("adapter.alpha", number(parameters.get("alpha")), pointer(*inside, "alpha"))
    for key, field in _MLX_TRAINING.items():
        value = config.get(key)
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            findings.say(f"training.{field}", value, pointer(key))
    schedule = text(mapping(config.get("lr_schedule")).get("name"))
    findings.say("training.scheduler", schedule, pointer("lr_schedule", "name"))
    data = text(config.get("data"))
    findings.say("datasets", None if data is None or is_folder(data) else data, pointer("data"))
    _tell_base(findings, config, "model", relation="adapter" if is_adapter else "finetune")
    for name, value, place in leftovers(config, _MLX_KNOWN):
        findings.say(f"extra.adapter.{name}", value, place)
    for name, value, place in leftovers(mapping(config.get("lora_parameters")), frozenset({"rank", "alpha"})):
        findings.say(f"extra.adapter.{name}", value, place.replace("json:/", "json:/lora_parameters/", 1))


def _tell_custom_base(findings: Findings, mapped: Mapping[str, Any]) -> None:
    """The module of a base model that PEFT imports. Source: huggingface/peft src/peft/auto.py `from_pretrained`."""
    module, name = text(mapped.get("parent_library")), text(mapped.get("base_model_class"))
    if module and judged(module, name or "", called=False) > Verdict.KNOWN:
        findings.risk(
            "remote-code", Severity.MEDIUM, f"auto_mapping imports {module[:200]} for the base model"
        )


def _tell_base(findings: Findings, config: Mapping[str, Any], key: str, *, relation: str) -> None:
    place = pointer(key)
    base = text(config.get(key))
    if base is None:
        return
    if is_folder(base):
        findings.say("extra.adapter.base_model_path", base, place)
        base = base_model_id(base)
        if not base.strip("."):
            return
    revision = text(config.get("revision"))
    context = {"relation": relation} | ({"revision": revision} if revision else {})
    findings.say("base_model.id", base, place, context=context)
    findings.say("base_model.relation", relation, place, evidence=Evidence.INFERRED)
    if "://" in base:
        findings.risk("external-data", Severity.INFO, f"the base model is at {base[:200]}")
