"""A model card as HTML that can do nothing: Markdown rendered, then cut down to the tags and addresses of a list.

Whatever stands in a card, no script, style, form, frame or image of elsewhere survives, no `id` that is not the card's
own, and no address that `safe_link` does not let through.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from catalog.lazy_dataclasses import dataclass
from catalog.text import safety
from catalog.text.slugs import slug
from webui.html.formulas import read_formulas
from webui.links import safe_link
from webui.text import shown

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_CARD_CHARACTERS = 60_000
"""Of Markdown that is rendered: the worst of forty hostile cards of that length takes 1.4 s (a table of 1,900 columns), prose
a tenth of a second.
"""
MAX_ADDRESSES = 1_000
"""That are made links where they stand as bare text; a card of more of them keeps them as text."""
MAX_DEPTH = 20
"""Of lists and quotes in each other; deeper ones are shown as text."""
MAX_HEADINGS = 40
ANCHOR = "card-"
_TAGS = """
    a abbr b blockquote br caption code dd del details div dl dt em h3 h4 h5 h6 hr i kbd li mark ol p pre s samp small span
    strong sub summary sup table tbody td tfoot th thead tr u ul var
"""
TAGS = frozenset(_TAGS.split())
DROPPED_WITH_CONTENT = frozenset(
    {"script", "style", "iframe", "object", "embed", "template", "noscript", "svg", "math"}
)
ATTRIBUTES = {
    "a": {"href"},
    "h3": {"id"},
    "h4": {"id"},
    "h5": {"id"},
    "h6": {"id"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
REACHED = {"table": {"tabindex": "0"}, "pre": {"tabindex": "0"}}
"""What may be wider than the page: it scrolls, with keys too."""
_COMMENT = re.compile(r"\s*<!--.*-->\s*", re.DOTALL)
_UNFILLED = re.compile(r"\W*more information needed\]?\.?", re.IGNORECASE)
"""What the hub's template of a card leaves for its author. Source: huggingface_hub src/huggingface_hub/templates/modelcard_template.md."""
_BLOCKS = frozenset({"paragraph_close", "list_item_close", "bullet_list_close", "ordered_list_close"})
_LIMITS = re.compile(r"limitation|bias|risk|out[- ]of[- ]scope|caveat|ethical|misuse", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardHeading:
    """One heading of a card; `limits` where it is about what the model should not be used for."""

    text: str
    anchor: str
    depth: int
    limits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card for people. `html` is safe to show as it is; `is_cut` where more stands in `file`."""

    html: Markup
    headings: tuple[CardHeading, ...]
    file: str
    is_cut: bool

    @property
    def limits(self) -> CardHeading | None:
        """Where it says what the model should not be used for, and best where it says so in that word."""
        about = [heading for heading in self.headings if heading.limits]
        plain = [heading for heading in about if "limitation" in heading.text.casefold()]
        return next(iter((*plain, *about)), None)


def card_of(text: str, file: str, title: str = "") -> Card:
    """The card's Markdown for a page. A first heading that only says `title` again is left out."""
    html, headings, is_cut = _rendered(text, title.strip().casefold())
    return Card(html=Markup(html), headings=headings, file=shown(file, 300), is_cut=is_cut)  # noqa: S704 - sanitised


@lru_cache(maxsize=64)
def _rendered(text: str, title: str) -> tuple[str, tuple[CardHeading, ...], bool]:
    import nh3  # noqa: PLC0415 - only model pages with cards need it

    source, is_cut = _bounded(text)
    parser = _parser(linked=source.count("://") <= MAX_ADDRESSES)
    tokens = _filled(parser.parse(source))
    headings = tuple(_headed(tokens, title))
    html = nh3.clean(
        parser.renderer.render(tokens, parser.options, {}),
        tags=set(TAGS),
        clean_content_tags=set(DROPPED_WITH_CONTENT),
        attributes=ATTRIBUTES,
        attribute_filter=_attribute,
        set_tag_attribute_values=REACHED,
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer nofollow external",
    )
    return html, headings, is_cut


def _bounded(text: str) -> tuple[str, bool]:
    source = safety.inert(text[:MAX_CARD_CHARACTERS], _kept)
    return source, len(text) > MAX_CARD_CHARACTERS


def _kept(character: str) -> str:
    """Line breaks and tabs stay; what turns the direction of text or cannot be seen goes."""
    return character if character in "\n\t" else "\n" if character in "\r\u2028\u2029" else ""


def _parser(*, linked: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only model pages with cards need it

    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": MAX_DEPTH, "linkify": linked})
    parser.enable(["table", "strikethrough", "linkify"])
    assert parser.linkify is not None, "linkify-it-py is one of our dependencies"
    # README.md and v1.py would be addresses of Moldova and Paraguay.
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    for other in ("//", "ftp:", "mailto:"):  # `safe_link` lets none of them through
        parser.linkify.add(other, None)
    read_formulas(parser)
    parser.add_render_rule("image", _image)
    parser.normalizeLinkText = _as_written  # type: ignore[assignment, method-assign]
    return parser


def _as_written(address: str) -> str:
    """The library would show xn--pple-43d.com as a name that looks like Apple's."""
    return address


def _image(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _environment: Any) -> str:
    """An image of elsewhere would tell its owner who reads the card: its words are shown, with a link."""
    token = tokens[index]
    words = shown(token.content or "image", 200).replace("&", "&amp;").replace("<", "&lt;")
    link = safe_link(token.attrs.get("src"))
    return f'<a href="{link}">{words}</a>' if link else f"<span>{words}</span>"


def _filled(tokens: list[Token]) -> list[Token]:
    """The card without what its author left unfilled: placeholders, and headings under which nothing else stands."""
    kept: list[Token] = []
    openings: list[int] = []
    for token in tokens:
        if token.type == "html_block" and _COMMENT.fullmatch(token.content):
            continue
        kept.append(token)
        if token.nesting == 1:
            openings.append(len(kept) - 1)
        elif token.nesting == -1 and openings:
            start = openings.pop()
            inside = kept[start + 1 : -1] if token.type in _BLOCKS else None
            if inside is not None and _says_nothing(inside):
                del kept[start:]
    return _with_content(kept)


def _says_nothing(inside: list[Token]) -> bool:
    if not inside:
        return True
    if len(inside) != 1 or inside[0].type != "inline":
        return False
    label, _, words = inside[0].content.partition("<!--")[0].strip().rpartition(":")
    return "\n" not in label and bool(_UNFILLED.fullmatch(words))


def _with_content(tokens: list[Token]) -> list[Token]:
    """Without headings that no text follows before the next one of their level or above."""
    kept: list[Token] = []
    deepest_with_text = 0  # the level of the headings above what has been kept, seen from the end
    index = len(tokens)
    while index:
        index -= 1
        token = tokens[index]
        if token.type != "heading_close":
            kept.append(token)
            deepest_with_text = 7
            continue
        level = int(token.tag[1:])
        if level < deepest_with_text:
            kept += reversed(tokens[index - 2 : index + 1])
            deepest_with_text = level
        index -= 2
    return kept[::-1]


def _headed(tokens: list[Token], title: str) -> list[CardHeading]:
    """Gives every heading an id and a level below the page's own, and lists them. No level is left out on the way down."""
    headings: list[CardHeading] = []
    known: Counter[str] = Counter()
    above = 2
    for index, token in enumerate(tokens):
        if token.type not in {"heading_open", "heading_close"}:
            continue
        if token.type == "heading_close":
            token.tag = f"h{above}"
            continue
        level = int(token.tag[1:])
        inline = tokens[index + 1]
        text = shown(
            "".join(part.content for part in inline.children or () if part.type != "html_inline"), 120
        )
        if not headings and not known and title and text.casefold() == title:
            _hide(tokens, index)
            known[""] += 1
            continue
        above = min(level + 2, above + 1, 6)
        token.tag = f"h{above}"
        anchor = _anchor(text, known)
        token.attrs = {"id": anchor}
        if text and len(headings) < MAX_HEADINGS:
            limits = bool(_LIMITS.search(text))
            headings.append(CardHeading(text=text, anchor=anchor, depth=level, limits=limits))
    return headings


def _hide(tokens: list[Token], index: int) -> None:
    for token in tokens[index : index + 3]:
        token.hidden = True
        token.children = []
        token.content = ""
        token.type = "paragraph_open" if token.nesting else token.type


def _anchor(text: str, known: Counter[str]) -> str:
    base = f"{ANCHOR}{slug(text)[:80] or 'part'}"
    known[base] += 1
    return base if known[base] == 1 else f"{base}-{known[base]}"


def _attribute(tag: str, attribute: str, value: str) -> str | None:
    """What may stand in an attribute: our own ids, numbers, links within the card and safe ones to outside."""
    if attribute == "id":
        return value if value.startswith(ANCHOR) else None
    if tag != "a":
        return value if value.isalnum() and len(value) <= 10 else None
    if value.startswith("#"):
        inside = slug(value[1:])[:80]
        return f"#{ANCHOR}{inside}" if inside else None
    return safe_link(value)
