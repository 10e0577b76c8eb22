"""One name per tensor element type: F32, BF16, I64, Q4_K … whatever the format at hand calls it.

The names stand in `mappings/dtypes.toml`; ggml's `ggml_type` block formats keep their own names.
"""

from __future__ import annotations

from collections.abc import Mapping

from mappings.dtypes import aliases, dtypes, numpy_codes

ITEM_BITS: Mapping[str, int] = {row.name: row.bits for row in dtypes().values() if row.bits is not None}
"""Bits of one element. Block formats (Q4_K …) and strings have no fixed width and are absent."""

FLOATS = frozenset(row.name for row in dtypes().values() if row.float)

MAX_NAME_CHARACTERS = 32

_CANONICAL = {
    **aliases(),
    **{name.lower(): name for name in dtypes()},
    # NumPy's, in small letters; safetensors' four-bit F4 is a capital
    "f4": "F32",
    "f8": "F64",
}
_PREFIXES = ("torch.", "tf.", "np.", "numpy.", "jnp.", "paddle.", "mlx.core.", "tensor(")


def canonical(name: str) -> str:
    """The canonical name of a dtype, or the given one in capitals (32 characters at most) when it is not known.

    GGML's block formats (`q4_k`, `IQ2_XS`, `mxfp4`) come out in capitals, as GGML writes them.
    """
    text = name.strip()
    if text in ITEM_BITS:
        return text
    if text[:1] in "<>|=" and len(text) > 1:
        numpy_name = _numpy(text[1:])
        if numpy_name is not None:
            return numpy_name
    lowered = text.lower()
    for prefix in _PREFIXES:
        if lowered.startswith(prefix):
            lowered = lowered[len(prefix) :].rstrip(")")
            break
    dtype = _CANONICAL.get(lowered)
    if dtype is not None:
        return dtype
    return lowered.upper()[:MAX_NAME_CHARACTERS]


def of_numpy(descr: str) -> str:
    """The canonical name of a NumPy type code such as `f4`, `<i8`, `|b1`, `U12`, where `i1` means one byte."""
    dtype = _numpy(descr.lstrip("<>|="))
    return dtype if dtype is not None else canonical(descr)


def _numpy(code: str) -> str | None:
    if code in numpy_codes():
        return numpy_codes()[code]
    if code[:1] in {"U", "S", "a", "T", "O"}:
        return "STR" if code[:1] != "O" else "OBJECT"
    return None


def item_bits(dtype: str) -> int | None:
    """Bits of one element of a canonical dtype; None for block formats, strings and strangers."""
    return ITEM_BITS.get(dtype)


def size_bytes(dtype: str, elements: int) -> int | None:
    """Bytes of so many packed elements, or None where the dtype has no fixed width."""
    bits = ITEM_BITS.get(dtype)
    return None if bits is None else (elements * bits + 7) // 8
