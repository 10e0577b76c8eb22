"""Quantised checkpoints: the logical weights are counted, scales and zero points are not."""

from __future__ import annotations

from typing import Any

import pytest
from fixtures.normalise import codes, document, file, said, tally, tensors, weights

from catalog.records import Origin


def quantization(**said_of: Any) -> Any:
    return file(
        "model/config.json",
        *(said(f"quantization.{name}", raw, origin=Origin.CONFIG) for name, raw in said_of.items()),
    )


@pytest.mark.parametrize(
    ("config", "tallies", "parameters", "precision"),
    [
        pytest.param(
            {"method": "gptq", "bits": 4, "group_size": 128},
            [
                tally(100, dtype="I32", suffix="qweight", companions=("scales",)),
                tally(10, dtype="F16"),
                tally(7, dtype="I32", part="auxiliary", suffix="qzeros"),
            ],
            810,
            "INT4 (GPTQ, g128)",
            id="gptq",
        ),
        pytest.param(
            {"method": "awq", "bits": 8},
            [tally(100, dtype="I32", suffix="qweight", companions=("scales",))],
            400,
            "INT8 (AWQ)",
            id="awq",
        ),
        pytest.param(
            {"method": "compressed-tensors", "bits": 4},
            [tally(100, dtype="I32", suffix="weight_packed", companions=("weight_scale",))],
            800,
            "INT4 (compressed-tensors)",
            id="compressed-tensors",
        ),
        pytest.param(
            {"method": "bitsandbytes", "bits": 4, "scheme": "nf4"},
            [tally(100, dtype="U8", companions=("quant_state",), logical=200), tally(5, dtype="BF16")],
            205,
            "NF4 (bitsandbytes)",
            id="bitsandbytes",
        ),
        pytest.param(
            {"method": "fp8"},
            [tally(100, dtype="F8_E4M3"), tally(3, part="auxiliary", suffix="weight_scale")],
            100,
            "F8_E4M3",
            id="fp8",
        ),
        pytest.param(
            {},
            [tally(96, dtype="U8", suffix="blocks", companions=("scales",), logical=192)],
            192,
            "MXFP4",
            id="mxfp4",
        ),
        pytest.param(
            {}, [tally(96, dtype="F4"), tally(6, dtype="F8_E8M0", part="auxiliary")], 96, "F4", id="f4"
        ),
        pytest.param(
            {"method": "mlx", "bits": 4, "group_size": 64},
            [
                tally(100, dtype="U32", companions=("biases", "scales")),
                tally(8, dtype="F16", part="auxiliary", suffix="biases"),
            ],
            800,
            "INT4 (MLX, g64)",
            id="mlx",
        ),
    ],
)
def test_packed_weights_are_unpacked(
    config: dict[str, Any], tallies: list[Any], parameters: int, precision: str
) -> None:
    made = document(quantization(**config), weights("model/model.safetensors", *tallies))
    assert (made["parameters"], made["parameters_source"]) == (parameters, "counted")
    assert made["precision"] == precision
    assert "quantized" in made["flags"]
    assert made["quantization"]["method"]


def test_packed_weights_without_a_width_are_unknown_not_small() -> None:
    made = document(weights("model/model.safetensors", tally(100, dtype="I32", suffix="qweight")))
    assert "parameters" not in made
    assert made["extra"]["stored_elements"] == 100
    assert "packed-bits-unknown" in codes(made)


def test_gguf_takes_its_file_type_for_a_label() -> None:
    summary = tensors(tally(1000, dtype="Q4_K"), tally(300, dtype="Q6_K"), tally(5))
    made = document(
        weights("model/x.Q4_K_M.gguf", format="gguf", summary=summary),
        file("model/x.json", said("quantization.scheme", "Q4_K_M", origin=Origin.EMBEDDED)),
    )
    assert made["precision"] == "Q4_K_M"
    assert made["quantization"] == {"method": "Q4_K_M", "bits": 4.0, "scheme": "gguf"}
    assert made["dtypes"] == {"Q4_K": 1000, "Q6_K": 300, "F32": 5}


def test_plain_floats_have_no_quantization() -> None:
    made = document(
        weights(
            "model/model.safetensors",
            tally(900, dtype="BF16"),
            tally(100, dtype="F32"),
            tally(5000, dtype="I64", part="buffer"),
        )
    )
    assert (made["precision"], made["precision_mix"]) == ("BF16", 0.9)
    assert "quantization" not in made
    assert made["parameters"] == 6000


def test_bytes_of_a_packing_that_nothing_proves_are_unknown() -> None:
    """SVDQuant, torchao, ModelOpt and AWQ of single layers: the bytes were counted as weights."""
    for method, bits, one in (
        ("svdquant", None, tally(100, dtype="I8", suffix="qweight", companions=("wscales",))),
        ("torchao", 4, tally(100, dtype="U8", suffix="qdata", companions=("scale",))),
        ("torchao", None, tally(100, dtype="I8", suffix="qdata", companions=("scale",))),
        ("modelopt", None, tally(100, dtype="U8", companions=("weight_scale",))),
        ("fp8", 8, tally(100, dtype="I8", companions=("scale",))),
        ("auto-round", None, tally(100, dtype="U8")),
        ("gptq", 4, tally(100, dtype="I32", suffix="B")),
    ):
        said_of = {"method": method} | ({"bits": bits} if bits else {})
        made = document(
            quantization(**said_of), weights("model/model.safetensors", one, tally(10, dtype="F16"))
        )
        assert "parameters" not in made, method
        assert "packed-bits-unknown" in codes(made)


def test_bytes_that_are_one_weight_each_stay_counted() -> None:
    for method, one in (
        ("torchao", tally(100, dtype="I8", suffix="qdata", companions=("scale",))),
        ("modelopt", tally(100, dtype="U8", companions=("weight_scale",))),
        ("quanto", tally(100, dtype="I8")),
    ):
        made = document(quantization(method=method, bits=8), weights("model/model.safetensors", one))
        assert made["parameters"] == 100, method
