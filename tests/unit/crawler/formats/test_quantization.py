"""What quantisation configurations say where single layers have a width of their own."""

from __future__ import annotations

import pytest

from crawler.formats import quantization

GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False}
ROUND = {"quant_method": "auto-round", "bits": 4, "group_size": 128, "packing_format": "auto_round:auto_gptq"}
MODELOPT = {"producer": {"name": "modelopt"}}


def bits_and_groups(config):
    said = {field: value for field, value, _ in quantization.read(config)}
    return said.get("quantization.bits"), said.get("quantization.group_size")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (GPTQ, (4, 128)),
        ({**GPTQ, "dynamic": {r"+:.*\.18\..*": {"bits": 8}}}, (None, None)),
        ({**GPTQ, "dynamic": {r"+:.*\.18\..*": {"group_size": 32}}}, (None, None)),
        ({**GPTQ, "dynamic": {r"-:.*\.lm_head": {}}}, (4, 128)),
        ({**GPTQ, "dynamic": {r"+:.*\.18\..*": {"bits": 4}}}, (4, 128)),
        ({**ROUND, "extra_config": {"model.layers.0.mlp": {"bits": 8}}}, (None, None)),
        ({**ROUND, "extra_config": {"lm_head": {"bits": 16, "data_type": "fp"}}}, (4, 128)),
        ({**MODELOPT, "quantization": {"quant_algo": "NVFP4", "group_size": 16}}, (4, 16)),
        (
            {
                **MODELOPT,
                "quantization": {
                    "quant_algo": "MIXED_PRECISION",
                    "quantized_layers": {"a": {"quant_algo": "FP8"}, "b": {"quant_algo": "NVFP4"}},
                },
            },
            (None, None),
        ),
    ],
)
def test_no_one_width_is_said_where_layers_differ(config, expected):
    assert bits_and_groups(config) == expected


def torchao(kind, **settings):
    return {
        "quant_method": "torchao",
        "quant_type": {"default": {"_type": kind, "_version": 2, "_data": settings}},
    }


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            torchao(
                "IntxWeightOnlyConfig",
                weight_dtype={"_type": "torch.dtype", "_data": "int4"},
                intx_packing_format={"_type": "IntxPackingFormat", "_data": "UNPACKED_TO_INT8"},
            ),
            {"bits": 4, "scheme": "unpacked_to_int8"},
        ),
        (torchao("Int8WeightOnlyConfig", group_size=None, set_inductor_config=True), {"bits": 8}),
        (torchao("Float8WeightOnlyConfig", weight_dtype={"_data": "float8_e4m3fn"}), {"bits": 8}),
        (
            {"quant_method": "bitsandbytes", "load_in_8bit": True, "bnb_4bit_quant_type": "fp4"},
            {"bits": 8},
        ),
        (
            {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
            {"bits": 4, "scheme": "nf4"},
        ),
    ],
)
def test_widths_are_those_of_the_weights_and_defaults_are_none(config, expected):
    said = {field.partition(".")[2]: value for field, value, _ in quantization.read(config)}
    assert {name: said[name] for name in said if name != "method"} == expected
