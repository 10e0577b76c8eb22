"""Names as slugs: lower case, everything but letters and digits as one underscore.

`slug` is the one for names that people and programs write in ASCII letters, as tables of names are keyed; `stored_slug` is
the one under which documents keep names that no table knows, foreign letters included.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from catalog.text.patterns import pattern

MAX_SLUG_CHARS = 128
_NOT_SLUG = pattern(r"[^a-z0-9]+")


def slug(text: str) -> str:
    """`F1-Score` as `f1_score`; empty when no ASCII letter or digit is left."""
    return _NOT_SLUG.sub("_", text.casefold()).strip("_")


@lru_cache(maxsize=16_384)
def stored_slug(text: str) -> str:
    """The name as `[a-z0-9_]+`, at most 128 long: accents folded. A name with nothing left is hashed, a long one cut."""
    if text.isascii():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).casefold()
        folded = "".join(
            letter for letter in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(letter)
        )
    words = _NOT_SLUG.sub("_", folded).strip("_")
    if words and len(words) <= MAX_SLUG_CHARS:
        return words
    import hashlib  # noqa: PLC0415 - a search needs it for the odd name only

    digest = hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()[:12]
    return f"{words[: MAX_SLUG_CHARS - 13]}_{digest}" if words else f"name_{digest}"
