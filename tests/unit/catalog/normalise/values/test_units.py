from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.normalise.values.units import float32_shortest, parse_number, parse_quantity, read_number


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("7B", "count", 7_000_000_000),
        ("1.1 billion", "count", 1_100_000_000),
        ("1.1 billion parameters", "count", 1_100_000_000),
        ("~350M", "count", 350_000_000),
        ("12,345", "count", 12_345),
        ("1 234 567", "count", 1_234_567),
        ("8x7B", "count", None),
        ("big", "count", None),
        ("", "count", None),
        ("32k", "tokens", 32_000),
        ("2 GB", "bytes", 2_000_000_000),
        ("2GiB", "bytes", 2_147_483_648),
        ("500 kB", "bytes", 500_000),
        ("90%", "fraction", 0.9),
        ("93,4 %", "fraction", 0.934),
        ("94.1%", "fraction", 0.941),
        ("90%", "count", None),
        ("2 h", "seconds", 7200),
        ("1:30:00", "seconds", 5400),
        ("1 day, 2:00:00", "seconds", 93_600),
        ("250 ms", "seconds", 0.25),
        ("5e-5", None, 0.00005),
    ],
)
def test_a_quantity_is_read_in_its_unit(text: str, unit: str | None, expected: float | None) -> None:
    assert parse_quantity(text, unit) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234", 1234),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("0,934", 0.934),
        ("3,14", 3.14),
        ("1_000", 1000),
        ("-2.5", -2.5),
        ("1e400", None),
        ("NaN", None),
        ("Infinity", None),
        ("1,23,4", None),
    ],
)
def test_thousands_and_decimal_commas_are_told_apart(text: str, expected: float | None) -> None:
    assert parse_number(text) == expected


@pytest.mark.parametrize("raw", [True, False, None, float("nan"), float("inf"), "n/a", [], {}, 10**500])
def test_what_is_no_finite_number_has_no_reading(raw: object) -> None:
    assert read_number(raw) is None


@pytest.mark.parametrize(
    ("text", "value", "uncertainty", "percent"),
    [
        ("20.0 ± 1.2", 20, 1.2, False),
        ("0.93 (0.01)", 0.93, 0.01, False),
        ("93.4% ± 0.5", 93.4, 0.5, True),
        ("5 +/- 1", 5, 1, False),
    ],
)
def test_a_value_is_split_from_its_uncertainty(
    text: str, value: float, uncertainty: float, percent: bool
) -> None:
    reading = read_number(text)
    assert reading is not None
    assert reading.uncertainty is not None
    assert (float(reading.value), float(reading.uncertainty), reading.percent) == (
        value,
        uncertainty,
        percent,
    )


@pytest.mark.parametrize(
    ("noisy", "short"),
    [
        (0.004000000189989805, 0.004),
        (9.999999974752427e-07, 1e-06),
        (0.10000000149011612, 0.1),
        (0.5, 0.5),
        (3.0517578125e-05, 3.0517578125e-05),
        (0.1, 0.1),
        (0.9312, 0.9312),
        (16777217.0, 16777217.0),
    ],
)
def test_the_noise_of_a_widened_float32_is_removed(noisy: float, short: float) -> None:
    assert float32_shortest(noisy) == short


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_short_decimal_is_the_same_float32(value: float) -> None:
    short = float32_shortest(value)
    assert struct.pack("<f", short) == struct.pack("<f", value)
    assert len(repr(short)) <= len(repr(value))
    assert float32_shortest(short) == short


@given(
    st.text(max_size=80), st.sampled_from([None, "count", "bytes", "fraction", "seconds", "tokens", "bits"])
)
def test_reading_a_quantity_is_total(text: str, unit: str | None) -> None:
    parse_quantity(text, unit)
    read_number(text)


@given(st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1))
def test_every_long_comes_back_exactly(number: int) -> None:
    assert parse_number(str(number)) == number
    assert parse_quantity(f"{number}", "count") == number
