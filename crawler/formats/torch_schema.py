"""The JSON of an exported torch program: tensors, inputs, outputs, versions.

Source: torch/_export/serde/schema.py (`ScalarType`, `TensorMeta`, `GraphSignature`), torch/export/pt2_archive/constants.py.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.errors import Malformed
from catalog.lazy_dataclasses import dataclass
from catalog.records import TensorInfo
from crawler.formats.dtypes import size_bytes
from crawler.formats.json_values import listed, text
from crawler.formats.pickle_arrays import shape_of
from crawler.formats.tensors import elements_of

SCALAR_TYPES = {
    1: "U8",
    2: "I8",
    3: "I16",
    4: "I32",
    5: "I64",
    6: "F16",
    7: "F32",
    8: "F64",
    9: "C32",
    10: "C64",
    11: "C128",
    12: "BOOL",
    13: "BF16",
    28: "U16",
    29: "F8_E4M3",
    30: "F8_E5M2",
    31: "F8_E4M3FNUZ",
    32: "F8_E5M2FNUZ",
    33: "F8_E8M0",
    34: "U32",
    35: "U64",
}
MAX_PORTS = 500
_UNPACKING = re.compile(r"dequantize_(?:per_|affine)")
_SYMBOL = re.compile(r"Symbol\('(\w+)'[^)]*\)")
MAX_SYMBOL_CHARACTERS = 100


def tensor_info(name: str, meta: Any, part: str) -> TensorInfo | None:
    """One tensor of a `TensorMeta`; None when its shape is not fixed."""
    if not isinstance(meta, Mapping):
        return None
    shape = _shape(meta)
    known = shape_of(tuple(shape)) if shape is not None and None not in shape else None
    if known is None:
        return None
    dtype, elements = dtype_of(meta), elements_of(known)
    return TensorInfo(
        name=name[:512],
        dtype=dtype,
        shape=known,
        elements=elements,
        bytes=size_bytes(dtype, elements),
        part=part,
    )


def dtype_of(meta: Mapping[str, Any]) -> str:
    number = meta.get("dtype")
    return SCALAR_TYPES.get(number, "UNKNOWN") if isinstance(number, int) else "UNKNOWN"


def weights_of(config: Any, default_part: str) -> Iterator[TensorInfo | None]:
    """The tensors of `model_weights_config.json` or `model_constants_config.json`; None for one of unknown shape."""
    entries = config.get("config") if isinstance(config, Mapping) else None
    if not isinstance(entries, Mapping):
        raise Malformed("a weights configuration without its entries")
    for name, entry in entries.items():
        if not isinstance(entry, Mapping):
            continue
        part = default_part if entry.get("is_param", True) or default_part != "model" else "buffer"
        yield tensor_info(name, entry.get("tensor_meta"), part)


def program_of(document: Any) -> Mapping[str, Any]:
    """The exported program, out of the layouts of several torch versions. Raises Malformed."""
    for candidate in (document, document.get("exported_program") if isinstance(document, Mapping) else None):
        if isinstance(candidate, Mapping) and isinstance(candidate.get("graph_module"), Mapping):
            return candidate
    raise Malformed("an exported program without its graph")


def signature_tensors(program: Mapping[str, Any]) -> Iterator[TensorInfo | None]:
    """Parameters and buffers by the signature and the graph's values, where no weights configuration lies beside."""
    values = _values(program)
    for spec in _specs(program, "input_specs"):
        for kind, key, part in (
            ("parameter", "parameter_name", "model"),
            ("buffer", "buffer_name", "buffer"),
            ("tensor_constant", "tensor_constant_name", "auxiliary"),
        ):
            entry = spec.get(kind)
            if isinstance(entry, Mapping):
                name = entry.get(key)
                yield tensor_info(str(name), values.get(_argument(entry) or ""), part)


@dataclass(frozen=True, slots=True)
class QuantisedGraph:
    """What a graph says of its quantisation: by their names in the state dict the scales and zero points, and what the graph
    takes in and uses nowhere, such as the weights that were there before.
    """

    scales: frozenset[str]
    unused: frozenset[str]
    bits: int | None
    """Of its weights; None where it does not say between what they lie, or says it differently of several."""


