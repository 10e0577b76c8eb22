"""Cards of strangers: they are read, and can do nothing."""

import re
from html.parser import HTMLParser

import pytest
from fixtures.patience import processor_within
from hypothesis import given
from hypothesis import strategies as st

from webui.html.card import MAX_CARD_CHARACTERS, card_of

SECONDS = 10.0
"""Of the slowest hostile card on a machine that is busy; alone it takes an eighth of that."""
BOMBS = {
    "nested lists": "".join(f"{'  ' * depth}- x\n" for depth in range(10_000)),
    "lists in one line": "- " * 10_000 + "x",
    "quotes": ">" * 60_000,
    "brackets": "[" * 60_000,
    "images in images": "![[" * 20_000,
    "emphasis": "*a **a " * 9_000,
    "code marks": "".join("`" * width + " " for width in range(340)),
    "a wide table": "|" + "a|" * 1_900 + "\n|" + "-|" * 1_900 + "\n" + "|a\n" * 20_000,
    "equal headings": "# x\n" * 15_000,
    "references": "".join(f"[a{number}]: http://x/{number}\n" for number in range(3_000)) + "[a1]" * 5_000,
    "open tags": "<div><table><tr><td>" * 3_000,
    "open links": '[a](b "' * 9_000,
    "entities": "&" * 60_000,
    "addresses": "http://a/'\"([{" * 5_000,
    "links": "http://a.b/c?d " * 999,
    "formulas": "$a$ " * 15_000,
    "open formulas": "$$ a\n" * 12_000,
    "lists of open formulas": "- $$a\n" * 10_000,
    "signs of addresses": "://" * 20_000,
    "five megabytes": "hello *world* " * 400_000,
}
REL = "noopener noreferrer nofollow external"
_INERT = """
    a abbr b blockquote br caption code dd del details div dl dt em h3 h4 h5 h6 hr i kbd li mark ol p pre s samp small span
    strong sub summary sup table tbody td tfoot th thead tr u ul var
"""
INERT = frozenset(_INERT.split())


