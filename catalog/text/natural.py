"""Keys that sort texts as people count: v2 before v10, and versions with what comes before a release in front of it."""

from __future__ import annotations

from catalog.text.folding import fold
from catalog.text.patterns import pattern

_DIGITS = pattern(r"\d+")
_WIDTH = 12
"""Digits that numbers are filled up to; longer ones, such as hashes, stay as they are."""
_BEFORE_RELEASE = pattern(r"(?<=\d)[.\-_]?(?=(?:a|alpha|b|beta|rc|dev|pre|preview|snapshot)(?:[.\-_]?\d|$))")


def natural_key(text: str) -> str:
    """`llama-v2` and `llama-v10` with numbers of one width, case folded."""
    return _DIGITS.sub(lambda digits: digits[0].lstrip("0").rjust(_WIDTH, "0"), fold(text))


def version_key(text: str) -> str:
    """The key of a version: `v` in front says nothing, and `2.0-rc1` comes before `2.0`.

    What ends a version stands between the hyphen of a release to come and the point of a later one: `-` < `.` < `/`.
    """
    plain = fold(text).strip().removeprefix("v")
    return natural_key(_BEFORE_RELEASE.sub("-", plain)).replace(".", "/") + "."


def version_of(key: str) -> str | None:
    """The version that has this key; None for a key of none, or of one that a point and a slash could both be part of."""
    plain = _DIGITS.sub(lambda digits: digits[0].lstrip("0") or "0", key.removesuffix(".").replace("/", "."))
    return plain if version_key(plain) == key else None
