"""Keys that sort texts as people count: v2 before v10, and versions with what comes before a release in front of it."""

from __future__ import annotations

from catalog.text.folding import fold
from catalog.text.patterns import pattern

_DIGITS = pattern(r"\d+")
_WIDTH = 12
"""Digits that numbers are filled up to; longer ones, such as hashes, stay as they are."""
_END = "."
_BUILT = pattern(r"\+|-(?=\d)")
_BUILT_KEY = pattern(r"\.(\+|-(?=\d))")
"""Source: PEP 440, local versions; git describe, the number of commits since a tag."""
_BEFORE_RELEASE = pattern(r"(?<=\d)[.\-_]?(?=(?:a|alpha|b|beta|rc|dev|pre|preview|snapshot)(?:[.\-_]?\d|$))")


def natural_key(text: str) -> str:
    """`llama-v2` and `llama-v10` with numbers of one width, case folded."""
    return _DIGITS.sub(lambda digits: digits[0].lstrip("0").rjust(_WIDTH, "0"), fold(text))


def release_key(text: str) -> str:
    """The key of a release: `v` in front says nothing, and `2.0-rc1` comes before `2.0`.

    What ends a version stands between the hyphen of a release to come and the point of a later one: `-` < `.` < `/`.
    Stores keep it as the place in a series: another form would need every place anew.
    """
    plain = fold(text).strip().removeprefix("v")
    return natural_key(_BEFORE_RELEASE.sub("-", plain)).replace(".", "/") + _END


def version_key(text: str) -> str:
    """The key of a release, and behind it what is built of it: `2.1+cu118`, `1.0-2-gabc`, `2024-01-05` of `2024-01`."""
    return _BUILT.sub(rf"{_END}\g<0>", release_key(text))


def version_of(key: str) -> str | None:
    """The version that has this key; None for a key of none, or of one that a point and a slash could both be part of."""
    spelled = _BUILT_KEY.sub(r"\g<1>", key.removesuffix(_END)).replace("/", ".")
    plain = _DIGITS.sub(lambda digits: digits[0].lstrip("0") or "0", spelled)
    return plain if version_key(plain) == key else None
