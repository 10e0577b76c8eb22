"""Signs that stand alone and that nothing here answers: each is named, never dropped."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from catalog.query.text.conditions import KnownNames
from catalog.query.text.parse_context import Reading
from catalog.query.text.tokens import Kind, Token
from catalog.text.patterns import pattern

_LONE_SIGN = pattern(
    r"(?:[<>=\N{GREATER-THAN OR EQUAL TO}\N{LESS-THAN OR EQUAL TO}\N{NOT EQUAL TO}\N{ALMOST EQUAL TO}\N{PLUS-MINUS SIGN}]"
    r"|[!~](?=[=~>])){1,3}(?:[\d.].*)?"
)
_SIMILAR_TO = pattern(r"[\w.@-]+!?~[=>]\S+")
"""`license~=mit`: no condition here, and no word of any model."""
_COMPARISON = pattern(r"[:=<>]")
_DIGITS = pattern(r"\d+(?:\.\d+)?")
_ARITHMETIC = frozenset("-+*/%")
_OF_TITLES = frozenset(
    "\N{MULTIPLICATION SIGN}\N{MINUS SIGN}\N{RIGHTWARDS ARROW}\N{LEFTWARDS ARROW}\N{LEFT RIGHT ARROW}"
)
"""Stand between the words of names: `mixtral 8 \N{MULTIPLICATION SIGN} 7B`."""
_COMPARING = frozenset({">", ">=", "<", "<="})
SHOWN_CHARACTERS = 40
_EVERYTHING = frozenset({"*", "**", "*:*", "{}"})
"""What other languages write for all: stars, and a filter in JSON without a condition."""


def tell_lone_signs(tokens: Sequence[Token], reading: Reading) -> None:
    """A problem for each sign that compares or reckons, and is no operator here."""
    for place, token in enumerate(tokens):
        if token.kind is not Kind.WORD:
            continue
        before = tokens[place - 1] if place else None
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        if _LONE_SIGN.fullmatch(token.text) or _SIMILAR_TO.fullmatch(token.text):
            message = f"{token.text} compares no name with a number here; the sign is left out."
        elif _is_no_operator(token.text) or _reckons(before, token, after, reading):
            message = f"{token.text} is no operator here; it is left out."
        elif _leaves_out_nothing(before, token, after, reading):
            message = (
                f"{token.text} stands apart from what it shall leave out; write it directly before that."
            )
        else:
            continue
        reading.problem("unsupported-operator", message, token.start, token.end)


def tell_signs_alone(orders: Sequence[Token], reading: Reading) -> None:
    """A problem for a text that asks for nothing but `orders` and has no letter or digit beside them: `\N{SECTION SIGN}`, `!`.

    It would find every model, as the empty text does. Beside words such signs are of titles, and leave the rest as it is.
    """
    rest = list(reading.text)
    for order in orders:
        rest[order.start : order.end] = " " * (order.end - order.start)
    signs = "".join(rest)
    visible = [place for place, sign in enumerate(signs) if _is_visible(sign)]
    asks_for_all = "".join(signs.split()) in _EVERYTHING
    if reading.problems or asks_for_all or not visible or any(map(str.isalnum, signs)):
        return
    start, end = visible[0], visible[-1] + 1
    message = f"{signs[start:end][:SHOWN_CHARACTERS]} has no letter or digit to look for; it is left out."
    reading.problem("no-words", message, start, end)


def _is_visible(sign: str) -> bool:
    return unicodedata.category(sign)[0] not in "CZ"


def _leaves_out_nothing(before: Token | None, token: Token, after: Token | None, reading: Reading) -> bool:
    """`- bert`, `! license:mit`, `bert - license:mit`, which would find what was to be left out; between words it is part of a title."""
    if token.text not in {"-", "!"} or after is None:
        return False
    return before is None or bool(_COMPARISON.search(reading.text[after.start : after.end]))


def _is_no_operator(sign: str) -> bool:
    """Whether it is a sign of mathematics beyond those of keyboards: `accuracy \N{ELEMENT OF} [0.8, 0.9]`."""
    return (
        len(sign) == 1
        and not sign.isascii()
        and sign not in _OF_TITLES
        and unicodedata.category(sign) == "Sm"
    )


def _reckons(before: Token | None, token: Token, after: Token | None, reading: Reading) -> bool:
    """`accuracy - f1 > 0.1`, and `framework:onnx / license:mit`, of which nobody knows whether both are asked for."""
    if before is None or after is None or token.text not in _ARITHMETIC or after.kind is not Kind.CONDITION:
        return False
    if before.kind is Kind.CONDITION:
        return token.text == "/"
    names = KnownNames(reading)
    if before.kind is Kind.WORD and before.start == 0 and _DIGITS.fullmatch(before.text):
        return after.operator in _COMPARING and names.units(after.name) is not None  # `1 - f1 < 0.1`
    return (
        before.kind is Kind.WORD
        and after.operator in _COMPARING
        and names.units(before.text) is not None
        and names.units(after.name) is not None
        and names.known(before.text)
    )