class Inspector(HTMLParser):
    """Every tag and attribute of a text, as a browser meets them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def assert_inert(html):
    inspected = Inspector(str(html))
    assert inspected.tags <= INERT
    for tag, name, value in inspected.attributes:
        assert name in {"href", "id", "rel", "start", "colspan", "rowspan", "scope", "tabindex"}, (tag, name)
        assert name != "href" or re.match(r"https?://|#card-", value), value
        assert name != "tabindex" or (tag in {"table", "pre"} and value == "0")
        assert name != "id" or value.startswith("card-")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<style>body{display:none}</style>",
        "<img src=x onerror=alert(1)>",
        "![pixel](https://tracker.example/p.png)",
        "![pixel](javascript:alert(1))",
        "[click](javascript:alert(1)) [click](JaVaScRiPt:alert(1)) [click](java\tscript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=) [click](vbscript:x) [click](file:///etc/passwd)",
        '<a href="javascript:alert(1)">x</a> <a href="//evil.example">y</a> <a href="/runs">z</a>',
        '<a href="https://user@bank.example@evil.example/">bank</a>',
        '<form action="/saved" method="post"><button>Save</button></form>',
        "<iframe src='https://evil.example'></iframe><object data=x></object><embed src=x>",
        "<svg><script>alert(1)</script></svg><math><mtext><script>alert(1)</script></mtext></math>",
        '<div id="content" class="skip" style="position:fixed" onclick="x()">over all</div>',
        '<h2 id="q">x</h2><input autofocus onfocus=alert(1)><base href="https://evil.example">',
        "<meta http-equiv=refresh content='0;url=https://evil.example'><link rel=stylesheet href=//e>",
        '<p title="</p><script>alert(1)</script>">x</p>',
        "<!--><script>alert(1)</script>-->",
        "<noscript><p title='</noscript><script>alert(1)</script>'></noscript>",
        "```html\n<script>alert(1)</script>\n```",
        "<table><td colspan='999999999999999'>x</td></table>",
    ],
)
def test_nothing_in_a_card_acts(text):
    card = card_of(text, "README.md")
    assert_inert(card.html)
    assert "alert(1)</script" not in str(card.html)


@given(
    st.lists(
        st.sampled_from(
            ["<", ">", "script", "a href=", '"', "'", "javascript:", "[", "](", ")", "!", "#", "\n", "- ", "x", "`", "&", "\u202e", "id=q"]
        ),
        max_size=40,
    )
)  # fmt: skip
def test_no_mixture_of_marks_acts(pieces):
    assert_inert(card_of("".join(pieces), "README.md").html)


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_hostile_card_takes_bounded_time_and_room(text):
    with processor_within(SECONDS):
        card = card_of(text, "README.md")
    assert len(card.html) < 20 * MAX_CARD_CHARACTERS
    assert_inert(card.html)


def test_card_keeps_what_its_author_wrote():
    card = card_of(
        "# tiny\n\nIt *reads*.\n\n## Training\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## Bias, Risks and Limitations\n\n"
        "Only English, see [training](#training) and ![a chart](https://example.org/c.png).\n",
        "models/tiny/README.md",
        "tiny",
    )
    html = str(card.html)
    assert "<em>reads</em>" in html
    assert "<td>1</td>" in html
    assert "tiny" not in html  # its title stands above the card already
    assert '<a href="#card-training"' in html
    assert "https://example.org/c.png" in html
    assert ">a chart</a>" in html
    assert [(heading.text, heading.limits) for heading in card.headings] == [
        ("Training", False),
        ("Bias, Risks and Limitations", True),
    ]
    assert card.limits.anchor == "card-bias_risks_and_limitations"
    assert not card.is_cut


def test_what_is_wider_than_the_page_is_reached_with_keys_and_no_level_of_headings_is_left_out():
    html = str(card_of("## A\n\n| a |\n|---|\n| 1 |\n\n#### B\n\n    code\n\n# C\n\nc", "README.md").html)
    assert html.count('tabindex="0"') == 2
    assert re.findall(r"<(table|pre)", html) == re.findall(r'<(table|pre) tabindex="0"', html)
    assert re.findall(r"<(h\d)", html) == re.findall(r"</(h\d)", html) == ["h3", "h4", "h3"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "See https://a.org/b_c_d?x=1.",
            '<a href="https://a.org/b_c_d?x=1">https://a.org/b_c_d?x=1</a>.',
        ),
        ("`https://a.org`", "<code>https://a.org</code>"),
        ("Read README.md, train.py, me@a.org, //a.org, ftp://a.org and www.a.org", None),
        ("https://me:secret@a.org", "<a>https://me:secret@a.org</a>"),
        ("loss $L_i = a_j * b * c$", r"loss <code>$L_i = a_j * b * c$</code>"),
        ("$$\n\\frac{a_1}{b}\n- <b>\n$$", '<pre tabindex="0"><code>\\frac{a_1}{b}\n- &lt;b&gt;</code></pre>'),
        ("so $$x^2 < 3$$ holds", "so <code>$$x^2 &lt; 3$$</code> holds"),
        ("$a_b*c*$ is of layer 2", "<code>$a_b*c*$</code> is of layer 2"),
        ("$$x$$ in $$y$$", "<code>$$x$$</code> in <code>$$y$$</code>"),
        ("- $$a\n- b$$", "<li>$$a</li>\n<li>b$$</li>"),
        ("http://xn--pple-43d.com", '<a href="http://xn--pple-43d.com">http://xn--pple-43d.com</a>'),
        ("It costs $5 and $6, US$5/US$6; $HOME and $PATH", None),
    ],
)
def test_addresses_are_links_and_formulas_stay_as_they_are_written(text, shown):
    """Bare addresses were text, or were rewritten to letters that look like others; Markdown took the underscores, stars and
    backslashes of TeX for its own, that of the first formula of a text that ends with a digit, too.
    """
    html = str(card_of(text, "README.md").html).replace(f' rel="{REL}"', "")
    assert (text if shown is None else shown) in html


def test_long_card_says_that_it_is_cut():
    assert card_of("word " * MAX_CARD_CHARACTERS, "README.md").is_cut


def test_headings_of_one_name_have_addresses_of_their_own():
    headings = card_of("## Use\n\na\n\n## Use\n\nb\n\n## 用途\n\nc\n\n## 限制\n\nd", "README.md").headings
    assert len({heading.anchor for heading in headings}) == 4


def test_what_the_author_left_unfilled_is_left_out():
    text = (
        "# Model Card for Model ID\n\n<!-- Provide a summary -->\n\n## Uses\n\n### Direct Use\n\n[More Information Needed]\n\n"
        "## Bias, Risks, and Limitations\n\n[More Information Needed]\n\n## Sources\n\n- **Paper [optional]:** "
        "[More Information Needed]\n- **Repository:** https://example.org\n\n- **Demo:** [More Information Needed]\n"
    )
    card = card_of(text, "README.md")
    assert [heading.text for heading in card.headings] == ["Model Card for Model ID", "Sources"]
    assert card.limits is None
    assert "Information Needed" not in card.html
    assert "https://example.org" in card.html


def test_sentence_about_missing_information_stays():
    html = card_of("## Use\n\nMore information needed for further recommendations.\n", "README.md").html
    assert "further recommendations" in html
