"""What the names of files and directories say of a model: its own name, or a word that every model uses."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from catalog.layouts.shards import without_number
from catalog.layouts.variants import without_quantization
from catalog.text.patterns import pattern

TEXT_SUFFIXES = (".json", ".yaml", ".yml", ".md", ".txt", ".cfg", ".toml", ".jinja")
"""Of files that people and programs write as text: no weights, and nothing that a trainer unpickles."""
CANONICAL_STEMS = frozenset(
    {
        "model", "pytorch_model", "adapter_model", "diffusion_pytorch_model", "tf_model", "flax_model", "saved_model",
        "openvino_model", "model.weights", "adapters", "model.ncnn",
    }
)  # fmt: skip
"""Stems that libraries give the one file of weights: the whole model, whatever else is beside it."""
GENERIC_STEMS = CANONICAL_STEMS | frozenset(
    {
        "weights", "checkpoint", "ckpt", "last", "best", "final", "state_dict", "variables", "consolidated", "inference",
        "network", "data", "model_quantized", "mlmodel", "model_state", "rust_model", "ggml-model", "adapter",
        "python_model", "estimator", "artifact", "xgboost-model", "export", "pytorch_lora_weights", "learned_embeds",
        "pytorch_custom_diffusion_weights", "part-00000", ".metadata", "lit_model", "lit_model.pth",
        "best_accuracy",
    }
)  # fmt: skip
"""Stems that say nothing of this model: the directory is the name."""
_GENERIC_WORDS = frozenset(
    {
        "model", "weights", "checkpoint", "ckpt", "best", "last", "latest", "final", "state", "dict", "pytorch", "trained", "saved",
        "full", "epoch", "step", "iter", "artifact", "params",
    }
)  # fmt: skip
"""Words of which nothing but a word that says nothing can be put together: `checkpoint_final`, `model_0004999`."""
_BETWEEN_WORDS = pattern(r"[\s_.=-]+")
_NUMBERED = pattern(
    r"(?:checkpoint|epoch|step)[-_=]?\d+.*|ckpt[-_]?\d+|\d+(?:epoch|ep|steps?|iters?)?|(?:valid|train)\.\w+\.(?:best|ave)\w*"
)
"""With ESPnet's `12epoch`, `valid.acc.best`, `valid.acc.ave_10best`. Source: espnet/espnet espnet2/train/trainer.py."""
_NUMBERED_VERSION = pattern(r"(?P<word>.+)[-_. ]v(?P<version>\d{1,4}(?:\.\d{1,4}){0,3})", re.IGNORECASE)
"""`model_v2`, `weights-v1.3`, and what Lightning puts behind a name that was taken. Source: lightning
callbacks/model_checkpoint.py (`STARTING_VERSION`)."""
_OF_ONE_RUN = frozenset({"best", "last", "latest", "epoch", "step", "iter", "checkpoint", "ckpt"})
GENERIC_DIRECTORIES = frozenset(
    {
        "am",
        "artifacts",
        "model",
        "models",
        "weights",
        "checkpoint",
        "checkpoints",
        "ckpt",
        "variables",
        "data",
        "export",
        "exports",
        "files",
        "lightning_logs",
        "output",
        "outputs",
        "snapshots",
    }
)
"""With `am/`, where Vosk and Kaldi keep the acoustic model of a recogniser."""
_MADE_BY_MACHINE = pattern(r"(?:m-)?[0-9a-f]{16,64}|[0-9a-f-]{36}|\d+|version_\d+")
SUFFIXES = pattern(
    r"(?i)\.(?:safetensors|gguf|ggml|onnx|pth?|pt2|ckpt|bin|h5|hdf5|keras|pb|tflite|lite|mlmodel|mlpackage|joblib|pkl|pickle|skops"
    r"|ubj|cbm|npz|npy|msgpack|xml|nemo|json|txt|model|ftz|vec|pdmodel|pdparams|engine|trt|plan|tar|gz|zip|index|dduf|pte|yaml|yml)$"
)


def stem(name: str) -> str:
    """A file's base name without its format suffixes and its shard number, and the suffixes that some put before that."""
    name = _without_suffixes(name)
    return _without_suffixes(without_number(name)) or name


def _without_suffixes(name: str) -> str:
    shorter = SUFFIXES.sub("", name)
    while shorter != name and shorter:
        name, shorter = shorter, SUFFIXES.sub("", shorter)
    return name


