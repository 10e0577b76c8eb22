"""safetensors: exact counts of tensors from the header alone, and what writers leave in `__metadata__`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from catalog.records import (
    Evidence,
    Extraction,
    FileStatus,
    Origin,
    Role,
    Severity,
    TensorInfo,
    TensorSummary,
)
from crawler.extractor import Claim, Findings
from crawler.formats import kohya, metadata_objects, properties, safetensors_format, tensors
from crawler.formats.checkpoint_names import tell_name
from crawler.formats.json_values import MAX_LEFTOVERS, MAX_NAME_CHARACTERS
from crawler.formats.pieces import goes_on_in_pieces
from crawler.promises import Promise
from crawler.reader import RangedReader
from mappings import frameworks

WRITERS = frozenset({"pt", "tf", "flax", "np", "mlx", "paddle"})
"""What libraries write as `format`. Source: huggingface/safetensors, bindings/python/py_src/safetensors."""

# Source: Stability-AI/ModelSpec README.md
MODELSPEC = {
    "title": "title",
    "description": "description",
    "author": "owner",
    "date": "trained_at",
    "license": "license",
    "architecture": "architecture",
    "tags": "tags",
    "language": "language",
    "data_source": "data_sources",
}
MODELSPEC_PREFIX = "modelspec."
MAX_CHECKED_CHARACTERS = 64 * 1024
_CODE = re.compile(
    r"<script\b|\bjavascript:|\bos\.system\s*\(|\bsubprocess\.\w+\s*\(|\b(?:exec|eval)\s*\(|\b__import__\s*\(|"
    r"\brm\s+-rf\b|\b(?:curl|wget)\s+https?:|\bbase64\.b64decode\s*\("
)
_FETCHED = re.compile(r"(?i)callback|webhook|download|payload|exfil|remote_code|code_url")
_ADDRESS = re.compile(r"(?i)\s*(?:https?|ftp|wss?|file)://")
LORA_PAIRS = (
    (re.compile(r"\.lora_A(?:\.[^.]+)?\.weight$"), 0),
    (re.compile(r"\.lora_down\.weight$"), 0),
    (re.compile(r"\.lora\.down\.weight$"), 0),
    (re.compile(r"\.lora_a$"), 1),
)
"""The first matrix of a low-rank pair, and which of its dimensions is the rank. Source: huggingface/peft
src/peft/tuners/lora/layer.py, kohya-ss/sd-scripts networks/lora.py, ml-explore/mlx-lm tuner/lora.py."""


class SafetensorsExtractor:
    """Reads the header: one request, two when it is longer than 128 kB. Tensor data is never read."""

    name = "safetensors"
    version = 10
    description = "safetensors weights (single files and shards)"
    reads = "header: names, dtypes, shapes, exact counts; __metadata__ with ModelSpec, and what kohya's scripts, ai-toolkit, OneTrainer and the web UI's merger write"
    limits = "header 32 MB, 500,000 tensors, rank 16"
    promises = Promise(formats={".safetensors": "safetensors"})

    def claims(self, key: str, head: bytes) -> Claim | None:
        named = key.lower().endswith((".safetensors", ".sft"))
        looks = safetensors_format.claims_head(head)
        if named and not looks:
            return Claim(format="safetensors", role=Role.WEIGHTS, confidence=40)
        if not looks:
            return None
        return Claim(format="safetensors", role=Role.WEIGHTS, confidence=100 if named else 60)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="safetensors", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        header = safetensors_format.read_header(reader)
        _tell_faults(findings, reader.size_bytes, header)
        findings.tensors = _summary(header)
        _tell_lora_rank(findings, _lora_ranks(header))
        _tell_metadata(findings, header.metadata)
        tell_name(findings)
        return findings.extraction()


@safetensors_format.made_once
def _summary(header: safetensors_format.SafetensorsHeader) -> TensorSummary:
    return tensors.summarise(header.tensors, unknown=header.unknown)


def _goes_on(findings: Findings, size_bytes: int, header: safetensors_format.SafetensorsHeader) -> bool:
    return goes_on_in_pieces(findings, size_bytes, 8 + header.header_bytes + header.data_bytes)


def _tell_faults(findings: Findings, size_bytes: int, header: safetensors_format.SafetensorsHeader) -> None:
    for fault in header.faults:
        if fault.code == "truncated" and _goes_on(findings, size_bytes, header):
            continue
        findings.problem(fault.code, fault.message, "header:")
        if fault.code == "truncated":
            findings.status = FileStatus.PARTIAL
    hostile = sorted({fault.code for fault in header.faults if fault.hostile})
    if hostile:
        detail = (
            f"the header breaks the format ({', '.join(hostile)}); readers may disagree about its contents"
        )
        findings.risk("suspicious-structure", Severity.LOW, detail)


def _tell_lora_rank(findings: Findings, ranks: frozenset[int]) -> None:
    """The rank, when every low-rank pair of the file has the same."""
    if not ranks:
        return
    findings.say("adapter.type", "LORA", "tensors:", evidence=Evidence.INFERRED)
    if len(ranks) == 1:
        findings.say("adapter.rank", max(ranks), "tensors:", evidence=Evidence.COUNTED)


@safetensors_format.made_once
def _lora_ranks(header: safetensors_format.SafetensorsHeader) -> frozenset[int]:
    return frozenset(
        rank for info in header.tensors if ".lora" in info.name and (rank := _rank(info)) is not None
    )


def _rank(info: TensorInfo) -> int | None:
    for pattern, dimension in LORA_PAIRS:
        if len(info.shape) > dimension and pattern.search(info.name):
            return info.shape[dimension]
    return None


def _tell_metadata(findings: Findings, metadata: Mapping[str, str]) -> None:
    written_by = metadata.get("format", "").lower()
    if written_by in WRITERS:
        name = frameworks.spellings()[written_by].name
        findings.say("framework", name, "meta:format", evidence=Evidence.INFERRED)
    _check_text(findings, metadata)
    _tell_modelspec(findings, metadata)
    if any(key.startswith("ss_") for key in metadata):
        _tell_kohya(findings, metadata)
    _tell_objects(findings, metadata)
    done = {"format"} if written_by in WRITERS else set()
    rest = [key for key in metadata if key not in done and not key.startswith(("ss_", MODELSPEC_PREFIX))]
    for key in rest[:MAX_LEFTOVERS]:
        properties.tell_property(
            findings, key[:MAX_NAME_CHARACTERS], metadata[key], _pointer(key), block="__metadata__"
        )
    if len(rest) > MAX_LEFTOVERS:
        findings.problem(
            "limit-exceeded", f"{len(rest)} keys in __metadata__, {MAX_LEFTOVERS} are kept", "meta:"
        )


def _check_text(findings: Findings, metadata: Mapping[str, str]) -> None:
    """Nothing runs this text; but whoever pastes or shows it should know what it is."""
    keys = [key for key, value in metadata.items() if _CODE.search(value[:MAX_CHECKED_CHARACTERS])]
    if keys:
        detail = f"text that looks like code in __metadata__: {', '.join(key[:60] for key in keys[:10])}"
        findings.risk("suspicious-structure", Severity.INFO, detail)
    fetched = [key for key, value in metadata.items() if _FETCHED.search(key) and _ADDRESS.match(value)]
    if fetched:
        detail = f"addresses for programs to fetch or call in __metadata__: {', '.join(key[:60] for key in fetched[:10])}"
        findings.risk("suspicious-structure", Severity.INFO, detail)


def _tell_modelspec(findings: Findings, metadata: Mapping[str, str]) -> None:
    for key, value in metadata.items():
        if not key.startswith(MODELSPEC_PREFIX) or value in {"", "None"}:
            continue
        word = key.removeprefix(MODELSPEC_PREFIX)
        if word in {"tags", "language"}:
            for item in value.split(",")[:200]:
                findings.say(MODELSPEC[word], item.strip(), _pointer(key))
        elif word == "merged_from":
            for item in value.split(",")[:200]:
                _tell_base(findings, item.strip(), "merge", _pointer(key))
        elif word == "thumbnail":
            findings.say("extra.modelspec.thumbnail", f"({len(value)} characters)", _pointer(key))
        else:
            field = MODELSPEC.get(word, f"extra.modelspec.{word[:MAX_NAME_CHARACTERS]}")
            # A tool's date of writing gives way to the trainer's own account of when training ended.
            evidence = Evidence.DECLARED if word == "date" else Evidence.EXPLICIT
            findings.say(field, value, _pointer(key), evidence=evidence)
    findings.say(
        "name", metadata.get("modelspec.title"), _pointer("modelspec.title"), evidence=Evidence.INFERRED
    )


def _tell_kohya(findings: Findings, metadata: Mapping[str, str]) -> None:
    keys_read: set[str] = set()
    for key, field in kohya.FIELDS.items():
        value = metadata.get(key, "")
        source = key
        if kohya.is_empty(value) and field in kohya.FALLBACKS:
            source = kohya.FALLBACKS[field]
            value = metadata.get(source, "")
            if value == "0":  # no limit, and no step was planned
                continue
        if not kohya.is_empty(value):
            findings.say(field, value, _pointer(source))
            keys_read.add(source)
    findings.say("adapter.type", kohya.adapter_type(metadata), _pointer("ss_network_module"))
    base = next(
        (
            key
            for key in ("ss_sd_model_name", "ss_base_model_version")
            if not kohya.is_empty(metadata.get(key, ""))
        ),
        None,
    )
    if base is not None:
        _tell_base(findings, metadata[base], "adapter", _pointer(base))
    for tag in kohya.top_tags(metadata):
        findings.say("tags", tag, _pointer("ss_tag_frequency"))
    for folder in kohya.dataset_folders(metadata):
        findings.say("data_sources", folder, _pointer("ss_dataset_dirs"))
    _tell_other_kohya(findings, metadata, keys_read)


def _tell_other_kohya(findings: Findings, metadata: Mapping[str, str], keys_read: set[str]) -> None:
    for key in [key for key in metadata if key.startswith("ss_")][:MAX_LEFTOVERS]:
        value = metadata[key]
        if key in keys_read or kohya.is_empty(value) or key in kohya.LARGE:
            continue
        if key in kohya.SETTINGS:
            findings.say(f"hyperparameters.{key.removeprefix('ss_')}", value, _pointer(key))
        else:
            findings.say(f"extra.{key[:MAX_NAME_CHARACTERS]}", value, _pointer(key))


def _tell_objects(findings: Findings, metadata: Mapping[str, str]) -> None:
    for field, value, place in metadata_objects.settings_in(metadata):
        findings.say(field, value, _pointer(place))
    for base, relation, place in metadata_objects.bases(metadata):
        _tell_base(findings, base, relation, _pointer(place))


def _tell_base(findings: Findings, base: str, relation: str, pointer: str) -> None:
    findings.say("base_model.id", base, pointer, context={"relation": relation})
    if base:
        findings.say("base_model.relation", relation, pointer, evidence=Evidence.INFERRED)


def _pointer(key: str) -> str:
    return f"meta:{key[:MAX_NAME_CHARACTERS]}"
