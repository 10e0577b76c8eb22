"""Foreign text made inert: characters that act instead of being seen are spelled out.

What stands for such a character is the reader's choice: a terminal shows an escape, a page a code point.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

# Controls, formats (direction marks, overrides, isolates, zero-width and invisible signs), lone surrogates, line and
# paragraph separators. Source: Unicode UAX #9 section 2, UTR #36 section 2.
ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
UNKNOWN = frozenset({"Co", "Cn"})
"""Private and unassigned characters: harmless on a page, of unknown width in a terminal."""
JOINERS = frozenset({"\u200d", "\ufe0f"})
"""Inside emoji and Indic words; they move nothing."""


def inert(text: str, spell: Callable[[str], str], *, categories: frozenset[str] = ACTING) -> str:
    """The text with every character of these categories replaced by what `spell` makes of it."""
    if text.isprintable():  # nothing of these categories is
        return text
    return "".join(
        spell(letter) if unicodedata.category(letter) in categories and letter not in JOINERS else letter
        for letter in text
    )
