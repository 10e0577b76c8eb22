"""How files that are parts of one file are numbered in their names."""

from __future__ import annotations

import re
from typing import NamedTuple

from catalog.text.patterns import pattern

SHARD = pattern(
    r"^(?P<stem>.+?)[-_.](?P<number>\d{2,6})-of-(?P<total>\d{2,6})(?P<rest>(?:\.[^/]*)?)$", re.IGNORECASE
)
"""Source: huggingface_hub serialization (`{stem}-{i:05d}-of-{n:05d}`), ggml docs/gguf.md (naming of shards)."""
CONSOLIDATED = pattern(r"^(?P<stem>consolidated)\.(?P<number>\d{2,4})(?P<rest>\.pth)$", re.IGNORECASE)
"""Source: meta-llama/llama, example_completion.py: one file per rank of the tensor parallel group."""
RANKS = (
    re.compile(r"^(?P<stem>.+?)_world_size_(?P<total>\d+)_rank_(?P<number>\d+)(?P<rest>\..*)$"),
    re.compile(r"^(?P<stem>.+?)-rank-(?P<number>\d+)-part-\d+(?P<rest>\..*)$"),
    re.compile(
        r"^(?P<stem>model(?:_states?)?|pytorch_model)[-_.](?:tp|mp|rank|tp_rank|mp_rank)[-_]?(?P<number>\d{1,3})"
        r"(?P<rest>\.(?:safetensors|pth?|bin))$"
    ),
    re.compile(r"^(?P<stem>.+?)-model_part-(?P<number>\d+)(?:-shard\d+)?(?P<rest>\.pt)$"),
    re.compile(r"^(?P<stem>rank)[-_]?(?P<number>\d+)(?P<rest>\.(?:safetensors|engine|npz|pt|bin))$"),
    re.compile(r"^(?P<stem>)(?:zero_pp_rank_\d+_)?mp_rank_(?P<number>\d+)(?P<rest>_model_states\.pt)$"),
    re.compile(r"^(?P<stem>)layer_\d+-model_(?P<number>\d+)(?P<rest>-model_states\.pt)$"),
)
"""What each process of a group wrote of the model: cuts of the same tensors, of which no sum is the model's count.

Source: transformers and accelerate, FSDP's state per rank; vllm sharded_state_loader.py (`model-rank-{rank}-part-{part}`);
NVIDIA/TensorRT-LLM models/modeling_utils.py (`rank{n}.safetensors`); DeepSpeed engine.py, `_get_ckpt_name`;
facebookresearch/fairseq checkpoint_utils.py (`-model_part-{n}`), facebookresearch/metaseq.
"""
RANK_DIRECTORY = pattern(r"/?mp_rank_(?P<number>\d+(?:_\d+){0,2})$")
"""One process's share of a Megatron checkpoint. Source: NVIDIA/Megatron-LM megatron/training/checkpointing.py."""
CUT_OF_TENSOR = pattern(r"_pp-rank-\d+-of-\d+_tp-rank-\d+-of-\d+\.safetensors$")
"""One process's cut of one tensor, each in a directory of its own. Source: huggingface/nanotron
src/nanotron/serialize/utils.py (`get_tp_and_pp_rank_and_size_from`)."""
RANKED = "ranks"
PARALLEL = "parts"
_NUMBER_AT_END = pattern(r"[-_.]\d{2,6}-of-\d{2,6}$")


class Shard(NamedTuple):
    """The name of a shard taken apart. `total` is 0 where the name does not say it."""

    stem: str
    number: int
    total: int


def shard_of(name: str) -> Shard | None:
    """The parts of a shard's name; None for the name of a whole file."""
    for form in (SHARD, CONSOLIDATED, *RANKS):
        if match := form.match(name):
            parts = match.groupdict()
            stem = parts["stem"].removesuffix(
                parts["rest"] or ""
            )  # some put the suffix before the number, too
            return Shard(stem or "model", int(parts["number"]), int(parts.get("total") or 0))
    return None


def shard_stem(name: str) -> tuple[str, str]:
    """The name without its shard number, and the total that it says ("" for a file that is no shard)."""
    match = SHARD.match(name)
    if match and match["rest"]:
        return f"{match['stem']}{match['rest']}", match["total"]
    if match := CONSOLIDATED.match(name):
        return f"{match['stem']}{match['rest']}", PARALLEL
    for form in RANKS:
        if match := form.match(name):
            return f"{match['stem'] or 'model'}{match['rest']}", RANKED
    return name, ""


def without_number(stem: str) -> str:
    """A name whose suffix is gone without the shard number at its end."""
    return _NUMBER_AT_END.sub("", stem)
