"""Words that a sentence needs and no model: the one list, by where they say nothing."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION_WORDS = _words(
    "all an any are at for from had has have having in is it its me model models of on please that the their them there these this "
    "those to was were which whose with"
)
"""Never required, except in quotes or where nothing else is asked for."""
SHORT_WORDS = _words("a i")
"""Say nothing beside other function words; alone they may be a part of a name."""
OPENING_WORDS = _words("find get give list need search show want")
"""Say nothing at the beginning of a sentence; elsewhere they may be what is looked for, as in semantic search."""
FILLER_WORDS = FUNCTION_WORDS | SHORT_WORDS | OPENING_WORDS | _words("and checkpoint checkpoints")
"""Go where the words around them have become conditions."""
