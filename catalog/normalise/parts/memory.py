"""How much memory a model takes when it is loaded as it is stored: its weights, and the cache of a context's keys and values.

An estimate that says what it leaves out: activations, the runtime itself, and what a loader converts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.normalise.assembly import Draft
from catalog.normalise.parts.measured import counted_observation
from catalog.normalise.parts.weight_sets import WeightSet
from catalog.records import Evidence
from mappings.dtypes import dtypes

CONTEXT_TOKENS = 8_192
"""The context at which `memory_bytes` is given, shorter where the model's own is: what people run on one card."""
CACHE_BYTES = 2
"""Of one cached number: caches are F16 unless one asks otherwise. Source: ggml-org/llama.cpp common/arg.cpp (`--cache-type-k`)."""
MAX_BYTES = 1 << 60
HEADS = ("num_attention_heads", "n_head", "num_heads", "n_heads", "attention_head_count")
KEY_VALUE_HEADS = (
    "num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num", "num_query_groups", "attention_head_count_kv",
)  # fmt: skip
HEAD_WIDTH = ("head_dim", "kv_channels", "attention_key_length", "attention_head_dim")
LATENT = ("kv_lora_rank", "attention_kv_lora_rank"), ("qk_rope_head_dim", "rope_dimension_count")
"""Multi-head latent attention caches one latent vector and one rotary key for all heads. Source: DeepSeek-V2, section 2.1."""
_WITHIN = ("", "text_config_", "language_config_", "llm_config_")
_GENERATES = re.compile(r"ForCausalLM|LMHeadModel|ForConditionalGeneration$|ForVision2Seq$")
_READS_ONLY = re.compile(r"bert|t5|clip|whisper|roberta")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Keys and values of one token of context: how many bytes, and of what they are made."""

    bytes_per_token: int
    formula: str


def describe(draft: Draft, chosen: list[WeightSet]) -> None:
    """Sets the memory of a whole model whose weights are known; an adapter's is its base's."""
    weights = _weights_bytes(draft)
    if weights is None or not chosen or "adapter" in draft.flags or draft.values.get("complete") is False:
        return
    cache = _cache(draft)
    context = min(CONTEXT_TOKENS, _whole(draft.values.get("context_length")) or CONTEXT_TOKENS)
    total, formula = weights, f"{weights:,} bytes of weights"
    if cache is not None:
        draft.set_derived(
            "kv_bytes_per_token",
            cache.bytes_per_token,
            counted_observation(chosen, "kv_bytes_per_token", cache.formula, Evidence.DERIVED),
        )
        total += context * cache.bytes_per_token
        formula += f" + {context:,} tokens × {cache.bytes_per_token:,} bytes of keys and values"
    if total < MAX_BYTES:
        draft.set_derived(
            "memory_bytes", total, counted_observation(chosen, "memory_bytes", formula, Evidence.ESTIMATED)
        )


def _weights_bytes(draft: Draft) -> int | None:
    """Every weight by its own dtype; where they are packed, the bytes that they are packed into."""
    stored: Mapping[str, int] = draft.values.get("dtypes") or {}
    bits = [(dtypes()[name].bits, number) for name, number in stored.items() if name in dtypes()]
    plain = stored and len(bits) == len(stored) and "quantization.method" not in draft.values
    if plain and all(width is not None for width, _ in bits):
        return sum(number * (width or 0) for width, number in bits) // 8 or None
    return _whole(draft.values.get("size_bytes")) if stored else None


def _cache(draft: Draft) -> Cache | None:
    """Of models that write text word by word; None where the header does not say all that it takes."""
    layers, names = _whole(draft.values.get("layers")), draft.values.get("extra")
    if layers is None or not isinstance(names, Mapping) or not _generates(draft):
        return None
    known = _Names(names, str(draft.values.get("model_type") or ""))
    latent, rotary = (known.first(part) for part in LATENT)
    if latent is not None:
        numbers = latent + (rotary or 0)
        formula = f"{layers} layers × {numbers} numbers × {CACHE_BYTES} bytes"
        return Cache(bytes_per_token=layers * numbers * CACHE_BYTES, formula=formula)
    heads = known.first(HEADS)
    shared = known.first(KEY_VALUE_HEADS) if known.has(KEY_VALUE_HEADS) else heads
    width = known.first(HEAD_WIDTH)
    hidden = _whole(draft.values.get("embedding_dimension"))
    if width is None and heads and hidden:
        width = hidden // heads
    if not shared or not width:
        return None
    formula = f"2 × {layers} layers × {shared} heads × {width} numbers × {CACHE_BYTES} bytes"
    return Cache(bytes_per_token=2 * layers * shared * width * CACHE_BYTES, formula=formula)


def _generates(draft: Draft) -> bool:
    architecture = str(draft.values.get("architecture") or "")
    if "gguf" in (draft.values.get("format") or ()):
        return not _READS_ONLY.search(architecture.lower())
    return bool(_GENERATES.search(architecture)) and not _READS_ONLY.search(architecture.lower())


class _Names:
    """What a configuration says beyond the fields, under the names of its kind."""

    def __init__(self, names: Mapping[str, Any], kind: str) -> None:
        self._names = names
        self._within = (*_WITHIN, f"{re.sub(r'[^a-z0-9]+', '_', kind.lower())}_")

    def has(self, wanted: tuple[str, ...]) -> bool:
        return any(f"{within}{name}" in self._names for within in self._within for name in wanted)

    def first(self, wanted: tuple[str, ...]) -> int | None:
        for within in self._within:
            for name in wanted:
                value = _whole(self._names.get(f"{within}{name}"))
                if value is not None:
                    return value
        return None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < MAX_BYTES else None
