"""How many weights a set of files holds and in which dtypes: the model's own, unpacked, explained.

Packed quantisation is unpacked by what the tensors prove, else by the configuration's bits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from catalog.lazy_dataclasses import dataclass, field
from catalog.normalise.parts.weight_sets import WeightSet
from catalog.records import TensorTally
from catalog.text.canonical import is_ggml_type

GRAPH_FORMATS = frozenset({"onnx", "tflite", "coreml", "openvino", "paddle", "tensorflow_saved_model"})
FLOATS = frozenset(
    {
        "F64",
        "F32",
        "F16",
        "BF16",
        "TF32",
        "F8_E4M3",
        "F8_E5M2",
        "F8_E4M3FNUZ",
        "F8_E5M2FNUZ",
        "F6_E2M3",
        "F6_E3M2",
        "F4",
        "C64",
        "C128",
    }
)
SMALL_INTEGERS = frozenset({"I8", "U8", "U6", "I4", "U4", "U3", "I2", "U2", "U1", "I16", "U16"})
NOT_WEIGHTS_IN_GRAPHS = frozenset({"I64", "U64", "I32", "U32", "BOOL", "STR"})
PACKED_METHODS = frozenset(
    {"gptq", "awq", "mlx", "compressed-tensors", "bitsandbytes", "mxfp4", "nvfp4", "modelopt"}
)
INTEGERS = frozenset({"I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64"})
UNPROVEN_PACKINGS = frozenset(
    {
        "q_weight", "trellis", "B", "W_q", "codes", "codebooks", "indices", "res_indices", "dense_weights",
        "packed_weight", "q_perm", "q_invperm", "q_groups", "q_scale", "wscales", "suh", "svh", "row_offsets",
        "col_vals", "in_perm", "bitmask",
    }
)  # fmt: skip
"""Integers whose number is not the number of weights, and whose width no shape proves: EXL2 (`q_weight`), EXL3 (`trellis`),
HQQ (`W_q`), AQLM (`codes`), VPTQ (`indices`), SpQR (`dense_weights`), torchao (`qdata`)."""
SCALES = frozenset({"scale", "weight_scale", "weight_scale_inv"})
"""Companions of packed weights whose shapes have proved nothing."""
UNPACKED = "unpacked_to_int8"
"""The scheme of torchao in which each weight has a byte, however few bits it uses."""
MAX_PACKED_BITS = 8
CONSTANT_PARTS = ("model", "buffer", "constant")
WIDTH_BITS: Mapping[str, int] = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "I8": 8, "U8": 8, "F4": 4, "I4": 4, "C64": 64, "C128": 128,
}  # fmt: skip
MAX_EXACT_INTEGER = 2**53 - 1
MIN_BITS_PER_WEIGHT = Fraction(1, 4)
MAX_BITS_PER_WEIGHT = 70
DISAGREEMENT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantizer:
    """What configurations say of packed weights: method, bits of one weight, group size, scheme."""

    method: str | None = None
    bits: float | None = None
    group_size: int | None = None
    scheme: str | None = None
    layer_widths: tuple[tuple[int, int], ...] = ()
    """Bits and group size of the kinds of layers where these are not all quantised alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """The logical weights of some tensors. `parameters` is None when it cannot be known; then `reason` says why."""

    parameters: int | None
    stored_elements: int = 0
    dtypes: Mapping[str, int] = field(default_factory=dict)
    packed_label: str | None = None
    changes: tuple[str, ...] = ()
    reason: str | None = None
    complete: bool = True
    estimated: bool = False

    @property
    def top(self) -> tuple[str, float] | None:
        """The dtype of most weights among floats and packed weights, with its share."""
        weights = {name: number for name, number in self.dtypes.items() if is_weight_dtype(name)} or dict(
            self.dtypes
        )
        # A tree of shapes without element types (Orbax) has a count and no precision.
        total = sum(weights.values())
        if not total or set(weights) == {UNKNOWN_DTYPE}:
            return None
        name = min(weights, key=lambda item: (-weights[item], item))
        return name, weights[name] / total


UNKNOWN_DTYPE = "UNKNOWN"


