"""Layers that HQQ packed, in a torch file: how many weights they have and in how many bits.

Source: mobiusml/hqq hqq/core/quantize.py (`HQQLinear.state_dict`, `Quantizer.quantize`), hqq/models/base.py (`qmodel.pt`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog.lazy_dataclasses import dataclass, replace
from catalog.records import TensorInfo
from crawler.formats.pickle_nodes import Call, Dict
from crawler.formats.pickle_values import Resolver, mapping, plain

PACKED = "W_q"
BIAS = "bias"
BITS = (1, 2, 3, 4, 8)
WORD_BITS: Mapping[str, int] = {"U8": 8, "I32": 32}


@dataclass(frozen=True, slots=True)
class _Layer:
    """One packed layer. `weights` is None where its shape cannot be read."""

    bits: int
    weights: int | None


def with_hqq_unpacked(
    root: Any, infos: Sequence[TensorInfo], resolve: Resolver | None
) -> tuple[list[TensorInfo], int | None]:
    """The tensors, with the packed ones of a layer as the weights that they stand for, where the layer says how many these
    are; what else it keeps but its bias is no weight. Then in how many bits most layers are packed.
    """
    if not any(info.name.endswith(f".{PACKED}") for info in infos):
        return list(infos), None
    elements = {info.name: info.elements for info in infos}
    layers = dict(_layers(root, elements, resolve))
    bits = Counter(layer.bits for layer in layers.values()).most_common(1)
    return [_as_counted(info, layers) for info in infos], bits[0][0] if bits else None


def _layers(root: Any, elements: Mapping[str, int], resolve: Resolver | None) -> Iterator[tuple[str, _Layer]]:
    pairs = mapping(root)
    for name, node in pairs.named() if pairs is not None else ():
        layer = mapping(node)
        if layer is None or PACKED not in layer:
            continue
        meta = mapping(layer.get("meta"))
        settings, place = (layer, name) if meta is None else (meta, f"{name}.meta")
        bits = plain(settings.get("nbits"), resolve=resolve)
        if bits not in BITS:
            continue
        weights = _elements_of_shape(settings)
        if weights is None:
            group = plain(settings.get("group_size"), resolve=resolve)
            groups = elements.get(f"{place}.scale")
            weights = groups * group if groups and type(group) is int and group > 0 else None
        yield name, _Layer(bits, weights)


def _elements_of_shape(settings: Dict) -> int | None:
    """How many numbers the weight has by its shape, a plain one or a `torch.Size`."""
    node = settings.get("shape")
    sizes = plain(node.argument(0) if type(node) is Call and node.class_name == "Size" else node)
    if not isinstance(sizes, list) or not sizes or not all(type(size) is int and size > 0 for size in sizes):
        return None
    return math.prod(sizes)


def _as_counted(info: TensorInfo, layers: Mapping[str, _Layer]) -> TensorInfo:
    name = next((above for above in _above(info.name) if above in layers), None)
    if name is None or layers[name].weights is None:
        return info
    layer, own = layers[name], info.name[len(name) + 1 :]
    if own == BIAS:
        return info
    weights = layer.weights or 0
    room = info.elements * WORD_BITS.get(info.dtype, 0)
    if own != PACKED:
        return replace(info, part="auxiliary")
    if not 0 < weights * layer.bits <= room:
        return info  # more weights than the bytes can hold: the shape is another's
    return replace(info, name=f"{name}.W", dtype=f"U{layer.bits}", elements=weights)


def _above(name: str) -> Iterator[str]:
    """The name without its last part, and without its last two."""
    for _ in range(2):
        name = name.rpartition(".")[0]
        yield name
