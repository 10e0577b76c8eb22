"""Words for a terminal."""

import pytest

from catalog.terminal import count_text, printable, size_text, table, width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("line\nbreak\ttab", "line\\nbreak\\ttab"),
        ("\u202eevil", "\\u202eevil"),
        ("\udcff", "\\udcff"),
        ("模型 é", "模型 é"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_text_is_made_safe_for_a_terminal(text, shown):
    assert printable(text) == shown


def test_long_text_is_cut_with_a_mark():
    assert printable("x" * 50, limit=10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (None, ""),
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (41155, "41.2k"),
        (7_615_616_512, "7.62B"),
        (999_999, "1M"),
        (70e9, "70B"),
    ],
)
def test_counts_are_short_and_readable(number, shown):
    assert count_text(number) == shown


@pytest.mark.parametrize(("number", "shown"), [(0, "0 B"), (168_996, "169 kB"), (1_234_567_890, "1.23 GB")])
def test_sizes_are_short_and_readable(number, shown):
    assert size_text(number) == shown


def test_a_table_gives_way_at_its_widest_column_and_keeps_wide_letters_whole():
    lines = table(("name", "n"), [("模型" * 20, "12"), ("short", "3")], columns=20)
    assert all(width(line) <= 20 for line in lines)
    assert lines[2].endswith(" 3")
