"""Counting tensors: kinds, packed weights that prove their own size, and the identity of a list."""

from __future__ import annotations

import math

import pytest

from catalog.records import TensorInfo
from crawler.formats.dtypes import canonical, of_numpy, size_bytes
from crawler.formats.tensors import MAX_TALLIES, TENSORS_KEPT, summarise


def tensor(name, dtype, *shape, part="model"):
    elements = math.prod(shape)
    return TensorInfo(
        name=name, dtype=dtype, shape=shape, elements=elements, bytes=size_bytes(dtype, elements), part=part
    )


def packed(summary, suffix):
    return next(tally for tally in summary.tallies if tally.suffix == suffix and tally.part == "model")


PROVEN = {
    "quanto of 4 bit integers by its rows of scales": (
        [
            ("a.weight._data._data", "U8", 32, 128),
            ("a.weight._scale", "BF16", 64, 1),
            ("a.weight._shift", "BF16", 64, 1),
            ("a.input_scale", "BF16"),
            ("a.output_scale", "BF16"),
        ],
        "qdata",
        64 * 128,
    ),
    "quanto of 2 bit integers by its rows of scales": (
        [
            ("a.weight._data._data", "U8", 16, 128),
            ("a.weight._scale", "BF16", 64, 1),
            ("a.weight._shift", "BF16", 64, 1),
        ],
        "qdata",
        64 * 128,
    ),
    "FP4 experts in I8 by their E8M0 scales": (
        [("e.0.w1.weight", "I8", 64, 32), ("e.0.w1.scale", "F8_E8M0", 64, 2)],
        "weight",
        64 * 64,
    ),
    "MXFP8 in I8": ([("a.weight", "I8", 64, 64), ("a.scale", "F8_E8M0", 64, 2)], "weight", 64 * 64),
    "NVFP4 with one level of scales": (
        [("a.weight", "U8", 64, 32), ("a.weight_scale", "F8_E4M3", 64, 4)],
        "weight",
        64 * 64,
    ),
    "SVDQuant of 4 bit integers": (
        [("a.qweight", "I8", 64, 64), ("a.wscales", "BF16", 2, 64)],
        "qweight",
        64 * 128,
    ),
    "SVDQuant of 4 bit floats": (
        [("a.qweight", "I8", 64, 64), ("a.wscales", "F8_E4M3", 8, 64)],
        "qweight",
        64 * 128,
    ),
    "GPTQ 4 bit with its order": (
        [
            ("a.qweight", "I32", 8, 32),
            ("a.scales", "F16", 2, 32),
            ("a.qzeros", "I32", 2, 4),
            ("a.g_idx", "I32", 64),
        ],
        "qweight",
        64 * 32,
    ),
    "GPTQ 8 bit by its zeros": (
        [("a.qweight", "I32", 16, 32), ("a.scales", "F16", 2, 32), ("a.qzeros", "I32", 2, 8)],
        "qweight",
        64 * 32,
    ),
    "GPTQ 3 bit by its order": (
        [("a.qweight", "I32", 6, 32), ("a.scales", "F16", 1, 32), ("a.g_idx", "I32", 64)],
        "qweight",
        64 * 32,
    ),
    "AWQ 4 bit": (
        [("a.qweight", "I32", 64, 4), ("a.scales", "F16", 2, 32), ("a.qzeros", "I32", 2, 4)],
        "qweight",
        64 * 32,
    ),
    "bitsandbytes 4 bit": (
        [
            ("a.weight", "U8", 512, 1),
            ("a.weight.absmax", "F32", 16),
            ("a.weight.quant_state.bitsandbytes__nf4", "U8", 90),
        ],
        "weight",
        1024,
    ),
    "bitsandbytes 8 bit": ([("a.weight", "I8", 8, 8), ("a.SCB", "F32", 8)], "weight", 64),
    "MXFP4 experts": (
        [("a.up_proj_blocks", "U8", 2, 4, 2, 16), ("a.up_proj_scales", "U8", 2, 4, 2)],
        "blocks",
        512,
    ),
    "NVFP4": ([("a.weight_packed", "U8", 4, 8), ("a.weight_scale", "F8_E4M3", 4, 1)], "weight_packed", 64),
}


@pytest.mark.parametrize(("tensors", "suffix", "logical"), PROVEN.values(), ids=PROVEN)
def test_companions_prove_the_unpacked_count(tensors, suffix, logical):
    summary = summarise(tensor(*row) for row in tensors)
    assert packed(summary, suffix).logical_elements == logical
    assert all(tally.part == "auxiliary" for tally in summary.tallies if tally.suffix != suffix)


UNPROVEN = {
    "MLX": [("a.weight", "U32", 8, 8), ("a.scales", "F16", 8, 1), ("a.biases", "F16", 8, 1)],
    "compressed-tensors": [
        ("a.weight_packed", "I32", 8, 8),
        ("a.weight_scale", "F16", 8, 1),
        ("a.weight_shape", "I64", 2),
    ],
    "FP8": [("a.weight", "F8_E4M3", 8, 8), ("a.weight_scale_inv", "F32", 1, 1)],
}


