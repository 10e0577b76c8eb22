"""The label of a record's precision, and the quantisation that its tensors show."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Any

from catalog.layouts.variants import PRECISION_WORD
from catalog.lazy_dataclasses import replace
from catalog.normalise.assembly import Draft
from catalog.normalise.parts.measured import counted_observation
from catalog.normalise.parts.parameters import METHOD_LABELS, Count, Quantizer, bits_of_ggml
from catalog.normalise.parts.weight_sets import WeightSet
from catalog.records import Contender, Evidence, Origin, display_key
from catalog.text import canonical, cleaning
from mappings import fields

_FLOAT_SCHEME = re.compile(r"(?:nf|(?:mx|nv)?fp)(4|8)")
"""Floats of so many bits, which no integers are."""
WHOLE_WIDTHS = frozenset({1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0})


def set_precision(
    draft: Draft, chosen: Sequence[WeightSet], counted: Count | None, quantizer: Quantizer
) -> None:
    row = fields()["precision"]
    good, bad = draft.contenders(row)
    top = counted.top if counted is not None else None
    if counted is not None and top is not None:
        draft.values["dtypes"] = {
            cleaning.keyword(name)[:64]: number for name, number in counted.dtypes.items()
        }
        is_unknown = counted.reason == "packed-bits-unknown"
        label = _of_method(quantizer) if is_unknown else _label(draft, top[0], counted, quantizer)
        seen = counted_observation(chosen, "precision", dict(counted.dtypes))
        edits = [item for item in good if item.observation.origin is Origin.EDIT]
        good = [
            *edits,
            *([Contender(observation=seen, value=label)] if label else []),
            *(item for item in good if item not in edits),
        ]
        draft.values["precision_mix"] = round(top[1], 6)
        if label and not is_unknown:
            _set_quantization(draft, chosen, top[0], label, quantizer)
    draft.settle(row, good or _named_precision(draft, chosen), bad)
    if "quantization.method" in draft.values:
        draft.flags.add("quantized")


def _named_precision(draft: Draft, chosen: Sequence[WeightSet]) -> list[Contender]:
    """The weakest statement: a dtype or quantisation word in the name of weights that could not be read."""
    for member in sorted(
        (member for item in chosen for member in item.members), key=lambda member: member.object.key
    ):
        words = PRECISION_WORD.findall(posixpath.basename(display_key(member.object.key)))
        label = canonical.dtype(words[-1].replace("-", "_")) if words else None
        if label is not None and draft.group.members:
            seen = replace(
                counted_observation(chosen, "precision", words[-1], Evidence.INFERRED),
                pointer="name:",
                origin=Origin.FILENAME,
            )
            return [Contender(observation=seen, value=label)]
    return []


def _of_method(quantizer: Quantizer) -> str | None:
    """What a configuration says of packed weights whose width no shape proves: what holds them is not what they are."""
    if not quantizer.method:
        return None
    name = METHOD_LABELS.get(quantizer.method.lower(), quantizer.method)
    if re.fullmatch(r"(?:MX|NV)?FP\d+", name):  # floats of 4 or 8 bits, which no integers are
        return name
    whole = quantizer.bits is not None and float(quantizer.bits) in WHOLE_WIDTHS
    return f"INT{quantizer.bits:.0f} ({name})" if whole else cleaning.keyword(name)[:64]


def _label(draft: Draft, top: str, counted: Count, quantizer: Quantizer) -> str:
    """One label: the file type for GGML, `INT4 (GPTQ, g128)` for packed weights, else the dtype of most weights."""
    if top.startswith("packed"):
        bits, _, rest = top.removeprefix("packed").partition("(")
        method = rest.rstrip(")")
        floats = _FLOAT_SCHEME.fullmatch((quantizer.scheme or "").lower())
        if method in {"MXFP4", "NVFP4", "FP4"}:
            return method
        if floats is not None and bits == floats[1]:
            return f"{(quantizer.scheme or '').upper()} ({method})"
        return (
            f"INT{bits} ({method}, g{quantizer.group_size})"
            if quantizer.group_size
            else f"INT{bits} ({method})"
        )
    if canonical.is_ggml_type(top):
        return _ggml_label(draft, top, counted)
    return cleaning.keyword(top)[:64]


def _ggml_label(draft: Draft, top: str, counted: Count) -> str:
    """The file type that the file or its name says, when its main type is really there; else the dominant type."""
    labels = [
        str(seen.raw).upper()
        for field in ("quantization.scheme", "quantization.method", "precision")
        for seen in draft.observed(field)
    ]
    families = {
        name.partition("_")[0] for name in counted.dtypes
    }  # a Q4_K_M file holds Q4_K, IQ3_M holds IQ3_S
    for name in labels:
        bare = name.removeprefix("MOSTLY_")
        if canonical.is_ggml_type(bare) and bare.partition("_")[0] in families:
            return bare
    return top


def _set_quantization(
    draft: Draft, chosen: Sequence[WeightSet], top: str, label: str, quantizer: Quantizer
) -> None:
    """Method, bits and scheme where the tensors themselves show them; nothing for plain floats."""
    quantization: dict[str, Any] = {}
    if canonical.is_ggml_type(top):
        quantization = {"method": label, "bits": bits_of_ggml(label), "scheme": "gguf"}
    elif top.startswith("packed"):
        bits, _, rest = top.removeprefix("packed").partition("(")
        lowered = {name: method for method, name in METHOD_LABELS.items()}
        quantization = {
            "method": quantizer.method or lowered.get(rest.rstrip(")"), rest.rstrip(")").lower()),
            "bits": float(bits) if float(bits) in WHOLE_WIDTHS else quantizer.bits or float(bits),
        }
    elif top.startswith("F8"):
        quantization = {"method": quantizer.method or "fp8", "bits": quantizer.bits or 8.0}
    elif top in {"I8", "U8", "I4", "F4"}:
        quantization = {
            "method": quantizer.method or {"F4": "fp4"}.get(top, f"int{top[1:]}"),
            "bits": quantizer.bits or float(top[1:]),
        }
    for name, value in quantization.items():
        field = f"quantization.{name}"
        if value is not None and draft.values.get(field) != value:
            draft.set_derived(field, value, counted_observation(chosen, field, top))
