"""Which tensors of a checkpoint are the model, and how many: optimizer states, averages and counters are told apart.

Source: the keys that Lightning, DeepSpeed, timm, Ultralytics, fairseq and the torch tutorials write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.records import TensorInfo, TensorSummary
from catalog.text.patterns import pattern
from crawler.formats.dtypes import size_bytes
from crawler.formats.hqq import with_hqq_unpacked
from crawler.formats.pickle_nodes import children
from crawler.formats.pickle_values import Resolver, mapping
from crawler.formats.tensors import summarise
from crawler.formats.torch_tensors import Named, TorchTensor, tensor_of, tensors_below

MODEL_KEYS = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "module",
    "net",
    "weights",
    "params",
    "params_ema",
    "ema",
    "ema_state_dict",
    "generator",
    "state_dict_ema",
)
USED_OF_TWO: Mapping[str, AbstractSet[str]] = {
    "student": {"teacher"},
    "g_ema": {"g", "d"},
    "G_ema": {"G", "D"},
    "netG": {"netD"},
    "g": {"d"},
    "G": {"D"},
}
"""Of two networks that self-distillation and adversarial training keep: the one that is used, and what is beside it. With
others beside it each is a part of one model, such as an encoder `f` and a projector `g`. Source: facebookresearch/dino
main_dino.py; rosinality/stylegan2-pytorch train.py."""
_OF_LOSS = pattern(r"(?:^|_)(?:loss|criterion)(?:_|$)", re.IGNORECASE)
_OPTIMIZER = pattern(
    r"^(optim(izer)?s?|opt|optimizer_.*|opt_.*|optim_.*|.*_optimizer|.*_optim|exp_avg.*)$", re.IGNORECASE
)
_OTHER = pattern(
    r"^(lr_schedulers?|schedulers?|.*_scheduler|scaler|grad_scaler|amp.*|rng.*|.*rng_state.*|callbacks|loops)$",
    re.IGNORECASE,
)
OF_OPTIMIZER = frozenset({"state", "param_groups"})
"""What an optimizer's state has. Source: pytorch/pytorch torch/optim/optimizer.py (`state_dict`)."""
_AVERAGE = pattern(r"^(.*_)?ema(_.*)?$|^(averaged|shadow|swa)_.*$", re.IGNORECASE)
_AVERAGE_NAME = pattern(r"^(model_ema|ema_model|ema|averaged_model|swa_model|ema_net)$")


_SCALINGS = ("scale", "zero_point")


@dataclass(slots=True)
class CountedTensors:
    """The tensors of a checkpoint and what is wrong with them.

    `model_key` is the root's key that holds the model, None for the root itself. `tied` names were left out, because
    their bytes are counted under another name.
    """

    model_key: str | None
    summary: TensorSummary
    tied: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    storages: dict[str, tuple[str, int]] = field(default_factory=dict)
    hqq_bits: int | None = None
    """Of most of the layers that HQQ packed."""


def count_tensors(root: Any, *, resolve: Resolver | None = None) -> CountedTensors:
    """All tensors below the root of a pickle, each in its part. `resolve` reads tensors of one element."""
    tensors = list(tensors_below(root))
    model_key = choose_model(root, tensors)
    names = _part_names(root, model_key, tensors)
    counted = CountedTensors(model_key, summarise(()))
    infos: list[TensorInfo] = []
    seen: set[Any] = set()
    unknown = 0
    for named, (part, name) in zip(tensors, names, strict=True):
        if not isinstance(named.tensor, TorchTensor):
            unknown += part == "model"
            continue
        _note_storage(counted, named.tensor, name)
        identity = named.tensor.identity
        if identity is not None and identity in seen:
            counted.tied.append(name)
            continue
        seen.add(identity)
        if part == "model" and named.place:
            part = "buffer" if named.place == "buffer" else "auxiliary"  # noqa: PLW2901 - a part of the module
        infos.append(_info(named.tensor, name, part))
    infos, counted.hqq_bits = with_hqq_unpacked(root, _with_scalings_apart(infos), resolve)
    counted.summary = summarise(infos, unknown=unknown)
    return counted


def _with_scalings_apart(infos: Sequence[TensorInfo]) -> list[TensorInfo]:
    """The tensors, with the two numbers by which torch's quantised layers scale what they answer as no weights.

    Source: pytorch/pytorch torch/ao/nn/quantized/modules/linear.py, `_save_to_state_dict`.
    """
    single = {info.name for info in infos if info.elements == 1}
    layers = {name.removesuffix(".zero_point") for name in single if name.endswith(".zero_point")}
    apart = {f"{layer}.{name}" for layer in layers if f"{layer}.scale" in single for name in _SCALINGS}
    return [replace(info, part="auxiliary") if info.name in apart else info for info in infos]


