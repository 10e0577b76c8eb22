"""Foreign text made harmless for eyes: control and direction characters become visible, lengths are bounded.

Markup is not escaped here; Jinja's autoescape does that for every value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from catalog.lazy_dataclasses import dataclass
from catalog.text import safety

NAME_CHARACTERS = 160
SNIPPET_CHARACTERS = 220
VALUE_CHARACTERS = 2_000
LINE_BREAKS = "\n\r\t\v\f\u2028\u2029"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of text; `marked` pieces are why the model was found."""

    text: str
    marked: bool = False


def visible(text: str) -> str:
    """The text with line breaks as spaces and every control, direction or invisible character as ⟨U+XXXX⟩."""
    return safety.inert(text, _visible_character).strip()


def _visible_character(character: str) -> str:
    return " " if character in LINE_BREAKS else f"⟨U+{ord(character):04X}⟩"


def cut(text: str, characters: int) -> str:
    """At most so many characters, with an ellipsis where something was left out."""
    if len(text) <= characters:
        return text
    return text[: characters - 1].rstrip() + "…"


def shown(value: object, characters: int = VALUE_CHARACTERS) -> str:
    """Any foreign value as bounded, visible text."""
    text = str(value)
    if len(text) <= characters and text.isprintable():
        return text.strip()
    # Cut before cleaning: one hostile character becomes eight, and 10 MB of them must not be looked at.
    return cut(visible(text[: characters * 2]), characters)


def attribute(value: object) -> Markup:
    """Any foreign value as it is, for an attribute that is sent back: what would turn the text around is spelled out."""
    spelled = safety.inert(str(escape(value)), lambda character: f"&#{ord(character)};")
    return Markup(spelled)  # noqa: S704 - escaped above


def segments(text: str, words: Iterable[str], characters: int = SNIPPET_CHARACTERS) -> tuple[Segment, ...]:
    """The part of `text` around the first of `words` (ignoring case), with every such word marked."""
    pattern = _pattern(words)
    window = text if pattern is None else _window(text, pattern, characters)
    clean = shown(window, characters)
    if pattern is None:
        return (Segment(text=clean),) if clean else ()
    return tuple(_split(clean, pattern))


def _pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    known = sorted({word for word in words if len(word) > 1}, key=len, reverse=True)[:20]
    return re.compile("|".join(re.escape(word) for word in known), re.IGNORECASE) if known else None


def _window(text: str, pattern: re.Pattern[str], characters: int) -> str:
    match = pattern.search(text)
    if match is None or match.start() < characters * 2 // 3:
        return text
    start = text.find(" ", max(0, match.start() - characters // 3)) + 1
    return "…" + text[min(start, match.start()) :]


def _split(text: str, pattern: re.Pattern[str]) -> Iterable[Segment]:
    end = 0
    for match in pattern.finditer(text):
        if match.start() > end:
            yield Segment(text=text[end : match.start()])
        yield Segment(text=match.group(), marked=True)
        end = match.end()
    if end < len(text):
        yield Segment(text=text[end:])
