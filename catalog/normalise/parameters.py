"""How many weights a model has, in which precision, out of the tensors of its files: counted once, unpacked, explained.

Several formats of one network are alternatives and one of them is counted. Packed quantisation is unpacked by what the
tensors prove, else by the configuration's bits.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from catalog.normalise.names import is_ggml_type, stem
from catalog.records import FileStatus, Group, Member, Role, TensorInfo, TensorSummary, TensorTally

FORMAT_ORDER = (
    "safetensors", "gguf", "pytorch", "torch", "torchscript", "pt2", "lightning", "torch_dcp", "dcp", "nemo", "keras", "hdf5",
    "tensorflow_saved_model", "tensorflow_checkpoint", "flax", "orbax", "onnx",
)  # fmt: skip
"""Which format is counted when the same weights are there in several; others come after these."""
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
SMALL_INTEGERS = frozenset({"I8", "U8", "I4", "U4", "I2", "U2", "I16", "U16"})
NOT_WEIGHTS_IN_GRAPHS = frozenset({"I64", "U64", "I32", "U32", "BOOL", "STR"})
PACKED_METHODS = frozenset(
    {"gptq", "awq", "mlx", "compressed-tensors", "bitsandbytes", "mxfp4", "nvfp4", "modelopt"}
)
CONSTANT_PARTS = ("model", "buffer", "constant")
WIDTH_BITS: Mapping[str, int] = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "I8": 8, "U8": 8, "F4": 4, "I4": 4, "C64": 64, "C128": 128,
}  # fmt: skip
SHARD_NAME = re.compile(
    r"^(?P<stem>.*?)[-_.](?P<number>\d{2,6})-of-(?P<total>\d{2,6})(?P<rest>(?:\.[\w-]+)+)$", re.IGNORECASE
)
CONSOLIDATED = re.compile(r"^(?P<stem>consolidated)\.(?P<number>\d{2,4})(?P<rest>\.pth)$", re.IGNORECASE)
VARIANT = re.compile(
    r"(?i)[._-](fp16|bf16|fp32|fp8|int8|int4|q4|q8|non_ema|ema|quantized|uint8|bnb4|q4f16|merged|with_past|half)(?=[._-]|$)"
)
CANONICAL_STEMS = frozenset(
    {
        "model",
        "pytorch_model",
        "adapter_model",
        "diffusion_pytorch_model",
        "tf_model",
        "flax_model",
        "saved_model",
        "openvino_model",
        "model.weights",
    }
)
COMPONENT_DIRECTORY = re.compile(r"^\d+_\w+$")

MAX_EXACT_INTEGER = 2**53 - 1
MIN_BITS_PER_WEIGHT = Fraction(1, 4)
MAX_BITS_PER_WEIGHT = 70
DISAGREEMENT = 0.01
MAX_COMPONENTS = 64
"""Files of one kind beside each other that are compared for being parts of one model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSet:
    """Files that hold one copy of weights together: a file, or the shards of one, with the bytes beside them."""

    format: str
    directory: str
    stem: str
    variant: str | None
    members: tuple[Member, ...]
    sharded: bool = False
    indexed: bool = False

    @property
    def summaries(self) -> tuple[TensorSummary, ...]:
        return tuple(
            member.extraction.tensors
            for member in self.members
            if member.extraction is not None and member.extraction.tensors is not None
        )

    @property
    def all_tensors(self) -> tuple[TensorInfo, ...] | None:
        """Every tensor one by one, or None where only their count was kept."""
        if any(summary.count != len(summary.tensors) for summary in self.summaries) or not self.summaries:
            return None
        return tuple(tensor for summary in self.summaries for tensor in summary.tensors)

    @property
    def tensors_identity(self) -> tuple[str, ...]:
        return tuple(sorted(summary.names_sha256 for summary in self.summaries))

    @property
    def readable(self) -> bool:
        return any(summary.counts_are_parameters and summary.tallies for summary in self.summaries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantizer:
    """What configurations say of packed weights: method, bits of one weight, group size, scheme."""

    method: str | None = None
    bits: float | None = None
    group_size: int | None = None
    scheme: str | None = None


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
        total = sum(weights.values())
        if not total:
            return None
        name = min(weights, key=lambda item: (-weights[item], item))
        return name, weights[name] / total


def is_weight_dtype(name: str) -> bool:
    return name in FLOATS or name in SMALL_INTEGERS or name.startswith("packed") or is_ggml_type(name)


def weight_sets(group: Group) -> list[WeightSet]:
    """The copies of weights in the group, the one to count first.

    Shards that an index names are one set; numbered files that it does not name, or of another total, are another.
    """
    named = _shard_references(group)
    gathered: dict[tuple[str, str, str, str, str], list[Member]] = {}
    for member in sorted(group.members, key=lambda item: item.object.key):
        if not _holds_weights(member):
            continue
        directory, name = posixpath.split(member.object.key)
        if (
            _format(member) == "tensorflow_saved_model"
        ):  # one model in two places: saved_model.pb and variables/
            directory, name = directory.removesuffix("/variables"), "saved_model.pb"
        index = named.get(member.object.key)
        base, total = shard_stem(name)
        kind = "indexed" if index else total
        key = (_format(member), directory, stem(index) if index else stem(base), _variant(name) or "", kind)
        gathered.setdefault(key, []).append(member)
    sets = [
        WeightSet(
            format=key[0],
            directory=key[1],
            stem=key[2],
            variant=key[3] or None,
            members=tuple(members),
            sharded=bool(key[4]),
            indexed=key[4] == "indexed",
        )
        for key, members in gathered.items()
    ]
    return sorted(sets, key=lambda item: _set_order(item, group))


def counted_sets(group: Group, sets: Sequence[WeightSet]) -> list[WeightSet]:
    """The sets that together are the model once: one per component, alternatives left out."""
    if not sets:
        return []
    components: dict[str, list[WeightSet]] = {}
    for item in sets:
        components.setdefault(_component(group, item), []).append(item)
    if group.kind == "pipeline" and len(components) > 1:
        components.pop("", None)  # a checkpoint beside model_index.json is the whole pipeline once more
    chosen: list[WeightSet] = []
    for name in sorted(components):
        candidates = components[name]
        readable = [item for item in candidates if item.readable] or candidates
        chosen.extend(_together(readable))
    return chosen


def _together(candidates: Sequence[WeightSet]) -> list[WeightSet]:
    """The best set, and those of the same kind beside it that hold other tensors (encoder and decoder)."""
    first = candidates[0]
    if first.stem.lower() in CANONICAL_STEMS or first.sharded or first.format == "gguf":
        return [first]
    beside = [first]
    for item in candidates[1:MAX_COMPONENTS]:
        same_kind = (item.format, item.directory) == (
            first.format,
            first.directory,
        ) and item.variant == first.variant
        if (
            same_kind
            and not _set_aside(item)
            and item.readable
            and not any(_same_network(item, other) for other in beside)
        ):
            beside.append(item)
    return beside


def _same_network(first: WeightSet, second: WeightSet) -> bool:
    """Whether two sets hold the same tensors by identity, or mostly by name: another precision or another epoch."""
    if first.tensors_identity == second.tensors_identity:
        return True
    names = [
        {tensor.name for summary in item.summaries for tensor in summary.tensors} for item in (first, second)
    ]
    shared = len(names[0] & names[1])
    return shared * 2 > min(len(names[0]), len(names[1]))


def count(sets: Iterable[WeightSet], quantizer: Quantizer) -> Count | None:
    """The logical weights of all these sets; None when none of them has tensors that count."""
    counts = [_count_set(item, quantizer) for item in sets if item.readable]
    if not counts:
        return None
    dtypes: dict[str, int] = {}
    for one in counts:
        for name, number in one.dtypes.items():
            dtypes[name] = dtypes.get(name, 0) + number
    known = [one.parameters for one in counts if one.parameters is not None]
    return Count(
        parameters=sum(known) if len(known) == len(counts) else None,
        stored_elements=sum(one.stored_elements for one in counts),
        dtypes=dict(sorted(dtypes.items(), key=lambda pair: (-pair[1], pair[0]))),
        packed_label=next((one.packed_label for one in counts if one.packed_label), None),
        changes=tuple(dict.fromkeys(change for one in counts for change in one.changes)),
        reason=next((one.reason for one in counts if one.reason), None),
        complete=all(one.complete for one in counts),
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
        if _is_shape_constant(tally, graph=graph, tflite=item.format == "tflite"):
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
    complete = all(summary.complete for summary in item.summaries)
    reason = "packed-bits-unknown" if unknown else None if complete else "count-incomplete"
    return Count(
        parameters=total if reason is None and (stored or not graph) and total <= MAX_EXACT_INTEGER else None,
        stored_elements=stored,
        dtypes=dtypes,
        packed_label=next((label for label in dtypes if label.startswith("packed")), None),
        changes=tuple(changes),
        reason=reason,
        complete=complete,
    )


def _is_shape_constant(tally: TensorTally, *, graph: bool, tflite: bool) -> bool:
    """Integers of a graph that hold shapes and indices. A TFLite bias is I32 and is told apart by its extractor."""
    if tally.part == "constant" and tally.dtype in NOT_WEIGHTS_IN_GRAPHS:
        return True
    return graph and tally.dtype in NOT_WEIGHTS_IN_GRAPHS and not (tflite and tally.dtype == "I32")


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
    bits = Fraction(quantizer.bits).limit_denominator(100) if quantizer.bits else None
    words = tally.dtype in {"I32", "U32"}
    if tally.suffix in {"qweight", "weight_packed"} and words:
        return 32 / bits if bits and bits < 32 else None
    if tally.suffix == "weight" and tally.dtype == "U32" and "scales" in tally.companions:
        return 32 / bits if bits and bits < 32 else None
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
        method
        and method not in PACKED_METHODS
        and bits
        and bits < 8
        and tally.dtype in {"I32", "U32", "U8", "I8"}
        and tally.part == "model"
    ):
        return None
    return Fraction(1)


def _packed_label(tally: TensorTally, quantizer: Quantizer, factor: Fraction) -> str:
    width = {"I32": 32, "U32": 32, "U8": 8, "I8": 8}.get(tally.dtype, 32)
    bits = _short(Fraction(width) / factor)
    return f"packed{bits}({_method_label(tally, quantizer)})"


def _method_label(tally: TensorTally, quantizer: Quantizer) -> str:
    if quantizer.method:
        return METHOD_LABELS.get(quantizer.method.lower(), quantizer.method)
    if "quant_state" in tally.companions:
        return METHOD_LABELS["bitsandbytes"]
    if tally.suffix == "blocks":
        return "MXFP4"
    if "weight_scale_2" in tally.companions:
        return "NVFP4"
    return {"qweight": "GPTQ", "weight_packed": "compressed-tensors"}.get(
        tally.suffix, "MLX" if tally.dtype == "U32" else "packed"
    )


METHOD_LABELS: Mapping[str, str] = {
    "gptq": "GPTQ", "awq": "AWQ", "mlx": "MLX", "bitsandbytes": "bitsandbytes", "compressed-tensors": "compressed-tensors",
    "mxfp4": "MXFP4", "nvfp4": "NVFP4", "modelopt": "ModelOpt", "fp8": "FP8",
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


def shard_stem(name: str) -> tuple[str, str]:
    """The name without its shard number, and the total that it says ("" for a file that is no shard)."""
    match = SHARD_NAME.match(name)
    if match:
        return f"{match['stem']}{match['rest']}", match["total"]
    match = CONSOLIDATED.match(name)
    return (f"{match['stem']}{match['rest']}", "parts") if match else (name, "")


def _shard_references(group: Group) -> dict[str, str]:
    """For every file that an index names as a shard: the index's base name without `.index.json`."""
    named: dict[str, str] = {}
    for member in group.members:
        extraction = member.extraction
        if extraction is None:
            continue
        directory, name = posixpath.split(member.object.key)
        base = re.sub(r"(?i)\.index(?:\.[\w-]+)?\.json$", "", name)
        for reference in extraction.references:
            if reference.relation == "shard":
                named[posixpath.join(directory, reference.name)] = base
    return named


def _holds_weights(member: Member) -> bool:
    extraction = member.extraction
    if extraction is None:
        return False
    if extraction.role is Role.WEIGHTS:
        return True
    return (
        extraction.tensors is not None
        and bool(extraction.tensors.tallies)
        and extraction.role in {Role.INDEX, Role.DATA}
    )


def _format(member: Member) -> str:
    return (member.extraction.format if member.extraction else None) or "unknown"


def _variant(name: str) -> str | None:
    found = VARIANT.findall(name)
    return ".".join(word.lower() for word in found) if found else None


def _set_aside(item: WeightSet) -> bool:
    """A second copy by its name: consolidated files and moving averages."""
    words = re.split(r"[^a-z]+", item.stem.lower())
    return (
        "consolidated" in words or "ema" in words or "merged" in words or "past" in words or "mmproj" in words
    )


def _set_order(item: WeightSet, group: Group) -> tuple[Any, ...]:
    rank = FORMAT_ORDER.index(item.format) if item.format in FORMAT_ORDER else len(FORMAT_ORDER)
    pointer = all(
        member.extraction is not None and member.extraction.status is FileStatus.POINTER
        for member in item.members
    )
    return (
        pointer,
        rank,
        item.directory.count("/") - group.key.count("/"),
        item.variant is not None,
        _set_aside(item),
        item.stem.lower() not in CANONICAL_STEMS,
        item.sharded,
        item.sharded and not item.indexed,
        -sum(member.object.size_bytes for member in item.members),
        item.directory,
        item.stem,
        item.variant or "",
    )


def _component(group: Group, item: WeightSet) -> str:
    """Which part of the model a set is: the component's directory in pipelines, the whole model elsewhere."""
    base = "" if group.key == "." else group.key.strip("/")
    inside = item.directory.strip("/").removeprefix(base).strip("/")
    first = inside.partition("/")[0]
    if group.kind == "pipeline":
        return first
    return first if COMPONENT_DIRECTORY.match(first) else ""


def unique_bytes(members: Iterable[Member]) -> int:
    """Bytes of the files, hard links once."""
    sizes: dict[str, int] = {}
    for member in members:
        sizes[member.object.file_identity or f"key:{member.object.key}"] = member.object.size_bytes
    return sum(sizes.values())


def bits_of_ggml(label: str) -> float | None:
    """Bits of one packed weight by a GGML type's name, without its scales: Q4_K_M → 4."""
    match = re.match(r"I?Q(\d)|TQ([12])|(?:MX|NV)FP(\d)", label)
    if match is None:
        return None
    return float(next(group for group in match.groups() if group))