def choose_model(root: Any, tensors: Sequence[Named]) -> str | None:
    """The root's key whose value holds the model's tensors, None when the root is the model itself."""
    pairs = mapping(root)
    if pairs is None:
        return None
    holding = {named.path[0] for named in tensors if len(named.path) > 1}
    for key in MODEL_KEYS:
        if key in holding and key in pairs and tensor_of(pairs.get(key)) is None:
            return key
    networks = {
        name
        for name in holding
        if part_of(name, default="model") in {"model", "ema"}
        and not _OF_LOSS.search(name)
        and not is_optimizer_state(pairs.get(name))
    }
    for key, beside in USED_OF_TWO.items():
        if key in networks and len(networks) > 1 and networks - {key} <= beside:
            return key
    return None


def _part_names(root: Any, model_key: str | None, tensors: Sequence[Named]) -> list[tuple[str, str]]:
    if model_key is not None:
        inside = [named.path[1:] if named.path[:1] == (model_key,) else None for named in tensors]
        live = _has_live_weights([path for path in inside if path is not None])
        return [
            (_inside_part(path, live=live), ".".join(path)[:512])
            if path is not None
            else (part_of(named.path[0] if named.path else ""), named.name)
            for named, path in zip(tensors, inside, strict=True)
        ]
    live = _has_live_weights([named.path for named in tensors])
    pairs = mapping(root)
    flat = {name for name, _ in pairs.named()} if pairs is not None else set()
    if is_optimizer_state(root):
        return [("optimizer", named.name) for named in tensors]
    states = {name for name, value in children(root) if is_optimizer_state(value)}
    parts = []
    for named in tensors:
        first = named.path[0] if named.path else ""
        if first in states:
            parts.append(("optimizer", named.name))
            continue
        container = len(named.path) > 1 and first in flat
        part = part_of(first, default="model") if container else _inside_part(named.path, live=live)
        if container and part == "model" and len(named.path) > 2:
            part = _beside_model(named.path[1])
        parts.append((part, named.name))
    return parts


def is_optimizer_state(node: Any) -> bool:
    """Whether a value is the state of an optimizer, whatever it is kept under."""
    pairs = mapping(node)
    return pairs is not None and {name for name, _ in pairs.named()} == OF_OPTIMIZER


def _has_live_weights(paths: Sequence[tuple[str, ...]]) -> bool:
    return any(path and not _AVERAGE_NAME.match(_first(path)) for path in paths)


def _first(path: tuple[str, ...]) -> str:
    return path[0].split(".", 1)[0]


def _inside_part(path: tuple[str, ...], *, live: bool) -> str:
    """`model_ema.…` beside other weights in one state dict is a copy (latent diffusion writes so)."""
    return "ema" if live and path and _AVERAGE_NAME.match(_first(path)) else "model"


def part_of(key: str, default: str = "auxiliary") -> str:
    """What a checkpoint keeps under a key beside its model."""
    if _OPTIMIZER.match(key):
        return "optimizer"
    if _OTHER.match(key):
        return "auxiliary"
    if _AVERAGE.match(key):
        return "ema"
    return default


def _beside_model(key: str) -> str:
    """What a trainer keeps beside the model in one value of the root: `state/optimizers`.

    Source: mosaicml/composer composer/core/state.py (`state_dict`).
    """
    part = part_of(key, default="model")
    return part if part in {"optimizer", "auxiliary"} else "model"


def _info(tensor: TorchTensor, name: str, part: str) -> TensorInfo:
    return TensorInfo(
        name=name,
        dtype=tensor.dtype,
        shape=tensor.shape,
        elements=tensor.elements,
        bytes=size_bytes(tensor.dtype, tensor.elements),
        part=part,
    )


def _note_storage(counted: CountedTensors, tensor: TorchTensor, name: str) -> None:
    if not tensor.fits:
        counted.outside.append(name)
    if tensor.key is not None and tensor.storage_elements is not None:
        counted.storages.setdefault(tensor.key, (tensor.storage_dtype, tensor.storage_elements))


def storage_mismatches(counted: CountedTensors, stored_bytes: Mapping[str, int]) -> list[str]:
    """Storages whose bytes in the container are fewer or more than the pickle announces, as sentences."""
    wrong = []
    for key, (dtype, elements) in counted.storages.items():
        expected = size_bytes(dtype, elements)
        actual = stored_bytes.get(key)
        if actual is None:
            wrong.append(f"storage {key[:100]} is not in the file")
        elif expected is not None and actual != expected:
            wrong.append(f"storage {key[:100]} has {actual} bytes, {expected} are announced")
        if len(wrong) >= 20:
            break
    return wrong
