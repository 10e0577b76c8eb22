from decimal import Decimal

import pytest

from catalog.query.text.numbers import format_number, parse_number
from catalog.text.spelling import edit_distance, nearest


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("7B", "count", 7e9),
        ("7b", "count", 7e9),
        ("1.5e9", "count", 1.5e9),
        ("350M", "count", 350e6),
        ("350m", "count", 350e6),
        ("32k", "tokens", 32_000),
        ("2GB", "bytes", 2e9),
        ("2 gb", "bytes", 2e9),
        ("4GiB", "bytes", 4 * 1024**3),
        ("4G", "bytes", 4e9),
        ("12b", "bytes", 12),
        ("90%", "fraction", 90),
        ("90 percent", "fraction", 90),
        (".5", None, 0.5),
        ("-1", None, -1),
        ("−1", None, -1),
        ("1,234,567", None, 1_234_567),
        ("1_000", None, 1_000),
        ("2h", "seconds", 7_200),
        ("4bit", "bits", 4),
        ("1e400", None, None),
        ("1e301", None, None),
        ("NaN", None, None),
        ("inf", None, None),
        ("7X", "count", None),
        ("0x10", None, None),
        ("1,23", None, 1.23),
        ("0,900", None, 0.9),
        ("1.234,5", None, 1234.5),
        ("", None, None),
        ("1" * 41, None, None),
    ],
)
def test_number_with_its_unit(text, unit, value):
    number = parse_number(text, unit)
    assert (None if number is None else float(number.value)) == value


def test_digits_that_were_written_say_how_exact_a_number_is():
    seven, exact = parse_number("7B", "count"), parse_number("7.24B", "count")
    assert seven is not None
    assert exact is not None
    assert seven.half_step == Decimal(500_000_000)
    assert exact.half_step == Decimal(5_000_000)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (7_000_000_000, "count", "7B"),
        (7_241_732_096, "count", "7241732096"),
        (1_500_000, "count", "1.5M"),
        (2_000_000_000, "bytes", "2GB"),
        (1e15, "bytes", "1PB"),
        (9.2e18, "bytes", "9.2EB"),
        (0.1, None, "0.1"),
        (30.0, None, "30"),
        (1e20, None, "1e+20"),
        (True, None, "true"),
    ],
)
def test_number_is_written_short_and_exact(value, unit, text):
    assert format_number(value, unit) == text


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("acuracy", "accuracy", 1), ("taks", "task", 1), ("bert", "bert", 0), ("abc", "xyz", 3), ("", "ab", 2)],
)
def test_edit_distance_counts_the_changed_letters(first, second, distance):
    assert edit_distance(first, second, 5) == distance


def test_nearest_words_come_by_distance_and_then_by_how_often_they_are_used():
    assert nearest("acuracy", ["accuracy", "f1", "recall"]) == ["accuracy"]
    assert nearest("rouge", ["rouge1", "rouge2"], counts={"rouge2": 9}) == ["rouge2", "rouge1"]
    assert nearest("x", ["y"]) == []
