import pytest

from catalog.text.wildcards import is_bounded, looks_like


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("team/a/final", "team/*/final", True),
        ("team/final", "team/*/final", False),
        ("Team/A/Final", "team/?/final", True),
        ("team/[a]/x", "team/[a]/*", True),
        ("team/a/x", "team/[a]/*", False),
        ("a\nb/c", "a*c", True),
    ],
)
def test_a_pattern_means_the_whole_text(text, pattern, expected):
    assert looks_like(text, pattern) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "*/*",
        "*a?",
        "*" * 9 + "abc",
        "*" * 6 + "abc???",
        "abc?????",
        "x" * 201,
        "\N{CJK UNIFIED IDEOGRAPH-6A21}" * 67,
    ],
)
def test_what_would_cost_too_much_or_is_in_everything_is_out_of_bounds(pattern):
    assert not is_bounded(pattern)
