"""What quantisation configurations say: method, bits, group size and scheme, in the fields of the document.

Source: huggingface/transformers src/transformers/utils/quantization_config.py; AutoGPTQ quantize_config.json; AutoAWQ
quant_config.json; NVIDIA ModelOpt hf_quant_config.json; vllm-project/compressed-tensors; ml-explore/mlx-lm `quantization`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from crawler.formats.json_values import mapping, number, text

FIXED_BITS = {
    "fp8": 8,
    "fbgemm_fp8": 8,
    "finegrained_fp8": 8,
    "mxfp4": 4,
    "nvfp4": 4,
    "bitnet": 1.58,
    "spqr": 3,
    "fp_quant": 4,
}
MAX_SAID = 65_536
MAX_LAYER_BITS = 16
MAX_LAYER_WIDTHS = 16
LAYER_WIDTHS = "extra.layer_widths"
"""Bits and group size of the kinds of layers of a model whose layers are not quantised alike."""
Found = tuple[str, Any, tuple[str, ...]]
"""(field, raw value, path below the configuration)."""


def read(config: Mapping[str, Any]) -> Iterator[Found]:
    """What one quantisation configuration says, whichever of the known shapes it has."""
    if isinstance(config.get("quantization"), Mapping) and "producer" in config:
        yield from _modelopt(mapping(config["quantization"]))
        return
    method = text(config.get("quant_method") or config.get("method")) or _implied_method(config)
    if method in {None, "modelopt"} and "quant_algo" in config:  # TensorRT-LLM writes it without the method
        for field, value, path in _modelopt(config):
            yield field, value, path[1:]
        return
    if method is None:
        return
    method = method.lower().replace("_", "-") if method.lower() == "compressed_tensors" else method.lower()
    if method == "compressed-tensors":
        yield "quantization.method", method, ("quant_method",)
        yield from _compressed_tensors(config)
        return
    yield "quantization.method", method, ("quant_method",)
    if _is_overridden(config):
        yield from _scheme(config)
        return  # no one width is right: shapes say it, or nothing does
    if method == "mlx" and (widths := _layer_widths(config)) is not None:
        # no one group size is right: what a layer's scales share tells which of the stated widths it has
        yield LAYER_WIDTHS, widths, ()
        yield from _scheme(config)
        return
    yield from _bits(config, method)
    yield from _group_size(config)
    yield from _scheme(config)


def _implied_method(config: Mapping[str, Any]) -> str | None:
    if config.get("load_in_4bit") or config.get("load_in_8bit"):
        return "bitsandbytes"
    if "desc_act" in config or "damp_percent" in config:
        return "gptq"
    if "w_bit" in config and "q_group_size" in config:
        return "awq"
    if "config_groups" in config:
        return "compressed-tensors"
    if "bits" in config and "group_size" in config:
        return "mlx"
    return None


def _bits(config: Mapping[str, Any], method: str) -> Iterator[Found]:
    if config.get("load_in_4bit"):
        yield "quantization.bits", 4, ("load_in_4bit",)
    elif config.get("load_in_8bit"):
        yield "quantization.bits", 8, ("load_in_8bit",)
    else:
        hqq = mapping(mapping(config.get("quant_config")).get("weight_quant_params"))
        if (bits := number(hqq.get("nbits"))) is not None and 0 < bits <= 64:
            yield "quantization.bits", bits, ("quant_config", "weight_quant_params", "nbits")
            return
        for key in ("bits", "w_bit", "nbits", "wbits", "weight_bits", "num_bits"):
            if (bits := number(config.get(key))) is not None and 0 < bits <= 64:
                yield "quantization.bits", bits, (key,)
                return
        if (torchao := _torchao(config)) is not None:
            yield from torchao
            return
        weights = (
            text(config.get("weights"))
            or text(config.get("weights_dtype"))
            or str(config.get("quant_type", ""))
        )
        match = re.search(r"(?:int|float|fp|uint|w)(\d{1,2})", weights.lower())
        if match and 0 < int(match[1]) <= 64:
            yield "quantization.bits", int(match[1]), ("quant_type",)
        elif method in FIXED_BITS:
            yield "quantization.bits", FIXED_BITS[method], ("quant_method",)


def _torchao(config: Mapping[str, Any]) -> list[Found] | None:
    """Bits of the weights by what torchao's own configuration says, None where it is another's; `qdata` may hold them in wider
    integers.

    Source: pytorch/ao torchao/core/config.py (`config_to_dict`); transformers TorchAoConfig, `quant_type`.
    """
    settings = mapping(mapping(mapping(config.get("quant_type")).get("default")).get("_data"))
    if not settings:
        return None
    place = ("quant_type", "default")
    width = mapping(settings.get("weight_dtype")).get("_data") or mapping(
        config["quant_type"]["default"]
    ).get("_type")
    match = re.match(r"(?:u?int|float)(\d{1,2})", str(width).lower())
    stated: list[Found] = (
        [("quantization.bits", int(match[1]), place)] if match and 0 < int(match[1]) <= 64 else []
    )
    packing = text(mapping(settings.get("intx_packing_format")).get("_data"))
    if packing is not None:
        stated.append(("quantization.scheme", packing.lower(), (*place, "_data", "intx_packing_format")))
    return stated


def _group_size(config: Mapping[str, Any]) -> Iterator[Found]:
    for key in ("group_size", "q_group_size", "in_group_size"):
        size = number(config.get(key))
        if size is not None and size > 0:
            yield "quantization.group_size", size, (key,)
            return


def _scheme(config: Mapping[str, Any]) -> Iterator[Found]:
    for key in (
        "bnb_4bit_quant_type",
        "checkpoint_format",
        "quant_type",
        "version",
        "fmt",
        "mode",
        "activation_scheme",
    ):
        if key.startswith("bnb_4bit") and config.get("load_in_8bit") and not config.get("load_in_4bit"):
            continue  # a default of the configuration that eight bits have no use for
        if (scheme := text(config.get(key))) is not None:
            yield "quantization.scheme", scheme, (key,)
            return


def _compressed_tensors(config: Mapping[str, Any]) -> Iterator[Found]:
    if (scheme := text(config.get("format"))) is not None:
        yield "quantization.scheme", scheme, ("format",)
    groups = [
        (("config_groups", str(name), "weights"), mapping(mapping(group).get("weights")))
        for name, group in mapping(config.get("config_groups")).items()
    ]
    yield from _agreed(groups, "num_bits", "quantization.bits")
    yield from _agreed(groups, "group_size", "quantization.group_size")


def _layer_widths(config: Mapping[str, Any]) -> str | None:
    """The widths with the group size of each, `4/32 8/64`, where layers have groups of another size than the rest.

    Source: ml-explore/mlx-lm utils.py, `quantize_model`: settings of single layers beside those of all.
    """
    layers = [config, *(layer for layer in config.values() if isinstance(layer, Mapping))]
    usual = number(config.get("bits")), number(config.get("group_size"))
    stated = {
        (
            int(number(layer.get("bits")) or usual[0] or 0),
            int(number(layer.get("group_size")) or usual[1] or 0),
        )
        for layer in layers
    }
    widths = sorted((bits, size) for bits, size in stated if 0 < bits <= MAX_LAYER_BITS and size > 0)
    if len({size for _, size in widths}) < 2 or len(widths) > MAX_LAYER_WIDTHS:
        return None
    return " ".join(f"{bits}/{size}" for bits, size in widths)


def _is_overridden(config: Mapping[str, Any]) -> bool:
    """Whether single layers have another width or group size than the rest.

    Source: ModelCloud/GPTQModel `dynamic` (`+:` adds, `-:` leaves out); intel/auto-round `extra_config`, where 16 bits and
    more are what is not quantised.
    """
    usual = number(config.get("bits")), number(config.get("group_size"))
    for key in ("dynamic", "extra_config", "layer_config", "modules_config"):
        for name, layer in mapping(config.get(key)).items():
            bits = number(mapping(layer).get("bits"))
            group_size = number(mapping(layer).get("group_size"))
            is_left_out = str(name).startswith("-:") or (bits is not None and bits >= 16)
            if not is_left_out and ((bits or usual[0]) != usual[0] or (group_size or usual[1]) != usual[1]):
                return True
    return False


def _agreed(
    levels: Iterable[tuple[tuple[str, ...], Mapping[str, Any]]], key: str, field: str
) -> Iterator[Found]:
    """The value that all groups of layers share; where they differ, tensors say it and no one number is right."""
    stated = [
        (value, path) for path, level in levels if (value := number(level.get(key))) is not None and value > 0
    ]
    if stated and len({value for value, _ in stated}) == 1 and stated[0][0] <= MAX_SAID:
        yield field, stated[0][0], (*stated[0][1], key)


def _modelopt(config: Mapping[str, Any]) -> Iterator[Found]:
    algorithm = text(config.get("quant_algo"))
    if algorithm is None:
        return
    yield "quantization.method", "modelopt", ("quantization", "quant_algo")
    yield "quantization.scheme", algorithm, ("quantization", "quant_algo")
    if mapping(config.get("quantized_layers")) and algorithm.upper() == "MIXED_PRECISION":
        return  # each layer has its own algorithm
    match = re.search(r"(?:W|FP|INT|NVFP|MXFP)(\d{1,2})", algorithm.upper())
    if match and 0 < int(match[1]) <= 64:
        yield "quantization.bits", int(match[1]), ("quantization", "quant_algo")
    if (size := number(config.get("group_size"))) is not None and size > 0:
        yield "quantization.group_size", size, ("quantization", "group_size")
