"""Keras models and weights in HDF5, and HDF5 arrays of others.

Source: keras-team/keras keras/src/legacy/saving/legacy_h5_format.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.errors import ExtractError, Unsupported
from catalog.records import Evidence, FileStatus, Origin, Role
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, properties
from crawler.formats.checkpoint_names import tell_name
from crawler.formats.hdf5 import is_hdf5, read_outline
from crawler.formats.keras_config import tell_architecture, tell_training
from crawler.formats.keras_weights import summarise_outline
from crawler.promises import Promise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from catalog.records import Extraction
    from crawler.formats.hdf5 import Hdf5Outline
    from crawler.reader import RangedReader

_DATA_SUFFIXES = (".h5ad", ".nc", ".nc4", ".mat", ".loom", ".cool", ".mcool", ".fast5", ".h5mu", ".hdf")
_KERAS_ATTRIBUTES = frozenset({"keras_version", "backend", "model_config", "training_config"})


class KerasHdf5Extractor:
    name = "keras-hdf5"
    version = 4
    description = "Keras models and weights in HDF5 (.h5, .weights.h5)"
    reads = (
        "architecture, layers, training configuration, names, shapes and dtypes of all arrays, Lambda layers"
    )
    limits = "needs h5py; in a process of its own with 1 GB and 20 s, 20,000 objects; links out of the file are refused"
    promises = Promise(formats={".h5": "hdf5", ".hdf5": "hdf5"})

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not is_hdf5(head):  # as nearly every file
            return None
        lowered = key.lower()
        named = lowered.endswith((".h5", ".hdf5", ".keras"))
        if lowered.endswith(_DATA_SUFFIXES):
            return None
        return Claim(format="hdf5", role=Role.WEIGHTS, confidence=100 if named else 80)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="hdf5", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        try:
            outline = read_outline(reader)
        except Unsupported as error:
            findings.failed(error, status=FileStatus.PARTIAL)
            return findings.extraction()
        _tell_attributes(findings, outline)
        findings.tensors = summarise_outline(findings, outline)
        if not outline.complete:
            findings.status = FileStatus.PARTIAL
        tell_name(findings)
        return findings.extraction()


def _tell_attributes(findings: Findings, outline: Hdf5Outline) -> None:
    root = outline.attributes.get("", {})
    weights = outline.attributes.get("/model_weights", {})
    attributes = {**weights, **root}
    if _is_keras(outline, attributes):
        findings.say("framework", "keras", "attr:/", evidence=Evidence.INFERRED)
    version = attributes.get("keras_version")
    findings.say("framework_version", version if isinstance(version, str) else None, "attr:/@keras_version")
    backend = attributes.get("backend")
    findings.say("extra.backend", backend if isinstance(backend, str) else None, "attr:/@backend")
    for name, tell in (("model_config", tell_architecture), ("training_config", tell_training)):
        config = _json(findings, root, name)
        if config is not None:
            tell(findings, config, f"attr:/@{name}")
    for name, value in root.items():
        if name not in _KERAS_ATTRIBUTES:
            properties.tell_property(findings, name, value, f"attr:/@{name}", block="attributes")


def _is_keras(outline: Hdf5Outline, attributes: Mapping[str, Any]) -> bool:
    """By its attributes, or by the tree that Keras 3 writes weights in."""
    if attributes.keys() & {"keras_version", "model_config"}:
        return True
    paths = [dataset.path for dataset in outline.datasets]
    return bool(paths) and all("/vars/" in path for path in paths)


def _json(findings: Findings, attributes: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    text = attributes.get(name)
    if not isinstance(text, str):
        return None
    try:
        value = jsons.load_text(text)
    except ExtractError as error:
        findings.problem(error.code, f"{name}: {error}", f"attr:/@{name}")
        return None
    return value if isinstance(value, dict) else None
