"""OpenVINO IR: the graph in XML, its weights in a .bin beside it.

Source: docs.openvino.ai "Operation Sets" and "OpenVINO IR format"; openvinotoolkit/openvino
src/core/src/pass/serialize.cpp.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from catalog.errors import ExtractError
from catalog.lazy_dataclasses import dataclass, field
from catalog.records import Evidence, Origin, Reference, Role, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import dtypes, properties, tensors
from crawler.formats.openvino_wiring import Wiring
from crawler.formats.xml_stream import read_elements
from mappings import frameworks

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader

MAX_CONSTANTS = 500_000
MAX_VALUES = 2_000
MAX_TEXT = 1_000
MAX_RANK = 64

_ROOT = re.compile(rb"<net\b[^>]*\b(?:name|version)\s*=")
_TOKENIZER = re.compile(r"(?:^|/)openvino_(?:de)?tokenizer\.xml$")
_SCALE = re.compile(r"(?:^|[/_.])(?:scales?|zero_points?|zp)(?:$|[/_.])", re.IGNORECASE)
_BITS = {"I8": 8, "U8": 8, "I4": 4, "U4": 4, "NF4": 4, "F4": 4, "U2": 2, "U1": 1, "F8_E4M3": 8, "F8_E5M2": 8}


@dataclass(slots=True)
class _Constant:
    name: str
    element_type: str
    shape: tuple[int, ...]
    offset: int
    size: int
    layer: str = ""


@dataclass(slots=True)
class _Port:
    """An input or output of the model as its layer describes it."""

    name: str
    element_type: str | None = None
    shape: list[int | None] = field(default_factory=list)


class _Graph:
    """Collects what the stream of elements says."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.version: str | None = None
        self.kinds: Counter[str] = Counter()
        self.constants: list[_Constant] = []
        self.inputs: list[_Port] = []
        self.outputs: list[_Port] = []
        self.values: dict[str, str] = {}
        self.dropped = 0
        self.wiring = Wiring()
        self._layer: tuple[str, str] = ("", "")
        self._id = ""

    def opened(self, path: tuple[str, ...], attributes: Mapping[str, str]) -> None:
        kind = path[-1]
        if path == ("net",):
            self.name, self.version = attributes.get("name"), attributes.get("version")
        elif len(path) > 1 and path[1] == "rt_info":
            self._value(path, attributes)
        elif kind == "layer":
            self._open_layer(attributes, main=len(path) == 3)
        elif path == ("net", "edges", "edge"):
            self.wiring.connect(attributes)
        elif kind == "data" and path[-2] == "layer":
            self._data(attributes, main=len(path) == 4)
        elif len(path) == 5 and kind == "port" and self._layer[0] == "Result" and self.outputs:
            self.outputs[-1].element_type = attributes.get("precision")

    def closed(self, path: tuple[str, ...], text: str) -> None:
        """The dimensions of what a Result takes are the only text that matters."""
        in_result = len(path) == 6 and path[-1] == "dim" and self._layer[0] == "Result"
        if in_result and self.outputs and len(self.outputs[-1].shape) < MAX_RANK:
            self.outputs[-1].shape.append(_size(text.strip()))

    def _open_layer(self, attributes: Mapping[str, str], *, main: bool) -> None:
        kind, name = attributes.get("type", "")[:100], attributes.get("name", "")[:MAX_TEXT]
        self._layer = (kind, name)
        self.kinds[kind] += 1
        self._id = attributes.get("id", "")[:MAX_TEXT] if main else ""
        if main:
            self.wiring.place(self._id, kind)
        if main and kind == "Parameter" and len(self.inputs) < MAX_VALUES:
            self.inputs.append(_Port(name))
        elif main and kind == "Result" and len(self.outputs) < MAX_VALUES:
            names = attributes.get("output_names", "").partition(",")[0]
            self.outputs.append(_Port(names or name.removesuffix("/sink_port_0")))

    def _data(self, attributes: Mapping[str, str], *, main: bool) -> None:
        kind, name = self._layer
        if kind == "Const":
            if len(self.constants) >= MAX_CONSTANTS:
                self.dropped += 1
                return
            shape = tuple(_size(text) or 0 for text in _split(attributes.get("shape", "")))
            size, offset = _size(attributes.get("size", "")) or 0, _size(attributes.get("offset", "")) or 0
            constant = _Constant(name, attributes.get("element_type", ""), shape, offset, size, self._id)
            self.constants.append(constant)
            if _dtype(constant) in _BITS:
                self.wiring.packed.add(self._id)
        elif kind == "Parameter" and main and self.inputs:
            self.inputs[-1].element_type = attributes.get("element_type")
            self.inputs[-1].shape = [_size(text) for text in _split(attributes.get("shape", ""))]

    def _value(self, path: tuple[str, ...], attributes: Mapping[str, str]) -> None:
        """The information about the conversion at the end of the file, by its path."""
        value = attributes.get("value")
        if value is not None and len(self.values) < MAX_VALUES:
            last = attributes.get("name") if path[-1] == "info" else path[-1]
            self.values.setdefault("/".join([*path[2:-1], last or "info"])[:200], value[:MAX_TEXT])


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()][:MAX_RANK]


