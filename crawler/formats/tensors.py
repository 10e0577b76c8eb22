"""All tensors of one file, counted: per part, dtype and name suffix, with what stands beside packed weights.

Packed quantisation stores several weights in one integer. Where the shapes of the neighbouring scales prove how many,
the logical count is set here; where only a configuration file knows the width, the tally carries what the normaliser needs.

Source: AutoGPTQ and AutoAWQ `qlinear` buffers, bitsandbytes `quant_state`, compressed-tensors `weight_packed`, gpt-oss
MXFP4 `*_blocks`/`*_scales`, MLX `nn.QuantizedLinear`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter

from catalog.records import TensorInfo, TensorSummary, TensorTally
from catalog.records.hashes import shape_text

TENSORS_KEPT = 5_000
"""Tensors that are kept one by one; all are counted. Source: index documents stay below 1 MB."""

_HASHED_AT_ONCE = 10_000

MAX_TALLIES = 400
"""Kinds of tensors told apart; names beyond that share the suffix `*`, so a hostile file cannot make a tally each."""

_PACKED = frozenset({"qweight", "weight_packed", "blocks", "weight", "qdata", "bitmask"})
_LOW_RANK = frozenset(
    {
        "lora_down",
        "lora_up",
        "proj_down",
        "proj_up",
        "smooth",
        "smooth_orig",
        "smooth_factor",
        "smooth_factor_orig",
    }
)
"""What SVDQuant keeps beside the packed weights of a layer to make up for them."""
_BESIDE = frozenset(
    {"scales", "qzeros", "g_idx"}
    | {"scale", "zero_point", "wscales", "wzeros"}
    | {"biases"}
    | {"absmax", "quant_map", "nested_absmax", "nested_quant_map", "quant_state", "SCB", "weight_format"}
    | {
        "weight_scale",
        "weight_scale_inv",
        "weight_scale_2",
        "weight_shape",
        "weight_zero_point",
        "weight_g_idx",
    }
    | {"compressed", "bitmask", "shape"}
    | {
        "lora_down",
        "lora_up",
        "proj_down",
        "proj_up",
        "smooth",
        "smooth_orig",
        "smooth_factor",
        "smooth_factor_orig",
    }
    | {"weight_global_scale", "input_global_scale", "input_scale", "output_scale", "k_scale", "v_scale"}
    | {"pre_quant_scale"}
    | {"scale_weight", "scale_input", "comfy_quant"}
)
_OF_QUANTO = {"_data": "weight", "_scale": "weight_scale", "_shift": "weight_zero_point"}
"""Source: huggingface/optimum-quanto optimum/quanto/tensor (`save_to_state_dict`)."""
_MARKS = frozenset({"scaled_fp8"})
"""Tensors that only tell how the others are scaled. Source: comfyanonymous/ComfyUI comfy/ops.py, comfy/model_detection.py."""
_OF_THE_CACHE = frozenset({"k_scale", "v_scale", "q_scale", "prob_output_scale"})
"""Scales of what attention keeps, which serve no weight. Source: vllm model_executor/layers/quantization/kv_cache.py."""
_INTEGERS = frozenset({"I32", "U32", "U8", "I8", "I64", "U16", "I16"})
_EIGHT_BIT_FLOATS = frozenset({"F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"})


def summarise(
    tensors: Iterable[TensorInfo],
    *,
    declared: int | None = None,
    unknown: int = 0,
    complete: bool = True,
    counts_are_parameters: bool = True,
) -> TensorSummary:
    """The count of all tensors, the first 5,000 of them by name, and the identity of the list.

    Scales, zero points and other quantisation auxiliaries that stand beside packed weights get the part `auxiliary`.
    """
    ordered = sorted(tensors, key=_name)
    parts = [_stem_and_suffix(tensor.name) for tensor in ordered]
    beside = _companions(ordered, parts)
    parted = (
        [_auxiliary(tensor, part, beside) for tensor, part in zip(ordered, parts, strict=True)]
        if beside or any(suffix in _MARKS for _, suffix in parts)
        else ordered
    )
    return TensorSummary(
        tallies=_tallies(parted, parts, beside),
        tensors=tuple(parted[:TENSORS_KEPT]),
        count=len(parted),
        names_sha256=names_sha256(parted),
        unknown_tensors=unknown,
        complete=complete,
        declared_parameters=declared,
        counts_are_parameters=counts_are_parameters,
    )


def names_sha256(ordered: Sequence[TensorInfo]) -> str:
    """The identity of the sorted list of names, dtypes and shapes: equal for the same weights, however sharded."""
    digest = hashlib.sha256()
    for start in range(0, len(ordered), _HASHED_AT_ONCE):
        lines = [
            f"{tensor.name}\0{tensor.dtype}\0{shape_text(tensor.shape)}\n"
            for tensor in ordered[start : start + _HASHED_AT_ONCE]
        ]
        digest.update("".join(lines).encode("utf-8", errors="surrogatepass"))
    return digest.hexdigest()


def elements_of(shape: Sequence[int]) -> int:
    """The product of the dimensions; 1 for a scalar."""
    return math.prod(shape)


_name = attrgetter("name")


@lru_cache(maxsize=2048)
def _stem_and_suffix(name: str) -> tuple[str, str]:
    """The module's path and the tensor's own name, with the writers' special spellings made regular."""
    stem, marker, _ = name.partition(".quant_state.")  # bitsandbytes appends its own name behind it
    if marker:
        return stem, "quant_state"
    if name.endswith(".weight._data._data"):  # optimum-quanto, less than eight bits
        return name.removesuffix(".weight._data._data"), "qdata"
    cut = max(name.rfind("."), name.rfind("/"))
    stem, suffix = (name[:cut], name[cut + 1 :]) if cut >= 0 else ("", name)
    for ending in ("_blocks", "_scales"):  # gpt-oss: mlp.experts.gate_up_proj_blocks
        if suffix.endswith(ending) and len(suffix) > len(ending):
            return (f"{stem}.{suffix[: -len(ending)]}" if stem else suffix[: -len(ending)]), ending[1:]
    if stem.endswith("weight") and suffix in _OF_QUANTO:  # optimum-quanto: mlp.up_proj.weight._data
        return stem.removesuffix("weight").rstrip("."), _OF_QUANTO[suffix]
    if suffix.startswith("_weight_"):  # torchao: mlp.up_proj._weight_qdata, _weight_scale
        return stem, suffix.removeprefix("_weight_")
    return stem, suffix


