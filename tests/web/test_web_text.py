"""Foreign text, numbers, dates and links, as people get to see them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.api.export import cell
from webui.html.history import changes_between
from webui.links import safe_link
from webui.numbers import bound, count, decimal, figure, moment, size
from webui.text import segments, shown


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (count(41_155), "41,155"),
        (count(7_241_732_096), "7.24 B"),
        (count(12_000_000), "12 M"),
        (count(999_999), "999,999"),
        (count(1_000_000_000_000), "1 T"),
        (size(168_000), "168 kB"),
        (size(999), "999 B"),
        (size(15_231_233_024), "15.2 GB"),
        (size(2**63 - 1), "9.22 EB"),
        (decimal(0.9312), "0.9312"),
        (decimal(0.93124567), "0.9312"),
        (decimal(0.00002), "2e-05"),
        (decimal(3.0), "3"),
        (decimal(999_999_999_999_999.0), "999,999,999,999,999"),
        (decimal(1e15), "1e+15"),
        (decimal(1e300), "1e+300"),
        (figure(9_007_199_254_740_993, None), "9,007,199,254,740,993"),
        (figure(float("nan"), None), "nan"),
        (figure(value=True, unit=None), "yes"),
        (figure(42, None), "42"),
        (moment("2024-03-12T10:00:00Z"), "12 Mar 2024"),
        (moment("2024-03-12T10:00:00Z", "month"), "Mar 2024"),
        (moment("2024-01-01T00:00:00Z", "year"), "2024"),
    ],
)
def test_figures_are_short_and_keep_their_exact_value(made, text):
    assert made.text == text
    assert made.exact


@pytest.mark.parametrize(
    ("spelled", "text"), [("95000000000000", "9.5e13"), ("2500000", "2500000"), ("200MB", "200MB"), ("", "")]
)
def test_bounds_of_bars_are_short_enough_to_stand_below_an_axis(spelled, text):
    assert bound(spelled) == text


def test_what_is_no_date_is_no_date():
    assert moment("yesterday") is None
    assert moment(None) is None


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//example.org/x",
        "/models",
        "http://",
        "https://user:pass@example.org/",
        "https://exa\u202emple.org",
        "https://example.org/\nSet-Cookie: x",
        "https://example.org/<script>",
        " https://example.org",
        "ftp://example.org",
        "http://[::1",
        "",
        None,
        7,
        "https://example.org/" + "x" * 5_000,
    ],
)
def test_only_plain_web_addresses_become_links(address):
    assert safe_link(address) is None


def test_a_web_address_becomes_a_link():
    assert (
        safe_link("https://www.apache.org/licenses/LICENSE-2.0")
        == "https://www.apache.org/licenses/LICENSE-2.0"
    )


def test_direction_and_control_characters_become_visible():
    assert shown("a\u202eb\x1b[31m") == "a⟨U+202E⟩b⟨U+001B⟩[31m"


def test_lone_surrogates_of_undecodable_names_can_be_shown():
    shown("caf\udce9").encode("utf-8")


@given(st.text(max_size=300), st.lists(st.text(max_size=10), max_size=5))
def test_segments_are_bounded_and_lose_no_visible_text(text, words):
    parts = segments(text, words, 100)
    assert len("".join(part.text for part in parts)) <= 100


def test_words_are_marked_wherever_they_are_and_special_characters_are_just_characters():
    parts = segments("About C++ and c++", ("c++",))
    assert [(part.text, part.marked) for part in parts] == [
        ("About ", False),
        ("C++", True),
        (" and ", False),
        ("c++", True),
    ]


def test_a_late_match_is_brought_into_view():
    parts = segments("filler " * 200 + "needle in the hay", ("needle",), 100)
    assert any(part.marked for part in parts)
    assert parts[0].text.startswith("…")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "\tx", "\rx", "\nx", " =1", "＝1"])
def test_text_that_would_be_a_formula_is_disarmed(text):
    assert str(cell(text)).startswith("'")


@pytest.mark.parametrize("value", [-1, -0.5, 0.93, 10**12])
def test_numbers_stay_numbers_in_a_spreadsheet(value):
    assert cell(value) == value


def test_a_change_of_a_list_names_the_words_that_came_and_went():
    """Two long lists were cut off alike, so that nobody saw which word had been added."""
    many = [f"word-{number}" for number in range(40)]
    (change,) = changes_between({"tags": [*many, "draft"]}, {"tags": [*many, "reviewed"]})
    assert (change.before, change.after, change.kept) == ("draft", "reviewed", 40)


def test_a_change_of_every_value_of_a_list_calls_each_by_its_word():
    """A list was called by the words of one value: `code execution, secret`, and `de, en` turned to `French`."""
    (risks,) = changes_between({}, {"risk_kinds": ["code-execution", "secret"]})
    (languages,) = changes_between({"language": ["de", "en"]}, {"language": ["fr"]})
    assert (risks.before, risks.after) == ("", "runs code, holds a secret")
    assert (languages.before, languages.after) == ("German, English", "French")


def test_a_change_within_a_day_shows_the_hours():
    (change,) = changes_between(
        {"modified_at": "2024-03-12T10:00:00Z"}, {"modified_at": "2024-03-12T11:30:00Z"}
    )
    assert (change.before, change.after) == ("2024-03-12 10:00:00 UTC", "2024-03-12 11:30:00 UTC")