def _size(text: str) -> int | None:
    """A dimension; None where it is dynamic (`?`, `-1`, `1..16`)."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _role_of(key: str) -> Role:
    """Tokenizers are graphs, too; the integers in them spell words and are no weights of the model.

    Source: openvinotoolkit/openvino_tokenizers (`openvino_tokenizer.xml`, `openvino_detokenizer.xml`).
    """
    return Role.PART if _TOKENIZER.search(key) else Role.WEIGHTS


class OpenvinoExtractor:
    name = "openvino"
    version = 4
    description = "OpenVINO IR (.xml with .bin)"
    reads = "signature, operators, constants by type, runtime version, conversion parameters, quantisation"
    limits = "64 MB of XML, 2 M elements, no document types"
    signs = Signs(suffixes=(".xml",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not key.lower().endswith(".xml") or not _ROOT.search(head[:2048]):
            return None
        return Claim(format="openvino", role=_role_of(key), confidence=95)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(
            reader, self, format="openvino", role=_role_of(reader.key), origin=Origin.EMBEDDED
        )
        graph, complete = _Graph(), True
        try:
            read_elements(reader, graph)
        except ExtractError as error:
            if not graph.kinds:
                raise
            complete = False
            findings.failed(error)
        if not graph.kinds and graph.version is None:
            findings.problem("malformed", "an XML document without a network")
        _tell(findings, graph)
        _count(findings, graph, complete=complete and not graph.dropped)
        stem = reader.name.rpartition(".")[0]
        needed = max((constant.offset + constant.size for constant in graph.constants), default=0)
        if needed and stem:
            findings.refers_to(Reference(name=f"{stem}.bin", relation="data", size_bytes=needed))
        return findings.extraction()


def _tell(findings: Findings, graph: _Graph) -> None:
    findings.say("framework", "openvino", "xml:/net", evidence=Evidence.INFERRED)
    findings.say("extra.graph_name", graph.name, "xml:/net@name")
    findings.say("extra.ir_version", graph.version, "xml:/net@version")
    inputs, outputs = ([_shown(port) for port in ports] for ports in (graph.inputs, graph.outputs))
    if inputs:
        findings.say("inputs", inputs, "xml:/net/layers/layer[Parameter]")
    if outputs:
        findings.say("outputs", outputs, "xml:/net/layers/layer[Result]")
    findings.say("extra.nodes", graph.kinds.total() or None, "xml:/net/layers", evidence=Evidence.COUNTED)
    kinds = sorted(kind for kind, _ in graph.kinds.most_common(200) if kind)
    if kinds:
        findings.say("extra.operators", kinds, "xml:/net/layers")
    for name, value in graph.values.items():
        _tell_value(findings, name, value)


def _shown(port: _Port) -> dict[str, object]:
    value: dict[str, object] = {"name": port.name}
    if port.element_type:
        value["dtype"] = dtypes.canonical(port.element_type)
    value["shape"] = port.shape
    return value


def _tell_value(findings: Findings, name: str, value: str) -> None:
    pointer = f"xml:/net/rt_info/{name}"
    last = name.rpartition("/")[2]
    if last in {"OpenVINO Runtime", "Runtime_version"}:
        findings.say("framework_version", value.partition("-")[0], pointer)
    elif name == "conversion_parameters/framework":
        findings.say("origin_framework", frameworks.origin(value, of="openvino"), pointer)
    elif name.startswith("conversion_parameters/"):
        if value not in {"", "None", "False", "[]", "DIR"}:
            findings.say(f"extra.conversion.{last}", _without_folders(value), pointer)
    elif name.startswith("nncf/") and last in {"mode", "group_size", "ratio"}:
        field_names = {"mode": "quantization.scheme", "ratio": "extra.nncf_ratio"}
        if last != "group_size" or value.isdigit():  # -1 means one scale per channel
            findings.say(field_names.get(last, "quantization.group_size"), value, pointer)
    elif name.startswith("model_info/"):
        properties.tell_property(findings, last, value, pointer, block="model_info")
    else:
        findings.say(f"extra.{name.replace('/', '.')}", _without_folders(value), pointer)


def _without_folders(value: str) -> str:
    """A path on the converter's machine tells of people, not of the model: its last part is enough."""
    return re.split(r"[/\\]", value)[-1] if re.match(r"(?:/|[A-Za-z]:\\|~)", value) else value