def _companions(
    tensors: Sequence[TensorInfo], parts: Sequence[tuple[str, str]]
) -> dict[str, dict[str, TensorInfo]]:
    """Per stem, the tensors that matter to packed weights below it. `parts` are the names taken apart."""
    companions: dict[str, dict[str, TensorInfo]] = {}
    for tensor, (stem, suffix) in zip(tensors, parts, strict=True):
        if suffix in _BESIDE:
            companions.setdefault(stem, {}).setdefault(suffix, tensor)
    if companions:
        for tensor, (stem, suffix) in zip(tensors, parts, strict=True):
            if suffix in _PACKED and (stem in companions or tensor.name in companions):
                companions.setdefault(stem, {}).setdefault(suffix, tensor)
    return companions


def _auxiliary(
    tensor: TensorInfo, part: tuple[str, str], beside: Mapping[str, Mapping[str, TensorInfo]]
) -> TensorInfo:
    stem, suffix = part
    if tensor.part == "model" and suffix in _MARKS and tensor.dtype in _EIGHT_BIT_FLOATS:
        return replace(tensor, part="auxiliary")
    if tensor.part == "model" and suffix in _OF_THE_CACHE and tensor.elements == 1:
        return replace(tensor, part="auxiliary")
    if tensor.part != "model" or suffix not in _BESIDE:
        return tensor
    weight = _packed_weight(stem, suffix, beside)
    if weight is None:
        return tensor
    return replace(tensor, part="auxiliary")


def _packed_weight(
    stem: str, suffix: str, beside: Mapping[str, Mapping[str, TensorInfo]]
) -> TensorInfo | None:
    """The quantised weight that a companion serves, or None when it stands alone and may be a weight itself."""
    group = beside.get(stem, {})
    if suffix in {"compressed", "shape", "bitmask"}:
        return group.get("bitmask") if suffix != "bitmask" else None
    if suffix in _LOW_RANK and "wscales" not in group:
        return None
    for name in ("qweight", "weight_packed", "blocks", "qdata"):
        if name in group:
            return group[name]
    parent, _, own = stem.rpartition(".")
    weight = group.get("weight") or (beside.get(parent, {}).get(own) if own == "weight" else None)
    if weight is None or weight.dtype not in _INTEGERS | _EIGHT_BIT_FLOATS | {"F4"}:
        return None
    if suffix == "biases":
        return weight if weight.dtype == "U32" and "scales" in group else None
    return weight