def is_machine_name(name: str) -> bool:
    """A directory that a program named: a long hexadecimal id, a number, or a word that every model uses."""
    word = name.lower()
    return word in GENERIC_DIRECTORIES or _MADE_BY_MACHINE.fullmatch(word) is not None


def is_generic(name: str) -> bool:
    """A stem that every model uses says nothing about this one."""
    return is_generic_stem(stem(name))


def is_generic_stem(stem: str) -> bool:
    """Whether a name without suffix and shard number is one that every model uses."""
    word = without_quantization(stem).lower()
    if match := _NUMBERED_VERSION.fullmatch(word):
        word = match["word"]
    return word in GENERIC_STEMS or _NUMBERED.fullmatch(word) is not None or _is_made_of(word, _GENERIC_WORDS)


def version_in(stem: str) -> str | None:
    """`2` of `model_v2`: a version of what its directory names. None for `best-v1`, the second best of one run."""
    match = _NUMBERED_VERSION.fullmatch(stem)
    if match is None or not is_generic_stem(match["word"]) or not match["word"].lower()[:1].isalpha():
        return None
    words = {part for part in _BETWEEN_WORDS.split(match["word"].lower()) if not part.isdigit()}
    return None if words & _OF_ONE_RUN else match["version"]


def _is_made_of(name: str, words: AbstractSet[str]) -> bool:
    """Whether the name is put together of these words and of numbers, and not of numbers alone."""
    parts = [part for part in _BETWEEN_WORDS.split(name) if part and not part.isdigit()]
    return bool(parts) and all(part in words for part in parts)


_LEFTOVER_WORDS = GENERIC_STEMS | GENERIC_DIRECTORIES | _GENERIC_WORDS | frozenset(
    {
        "", ".", "..", "tmp", "temp", "input", "inputs", "out", "output", "outputs", "results", "result", "run", "runs", "default", "none", "null",
        "unknown", "untitled", "noname", "export", "exported", "converted", "merged", "saved", "snapshot", "snapshots", "hf",
        "main_graph", "graph", "torch_jit", "torch-jit-export", "tf2onnx", "onnx-model", "onnx_model", "ggml", "gguf", "trainer",
        "train", "training", "test", "my", "mymodel", "workspace", "content", "mnt", "home", "cache", "fp16", "f16", "bf16", "fp32",
        "f32", "full", "trained", "lora", "qlora", "adapters", "safetensors", "llama.cpp", "16bit", "8bit", "4bit", "quantized",
        "quantised", "finetuned", "finetune", "fine", "tuned", "new",
    }
)  # fmt: skip
_LEFTOVER = pattern(
    r"tmp[a-z0-9_]{4,12}|(?:model|sequential|functional|graph|network|run|exp|trial)[-_]?\d+|[0-9a-f]{8,64}|(?:[a-z]:)?[\\/~.].*",
    re.IGNORECASE,
)


_TITLE_OF_A_KIND = pattern(
    r"(?:sentencetransformer|crossencoder|(?:[\w-]{1,40} ){0,4}sparse encoder|setfit)(?: (?:based on|with) .{1,200})?",
    re.IGNORECASE,
)


def is_title_of_a_kind(name: str) -> bool:
    """Whether a library calls all models of a kind so in the card that it writes: `SentenceTransformer based on org/name`.

    Source: sentence_transformers/base/model_card.py, `get_default_model_name`; setfit/model_card.py.
    """
    return _TITLE_OF_A_KIND.fullmatch(name.strip()) is not None


def is_leftover(name: str) -> bool:
    """Whether the name is what a trainer or a converter was given or made up: `tmp`, `checkpoint-500`, `.`, a path."""
    word = name.strip().rstrip("/").lower()
    return (
        word in _LEFTOVER_WORDS
        or _is_made_of(word, _LEFTOVER_WORDS)
        or _NUMBERED.fullmatch(word) is not None
        or _LEFTOVER.fullmatch(word) is not None
        or word.count("/") > 1
        or "\\" in word
    )


def model_name(path: str, *, is_file: bool) -> str | None:
    """What the path calls the model: the file's stem, or the nearest directory that is not a word like `model`."""
    parts = [part for part in path.strip("/").split("/") if part not in {"", ".", ".."}]
    if not parts:
        return None
    last = without_quantization(stem(parts[-1])) if is_file else parts[-1]
    generic = is_generic(parts[-1]) if is_file else is_machine_name(last)
    for part in reversed(parts[:-1]) if generic else ():
        if not is_machine_name(part):
            return part
    return last
