"""What a file is called without the word for its quantisation."""

from __future__ import annotations

import pytest

from catalog.layouts.variants import without_quantization


@pytest.mark.parametrize(
    "word",
    [
        *("Q4_K_M", "UD-Q2_K_XL", "IQ3_XXS", "MXFP4_MOE", "BF16"),
        *("i1-IQ1_S", "i1-Q4_K_M", "Q4_K_M-imat", "Q4_K_S.imx", "IQ4_XS-imatrix"),
        *("4.25bpw", "2bit", "4-bit", "w4a16"),
    ],
)
def test_a_word_for_a_quantisation_is_no_part_of_the_name(word):
    """`NAME.i1-Q4_K_M` and `NAME.i1-IQ1_S` were two networks, and the card beside them was about neither."""
    assert without_quantization(f"Net-7B.{word}") == "Net-7B"
    assert without_quantization(f"Net-7B-{word}") == "Net-7B"


@pytest.mark.parametrize("name", ["stage-i1-model", "climate-imat-net", "net-i1", "rabbit", "w4a16"])
def test_other_words_stay_in_the_name(name):
    assert without_quantization(name) == name
