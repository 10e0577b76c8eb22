"""How many tokens a transformers configuration lets a model attend to.

Source: huggingface/transformers configuration classes; `rope_scaling` in src/transformers/modeling_rope_utils.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crawler.formats.json_values import mapping, number, positive

KEYS = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "max_seq_length",
    "max_sequence_length",
    "seq_length",
    "max_target_positions",
)
MAX_CONTEXT = 10**9
"""Tokenizers write 1e30 for "no limit". Source: transformers tokenization_utils_base.py, VERY_LARGE_INTEGER."""


def read(config: Mapping[str, Any]) -> tuple[int, tuple[str, ...]] | None:
    """(tokens, path of the key that says so).

    A RoPE factor multiplies only where the configuration also gives the length before scaling and has not already
    written the product.
    """
    for key in KEYS:
        length = positive(config[key]) if key in config else None
        if length is None or length >= MAX_CONTEXT:
            continue
        return _scaled(length, config) if key == "max_position_embeddings" else length, (key,)
    return None


def _scaled(length: int, config: Mapping[str, Any]) -> int:
    for key in ("rope_scaling", "rope_parameters"):
        scaling = mapping(config.get(key))
        original = positive(scaling.get("original_max_position_embeddings"))
        original = original or positive(config.get("original_max_position_embeddings"))
        factor = number(scaling.get("factor"))
        if original is not None and factor is not None and 1 < factor < 10_000 and length == original:
            return int(original * factor)
    return length
