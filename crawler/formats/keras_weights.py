"""The arrays of a Keras HDF5 file: which are the network's, and what reaches out of the file.

Source: keras-team/keras keras/src/saving/saving_lib.py (`layers/*/vars/N`, `optimizer/vars/N`),
keras/src/legacy/saving/legacy_h5_format.py (`model_weights`, `optimizer_weights`).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from catalog.records import Severity, TensorInfo
from crawler.formats import dtypes, tensors
from crawler.formats.keras_quantization import unpacked

if TYPE_CHECKING:
    from collections.abc import Collection

    from catalog.records import TensorSummary
    from crawler.extractor import Findings
    from crawler.formats.hdf5 import Hdf5Dataset, Hdf5Outline

MAX_DECLARED_RATIO = 1000
MIN_SUSPICIOUS_BYTES = 4 * 1024**3  # Source: keras-team/tf-keras#921

_OPTIMIZER = re.compile(r"^/(?:optimizer(?:_weights)?|_?optimizer\w*)/")
_AUXILIARY = re.compile(
    r"(?:^|/)(?:seed_generators?(?:_\d+)?|metrics?|_metrics|compile_metrics|loss_tracker)/"
)
_DANGERS = {
    "external-link": ("external-data", "links to another file"),
    "external-storage": ("external-data", "keeps values in another file"),
    "virtual-dataset": ("external-data", "takes values from other files"),
}


def summarise_outline(
    findings: Findings, outline: Hdf5Outline, *, member: str | None = None, modes: Collection[str] = ()
) -> TensorSummary:
    """The count of a file's arrays, with its dangers and what could not be read told to `findings`.

    `modes` are those in which the configuration says that layers were quantised.
    """
    stored, unknown = list[TensorInfo](), 0
    for dataset in outline.datasets:
        tensor = _tensor(dataset)
        if tensor is None:
            unknown += 1
            _tell_bomb(findings, dataset, member)
        else:
            stored.append(tensor)
    logical = list(unpacked(stored, modes))
    known = [tensor for tensor in logical if tensor is not None]
    unknown += len(logical) - len(known)
    for kind, path, detail in outline.dangers:
        if kind in _DANGERS:
            risk, text = _DANGERS[kind]
            where = f"{member}:{path}" if member else path
            findings.risk(risk, Severity.HIGH, f"{text}: {detail}", member=where)
        else:
            findings.problem("soft-link", f"the link {path} to {detail} is not followed")
    for text in outline.unread:
        findings.problem("unreadable-part", text)
    weights = any(tensor.part == "model" for tensor in known)
    return tensors.summarise(
        known, unknown=unknown, complete=outline.complete, counts_are_parameters=weights and not unknown
    )


def _tensor(dataset: Hdf5Dataset) -> TensorInfo | None:
    """None where shape and stored bytes cannot belong together, or the values are elsewhere."""
    elements = math.prod(dataset.shape)
    dtype = dtypes.of_numpy(dataset.type_code)
    declared = dtypes.size_bytes(dtype, elements)
    suspicious = (
        declared is not None
        and declared > MIN_SUSPICIOUS_BYTES
        and declared > MAX_DECLARED_RATIO * dataset.stored_bytes
    )
    if dataset.elsewhere or suspicious or elements >= 2**53:
        return None
    return TensorInfo(
        name=dataset.path.lstrip("/"),
        dtype=dtype,
        shape=dataset.shape,
        elements=elements,
        bytes=declared,
        part=_part(dataset.path, dtype),
    )


def _tell_bomb(findings: Findings, dataset: Hdf5Dataset, member: str | None) -> None:
    if not dataset.elsewhere:
        message = f"{dataset.path} declares {math.prod(dataset.shape):,} values over {dataset.stored_bytes} stored bytes"
        findings.risk("suspicious-structure", Severity.MEDIUM, message, member=member)


def _part(path: str, dtype: str) -> str:
    if _OPTIMIZER.search(path):
        return "optimizer"
    if _AUXILIARY.search(path):
        return "auxiliary"
    return "constant" if dtype in {"STR", "OBJECT", "BOOL"} or dtype not in dtypes.ITEM_BITS else "model"
