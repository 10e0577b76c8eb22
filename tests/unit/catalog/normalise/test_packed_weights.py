"""The number of weights of packed files: proven by shapes, tensor by tensor, or not known."""

from __future__ import annotations

import json
import struct

import pytest

WIDTHS = {"U8": 1, "I16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "I64": 8, "F32": 4}


def safetensors(**tensors):
    header, at = {}, 0
    for name, (dtype, *shape) in tensors.items():
        size = WIDTHS[dtype]
        for dimension in shape:
            size *= dimension
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


MLX = {
    "e.weight": ("U32", 256, 24), "e.scales": ("BF16", 256, 2), "e.biases": ("BF16", 256, 2),
    "u.weight": ("U32", 256, 16), "u.scales": ("BF16", 256, 2), "u.biases": ("BF16", 256, 2), "n.weight": ("BF16", 128),
}  # fmt: skip
TWO_WIDTHS = {
    "e.weight_packed": ("I32", 100, 4), "e.weight_scale": ("BF16", 100, 2), "e.weight_shape": ("I64", 2),
    "u.weight_packed": ("I32", 128, 8), "u.weight_scale": ("BF16", 128, 2), "u.weight_shape": ("I64", 2),
}  # fmt: skip
GROUPS = {
    "quant_method": "compressed-tensors",
    "config_groups": {
        "a": {"weights": {"num_bits": 2, "group_size": 32}},
        "b": {"weights": {"num_bits": 4, "group_size": 32}},
    },
}
MODELS = {
    "mlx": (MLX, {"quantization": {"bits": 4, "group_size": 64, "e": {"bits": 6, "group_size": 64}}}, 256 * 128 * 2 + 128),
    "two-widths": (TWO_WIDTHS, {"quantization_config": GROUPS}, 100 * 64 + 128 * 64),
    "mlx-groups": (MLX, {"quantization": {"bits": 4, "group_size": 64, "e": {"bits": 6, "group_size": 32}}}, None),
    "exl2": ({"a.q_weight": ("I32", 16, 64), "a.q_scale": ("I32", 2, 8), "n.weight": ("F16", 64)}, {}, None),
    "exl3": ({"a.trellis": ("I16", 4, 4, 48), "a.suh": ("F16", 64), "a.svh": ("F16", 64)}, {}, None),
    "hqq": ({"a.W_q": ("U8", 64, 32), "a.scale": ("F16", 64, 1)}, {}, None),
    "aqlm": ({"a.codes": ("I16", 8, 8, 1), "a.codebooks": ("F16", 1, 256, 1, 8)}, {}, None),
}  # fmt: skip


@pytest.fixture
def documents(shop):
    for name, (tensors, config, _) in MODELS.items():
        shop.put(f"{name}/model.safetensors", safetensors(**tensors))
        shop.put(f"{name}/config.json", json.dumps({"model_type": "llama", **config}))
    shop.crawl()
    return shop.documents()


def test_packed_integers_are_never_counted_as_weights(documents):
    counted = {name: documents[name].get("parameters") for name in MODELS}
    assert counted == {name: row[2] for name, row in MODELS.items()}
    assert documents["two-widths"]["quantization"]["bits"] == 4
