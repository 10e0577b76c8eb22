"""Signs as keyboards and word processors write them, in the one form that the language reads: `＞` is >, `⩾` is ≥.

Every letter keeps its place, and what stands in straight quotes stays as it is.
"""

from __future__ import annotations

import re
import unicodedata

from catalog.text.patterns import pattern

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Source: Unicode 15, block Halfwidth and Fullwidth Forms."""
_ONE_FOR_ONE: dict[int, str] = str.maketrans(
    {
        "\N{IDEOGRAPHIC SPACE}": " ",
        "\N{IDEOGRAPHIC COMMA}": ",",
        "\N{IDEOGRAPHIC FULL STOP}": ".",
        "\N{GREATER-THAN OR SLANTED EQUAL TO}": "\N{GREATER-THAN OR EQUAL TO}",
        "\N{GREATER-THAN OVER EQUAL TO}": "\N{GREATER-THAN OR EQUAL TO}",
        "\N{LESS-THAN OR SLANTED EQUAL TO}": "\N{LESS-THAN OR EQUAL TO}",
        "\N{LESS-THAN OVER EQUAL TO}": "\N{LESS-THAN OR EQUAL TO}",
        "\N{ASYMPTOTICALLY EQUAL TO}": "\N{ALMOST EQUAL TO}",
        "\N{APPROXIMATELY EQUAL TO}": "\N{ALMOST EQUAL TO}",
        "\N{TILDE OPERATOR}": "~",
        "\N{SMALL COLON}": ":",
        "\N{SMALL COMMA}": ",",
        "\N{SMALL SEMICOLON}": ";",
        "\N{SMALL LESS-THAN SIGN}": "<",
        "\N{SMALL GREATER-THAN SIGN}": ">",
        "\N{SMALL EQUALS SIGN}": "=",
        "\N{SMALL PERCENT SIGN}": "%",
        "\N{INVERTED QUESTION MARK}": " ",
        "\N{INVERTED EXCLAMATION MARK}": " ",
        "\N{NOT SIGN}": "!",
        "\N{LOGICAL AND}": "&",
        "\N{LOGICAL OR}": "|",
        "\N{ARABIC DECIMAL SEPARATOR}": ".",
        "\N{ARABIC THOUSANDS SEPARATOR}": ",",
    }
)
_SIGNS: dict[int, int | str] = {**_FULL_WIDTH, **_ONE_FOR_ONE}
_PARTS = pattern(r"\"(?:[^\"\\]|\\.)*\"?|[^\"]+", re.DOTALL)
_DASH = pattern(
    r"(?<=[\w%])[\N{FIGURE DASH}\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}](?=[\d.])"
    r"|(?<=\s)[\N{FIGURE DASH}\N{EN DASH}\N{EM DASH}](?=\s)"
    r"|(?<=[a-z])[\N{EN DASH}\N{EM DASH}](?=[A-Za-z]{3,9} [12]\d{3}\b)"
)
"""Between the ends of a range."""
_DIGITS = pattern(r"(?![0-9])\d")
_GROUPED = pattern(
    r"(?<![\w.,])[1-9]\d{0,2}(?:(?:[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}]\d{3})+|(?: \d{3}){2,})(?![\w,]|\.\d| \d)"
)
"""`1 000 000`, as ISO 31-0 and French write thousands; with plain spaces two groups at least, as `100 200` may be two numbers."""
_UNSEEN = (
    "\N{ZERO WIDTH SPACE}\N{WORD JOINER}\N{ZERO WIDTH NO-BREAK SPACE}\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}"
    "\N{ARABIC LETTER MARK}\N{LEFT-TO-RIGHT EMBEDDING}-\N{RIGHT-TO-LEFT OVERRIDE}"
    "\N{LEFT-TO-RIGHT ISOLATE}-\N{POP DIRECTIONAL ISOLATE}"
)
_INVISIBLE = pattern(rf"[{_UNSEEN}](?=\W|$)|(?:(?<=\W)|(?<![\s\S]))[{_UNSEEN}]")
"""At the edge of a word, where it comes along with what is pasted from a page; within one it stays. Marks of direction come from
keyboards of Arabic and Hebrew, too."""
_LEADING_COMMA = pattern(r"([<>]=?\s?),(?=\d)")
"""`> ,9`: a decimal comma without its zero."""
_SET = pattern(r"([:=]\s?|\b[iI][nN]\s+)\{(?![^{}]*\bTO\b)([^{}:]*[,\s][^{}:]*)\}")
"""`license:{mit, apache-2.0}`, as sets are written: one of these. `{0.8 TO 0.9}` is a range, and what has colons is JSON."""
_LOW_QUOTES = pattern(
    r"\N{DOUBLE LOW-9 QUOTATION MARK}([^\"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}]*)"
    r"[\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}]"
)
"""As German and Polish quote."""
_PAIRED_QUOTES = pattern(
    r"\N{LEFT CORNER BRACKET}([^\"\N{LEFT CORNER BRACKET}\N{RIGHT CORNER BRACKET}]*)\N{RIGHT CORNER BRACKET}"
    r"|\N{LEFT WHITE CORNER BRACKET}([^\"\N{LEFT WHITE CORNER BRACKET}\N{RIGHT WHITE CORNER BRACKET}]*)\N{RIGHT WHITE CORNER BRACKET}"
    r"|\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}([^\"\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}]*)"
    r"\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
)
"""As Japanese, Chinese, Swiss and French quote."""


def plain_signs(text: str) -> str:
    """The text with those signs; as long as before."""
    if "{" in text:
        text = _SET.sub(lambda values: values[0] if _is_quoted(text, values) else _in_brackets(values), text)
    if "," in text:
        text = _PARTS.sub(
            lambda part: part[0] if part[0].startswith('"') else _LEADING_COMMA.sub(r"\1.", part[0]), text
        )
    if text.isascii():
        return _grouped(text)
    text = _PAIRED_QUOTES.sub(lambda quote: f'"{quote[0][1:-1]}"', _LOW_QUOTES.sub(r'"\1"', text))
    return _grouped(_PARTS.sub(lambda part: part[0] if part[0].startswith('"') else _plain(part[0]), text))


def _is_quoted(text: str, part: re.Match[str]) -> bool:
    return bool(text.count('"', 0, part.start()) % 2)


def _in_brackets(values: re.Match[str]) -> str:
    return f"{values[1]}({values[2]})"


def _grouped(text: str) -> str:
    """Numbers whose thousands stand apart, with the sign that programs write there."""
    if not _GROUPED.search(text):
        return text
    return _PARTS.sub(lambda part: part[0] if part[0].startswith('"') else _joined(part[0]), text)


def _joined(text: str) -> str:
    return _GROUPED.sub(lambda number: _SPACES.sub("_", number[0]), text)


_SPACES = pattern(r"\s")


def _plain(text: str) -> str:
    text = _DIGITS.sub(lambda digit: str(unicodedata.decimal(digit[0])), text.translate(_SIGNS))
    return _DASH.sub("-", _INVISIBLE.sub(" ", text))