def _logical(tensor: TensorInfo, suffix: str, group: Mapping[str, TensorInfo]) -> int | None:
    """The unpacked count where the companions alone prove it."""
    if suffix == "qweight" and tensor.dtype == "I32":
        return _gptq_or_awq(tensor, group)
    if suffix == "weight" and tensor.dtype == "U8" and "quant_state" in group:
        return tensor.elements * 2
    if suffix == "weight" and tensor.dtype == "I8" and "SCB" in group:
        return tensor.elements
    if suffix == "blocks" and tensor.dtype == "U8" and "scales" in group:
        return tensor.elements * 2 if tensor.elements == 16 * group["scales"].elements else None
    if suffix == "weight_packed" and tensor.dtype == "U8" and "weight_scale" in group:
        return tensor.elements * 2
    if suffix == "weight" and tensor.dtype == "U8" and "weight_scale_2" in group:
        return tensor.elements * 2  # NVFP4 as ModelOpt writes it: two levels of scales
    if suffix == "qweight" and tensor.dtype in {"I8", "U8"} and "wscales" in group:
        # SVDQuant: two weights a byte in groups of 64 (integers) or 16 (floats) with one scale each
        return tensor.elements * 2 if tensor.elements in _times(group["wscales"], 32, 8) else None
    if suffix == "weight" and tensor.dtype in {"I8", "U8"}:
        return _float4(tensor, group)
    if suffix == "qdata" and "weight_zero_point" in group and "weight_scale" in group:
        return _rows_of_quanto(tensor, group["weight_scale"])
    return None


def _float4(tensor: TensorInfo, group: Mapping[str, TensorInfo]) -> int | None:
    """FP4 in bytes, by what its scales are: an E8M0 serves 32 weights and an E4M3 16, always.

    Source: OCI Microscaling Formats 1.0, section 5.2; NVIDIA, NVFP4.
    """
    scale = group.get("scale") or group.get("weight_scale") or group.get("weight_scale_inv")
    if scale is None:
        return None
    if _packs_rows(tensor, scale):
        return tensor.elements * 2
    if scale.dtype == "F8_E8M0":
        return {16: tensor.elements * 2, 32: tensor.elements}.get(_ratio(tensor, scale))
    return tensor.elements * 2 if scale.dtype == "F8_E4M3" and _ratio(tensor, scale) == 8 else None


def _packs_rows(tensor: TensorInfo, scale: TensorInfo) -> bool:
    """Whether two rows of weights stand in one row of bytes, each with its own row of scales.

    Source: NVIDIA/TensorRT-Model-Optimizer modelopt/torch/export/quant_utils.py (`pack_int4_in_uint8`).
    """
    if len(tensor.shape) != 2 or len(scale.shape) != 2 or tensor.dtype != "U8" or not scale.shape[1]:
        return False
    return scale.shape[0] == 2 * tensor.shape[0] and tensor.shape[1] % scale.shape[1] == 0


def _rows_of_quanto(tensor: TensorInfo, scale: TensorInfo) -> int | None:
    """Two or four rows of weights stand in one row of bytes; where scales are one for each row of weights, they tell.

    Source: huggingface/optimum-quanto optimum/quanto/tensor/packed.py, grouped.py.
    """
    if len(tensor.shape) != 2 or len(scale.shape) != 2 or scale.shape[1] != 1 or tensor.dtype != "U8":
        return None
    times, rest = divmod(scale.shape[0], tensor.shape[0] or 1)
    return tensor.elements * times if not rest and times in {2, 4} else None


def _ratio(tensor: TensorInfo, scale: TensorInfo) -> int:
    """Elements along the last dimension for one scale; 0 where the shapes do not fit."""
    if len(tensor.shape) < 2 or tensor.shape[:-1] != scale.shape[:-1] or not scale.shape[-1]:
        return 0
    ratio, rest = divmod(tensor.shape[-1], scale.shape[-1])
    return 0 if rest else ratio


def _times(tensor: TensorInfo, *factors: int) -> tuple[int, ...]:
    return tuple(tensor.elements * factor for factor in factors)