def is_weight_dtype(name: str) -> bool:
    return name in FLOATS or name in SMALL_INTEGERS or name.startswith("packed") or is_ggml_type(name)


def count(sets: Iterable[WeightSet], quantizer: Quantizer) -> Count | None:
    """The logical weights of all these sets; None when none of them has tensors that count."""
    counts = [_count_set(item, quantizer) for item in sets if item.readable]
    if not counts:
        return None
    dtypes: dict[str, int] = {}
    for set_count in counts:
        for name, number in set_count.dtypes.items():
            dtypes[name] = dtypes.get(name, 0) + number
    known = [set_count.parameters for set_count in counts if set_count.parameters is not None]
    return Count(
        parameters=sum(known) if len(known) == len(counts) else None,
        stored_elements=sum(set_count.stored_elements for set_count in counts),
        dtypes=dict(sorted(dtypes.items(), key=lambda pair: (-pair[1], pair[0]))),
        packed_label=next((set_count.packed_label for set_count in counts if set_count.packed_label), None),
        changes=tuple(dict.fromkeys(change for set_count in counts for change in set_count.changes)),
        reason=next((set_count.reason for set_count in counts if set_count.reason), None),
        complete=all(set_count.complete for set_count in counts),
    )


def _count_set(item: WeightSet, quantizer: Quantizer) -> Count:
    tallies = [
        tally for summary in item.summaries if summary.counts_are_parameters for tally in summary.tallies
    ]
    parts = {tally.part for tally in tallies}
    changes = [f"{part}-left-out" for part in sorted(parts & {"optimizer", "auxiliary"})]
    wanted = [tally for tally in tallies if tally.part in CONSTANT_PARTS]
    if not any(tally.part == "model" for tally in wanted) and "ema" in parts:
        wanted = [tally for tally in tallies if tally.part in {"ema", "buffer"}]
        changes.append("ema-counted")
    elif "ema" in parts:
        changes.append("ema-left-out")
    graph = item.format in GRAPH_FORMATS
    total, stored, unknown = 0, 0, False
    dtypes: dict[str, int] = {}
    for tally in wanted:
        if _is_shape_constant(tally, graph=graph, biases=item.format in {"tflite", "onnx"}):
            continue
        logical, label, change = _logical(tally, quantizer)
        stored += tally.elements
        if logical is None:
            unknown = True
            dtypes[tally.dtype] = dtypes.get(tally.dtype, 0) + tally.elements
            continue
        total += logical
        dtypes[label] = dtypes.get(label, 0) + logical
        if change and change not in changes:
            changes.append(change)
    if item.parallel and (again := _held_by_each(item)):
        total -= again
        changes.append("copies-of-ranks-left-out")
    complete = all(summary.complete for summary in item.summaries)
    reason = "packed-bits-unknown" if unknown else None if complete else "count-incomplete"
    return Count(
        parameters=total if reason is None and stored and total <= MAX_EXACT_INTEGER else None,
        stored_elements=stored,
        dtypes=dtypes,
        packed_label=next((label for label in dtypes if label.startswith("packed")), None),
        changes=tuple(changes),
        reason=reason,
        complete=complete,
    )


def _held_by_each(item: WeightSet) -> int:
    """Elements that every rank of a model-parallel group has a copy of, beyond the first: its vectors. Matrices are cut.

    Source: meta-llama/llama llama/model.py (norms are plain parameters, all matrices are parallel ones).
    """
    first, *others = item.summaries
    vectors = {tensor.name: tensor.elements for tensor in first.tensors if len(tensor.shape) == 1}
    return sum(
        tensor.elements
        for summary in others
        for tensor in summary.tensors
        if len(tensor.shape) == 1 and vectors.get(tensor.name) == tensor.elements
    )


def _is_shape_constant(tally: TensorTally, *, graph: bool, biases: bool) -> bool:
    """Integers of a graph that hold shapes and indices. A quantised bias is I32: of TFLite and ONNX, extractors tell it apart."""
    if tally.part == "constant" and tally.dtype in NOT_WEIGHTS_IN_GRAPHS:
        return True
    return graph and tally.dtype in NOT_WEIGHTS_IN_GRAPHS and not (biases and tally.dtype == "I32")


