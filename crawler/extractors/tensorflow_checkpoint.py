"""TensorFlow checkpoints: the index of their variables, and the files of values that it describes.

Source: tensorflow/tensorflow tensorflow/core/util/tensor_bundle/tensor_bundle.h.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from catalog.errors import ExtractError
from catalog.records import Evidence, Origin, Reference, Role
from catalog.text.patterns import pattern
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import tensors
from crawler.formats.leveldb import is_table
from crawler.formats.tensorflow_checkpoint import CheckpointIndex, read_index, tensors_of
from crawler.promises import Promise

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader

MAX_SHARDS = 10_000
MAX_STATE_BYTES = 64 * 1024

_DATA = pattern(r"\.data-\d{5}-of-\d{5}$")
_STEP = pattern(r"[-_](\d{1,12})\.index$")
_LATEST = pattern(r'^model_checkpoint_path:\s*"([^"\n]{1,1000})"', re.MULTILINE)
_HEADER = re.compile(
    rb"\0\0[\x02-\x20]\x08[\x01-\xff]", re.DOTALL
)  # the first entry: an empty key, then BundleHeaderProto


class TensorflowCheckpointExtractor:
    name = "tensorflow-checkpoint"
    version = 2
    description = "TensorFlow checkpoints (.index with .data files), also inside a SavedModel"
    reads = "names, shapes and dtypes of all variables; the model's own apart from optimizer slots, counters and copies"
    limits = "1 M entries, uncompressed tables"
    promises = Promise(stems=(r"(?P<stem>.+)\.data-\d{5}-of-\d{5}",))
    signs = Signs(names=("checkpoint",), suffixes=(".index", ".data-"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rpartition("/")[2]
        if _DATA.search(name):
            return Claim(format=_format(key), role=Role.DATA, confidence=95)
        if name.endswith(".index") and _HEADER.match(head):
            return Claim(format=_format(key), role=Role.WEIGHTS, confidence=95)
        if name == "checkpoint" and _LATEST.search(head.decode("utf-8", errors="replace")):
            return Claim(format="tensorflow_checkpoint", role=Role.CONFIG, confidence=85)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        if _DATA.search(reader.name):
            return self._findings(reader, Role.DATA).extraction()
        if reader.name == "checkpoint" and not is_table(reader):
            return self._extract_state(reader)
        findings = self._findings(reader, Role.WEIGHTS)
        index = CheckpointIndex()
        try:
            read_index(reader, index)
        except ExtractError as error:
            if not index.variables:
                raise
            findings.failed(error)
        _tell(findings, index, reader.name)
        return findings.extraction()

    def _findings(self, reader: RangedReader, role: Role) -> Findings:
        return Findings(reader, self, format=_format(reader.key), role=role, origin=Origin.EMBEDDED)

    def _extract_state(self, reader: RangedReader) -> Extraction:
        """The `checkpoint` text file, which names the latest one."""
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        text = reader.head(MAX_STATE_BYTES).decode("utf-8", errors="replace")
        if match := _LATEST.search(text):
            findings.say("extra.latest_checkpoint", match[1].rpartition("/")[2], "text:model_checkpoint_path")
        return findings.extraction()


def _format(key: str) -> str:
    """Variables of a SavedModel belong to its format."""
    inside = key.rpartition("/")[2].startswith("variables.") and key.split("/")[-2:-1] == ["variables"]
    return "tensorflow_saved_model" if inside else "tensorflow_checkpoint"


def _tell(findings: Findings, index: CheckpointIndex, name: str) -> None:
    unknown = [variable for variable in index.variables if variable.elements is None]
    known = tensors_of(index.variables)
    findings.tensors = tensors.summarise(
        known,
        unknown=len(unknown),
        complete=index.complete,
        counts_are_parameters=any(tensor.part in {"model", "ema"} for tensor in known),
    )
    findings.say("framework", "tensorflow", "leveldb:", evidence=Evidence.INFERRED)
    if unknown:
        message = f"{len(unknown)} variables do not fit their shapes, first {unknown[0].name!r}"
        findings.problem("tensor-mismatch", message)
    if index.shards > MAX_SHARDS:
        findings.problem("limit-exceeded", f"more than {MAX_SHARDS} data files")
        return
    step = _STEP.search(name)
    if step is not None:
        findings.say("extra.checkpoint_number", int(step[1]), "name:", origin=Origin.FILENAME)
    stem = name.removesuffix(".index")
    for shard in range(index.shards):
        data = f"{stem}.data-{shard:05d}-of-{index.shards:05d}"
        findings.refers_to(Reference(name=data, relation="data"))
