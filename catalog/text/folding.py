"""How keywords are compared: one rule for indexes, queries and what is shown of both."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """The form in which keywords are compared: case ignored, one Unicode form, valid UTF-8."""
    if text.isascii():
        return text.lower()
    return well_formed(unicodedata.normalize("NFC", text.casefold()))


def is_text(text: str) -> bool:
    """Whether it has a UTF-8 form: bytes that are none come as halves of characters from a terminal and from JSON."""
    return well_formed(text) == text


def well_formed(text: str) -> str:
    """The text with lone surrogates made visible, which have no UTF-8 form."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
