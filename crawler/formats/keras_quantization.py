"""What Keras stores of layers that it quantised: the weights unpacked, and what only serves them set apart.

A layer keeps its variables by number: kernel, bias, and behind them scales, zero points, and the history of float8.

Source: keras-team/keras keras/src/layers/core/dense.py (`quantized_build`, `save_own_variables`), keras/src/dtype_policies.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crawler.formats.dtypes import FLOATS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from catalog.records import TensorInfo

PACKING_MODES = frozenset({"int4", "gptq", "awq"})
"""Modes that keep several weights in one integer."""
FLOAT8_VARIABLES = 6
"""A scale and a history of its maxima for inputs, kernel and gradients of outputs."""
MAX_MODE_CHARACTERS = 40

_VARIABLE = re.compile(r"(.*/vars)/(\d{1,6})")
_BYTES = frozenset({"I8", "U8"})


def mode_of(policy: Mapping[str, Any]) -> str | None:
    """The mode of a serialised dtype policy (`int8`, `int4/128`, `float8`); None where it does not quantise."""
    config = policy.get("config")
    mode = config.get("mode") if isinstance(config, dict) else None
    is_policy = str(policy.get("class_name")).endswith("DTypePolicy")
    return mode[:MAX_MODE_CHARACTERS] if is_policy and isinstance(mode, str) and mode else None


def unpacked(tensors: Iterable[TensorInfo], modes: Collection[str]) -> Iterator[TensorInfo | None]:
    """All tensors of a file as the network has them; None for packed weights whose shapes do not prove how many.

    `modes` are those that the configuration names. Without a configuration bytes may be packed or not.
    """
    layers = defaultdict[str, dict[int, "TensorInfo"]](dict)
    for tensor in tensors:
        place = _VARIABLE.fullmatch(tensor.name) if tensor.part == "model" else None
        if place is None:
            yield tensor
        else:
            layers[place[1]][int(place[2])] = tensor
    kinds = {mode.partition("/")[0] for mode in modes}
    for variables in layers.values():
        yield from _layer([variables[number] for number in sorted(variables)], kinds)


def _layer(variables: Sequence[TensorInfo], kinds: set[str]) -> Iterator[TensorInfo | None]:
    kernels = [each for each in variables if each.dtype in _BYTES and len(each.shape) > 1]
    if not kernels:
        history = FLOAT8_VARIABLES if _has_float8_history(variables) else 0
        yield from variables[: len(variables) - history]
        yield from _serving(variables[len(variables) - history :])
        return
    floats = [each for each in variables if each.dtype in FLOATS]
    if kinds == {"int8"}:
        weights = floats[: max(0, len(floats) - len(kernels))]
        yield from kernels
    else:
        weights = floats[: 1 if _begins_with_bias(floats) else 0]
        may_be_packed = not kinds or bool(kinds & PACKING_MODES)
        outputs = floats[len(weights)].shape[-1:] if len(weights) < len(floats) else ()
        yield _unpacked(variables[0], outputs, floats[-1]) if may_be_packed and kinds == {"int4"} else None
    yield from weights
    kept = {id(each) for each in (*weights, *kernels[: len(kernels) if kinds == {"int8"} else 1])}
    yield from _serving(each for each in variables if id(each) not in kept)


def _serving(variables: Iterable[TensorInfo]) -> Iterator[TensorInfo]:
    for variable in variables:
        yield replace(variable, part="auxiliary")


def _has_float8_history(variables: Sequence[TensorInfo]) -> bool:
    last = [each.shape for each in variables[-FLOAT8_VARIABLES:]]
    return (
        len(variables) > FLOAT8_VARIABLES
        and last[0::2] == [()] * 3
        and len(last[1]) == 1
        and last[1::2] == [last[1]] * 3
    )


def _begins_with_bias(floats: Sequence[TensorInfo]) -> bool:
    """Whether the first is as long as the last dimension of the scales that follow it."""
    return len(floats) > 1 and len(floats[0].shape) == 1 and floats[1].shape[-1:] == floats[0].shape


def _unpacked(packed: TensorInfo, outputs: tuple[int, ...], last: TensorInfo) -> TensorInfo | None:
    """A matrix of two weights a byte, by the number of its outputs, and of its inputs where those were packed."""
    if len(packed.shape) != 2 or not outputs:
        return None
    rows, columns = packed.shape
    if columns == (outputs[0] + 1) // 2:
        shape = (rows, outputs[0])
    elif columns == outputs[0] and len(last.shape) == 1 and rows == (last.shape[0] + 1) // 2:
        shape = (last.shape[0], columns)
    else:
        return None
    return replace(packed, dtype="I4", shape=shape, elements=shape[0] * shape[1])
