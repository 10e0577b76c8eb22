"""How model files are laid out on disk: stems, shards, variants, and the directories that are one model."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from typing import NamedTuple

SHARD = re.compile(r"^(?P<stem>.+?)[-_.](?P<number>\d{5})-of-(?P<total>\d{5})(?P<rest>\..*)?$")
"""Source: huggingface_hub serialization (`{stem}-{i:05d}-of-{n:05d}`), ggml docs/gguf.md (naming of shards)."""

TF_DATA = re.compile(r"^(?P<stem>.+)\.data-\d{5}-of-\d{5}$")
CONSOLIDATED = re.compile(r"^(?P<stem>consolidated)\.(?P<number>\d{2,3})(?P<rest>\.pth)$")
RANK = re.compile(r"^(?P<stem>.+?)_world_size_(?P<total>\d+)_rank_(?P<number>\d+)(?P<rest>\..*)$")
VARIANT = re.compile(r"[._-](fp16|fp32|bf16|fp8|int8|uint8|q4|q4f16|bnb4|non_ema|ema|quantized|onnx_data)$")
HUB_SNAPSHOT = re.compile(r"(?:^|/)models--(?:[^/]+--)?(?P<name>[^/]+)/snapshots/[^/]+$")
"""One revision in a cache of the Hugging Face hub. Source: huggingface_hub, file_download."""
CHECKPOINT_DIRECTORY = re.compile(r"^(checkpoint|step|epoch|iter|global_step)[-_]?\d+$", re.IGNORECASE)
DATED_DIRECTORY = re.compile(r"^(19|20)\d\d([-_.]?)(0\d|1[0-2])\2[0-3]\d([T_ -][\d_.:hms-]*Z?)?$")
"""A day, perhaps with a time: one version of what the directory above is called."""

SIDECAR = re.compile(r"^(?P<target>.+)\.modeldex\.(ya?ml|json)$")
PROJECTOR = re.compile(r"^(mmproj|mtp)[-_.].*\.gguf$|.*[-_.]mmproj[-_.].*\.gguf$", re.IGNORECASE)

PACKAGE_SUFFIX = re.compile(r"\.(mlpackage|mlmodelc)$")

COMPOUND_SUFFIXES = (
    ".safetensors.index.json",
    ".bin.index.json",
    ".h5.index.json",
    ".msgpack.index.json",
    ".weights.h5",
    ".onnx.data",
    ".onnx_data",
    ".pdiparams.info",
    ".pth.tar",
    "-weights_manifest.json",
    ".pt.tar",
    ".cleanup.json",
)
INDEX_VARIANT = re.compile(r"\.(safetensors|bin)\.index\.(?P<variant>[A-Za-z0-9_]+)\.json$")

MODEL_CONFIGS = frozenset(
    {
        "config.json",
        "adapter_config.json",
        "params.json",
        "model_config.json",
        "mlc-chat-config.json",
        "open_clip_config.json",
        "genai_config.json",
        "hyperparams.yaml",
    }
)
"""A directory with one of these holds one model, however many files hold its weights."""

TRAINING_STATE = re.compile(
    r"^(optimizer|scheduler|scaler|rng_state(_\d+)?|random_states_\d+|training_args|trainer_state|loss_state)\.(pt|pth|bin|pkl|safetensors)$"
)
"""What a trainer writes beside the weights to go on later. Source: transformers Trainer, accelerate save_state."""

ALTERNATIVE_DIRECTORIES = frozenset(
    {
        "onnx",
        "openvino",
        "original",
        "coreml",
        "tflite",
        "flax",
        "tf",
        "gguf",
        "safetensors",
        "pytorch",
        "saved_model",
        "mlx",
    }
)
"""Sub-directories in which repositories keep the same weights in another format."""

GENERIC_STEMS = re.compile(
    r"^(model|pytorch_model|adapter_model|diffusion_pytorch_model|tf_model|flax_model|checkpoint|ckpt([-_]?\d+)?|last|best|final"
    r"|(epoch|step)[-_=]?\d+.*|checkpoint[-_]?\d+"
    r"|weights|consolidated|saved_model|model_best|best_model|inference|network|artifact|data|variables)$",
    re.IGNORECASE,
)
"""Stems that say nothing: the directory is the name."""


class Stem(NamedTuple):
    """A file name taken apart. `shard` is (number, total)."""

    stem: str
    variant: str = ""
    shard: tuple[int, int] | None = None


def stem_of(name: str) -> Stem:
    """The name without suffix, shard number and variant."""
    if match := INDEX_VARIANT.search(name):
        return Stem(name[: match.start()], match["variant"])
    for suffix in COMPOUND_SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            return _without_variant(name[: -len(suffix)])
    if match := TF_DATA.match(name):
        return Stem(match["stem"])
    for pattern in (SHARD, CONSOLIDATED, RANK):
        if match := pattern.match(name):
            parts = match.groupdict()
            shard = (int(parts["number"]), int(parts.get("total") or 0))
            return _without_variant(parts["stem"])._replace(shard=shard)
    stem, dot, suffix = name.rpartition(".")
    if dot and stem and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,14}", suffix):
        return _without_variant(stem)
    return _without_variant(name)


def _without_variant(stem: str) -> Stem:
    match = VARIANT.search(stem)
    return Stem(stem[: match.start()], match[1]) if match and match.start() else Stem(stem)


def container_kind(path: str, names: AbstractSet[str], below: AbstractSet[str]) -> str | None:
    """The kind of a directory that is one model with all below it; None for any other.

    `names` are its files, `below` its sub-directories.
    """
    if "model_index.json" in names:
        return "pipeline"
    marked = names & {
        "modules.json",
        "saved_model.pb",
        "saved_model.pbtxt",
        "MLmodel",
        "_CHECKPOINT_METADATA",
        "manifest.ocdbt",
    }
    if marked or PACKAGE_SUFFIX.search(path):
        return "directory"
    if ".metadata" in names and any(name.endswith(".distcp") for name in names):
        return "directory"
    if "meta.json" in names and "config.cfg" in names:
        return "directory"
    if {"context", "weights"} <= below and not names:
        return "directory"
    return None