@pytest.mark.parametrize("tensors", UNPROVEN.values(), ids=UNPROVEN)
def test_other_packings_say_what_stands_beside(tensors):
    summary = summarise(tensor(*row) for row in tensors)
    weight = next(tally for tally in summary.tallies if tally.part == "model")
    assert weight.logical_elements is None
    assert weight.companions
    assert sum(tally.tensors for tally in summary.tallies if tally.part == "auxiliary") == len(tensors) - 1


def test_bits_that_share_a_scale_tell_layers_of_other_widths_apart():
    summary = summarise(
        tensor(*row)
        for row in [
            ("a.weight", "U32", 256, 24), ("a.scales", "BF16", 256, 2), ("a.biases", "BF16", 256, 2),
            ("b.weight", "U32", 256, 16), ("b.scales", "BF16", 256, 2), ("b.biases", "BF16", 256, 2),
            ("c.weight", "U32", 256, 16), ("c.scales", "BF16", 128, 2),
        ]
    )  # fmt: skip
    shared = {tally.bits_per_scale: tally.elements for tally in summary.tallies if tally.part == "model"}
    assert shared == {384: 256 * 24, 256: 256 * 16, None: 256 * 16}


def test_layers_of_gptq_without_zeros_are_told_apart_by_their_scales():
    """`dynamic` of GPTQModel gives layers 4 and 8 bits; symmetric ones have neither zeros nor an order."""
    summary = summarise(
        tensor(*one)
        for one in [
            ("a.qweight", "I32", 16, 32),
            ("a.scales", "F16", 1, 32),
            ("b.qweight", "I32", 32, 32),
            ("b.scales", "F16", 1, 32),
        ]
    )
    assert {
        (tally.bits_per_scale, tally.elements) for tally in summary.tallies if tally.suffix == "qweight"
    } == {
        (512, 512),
        (1024, 1024),
    }


def test_vectors_of_awq_prove_nothing_by_rows():
    summary = summarise([tensor("a.qweight", "I32", 64, 8), tensor("a.scales", "F16", 64, 16)])
    assert packed(summary, "qweight").logical_elements is None


def test_plain_scales_and_biases_are_weights():
    summary = summarise(
        [tensor("norm.scales", "F32", 8), tensor("layer.biases", "F32", 8), tensor("x.weight", "F32", 4)]
    )
    assert {tally.part for tally in summary.tallies} == {"model"}


def test_tensors_are_kept_by_name_and_all_counted():
    summary = summarise(tensor(f"layer.{i:06}.weight", "BF16", 2, 3) for i in range(TENSORS_KEPT + 100))
    assert summary.count == TENSORS_KEPT + 100
    assert len(summary.tensors) == TENSORS_KEPT
    assert summary.tallies[0].elements == 6 * summary.count
    assert summary.tensors[0].name == "layer.000000.weight"


def test_identity_does_not_depend_on_the_order_of_the_file():
    tensors = [tensor("b", "F32", 2), tensor("a", "F16", 3)]
    assert summarise(tensors).names_sha256 == summarise(tensors[::-1]).names_sha256
    assert (
        summarise(tensors).names_sha256
        != summarise([tensor("b", "F32", 2), tensor("a", "F32", 3)]).names_sha256
    )


def test_a_name_per_tensor_cannot_make_a_tally_per_tensor():
    summary = summarise(tensor(f"x.suffix{i}", "F32", 1) for i in range(5000))
    assert len(summary.tallies) <= MAX_TALLIES + 1
    assert sum(tally.tensors for tally in summary.tallies) == 5000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("float32", "F32"),
        ("fp32", "F32"),
        ("FLOAT", "F32"),
        ("single", "F32"),
        ("torch.float32", "F32"),
        ("f4", "F32"),
        ("<f4", "F32"),
        ("FP32", "F32"),
        ("half", "F16"),
        ("FLOAT16", "F16"),
        ("bfloat16", "BF16"),
        ("float8_e4m3fn", "F8_E4M3"),
        ("F8_E5M2", "F8_E5M2"),
        ("F4", "F4"),
        ("<i8", "I64"),
        ("i8", "I8"),
        ("int8", "I8"),
        ("tensor(float16)", "F16"),
        ("q4_k", "Q4_K"),
        ("IQ2_XS", "IQ2_XS"),
        ("U3", "U3"),
        ("DT_BFLOAT16", "BF16"),
        ("uint8", "U8"),
        ("bool", "BOOL"),
        ("complex64", "C64"),
        ("string", "STR"),
    ],
)
def test_aliases_have_one_name(name, expected):
    assert canonical(name) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [("<f8", "F64"), ("|i1", "I8"), (">u2", "U16"), ("<U12", "STR"), ("|b1", "BOOL"), ("|O", "OBJECT")],
)
def test_numpy_codes_count_bytes(code, expected):
    assert of_numpy(code) == expected
