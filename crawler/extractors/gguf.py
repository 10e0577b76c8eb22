"""GGUF: exact counts per block type, the model's own metadata, and risks of its chat templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.errors import Unsupported
from catalog.layouts.pieces import numbered_parts
from catalog.layouts.shards import shard_of
from catalog.records import Evidence, Extraction, FileStatus, Origin, Reference, Role, Severity
from catalog.text.patterns import pattern
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import ggml_types, gguf_format, tensors
from crawler.formats.gguf_format import GgufArray
from crawler.formats.pieces import goes_on_in_pieces
from crawler.promises import Promise
from crawler.reader import RangedReader

MAX_EXTRA = 1_000
MAX_TEXTS_OF_ARRAY = 64

# Source: ggml-org/ggml docs/gguf.md, "Standardized key-value pairs"
GENERAL = {
    "general.name": "name",
    "general.version": "version",
    "general.description": "description",
    "general.license": "license",
    "general.license.name": "license_name",
    "general.license.link": "license_link",
    "general.author": "owner",
}
LISTS = {"general.tags": "tags", "general.languages": "language", "general.datasets": "datasets"}
OF_ARCHITECTURE = {
    "context_length": "context_length",
    "embedding_length": "embedding_dimension",
    "block_count": "layers",
}
_REPOSITORY_URL = pattern(
    r"^https?://(?:www\.)?(?:huggingface\.co|hf\.co)/(?!datasets/|spaces/)([\w.-]+/[\w.-]+?)/?$"
)
_DATASET_URL = pattern(r"^https?://(?:www\.)?(?:huggingface\.co|hf\.co)/datasets/([\w.-]+/[\w.-]+?)/?$")
_INDEXED = pattern(r"^general\.(base_model|dataset)\.(\d{1,4})\.(\w+)$")


class GgufExtractor:
    """Reads the header as a stream: 1 request, 2-3 where a large vocabulary is in the way. Tensor data is never read."""

    name = "gguf"
    version = 6
    description = "GGUF models, adapters and shards, versions 1 to 3, either byte order; older GGML by magic"
    reads = "counts per block type, quantisation, general.*, architecture sizes, chat templates"
    limits = "65,536 keys, 1,000,000 tensors, strings 8 MB, arrays 16 M elements, 4 dimensions"
    promises = Promise(formats={".gguf": "gguf"})
    signs = Signs(suffixes=(".gguf",), beginnings=(gguf_format.MAGIC, *gguf_format.OLD_MAGICS))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if head[:4] == gguf_format.MAGIC:
            return Claim(format="gguf", role=Role.WEIGHTS, confidence=100)
        if head[:4] in gguf_format.OLD_MAGICS:
            return Claim(format="ggml", role=Role.WEIGHTS, confidence=90)
        return (
            Claim(format="gguf", role=Role.WEIGHTS, confidence=40) if key.lower().endswith(".gguf") else None
        )

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="gguf", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        if reader.head(4) in gguf_format.OLD_MAGICS:
            findings.format = "ggml"
            findings.failed(
                Unsupported("GGML files from before GGUF are recognised, not read"), status=FileStatus.OPAQUE
            )
            return findings.extraction()
        header = gguf_format.read_header(reader)
        _tell_structure(findings, header, reader.size_bytes)
        pairs = header.pairs
        if (role := _role(header)) is not None:
            findings.role = role
        if role is Role.AUXILIARY:  # what it is called and made for is not what the model beside it is
            _tell_templates(findings, pairs)
            return findings.extraction()
        _tell_split(findings, pairs)
        _tell_general(findings, pairs)
        _tell_architecture(findings, pairs)
        _tell_quantization(findings, header)
        _tell_indexed(findings, pairs)
        _tell_adapter(findings, header)
        _tell_templates(findings, pairs)
        _tell_rest(findings, pairs)
        return findings.extraction()


_PARTS_OF_SPLIT = "split.count"
_MOST_PARTS = 2**16 - 1
"""Source: ggml-org/llama.cpp src/llama-model-loader.cpp, which reads `split.count` as 16 bits."""
PARTS = frozenset({"mmproj", "clip"})
NO_MODEL = frozenset({"imatrix", "controlvector", "vocab"})
"""Source: ggml-org/llama.cpp gguf-py/gguf/constants.py (`GGUFType`), tools/imatrix, tools/cvector-generator."""


def _role(header: gguf_format.GgufHeader) -> Role | None:
    """What the file is when it is no model by itself; None for a model or an adapter."""
    kind, architecture = (
        _text(header.pairs.get("general.type")),
        _text(header.pairs.get("general.architecture")),
    )
    if PARTS & {kind, architecture}:
        return Role.PART
    only_words = not header.tensors and "tokenizer.ggml.tokens" in header.pairs
    return Role.AUXILIARY if only_words or NO_MODEL & {kind, architecture} else None


def _tell_structure(findings: Findings, header: gguf_format.GgufHeader, size_bytes: int) -> None:
    findings.tensors = tensors.summarise(header.tensors)
    if _role(header) is not Role.AUXILIARY:
        findings.say("framework", "llama.cpp", "header:", evidence=Evidence.INFERRED)
        findings.say("extra.gguf.version", header.version, "header:version")
    if header.big_endian:
        findings.say("extra.gguf.byte_order", "big", "header:version")
    for code, message in header.faults:
        findings.problem(code, message, "header:")
    if header.faults:
        kinds = ", ".join(sorted({code for code, _ in header.faults}))
        findings.risk("suspicious-structure", Severity.LOW, f"the header breaks the format ({kinds})")
    if header.unknown_types:
        findings.problem(
            "unknown-dtype", f"unknown tensor types: {', '.join(header.unknown_types[:10])}", "header:"
        )
    if header.data_end is not None and header.data_end > size_bytes:
        if goes_on_in_pieces(findings, size_bytes, header.data_end):
            return
        findings.problem(
            "truncated",
            f"tensors end at byte {header.data_end:,}, the file has {size_bytes:,}: it is cut off",
        )
        findings.status = FileStatus.PARTIAL


def _tell_split(findings: Findings, pairs: Mapping[str, Any]) -> None:
    """How many parts there should be. Where the names are not those that llama.cpp gives, the first part names the others.

    Source: ggml-org/llama.cpp tools/gguf-split (`split.no`, `split.count`).
    """
    count = pairs.get(_PARTS_OF_SPLIT)
    if type(count) is not int or not 2 <= count <= _MOST_PARTS:
        return
    findings.say("shards.expected", count, _kv(_PARTS_OF_SPLIT))
    if pairs.get("split.no") == 0 and shard_of(findings.file_name) is None:
        for name in numbered_parts(findings.file_name, count):
            findings.refers_to(Reference(name=name, relation="shard"))


def _tell_general(findings: Findings, pairs: Mapping[str, Any]) -> None:
    for key, field in GENERAL.items():
        findings.say(field, _text(pairs.get(key)), _kv(key))
    if not _text(pairs.get("general.author")):
        findings.say("owner", _text(pairs.get("general.organization")), _kv("general.organization"))
    for key, field in LISTS.items():
        value = pairs.get(key)
        for item in value.first if isinstance(value, GgufArray) else [value]:
            findings.say(field, _text(item), _kv(key))
    findings.say(
        "parameters",
        _text(pairs.get("general.size_label")),
        _kv("general.size_label"),
        evidence=Evidence.DECLARED,
    )


def _tell_architecture(findings: Findings, pairs: Mapping[str, Any]) -> None:
    tokens = pairs.get("tokenizer.ggml.tokens")
    if isinstance(tokens, GgufArray):
        findings.say("extra.vocab_size", tokens.count, _kv("tokenizer.ggml.tokens"))
    name = _text(pairs.get("general.architecture"))
    if name is None:
        return
    findings.say("architecture", name, _kv("general.architecture"))
    findings.say("model_type", name, _kv("general.architecture"))
    for key, field in OF_ARCHITECTURE.items():
        value = pairs.get(f"{name}.{key}")
        if type(value) is int and 0 < value < 2**53:
            findings.say(field, value, _kv(f"{name}.{key}"))
    if f"{name}.pooling_type" in pairs:
        findings.say("task", "feature-extraction", _kv(f"{name}.pooling_type"), evidence=Evidence.INFERRED)
    elif "tokenizer.chat_template" in pairs:
        findings.say("task", "text-generation", _kv("tokenizer.chat_template"), evidence=Evidence.INFERRED)


def _tell_quantization(findings: Findings, header: gguf_format.GgufHeader) -> None:
    number = header.pairs.get("general.file_type")
    if type(number) is not int:
        return
    place = _kv("general.file_type")
    findings.say("extra.general.file_type", number, place)
    label = ggml_types.file_type_label(number, header.tensors)
    if label is None:
        return
    findings.say("precision", label, place)
    if label not in ggml_types.PLAIN:
        findings.say("quantization.method", "gguf", place)
        findings.say("quantization.scheme", label, place)
        findings.say("quantization.bits", ggml_types.bits(label), place)


def _tell_indexed(findings: Findings, pairs: Mapping[str, Any]) -> None:
    """`general.base_model.0.repo_url` and its like: one entry per number."""
    entries: dict[tuple[str, int], dict[str, str]] = {}
    for key, value in pairs.items():
        match = _INDEXED.match(key)
        if match and (content := _text(value)) is not None:
            entries.setdefault((match[1], int(match[2])), {})[match[3]] = content
    for (kind, number), entry in sorted(entries.items()):
        pattern = _REPOSITORY_URL if kind == "base_model" else _DATASET_URL
        url = next(
            (match[1] for word in ("repo_url", "url") if (match := pattern.match(entry.get(word, "")))), None
        )
        name = entry.get("name")
        organization = entry.get("organization")
        named = f"{organization}/{name}" if name and organization and " " not in organization + name else name
        word = "repo_url" if url else "name"
        field = "base_model.id" if kind == "base_model" else "datasets"
        findings.say(field, url or named, _kv(f"general.{kind}.{number}.{word}"))


def _tell_adapter(findings: Findings, header: gguf_format.GgufHeader) -> None:
    if header.pairs.get("general.type") != "adapter":
        return
    kind = _text(header.pairs.get("adapter.type"))
    findings.say("adapter.type", kind and kind.upper(), _kv("adapter.type"))
    findings.say("adapter.alpha", header.pairs.get("adapter.lora.alpha"), _kv("adapter.lora.alpha"))
    ranks = {
        info.shape[0] for info in header.tensors if info.name.endswith(".lora_a") and len(info.shape) == 2
    }
    if len(ranks) == 1:
        findings.say("adapter.rank", ranks.pop(), "tensors:", evidence=Evidence.COUNTED)


def _tell_templates(findings: Findings, pairs: Mapping[str, Any]) -> None:
    for key, value in pairs.items():
        findings.look_for_templates(value, _kv(key))
        if not key.startswith("tokenizer.chat_template") or not isinstance(value, str):
            continue
        suffix = key.removeprefix("tokenizer.chat_template")
        findings.say(f"extra.chat_template{suffix[:100]}", value, _kv(key))


def _tell_rest(findings: Findings, pairs: Mapping[str, Any]) -> None:
    architecture = pairs.get("general.architecture")
    known = {
        *GENERAL,
        *LISTS,
        "general.architecture",
        "general.file_type",
        "adapter.type",
        "adapter.lora.alpha",
    }
    known |= {f"{architecture}.{key}" for key in OF_ARCHITECTURE}
    rest = [key for key in pairs if key not in known and not key.startswith("tokenizer.chat_template")]
    for key in rest[:MAX_EXTRA]:
        value = pairs[key]
        findings.say(f"extra.{key[:200]}", _shown(value) if isinstance(value, GgufArray) else value, _kv(key))
    if len(rest) > MAX_EXTRA:
        findings.problem("limit-exceeded", f"{len(rest)} further keys, {MAX_EXTRA} are kept")


def _shown(array: GgufArray) -> Any:
    if array.whole and array.count <= MAX_TEXTS_OF_ARRAY:
        return [item[:1000] if isinstance(item, str) else item for item in array.first] or None
    return f"({array.count} × {array.element_type})"


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _kv(key: str) -> str:
    return f"kv:{key[:200]}"
