"""What all torch files share: risks of their pickles, the count of their tensors, and what their root says."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

from catalog.errors import ExtractError
from catalog.records import Evidence, FileStatus, Role, Severity, TensorSummary
from crawler.extractor import Findings
from crawler.formats.checkpoint_values import tell_checkpoint
from crawler.formats.pickle_nodes import Call
from crawler.formats.pickle_risks import STRUCTURE, tell_unchecked
from crawler.formats.pickles import Pickle
from crawler.formats.torch_model import CountedTensors, count_tensors, is_optimizer_state, storage_mismatches
from crawler.formats.torch_tensors import TorchTensor, tensor_of

MAX_SCALARS_READ = 8
MAX_LAYER_SCALARS_READ = 400
"""Of layers that say in tensors how they were packed."""
_TRAINING_STATE = re.compile(
    r"^(optimizer|scheduler|scaler|random_states_\d+|rng_state(_\d+)?|.*optim_states)\.(pt|pth|bin|pkl)$|.*\.(pdopt|pdiparams\.info)$"
)
"""Files beside the weights that only continue a training (transformers Trainer, accelerate, DeepSpeed, Paddle)."""
_UNPACK = {
    "F64": "d",
    "F32": "f",
    "F16": "e",
    "I64": "q",
    "I32": "i",
    "I16": "h",
    "I8": "b",
    "U8": "B",
    "BOOL": "?",
}
ReadStorage = Callable[[str, int, int], bytes]
"""Reads bytes [start, end) of the storage with this key."""


def role_of(key: str) -> Role:
    """Weights, unless the name says that the file only continues a training, or that `.metadata` tells what is in it."""
    if key.endswith(".distcp"):
        return Role.DATA
    return Role.AUXILIARY if _TRAINING_STATE.match(key.rsplit("/", 1)[-1]) else Role.WEIGHTS


def refuse(findings: Findings, reason: str, *, member: str | None = None) -> None:
    """The file cannot be read, and is not clean for that."""
    tell_unchecked(findings, reason, member=member)
    findings.problem("malformed", reason)
    findings.status = FileStatus.UNREADABLE


def tell_pickled_model(
    findings: Findings,
    pickle: Pickle,
    *,
    stored_bytes: Mapping[str, int] | None = None,
    read_storage: ReadStorage | None = None,
    little_endian: bool = True,
    framework: str | None = "pytorch",
) -> CountedTensors | None:
    """Tensors and plain values of one object; None when its pickle could not be read."""
    if pickle.error is not None:
        findings.failed(pickle.error, status=FileStatus.UNREADABLE)
        return None
    resolve = _Scalars(read_storage, little_endian=little_endian) if read_storage is not None else None
    of_layers = (
        _Scalars(read_storage, little_endian=little_endian, limit=MAX_LAYER_SCALARS_READ)
        if read_storage is not None
        else None
    )
    try:
        counted = count_tensors(pickle.value, resolve=of_layers)
    except ExtractError as error:
        findings.failed(error)
        return None
    if stored_bytes is not None:
        _tell_mismatches(findings, counted, stored_bytes)
    if counted.outside:
        findings.risk(
            STRUCTURE, Severity.MEDIUM, f"A tensor reaches outside its storage: {counted.outside[0][:200]}"
        )
    if findings.role is not Role.WEIGHTS:
        return counted
    if is_no_model(pickle.value, counted.summary):
        findings.role = Role.AUXILIARY
        return counted
    if counted.summary.count or counted.summary.unknown_tensors:
        findings.tensors = counted.summary
    if counted.hqq_bits is not None:
        findings.say("quantization.method", "hqq", "pickle:/", evidence=Evidence.DERIVED)
        findings.say("quantization.bits", counted.hqq_bits, "pickle:/", evidence=Evidence.DERIVED)
    if counted.tied:
        findings.say("extra.tied_tensors", counted.tied[:50], "pickle:/", evidence=Evidence.COUNTED)
    tell_checkpoint(findings, pickle.value, model_key=counted.model_key, framework=framework, resolve=resolve)
    return counted


def is_no_model(root: Any, summary: TensorSummary) -> bool:
    """Whether the object is what a trainer goes on from, what a model predicted, or data: tensors of which none is a weight,
    a bare list without any, or a data set of torch's own.

    Source: pytorch/torchtune training/checkpointing (`recipe_state.pt`); facebookresearch/detectron2
    evaluation/coco_evaluation.py (`instances_predictions.pth`).
    """
    if (
        type(root) is Call
        and root.name.startswith("torch.utils.data.")
        and root.class_name.endswith("Dataset")
    ):
        return True
    if summary.unknown_tensors:
        return False
    if not summary.count:
        return type(root) is list or is_optimizer_state(root)  # one that has not taken a step has no tensors
    return all(tally.part == "optimizer" for tally in summary.tallies)


def _tell_mismatches(findings: Findings, counted: CountedTensors, stored_bytes: Mapping[str, int]) -> None:
    wrong = storage_mismatches(counted, stored_bytes)
    if wrong:
        findings.risk(STRUCTURE, Severity.MEDIUM, f"The pickle and the storages disagree: {wrong[0]}")
    for sentence in wrong:
        findings.problem("storage-mismatch", sentence, "pickle:/")


class _Scalars:
    """Reads single numbers that checkpoints keep as tensors (Lightning's best score), a few at most."""

    def __init__(
        self, read_storage: ReadStorage, *, little_endian: bool, limit: int = MAX_SCALARS_READ
    ) -> None:
        self._read_storage = read_storage
        self._order = "<" if little_endian else ">"
        self._left = limit

    def __call__(self, node: Call) -> Any:
        tensor = tensor_of(node)
        if not isinstance(tensor, TorchTensor) or tensor.elements != 1 or tensor.key is None:
            return None
        code = _UNPACK.get(tensor.dtype)
        if code is None or self._left <= 0 or not tensor.fits:
            return None
        self._left -= 1
        width = struct.calcsize(code)
        try:
            raw = self._read_storage(tensor.key, tensor.offset * width, (tensor.offset + 1) * width)
        except ExtractError:
            return None
        return struct.unpack(self._order + code, raw)[0] if len(raw) == width else None