def _gptq_or_awq(packed: TensorInfo, group: Mapping[str, TensorInfo]) -> int | None:
    """GPTQ packs rows (in·bits/32, out), AWQ packs columns (in, out·bits/32); scales are (groups, out) in both."""
    scales, zeros, order = group.get("scales"), group.get("qzeros"), group.get("g_idx")
    if scales is None or len(packed.shape) != 2 or len(scales.shape) != 2:
        return None
    rows, columns = packed.shape
    outputs = scales.shape[1]
    if rows == scales.shape[0] and columns != outputs:
        return None  # AWQ for vectors: (out, in·bits/32) and scales (out, groups); the configuration knows the width
    if columns != outputs:
        return rows * outputs if 0 < columns < outputs <= columns * 16 else None
    if order is not None and len(order.shape) == 1 and rows < order.shape[0] <= rows * 16:
        return order.shape[0] * outputs
    if zeros is None or len(zeros.shape) != 2 or not 0 < zeros.shape[1] <= outputs:
        return None
    bits_times_outputs = 32 * zeros.shape[1]
    return packed.elements * 32 * outputs // bits_times_outputs if bits_times_outputs else None


def _bits_per_scale(packed: TensorInfo, suffix: str, group: Mapping[str, TensorInfo]) -> int:
    """Stored bits that share one scale, 0 where rows of words do not divide evenly among scales.

    MLX and compressed-tensors pack along the last dimension, scales are (…, out, groups) in both.
    """
    if suffix == "qweight":
        return _bits_per_row_of_scales(packed, group.get("scales"))
    scales = group.get("scales" if suffix == "weight" else "weight_scale")
    words = {"weight": {"U32"}, "weight_packed": {"I32", "U32"}}.get(suffix, set())
    if scales is None or packed.dtype not in words or len(packed.shape) < 2:
        return 0
    if scales.shape[:-1] != packed.shape[:-1] or not scales.shape[-1]:
        return 0
    bits, rest = divmod(32 * packed.shape[-1], scales.shape[-1])
    return 0 if rest else bits


def _bits_per_row_of_scales(packed: TensorInfo, scales: TensorInfo | None) -> int:
    """The same of GPTQ, which packs along the first dimension."""
    if (
        scales is None
        or packed.dtype not in {"I32", "U32"}
        or len(packed.shape) != 2
        or len(scales.shape) != 2
    ):
        return 0
    if packed.shape[1] != scales.shape[1] or not scales.shape[0]:
        return 0
    bits, rest = divmod(32 * packed.shape[0], scales.shape[0])
    return 0 if rest else bits


def _tallies(
    tensors: Sequence[TensorInfo],
    parts: Sequence[tuple[str, str]],
    beside: Mapping[str, Mapping[str, TensorInfo]],
) -> tuple[TensorTally, ...]:
    counted: dict[tuple[str, str, str, tuple[str, ...], bool, int], list[int]] = {}
    for tensor, (stem, suffix) in zip(tensors, parts, strict=True):
        companions: tuple[str, ...] = ()
        logical = None
        shared = 0
        if beside and suffix in _PACKED:
            group = {**beside.get(stem, {}), **beside.get(tensor.name, {})}
            companions = tuple(sorted(name for name in group if name != suffix and name in _BESIDE))
            logical = _logical(tensor, suffix, group)
            shared = _bits_per_scale(tensor, suffix, group) if logical is None else 0
        if logical is not None and tensor.elements:  # one tally for each width
            shared = -(64 * logical // tensor.elements)
        kind = (tensor.part, tensor.dtype, suffix, companions, logical is not None, shared)
        if len(counted) >= MAX_TALLIES and kind not in counted:
            kind = (tensor.part, tensor.dtype, "*", (), logical is not None, 0)
        sums = counted.get(kind) or counted.setdefault(kind, [0, 0, 0, 0])
        sums[0] += 1
        sums[1] += tensor.elements
        sums[2] += tensor.bytes or 0
        sums[3] += logical or 0
    return tuple(
        TensorTally(
            part=part,
            dtype=dtype,
            suffix=suffix,
            companions=companions,
            tensors=sums[0],
            elements=sums[1],
            bytes=sums[2],
            logical_elements=sums[3] if proven else None,
            bits_per_scale=shared if shared > 0 else None,
        )
        for (part, dtype, suffix, companions, proven, shared), sums in sorted(counted.items())
    )