def _logical(tally: TensorTally, quantizer: Quantizer) -> tuple[int | None, str, str | None]:
    """The unpacked count of a tally, its dtype label and what was done; None when the width is unknown."""
    method = (quantizer.method or "").lower()
    if tally.logical_elements is not None:
        factor = Fraction(tally.logical_elements, tally.elements) if tally.elements else Fraction(1)
        if factor == 1:
            return tally.logical_elements, tally.dtype, None
        return tally.logical_elements, _packed_label(tally, quantizer, factor), f"packed×{_short(factor)}"
    factor_or_none = _configured_factor(tally, quantizer, method)
    if factor_or_none is None:
        return None, tally.dtype, None
    if factor_or_none == 1:
        return tally.elements, tally.dtype, None
    return (
        int(tally.elements * factor_or_none),
        _packed_label(tally, quantizer, factor_or_none),
        f"packed×{_short(factor_or_none)}",
    )


def _configured_factor(tally: TensorTally, quantizer: Quantizer, method: str) -> Fraction | None:
    """How many weights one stored element holds by the configuration: 1 for what is not packed, None if unknown."""
    bits = _bits(tally, quantizer)
    if (
        tally.suffix == "q_weight" and tally.dtype == "U32" and method == "mlc"
    ):  # words filled with whole weights
        return 32 / bits if bits and 32 % bits == 0 else None
    if tally.suffix in UNPROVEN_PACKINGS and tally.dtype in INTEGERS:
        return None
    words = tally.dtype in {"I32", "U32"}
    if tally.suffix == "qdata" and tally.dtype in INTEGERS:
        is_whole = (bits and bits >= 8) or quantizer.scheme == UNPACKED
        return Fraction(1) if tally.dtype in {"I8", "U8"} and is_whole else None
    if tally.suffix == "qweight" and tally.dtype in {"I8", "U8", "I16", "U16"}:
        return None
    if tally.suffix in {"qweight", "weight_packed"} and words:
        return 32 / bits if bits and bits < 32 else None
    if tally.suffix == "weight" and words and "scales" in tally.companions:
        # MLX writes unsigned words; of others nobody knows how many share a scale
        return 32 / bits if bits and bits < 32 and tally.dtype == "U32" else None
    if tally.suffix == "weight_packed" and tally.dtype == "U8":
        return 8 / bits if bits and bits < 8 else Fraction(2)
    if tally.suffix == "blocks" and tally.dtype == "U8":
        return Fraction(2)
    if (
        tally.suffix == "weight"
        and tally.dtype == "U8"
        and (bits == 4 or method in {"mxfp4", "nvfp4"})
        and method in PACKED_METHODS
    ):
        return Fraction(2)
    if (
        tally.suffix == "weight"
        and tally.dtype == "U8"
        and SCALES & {*tally.companions}
        and not (bits and bits >= 8)
    ):
        return None
    if tally.suffix == "weight" and tally.dtype == "I8" and method == "fp8" and SCALES & {*tally.companions}:
        return None  # what is said to be FP8 and stands in integers is something else: FP4, two in a byte
    if (
        method
        and method not in PACKED_METHODS
        and (bits is None or bits < 8)
        and tally.dtype in {"I32", "U32", "U8", "I8", "I16", "U16"}
        and tally.part == "model"
    ):
        return None
    return Fraction(1)


def _bits(tally: TensorTally, quantizer: Quantizer) -> Fraction | None:
    """Bits of one weight: what shares a scale divided by the group size, which holds for each tensor; else as configured."""
    if tally.bits_per_scale and quantizer.group_size:
        bits = Fraction(tally.bits_per_scale, int(quantizer.group_size))
        if 1 <= bits <= MAX_PACKED_BITS:
            return bits
    if tally.bits_per_scale and quantizer.layer_widths:
        fitting = {bits for bits, size in quantizer.layer_widths if bits * size == tally.bits_per_scale}
        return Fraction(fitting.pop()) if len(fitting) == 1 else None
    return Fraction(quantizer.bits).limit_denominator(100) if quantizer.bits else None


