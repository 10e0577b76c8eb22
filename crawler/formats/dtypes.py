"""One name per tensor element type: F32, BF16, I64, Q4_K … whatever the format at hand calls it.

Source: safetensors `Dtype` (huggingface/safetensors: safetensors/src/tensor.rs) for the names, NumPy's array interface
for `<f4`, torch and TensorFlow for theirs, ggml's `ggml_type` for the block formats, which keep their own names.
"""

from __future__ import annotations

ITEM_BITS = {
    "F64": 64,
    "F32": 32,
    "F16": 16,
    "BF16": 16,
    "TF32": 32,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F4": 4,
    "I64": 64,
    "I32": 32,
    "I16": 16,
    "I8": 8,
    "I4": 4,
    "I2": 2,
    "U64": 64,
    "U32": 32,
    "U16": 16,
    "U8": 8,
    "U4": 4,
    "U2": 2,
    "U1": 1,
    "BOOL": 8,
    "C64": 64,
    "C128": 128,
    "C32": 32,
}
"""Bits of one element. Block formats (Q4_K …) and strings have no fixed width and are absent."""

FLOATS = frozenset(
    {"F64", "F32", "F16", "BF16", "TF32", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}
    | {"F6_E2M3", "F6_E3M2", "F4"}
)

MAX_NAME_CHARACTERS = 32

_ALIASES = {
    "F64": "float64 double fp64 dt_double",
    "F32": "float32 float single fp32 dt_float",
    "F16": "float16 half fp16 f2 dt_half",
    "BF16": "bfloat16 bfloat bf16 dt_bfloat16",
    "TF32": "tensorfloat32 tf32",
    "F8_E4M3": "float8_e4m3 float8_e4m3fn float8e4m3fn float8e4m3 f8_e4m3fn fp8 fp8_e4m3 f8e4m3 dt_float8_e4m3fn",
    "F8_E5M2": "float8_e5m2 float8e5m2 fp8_e5m2 f8e5m2 dt_float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz float8e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz float8e5m2fnuz",
    "F8_E8M0": "float8_e8m0 float8_e8m0fnu float8e8m0 f8e8m0",
    "F6_E2M3": "float6_e2m3 float6_e2m3fn",
    "F6_E3M2": "float6_e3m2 float6_e3m2fn",
    "F4": "float4 fp4 float4_e2m1 float4_e2m1fn float4_e2m1fn_x2 float4e2m1 f4_e2m1",
    "I64": "int64 long longlong dt_int64",
    "I32": "int32 int dt_int32",
    "I16": "int16 short i2_ dt_int16",
    "I8": "int8 char sbyte qint8 dt_int8",
    "I4": "int4 dt_int4",
    "I2": "int2",
    "U64": "uint64 ulong dt_uint64",
    "U32": "uint32 uint dt_uint32",
    "U16": "uint16 ushort dt_uint16",
    "U8": "uint8 byte ubyte quint8 dt_uint8",
    "U4": "uint4 quint4x2 dt_uint4",
    "U2": "uint2 quint2x4",
    "BOOL": "bool boolean bool8 bool_ pred dt_bool",
    "C64": "complex64 complexfloat cfloat dt_complex64",
    "C128": "complex128 complexdouble cdouble dt_complex128",
    "C32": "complex32 complexhalf chalf",
    "STR": "string str utf8 bytes object unicode dt_string",
}
_CANONICAL = {alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()}
_CANONICAL.update({name.lower(): name for name in [*ITEM_BITS, "STR"]})
_CANONICAL.update(
    {"f4": "F32", "f8": "F64"}
)  # NumPy's, in small letters; safetensors' four-bit F4 is a capital

_NUMPY_KINDS = {
    "f2": "F16",
    "f4": "F32",
    "f8": "F64",
    "i1": "I8",
    "i2": "I16",
    "i4": "I32",
    "i8": "I64",
    "u1": "U8",
    "u2": "U16",
    "u4": "U32",
    "u8": "U64",
    "b1": "BOOL",
    "c8": "C64",
    "c16": "C128",
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
    found = _CANONICAL.get(lowered)
    if found is not None:
        return found
    return lowered.upper()[:MAX_NAME_CHARACTERS]


def of_numpy(descr: str) -> str:
    """The canonical name of a NumPy type code such as `f4`, `<i8`, `|b1`, `U12`, where `i1` means one byte."""
    found = _numpy(descr.lstrip("<>|="))
    return found if found is not None else canonical(descr)


def _numpy(code: str) -> str | None:
    if code in _NUMPY_KINDS:
        return _NUMPY_KINDS[code]
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