def quantised_graph(program: Mapping[str, Any]) -> QuantisedGraph | None:
    """None where no operator of the graph unpacks weights.

    Source: pytorch/pytorch torch/ao/quantization/fx/_decomposed.py; pytorch/ao torchao/quantization/pt2e.
    """
    graph = program["graph_module"].get("graph")
    nodes = graph.get("nodes") if isinstance(graph, Mapping) else None
    used, scales, widths = set[str](), set[str](), defaultdict[str | None, set[int | None]](set)
    for node in nodes if isinstance(nodes, list) else ():
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        arguments = (
            [_argument(entry) for entry in inputs if isinstance(entry, Mapping)]
            if isinstance(inputs, list)
            else []
        )
        target = node.get("target") if isinstance(node, Mapping) else None
        if isinstance(target, str) and _UNPACKING.search(target):
            widths[arguments[0] if arguments else None].add(_bits_between(inputs))
            scales.update(name for name in arguments[1:] if name)
        used.update(name for name in arguments if name)
        used.update(_names_in_lists(inputs))
    if not widths:
        return None
    by_argument = dict(_stored(program))
    of_weights = {bits for argument in widths.keys() & by_argument.keys() for bits in widths[argument]}
    return QuantisedGraph(
        scales=frozenset(name for argument, name in by_argument.items() if argument in scales),
        unused=frozenset(name for argument, name in by_argument.items() if argument not in used),
        bits=of_weights.pop() if len(of_weights) == 1 else None,
    )


def _bits_between(inputs: Any) -> int | None:
    """How many bits hold what lies between the smallest and the largest value of an operator: 4 for -8 to 7, 8 for -127 to 127."""
    bounds = {
        entry["name"]: entry["arg"]["as_int"]
        for entry in listed(inputs)
        if isinstance(entry, Mapping)
        and text(entry.get("name")) in {"quant_min", "quant_max"}
        and isinstance(entry.get("arg"), Mapping)
        and isinstance(entry["arg"].get("as_int"), int)
    }
    span = bounds.get("quant_max", 0) - bounds.get("quant_min", 0)
    return span.bit_length() if len(bounds) == 2 and 0 < span < 2**16 else None


def _stored(program: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the graph calls a tensor of the state dict, and its name there."""
    for spec in _specs(program, "input_specs"):
        for kind in ("parameter", "buffer"):
            entry = spec.get(kind)
            name = entry.get(f"{kind}_name") if isinstance(entry, Mapping) else None
            argument = _argument(entry) if isinstance(entry, Mapping) else None
            if isinstance(name, str) and argument is not None:
                yield argument, name[:512]


def _names_in_lists(inputs: Any) -> Iterator[str]:
    """The tensors that are given to an operator in a list."""
    for entry in inputs if isinstance(inputs, list) else ():
        argument = entry.get("arg") if isinstance(entry, Mapping) else None
        for items in argument.values() if isinstance(argument, Mapping) else ():
            for item in items if isinstance(items, list) else ():
                tensor = item.get("as_tensor", item) if isinstance(item, Mapping) else None
                if isinstance(tensor, Mapping) and isinstance(tensor.get("name"), str):
                    yield tensor["name"][:512]


def ports(program: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """The program's own inputs (`user_input`) or outputs (`user_output`) with shape and dtype; symbols stay text."""
    values = _values(program)
    ports: list[dict[str, Any]] = []
    for spec in _specs(program, "input_specs" if kind == "user_input" else "output_specs"):
        entry = spec.get(kind)
        name = _argument(entry) if isinstance(entry, Mapping) else None
        meta = values.get(name or "")
        if name is None or not isinstance(meta, Mapping) or len(ports) >= MAX_PORTS:
            continue
        ports.append({"name": name, "shape": _shape(meta, symbols=True), "dtype": dtype_of(meta)})
    return ports


def _values(program: Mapping[str, Any]) -> Mapping[str, Any]:
    graph = program["graph_module"].get("graph")
    values = graph.get("tensor_values") if isinstance(graph, Mapping) else None
    return values if isinstance(values, Mapping) else {}


def _specs(program: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    signature = program["graph_module"].get("signature")
    specs = signature.get(kind) if isinstance(signature, Mapping) else None
    return [spec for spec in specs if isinstance(spec, Mapping)] if isinstance(specs, list) else []


def _argument(entry: Mapping[str, Any]) -> str | None:
    """The name of the value that a specification speaks of: `arg.name` or `arg.as_tensor.name`."""
    argument = entry.get("arg")
    for _ in range(2):
        if not isinstance(argument, Mapping):
            return None
        if isinstance(argument.get("name"), str):
            return str(argument["name"])[:512]
        argument = argument.get("as_tensor")
    return (
        str(argument["name"])[:512]
        if isinstance(argument, Mapping) and isinstance(argument.get("name"), str)
        else None
    )


def _shape(meta: Mapping[str, Any], *, symbols: bool = False) -> list[Any] | None:
    sizes = meta.get("sizes")
    if not isinstance(sizes, list) or len(sizes) > 64:
        return None
    return [_size(size, symbols=symbols) for size in sizes]


def _size(size: Any, *, symbols: bool) -> Any:
    if not isinstance(size, Mapping):
        return None
    number = size.get("as_int")
    if isinstance(number, int) and not isinstance(number, bool):
        return number
    expression = size.get("as_expr")
    text = expression.get("expr_str") if isinstance(expression, Mapping) else None
    if not symbols or not isinstance(text, str):
        return None
    return _SYMBOL.sub(r"\1", text[:MAX_SYMBOL_CHARACTERS])