def _packed_label(tally: TensorTally, quantizer: Quantizer, factor: Fraction) -> str:
    width = {"I32": 32, "U32": 32, "U8": 8, "I8": 8}.get(tally.dtype, 32)
    bits = _short(Fraction(width) / factor)
    return f"packed{bits}({_method_label(tally, quantizer)})"


def _method_label(tally: TensorTally, quantizer: Quantizer) -> str:
    if (floats := _float4_label(tally)) is not None:
        return floats
    if "wscales" in tally.companions:
        return METHOD_LABELS["svdquant"]
    if quantizer.method:
        return METHOD_LABELS.get(quantizer.method.lower(), quantizer.method)
    if "quant_state" in tally.companions:
        return METHOD_LABELS["bitsandbytes"]
    if tally.suffix == "blocks":
        return "MXFP4"
    if "weight_scale_2" in tally.companions:
        return "NVFP4"
    return {"qdata": "quanto", "qweight": "GPTQ", "weight_packed": "compressed-tensors"}.get(
        tally.suffix, "MLX" if tally.dtype == "U32" else "packed"
    )


def _float4_label(tally: TensorTally) -> str | None:
    """The name of the floats of four bits that stand in bytes, by their scales; None for integers."""
    if tally.dtype not in {"U8", "I8"} or tally.logical_elements != 2 * tally.elements:
        return None
    if {"weight_scale_2", "weight_global_scale"} & {*tally.companions}:
        return "NVFP4"
    return "FP4" if tally.suffix == "weight" and SCALES & {*tally.companions} else None


METHOD_LABELS: Mapping[str, str] = {
    "gptq": "GPTQ", "awq": "AWQ", "mlx": "MLX", "bitsandbytes": "bitsandbytes", "compressed-tensors": "compressed-tensors",
    "mxfp4": "MXFP4", "nvfp4": "NVFP4", "modelopt": "ModelOpt", "fp8": "FP8",
    "svdquant": "SVDQuant", "hqq": "HQQ", "aqlm": "AQLM", "vptq": "VPTQ", "spqr": "SpQR", "exl2": "EXL2", "exl3": "EXL3",
    "quanto": "Quanto", "bitnet": "BitNet", "marlin": "Marlin", "mlc": "MLC",
}  # fmt: skip


def _short(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.3g}"


def plausible(parameters: int, size_bytes: int) -> bool:
    """Whether so many weights can be in so many bytes: a quarter of a bit to 70 bits each."""
    if parameters <= 0:
        return False
    return MIN_BITS_PER_WEIGHT <= Fraction(8 * size_bytes, parameters) <= MAX_BITS_PER_WEIGHT


def disagree(counted: int, declared: int, *, written: Any = None) -> bool:
    """More than one percent apart, and more than the last digit that was written: 7.24 billion weights are a `7B`."""
    last_digit = 0
    match = re.match(r"\D{0,2}(\d+)(?:\.(\d+))?", written) if isinstance(written, str) else None
    if match and not re.fullmatch(r"[\d,. _]+", str(written)):
        digits = float(match[0].lstrip("~≈ ") or 0) if match[0][:1].isdigit() else 0.0
        last_digit = int(declared / digits * 10.0 ** -len(match[2] or "")) if digits else 0
    return abs(counted - declared) > max(DISAGREEMENT * max(counted, 1), last_digit)


def estimate(size_bytes: int, dtype: str | None) -> int | None:
    """Two significant digits of what fits into the bytes."""
    width = WIDTH_BITS.get(dtype or "")
    if width is None or size_bytes <= 0:
        return None
    number = size_bytes * 8 // width
    return int(float(f"{number:.1e}")) if number else None


def bits_of_ggml(label: str) -> float | None:
    """Bits of one packed weight by a GGML type's name, without its scales: Q4_K_M → 4."""
    match = re.match(r"I?Q(\d)|TQ([12])|(?:MX|NV)FP(\d)", label)
    if match is None:
        return None
    return float(next(group for group in match.groups() if group))
