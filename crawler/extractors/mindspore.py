"""MindSpore checkpoints: a protocol buffer of named tensors.

Source: mindspore-ai/mindspore mindspore/python/mindspore/train/checkpoint.proto (`Checkpoint`, `TensorProto`),
train/serialization.py (`_exec_save`: parameters above 512 MB are cut into several values of one name).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from catalog.errors import LimitExceeded, Malformed
from catalog.records import Evidence, Extraction, Origin, Role, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import dtypes, tensors
from crawler.formats.protobuf import BYTES, Field, ProtobufWalker, sniff
from crawler.reader import RangedReader

MAX_TENSORS = 200_000
MAX_RANK = 16
_VALUE, _NAME, _TENSOR = 1, 1, 2
_DIMENSIONS, _TYPE, _CONTENT = 1, 2, 3
_OPTIMIZER = re.compile(r"^(?:moments?|moment1|moment2|accum|stat|optimizer|adam_[mv]|velocity)\.")
_SCALARS = frozenset(
    {"global_step", "current_step", "step_num", "epoch_num", "learning_rate", "momentum", "weight_decay"}
    | {"beta1_power", "beta2_power", "scale_sense", "current_iterator_step", "last_overflow_iterator_step"}
)
"""What the training cell and its optimizer keep beside the network."""


class MindsporeExtractor:
    """Walks from value to value; the bytes of tensors are stepped over."""

    name = "mindspore"
    version = 1
    description = "MindSpore checkpoints (.ckpt)"
    reads = "names, shapes, types and counts of all parameters; what the optimizer keeps is told apart"
    limits = "5 M fields, 200,000 tensors, 512 requests; beyond them the count is incomplete"
    signs = Signs(suffixes=(".ckpt",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not key.lower().endswith(".ckpt") or not _begins_with_value(head):
            return None
        return Claim(format="mindspore", role=Role.WEIGHTS, confidence=85)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="mindspore", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        findings.say("framework", "mindspore", "protobuf:", evidence=Evidence.INFERRED)
        infos: list[TensorInfo] = []
        complete = True
        try:
            for info in _tensors(reader):
                infos.append(info)  # noqa: PERF402 - what was read before a limit stays
        except LimitExceeded as error:
            if not infos:
                raise
            findings.failed(error)
            complete = False
        if not infos:
            raise Malformed("a MindSpore checkpoint without parameters")
        findings.tensors = tensors.summarise(infos, complete=complete)
        return findings.extraction()


def _begins_with_value(head: bytes) -> bool:
    """Whether the first field is a value with a name and a tensor whose type has a name."""
    fields = sniff(head)
    if not fields or fields[0].number != _VALUE or fields[0].wire != BYTES:
        return False
    inner = sniff(head[fields[0].start : fields[0].end])
    if len(inner) < 2 or [field.number for field in inner[:2]] != [_NAME, _TENSOR]:
        return False
    base = fields[0].start
    name = head[base + inner[0].start : base + inner[0].end]
    kinds = [
        field for field in sniff(head[base + inner[1].start : base + inner[1].end]) if field.number == _TYPE
    ]
    kind = head[base + inner[1].start :][kinds[0].start : kinds[0].end] if kinds else b""
    return name.isascii() and re.fullmatch(rb"(?:Float|BFloat|Int|UInt|Bool|Double)\d{0,2}", kind) is not None


def _tensors(reader: RangedReader) -> Iterator[TensorInfo]:
    walker = ProtobufWalker(reader)
    seen: dict[str, TensorInfo] = {}
    for field in walker.fields():
        if field.number != _VALUE or field.wire != BYTES:
            continue
        info = _tensor(walker, field)
        if (
            info is None or info.name in seen
        ):  # a further slice of one parameter, which has the shape of the whole
            continue
        if len(seen) >= MAX_TENSORS:
            raise LimitExceeded("tensors of a checkpoint", limit=MAX_TENSORS, found=len(seen) + 1)
        seen[info.name] = info
        yield info


def _tensor(walker: ProtobufWalker, value: Field) -> TensorInfo | None:
    name, shape, dtype, size = "", list[int](), "", 0
    for field in walker.fields(value.start, value.end):
        if field.number == _NAME and field.wire == BYTES:
            name = walker.text_of(field)[:4096]
        elif field.number == _TENSOR and field.wire == BYTES:
            for inner in walker.fields(field.start, field.end):
                if inner.number == _DIMENSIONS:
                    shape += walker.numbers_of(inner, limit=MAX_RANK)
                elif inner.number == _TYPE and inner.wire == BYTES:
                    dtype = dtypes.canonical(walker.text_of(inner))
                elif inner.number == _CONTENT:
                    size = inner.end - inner.start
    if not name or not dtype or len(shape) > MAX_RANK or any(length >= 2**63 for length in shape):
        return None
    part = "optimizer" if _OPTIMIZER.match(name) or name in _SCALARS else "model"
    return TensorInfo(
        name=name, dtype=dtype, shape=tuple(shape), elements=math.prod(shape), bytes=size or None, part=part
    )
