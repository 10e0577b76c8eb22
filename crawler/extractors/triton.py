"""What a model repository of Triton says of a model that it serves: config.pbtxt beside the directories of its versions.

Source: triton-inference-server/common protobuf/model_config.proto; triton-inference-server/server docs/user_guide/model_configuration.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.errors import LimitExceeded
from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import dtypes, prototext
from crawler.formats.json_values import text, whole
from crawler.promises import Promise
from crawler.reader import RangedReader
from mappings import frameworks

CONFIG = "config.pbtxt"
MAX_FILE_BYTES = 1024 * 1024
MAX_PORTS = 500
MAX_DIMENSIONS = 32
MAX_PARAMETERS = 200
MAX_VALUE_CHARACTERS = 1_000
_FIELDS = re.compile(
    rb"(?m)^\s*(?:name|platform|backend|max_batch_size|input|output|instance_group|default_model_filename)\s*[:\[{]"
)
_BATCH = -1
"""A dimension of any size."""


class TritonExtractor:
    """Reads the whole file."""

    name = "triton"
    version = 1
    description = "Configurations of Triton's model repository (config.pbtxt beside the versions of a model)"
    reads = (
        "name, backend, inputs and outputs with shape and type, largest batch, parameters; for every version"
    )
    limits = "1 MB, 200,000 tokens, 32 levels, 500 inputs and outputs, 200 parameters"
    promises = Promise(configs=(CONFIG,))
    signs = Signs(names=(CONFIG,))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if key.rsplit("/", 1)[-1] != CONFIG or _FIELDS.search(head) is None:
            return None
        return Claim(format="triton-config", role=Role.CONFIG, confidence=80)

    def extract(self, reader: RangedReader) -> Extraction:
        if reader.size_bytes > MAX_FILE_BYTES:
            raise LimitExceeded(
                "bytes of a configuration of Triton", limit=MAX_FILE_BYTES, found=reader.size_bytes
            )
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        config = prototext.load(reader.take(0, reader.size_bytes).decode("utf-8-sig", "replace"))
        findings.say("name", text(prototext.first(config, "name")), "text:/name")
        batch = whole(prototext.first(config, "max_batch_size")) or 0
        for field, key in (("inputs", "input"), ("outputs", "output")):
            ports = [
                _port(port, is_batched=batch > 0) for port in prototext.messages(config, key)[:MAX_PORTS]
            ]
            findings.say(field, ports or None, f"text:/{key}", evidence=Evidence.DECLARED)
        findings.say("extra.triton.max_batch_size", batch or None, "text:/max_batch_size")
        for key in ("backend", "platform"):
            findings.say(f"extra.triton.{key}", text(prototext.first(config, key)), f"text:/{key}")
        findings.say("framework", _framework(config), "text:/platform", evidence=Evidence.INFERRED)
        _tell_parameters(findings, config)
        return findings.extraction()


def _port(port: Mapping[str, Any], *, is_batched: bool) -> dict[str, Any]:
    """One input or output: its `dims` leave the dimension of the batch out, if there is one."""
    sizes = port.get("dims", [])[:MAX_DIMENSIONS]
    shape = [_BATCH, *sizes] if is_batched else sizes
    kind = text(prototext.first(port, "data_type")) or ""
    return {
        "name": text(prototext.first(port, "name")) or "",
        "dtype": dtypes.canonical(kind.removeprefix("TYPE_")),
        "shape": [
            size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None
            for size in shape
        ],
    }


def _framework(config: Mapping[str, Any]) -> str | None:
    """What runs the model: `onnxruntime_onnx`, `tensorrt_plan` and `pytorch_libtorch` begin with it."""
    for key in ("platform", "backend"):
        runtime = (text(prototext.first(config, key)) or "").partition("_")[0].lower()
        known = frameworks.spellings().get(runtime)
        if known is not None:
            return known.name
    return None


def _tell_parameters(findings: Findings, config: Mapping[str, Any]) -> None:
    for entry in prototext.messages(config, "parameters")[:MAX_PARAMETERS]:
        key = text(prototext.first(entry, "key"))
        value = text(prototext.first(entry, "value", "string_value"))
        if key is not None and value is not None:
            findings.say(
                f"extra.triton.parameters.{key[:200]}", value[:MAX_VALUE_CHARACTERS], "text:/parameters"
            )
