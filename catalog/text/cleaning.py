"""Text from files made fit to show and to index: no control characters, no direction tricks, bounded lengths."""

from __future__ import annotations

from typing import Any

from catalog.text.patterns import pattern

MAX_KEYWORD_CHARS = 1_024
MAX_VALUE_CHARS = 8_192
MAX_ALL_TEXT_BYTES = 256 * 1024

_UNWANTED = pattern(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
_ANSI = pattern(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|[@-Z\\-_])")
_SURROGATE = pattern("[\ud800-\udfff]")
_SPACES = pattern(r"\s+")


def clean(text: str, limit: int = MAX_VALUE_CHARS) -> str:
    """The text without control and direction characters (line ends and tabs stay), trimmed, at most `limit` long."""
    if text.isascii() and text.isprintable():  # nothing to clean, as in most text
        return text.strip()[:limit].rstrip()
    text = text[: limit * 4].replace("\r\n", "\n").replace("\r", "\n")
    text = _UNWANTED.sub("", _ANSI.sub("", text))
    text = (
        text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")
        if not text.isascii() and _SURROGATE.search(text)
        else text
    )
    return text.strip()[:limit].rstrip()


def keyword(text: str) -> str:
    """One line of at most 1,024 characters."""
    return _SPACES.sub(" ", clean(text, MAX_KEYWORD_CHARS))


def cleaned(value: Any, depth: int = 0) -> Any:
    """A JSON value with every text in it cleaned; NaN and infinities as words, because JSON has no such numbers."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float) and (value != value or value in {float("inf"), float("-inf")}):  # noqa: PLR0124 - NaN
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return str(value)[:400] if abs(value) < 10**400 else "a number of more than 400 digits"
    if isinstance(value, dict | list | tuple) and depth >= 32:
        return "…"
    if isinstance(value, dict):
        return {clean(str(key), MAX_KEYWORD_CHARS): cleaned(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean(str(value))


def cut_bytes(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, no character split."""
    data = text.encode("utf-8", errors="replace")
    return text if len(data) <= limit else data[:limit].decode("utf-8", errors="ignore")
