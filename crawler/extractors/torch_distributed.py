"""`.metadata` of a torch distributed checkpoint: every tensor of the whole directory, from one small pickle.

Source: torch/distributed/checkpoint/metadata.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from catalog.records import Evidence, Extraction, FileStatus, Origin, Reference, Role, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats.byte_streams import ReaderStream
from crawler.formats.dtypes import canonical, size_bytes
from crawler.formats.pickle_nodes import Call, Dict, Global
from crawler.formats.pickle_risks import tell_risks
from crawler.formats.pickle_values import mapping, plain
from crawler.formats.pickles import looks_like_pickle, read_pickles
from crawler.formats.siblings import sibling
from crawler.formats.tensors import elements_of, summarise
from crawler.formats.torch_model import MODEL_KEYS, part_of
from crawler.formats.torch_tensors import sizes_of
from crawler.promises import Container, Promise
from crawler.reader import RangedReader

MAX_REFERENCES = 2_000
MAX_TENSORS = 500_000


class TorchDistributedExtractor:
    name = "torch-distributed"
    version = 4
    description = "Torch distributed checkpoints (DCP, FSDP, Megatron core, NeMo 2): the .metadata file"
    reads = "names, shapes and dtypes of all tensors, the shard files; one pickle, symbolically"
    limits = "64 MB of pickle, 500,000 tensors; nothing is unpickled"
    promises = Promise(containers=(Container(files=(".metadata",), endings=(".distcp",)),))
    signs = Signs(names=(".metadata",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        """The file's exact name and the beginning of a pickle."""
        exact = key.rsplit("/", 1)[-1] == ".metadata"
        return (
            Claim(format="torch_dcp", role=Role.WEIGHTS, confidence=95)
            if exact and looks_like_pickle(head)
            else None
        )

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="torch_dcp", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        pickles = read_pickles(ReaderStream(reader))
        tell_risks(findings, pickles)
        if pickles[0].error is not None:
            findings.failed(pickles[0].error, status=FileStatus.UNREADABLE)
            return findings.extraction()
        attributes = mapping(pickles[0].value)
        metadata = mapping(attributes.get("state_dict_metadata")) if attributes is not None else None
        if attributes is None or metadata is None:
            findings.problem("malformed", "a .metadata file without state_dict_metadata")
            findings.status = FileStatus.UNREADABLE
            return findings.extraction()
        infos = list(_tensors(metadata))
        findings.tensors = summarise(infos)
        findings.say("framework", "pytorch", "pickle:/", evidence=Evidence.INFERRED)
        _tell_files(findings, attributes.get("storage_data"))
        return findings.extraction()


def _tensors(metadata: Dict) -> Iterator[TensorInfo]:
    prefix = model_prefix([name for name, node in metadata.named() if _is_weight(node)])
    wrapper = prefix.partition(".")[0] if prefix.count(".") > 1 else ""
    for number, (name, node) in enumerate(metadata.named()):
        attributes = mapping(node)
        if attributes is None or number >= MAX_TENSORS or type(node) is not Call:
            continue
        shape, dtype = sizes_of(attributes.get("size")), _dtype(attributes.get("properties"))
        if shape is None:
            continue
        part, inside = "model", name
        if prefix and name.startswith(prefix):
            inside = name[len(prefix) :]
        elif "." in name:
            own = name.removeprefix(f"{wrapper}.") if wrapper else name
            part = part_of(own.split(".", 1)[0], default="auxiliary" if prefix else "model")
        elements = elements_of(shape)
        yield TensorInfo(
            name=inside[:512],
            dtype=dtype,
            shape=shape,
            elements=elements,
            bytes=size_bytes(dtype, elements),
            part=part,
        )


def model_prefix(names: Sequence[str]) -> str:
    """What stands before the names of the model's tensors: `model.`, `app.model.`, or nothing where the state dict itself was
    saved, whose `model.layers` has a `lm_head` beside it.
    """
    first = {name.split(".", 1)[0] for name in names}
    of_training = {key for key in first if part_of(key, default="model") != "model"}
    prefixes = [f"{key}." for key in MODEL_KEYS if key in first]
    if len(first) == 1:
        wrapper = next(iter(first))
        second = {name.split(".")[1] for name in names if "." in name}
        if any(part_of(key, default="model") == "optimizer" for key in second):
            return next((f"{wrapper}.{key}." for key in MODEL_KEYS if key in second), "")
    return prefixes[0] if prefixes and len(first - of_training) == 1 else ""


def _is_weight(node: Any) -> bool:
    """Whether an entry is a tensor, and not bytes such as the state of a generator of random numbers."""
    attributes = mapping(node) if type(node) is Call else None
    return (
        attributes is not None
        and sizes_of(attributes.get("size")) is not None
        and _dtype(attributes.get("properties")) != "U8"
    )


def _dtype(properties: Any) -> str:
    """TensorProperties: a state tuple whose first value is the dtype, or a dictionary in older versions."""
    state = properties.state if type(properties) is Call else None
    dtype = (
        state[0] if type(state) is tuple and state else state.get("dtype") if type(state) is Dict else None
    )
    return canonical(dtype.name) if type(dtype) is Global else "UNKNOWN"


def _tell_files(findings: Findings, storage: Any) -> None:
    """The shard files that hold the bytes: `_StorageInfo.relative_path`."""
    named: dict[str, None] = {}
    pairs = storage if type(storage) is Dict else None
    for info in pairs.values if pairs is not None else ():
        attributes = mapping(info)
        path = plain(attributes.get("relative_path")) if attributes is not None else None
        if isinstance(path, str) and len(named) < MAX_REFERENCES:
            named.setdefault(path)
    for path in named:
        safe = sibling(path)
        if safe is not None:
            findings.refers_to(Reference(name=safe, relation="data"))
