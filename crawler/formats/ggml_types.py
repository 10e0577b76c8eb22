"""GGML's tensor types and file types by number.

Source: ggml-org/llama.cpp ggml/include/ggml.h (`ggml_type`), include/llama.h (`llama_ftype`), gguf-py/gguf/constants.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from catalog.records import TensorInfo

TENSOR_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    31: ("Q4_0_4_4", 32, 18),
    32: ("Q4_0_4_8", 32, 18),
    33: ("Q4_0_8_8", 32, 18),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    36: ("IQ4_NL_4_4", 32, 18),
    37: ("IQ4_NL_4_8", 32, 18),
    38: ("IQ4_NL_8_8", 32, 18),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}
"""Number to (name, elements per block, bytes per block)."""

FILE_TYPES: dict[int, str] = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
    39: "NVFP4",
    40: "Q1_0",
}
PLAIN = frozenset({"F64", "F32", "F16", "BF16", "I8", "I16", "I32", "I64"})
_VOCABULARY = re.compile(r"(?:token_embd|output|per_layer_token_embd)\.weight$")
_FAMILY = re.compile(r"(I?Q\d|TQ\d|MXFP4|NVFP4|B?F\d+)")


def tensor_type(number: int) -> tuple[str, int | None, int | None]:
    """(name, elements per block, bytes per block); a number that is not known becomes `GGML_<number>`."""
    return TENSOR_TYPES.get(number, (f"GGML_{number}", None, None))


def file_type_label(number: int, tensors: Iterable[TensorInfo]) -> str | None:
    """The file type's name, if most weights are of its family: `Q4_K_M` has Q6 in it, too, but mostly Q4. Writers count
    tensors, not weights, and name a file with large Q2 beside many small Q4 after the latter. It may also be most without
    the vocabularies, which are large in a small model and kept in another type on purpose.
    """
    label = FILE_TYPES.get(number)
    if label is None:
        return None
    family = _family(label)
    everything: Counter[str | None] = Counter()
    vocabularies: Counter[str | None] = Counter()
    for info in tensors:
        everything[_family(info.dtype)] += info.elements
        if _VOCABULARY.match(info.name):
            vocabularies[_family(info.dtype)] += info.elements
    return label if _is_most(family, everything) or _is_most(family, everything - vocabularies) else None


def _is_most(family: str | None, counted: Counter[str | None]) -> bool:
    return counted[family] > 0 and counted[family] == max(counted.values())


def bits(label: str) -> float | None:
    """Bits of one packed weight by the type's name, without scales: 4 for Q4_K_M; None for plain types."""
    if label in PLAIN:
        return None
    match = re.match(r"(?:I?Q|TQ|MXFP|NVFP)(\d)", label)
    return float(match[1]) if match else None


def _family(name: str) -> str | None:
    match = _FAMILY.match(name)
    return match[1] if match else None
