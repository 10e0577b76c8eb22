"""Which texts come before another one, or look like a pattern, as a regular expression over the terms of a column."""

from __future__ import annotations

_ANY = r"[\x{0}-\x{10FFFF}]"
_ANYTHING = f"{_ANY}*"


def before(text: str, *, included: bool) -> str:
    """Matches every text but the empty one that is sorted before this one, by its characters; with `included` also itself.

    Bounds: `MAX_ORDERED_CHARACTERS`, else the expression has more states than Tantivy allows.
    """
    less, shorter = "", ""
    for character in reversed(text):
        smaller = f"[\\x{{0}}-\\x{{{ord(character) - 1:X}}}]" if ord(character) else ""
        longer = f"{_literal(character)}(?:{less})" if less else ""
        less = "|".join(filter(None, (smaller, longer)))
    for character in reversed(text[:-1]):
        shorter = f"{_literal(character)}(?:{shorter})?" if shorter else _literal(character)
    parts = (f"(?:{less}){_ANYTHING}" if less else "", shorter, _literal(text) if included else "")
    return "|".join(filter(None, parts))


def like(pattern: str) -> str:
    """Matches every text that a pattern of `*` and `?` means. Bounds: those of `catalog.text.wildcards`."""
    return "".join({"*": _ANYTHING, "?": _ANY}.get(character) or _literal(character) for character in pattern)


def _literal(text: str) -> str:
    return "".join(f"\\x{{{ord(character):X}}}" for character in text)