def _count(findings: Findings, graph: _Graph, *, complete: bool) -> None:
    known, unknown, total = list[TensorInfo](), graph.dropped, 0
    packed = [constant for constant in graph.constants if _dtype(constant) in _BITS]
    serving = graph.wiring.serving()
    for constant in graph.constants:
        elements = math.prod(constant.shape)
        expected = dtypes.size_bytes(_dtype(constant), elements)
        total += elements
        if elements >= 2**53 or total >= 2**62 or expected not in {None, constant.size}:
            unknown += 1
        else:
            is_scale = bool(packed) and _SCALE.search(constant.name) is not None
            known.append(_info(constant, elements, serves=is_scale or constant.layer in serving))
    if unknown:
        findings.problem(
            "tensor-mismatch", f"{unknown} constants have not the bytes that their shape asks for"
        )
    weights = any(tensor.part == "model" for tensor in known)
    findings.tensors = tensors.summarise(
        known, unknown=unknown, complete=complete, counts_are_parameters=weights and not unknown
    )
    large = [
        _BITS[_dtype(constant)]
        for constant in packed
        if math.prod(constant.shape) > 64 and constant.layer not in serving
    ]
    if large:
        findings.say("quantization.method", "openvino", "xml:/net/layers", evidence=Evidence.DERIVED)
        findings.say("quantization.bits", min(large), "xml:/net/layers", evidence=Evidence.COUNTED)


def _dtype(constant: _Constant) -> str:
    return dtypes.canonical(constant.element_type)


def _info(constant: _Constant, elements: int, *, serves: bool) -> TensorInfo:
    dtype = _dtype(constant)
    if serves:
        part = "auxiliary"
    elif dtype in dtypes.FLOATS or dtype in _BITS:
        part = "model"
    else:
        part = "auxiliary" if dtype in {"I16", "U16"} else "constant"
    return TensorInfo(
        name=constant.name,
        dtype=dtype,
        shape=constant.shape,
        elements=elements,
        bytes=constant.size,
        part=part,
    )
