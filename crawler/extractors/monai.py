"""Bundles of MONAI: what `configs/metadata.json` says of the network in `models/`.

Source: Project-MONAI/MONAI docs/source/mb_specification.rst, monai/bundle/scripts.py (`verify_metadata`), and the schema that the files
name, MONAI-extra-test-data `meta_schema_20240725.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import dtypes, jsons
from crawler.formats.json_values import leftovers, listed, mapping, pointer, positive, text
from crawler.formats.leaves import numbers
from crawler.reader import RangedReader

FILE = "metadata.json"
_IN_BUNDLE = f"/configs/{FILE}"
_NETWORKS = ("model.pt", "model.ts")
"""What the specification calls the weights and the TorchScript program of a bundle."""
MAX_PORTS = 100
MAX_DIMENSIONS = 32
MAX_CHANNELS = 10_000
MAX_LABELS = 100
MAX_LABEL_CHARACTERS = 200
MAX_PACKAGES = 500
MAX_METRICS = 500
_MARKS = (b'"monai_version"', b"MONAI-extra-test-data")
"""The second stands in the address of the schema, the first behind all changes, which may be many."""
_BATCH = None
"""Formats of a bundle's tensors leave the batch out, which is the first dimension of all."""
_TASK_OF_OUTPUT = {"segmentation": "image-segmentation", "classes": "image-classification"}
_TASKS_IN_WORDS = {
    "segmentation": "image-segmentation",
    "classification": "image-classification",
    "detection": "object-detection",
}
_PACKAGES = {"monai_version": "monai", "pytorch_version": "torch", "numpy_version": "numpy"}
_LISTS_OF_PACKAGES = ("required_packages_version", "optional_packages_version")
_UNKNOWN = "unknown"
"""What exporters write for the version of a package that they do not have."""
_KNOWN = frozenset(
    {"schema", "name", "version", "description", "authors", "data_source", "network_data_format"}
    | {"eval_metrics", *_PACKAGES, *_LISTS_OF_PACKAGES}
)


class MonaiExtractor:
    """Reads the whole file."""

    name = "monai"
    version = 1
    description = "configs/metadata.json of bundles of MONAI"
    reads = "title, version, description, authors, source of the data, metrics, inputs and outputs, classes, task, versions of the packages"
    limits = "JSON 16 MB, 100 inputs and outputs, 500 metrics, 500 packages"
    signs = Signs(names=(FILE,))

    def claims(self, key: str, head: bytes) -> Claim | None:
        is_bundle = key.rpartition("/")[2] == FILE and any(mark in head for mark in _MARKS)
        return Claim(format="monai-bundle", role=Role.CONFIG, confidence=85) if is_bundle else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        for network in _NETWORKS if reader.key.endswith(_IN_BUNDLE) else ():
            findings.joins(f"path:{reader.key.removesuffix(_IN_BUNDLE)}/models/{network}")
        metadata = jsons.read_object(reader)
        findings.look_for_templates(metadata, "json:")
        findings.say("library", "monai", pointer("monai_version"), evidence=Evidence.INFERRED)
        for key, field in (
            ("name", "title"),
            ("version", "version"),
            ("description", "description"),
            ("authors", "owner"),
            ("data_source", "data_sources"),
        ):
            findings.say(field, text(metadata.get(key)), pointer(key))
        _tell_packages(findings, metadata)
        _tell_network(findings, metadata)
        for name, value in list(numbers(mapping(metadata.get("eval_metrics"))).items())[:MAX_METRICS]:
            findings.metric(name, value, pointer("eval_metrics", *name.split("/")))
        for name, value, place in leftovers(metadata, _KNOWN):
            findings.say(f"extra.monai.{name}", value, place)
        return findings.extraction()


def _tell_packages(findings: Findings, metadata: Mapping[str, Any]) -> None:
    for key, package in _PACKAGES.items():
        if (version := _version(metadata.get(key))) is not None:
            findings.say("dependencies", f"{package}=={version}", pointer(key))
    if (version := _version(metadata.get("pytorch_version"))) is not None:
        place = pointer("pytorch_version")
        findings.say("framework", "pytorch", place, evidence=Evidence.INFERRED)
        findings.say("framework_version", version, place)
    for key in _LISTS_OF_PACKAGES:
        for package, number in list(mapping(metadata.get(key)).items())[:MAX_PACKAGES]:
            if (version := _version(number)) is not None:
                findings.say("dependencies", f"{package}=={version}", pointer(key, package))


def _version(value: Any) -> str | None:
    version = text(value)
    return None if version is None or version.lower() == _UNKNOWN else version


def _tell_network(findings: Findings, metadata: Mapping[str, Any]) -> None:
    formats = mapping(metadata.get("network_data_format"))
    for field in ("inputs", "outputs"):
        ports = [_port(name, port) for name, port in _ports(formats, field)]
        findings.say(field, ports or None, pointer("network_data_format", field), evidence=Evidence.DECLARED)
    for name, port in _ports(formats, "inputs"):
        place = pointer("network_data_format", "inputs", name, "modality")
        findings.say("extra.monai.modality", text(port.get("modality")), place)
    _tell_task(findings, metadata, dict(_ports(formats, "outputs")))


def _ports(formats: Mapping[str, Any], field: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, port in list(mapping(formats.get(field)).items())[:MAX_PORTS]:
        if isinstance(port, Mapping):
            yield str(name), port


def _port(name: str, port: Mapping[str, Any]) -> dict[str, Any]:
    """One input or output. Sizes that are words (`*`, `16*n`) are any; without any, only how many channels is known."""
    sizes = listed(port.get("spatial_shape"))[:MAX_DIMENSIONS]
    kind = text(port.get("dtype"))
    return {
        "name": name[:MAX_LABEL_CHARACTERS],
        "dtype": kind and dtypes.canonical(kind),
        "shape": [_BATCH, positive(port.get("num_channels")), *map(positive, sizes)],
    }


def _tell_task(
    findings: Findings, metadata: Mapping[str, Any], outputs: Mapping[str, Mapping[str, Any]]
) -> None:
    for name, port in outputs.items():
        task = _TASK_OF_OUTPUT.get(text(port.get("format")) or "")
        if task is None:
            continue
        place = pointer("network_data_format", "outputs", name, "format")
        findings.say("task", task, place, evidence=Evidence.INFERRED)
        _tell_classes(findings, mapping(port.get("channel_def")), name)
        return
    words = (text(metadata.get("task")) or "").lower()
    tasks = {task for word, task in _TASKS_IN_WORDS.items() if word in words}
    if len(tasks) == 1:
        findings.say("task", tasks.pop(), pointer("task"), evidence=Evidence.INFERRED)


def _tell_classes(findings: Findings, channels: Mapping[str, Any], output: str) -> None:
    """What the channels of the output mean; a single one is a score or a mask, and no class of several."""
    labels = [label for value in list(channels.values())[:MAX_CHANNELS] if (label := text(value))]
    if len(labels) < 2:
        return
    place = pointer("network_data_format", "outputs", output, "channel_def")
    findings.say("classes", len(labels), place, evidence=Evidence.COUNTED)
    findings.say("extra.labels", [label[:MAX_LABEL_CHARACTERS] for label in labels[:MAX_LABELS]], place)
