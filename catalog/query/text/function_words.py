"""Words that a sentence needs and no model: the one list, by where they say nothing."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION_WORDS = _words(
    "about all also an any anything are as at be both but by can could do does either everything for from got had has have having how in is it its many me model "
    "models my of on only our please some something such supporting supports that the their them there these this those to use used using was we were what what's whats where which who "
    "whose with you your "
    "nur seulement alle auf das dem den der des die ein eine für haben modell modelle modellen und welche welches zum zur "
    "modèle modèles modelo modelos modello modelli"
)
"""Never required, except in quotes or where nothing else is asked for."""
NEGATING_WORDS = _words(
    "no not non without except minus nor neither kein keine keinen nicht ohne sans pas sin weder ni senza zonder sem né nem não nao geen niet"
)
"""Where one of these stands, the models that have the other words may be the very ones that are not wanted."""
MODEL_WORDS = _words("model models modelle modellen modèle modèles modelo modelos modello modelli")
"""What is searched here: with words that say nothing alone they ask for all of them."""
SHORT_WORDS = _words("a i i'm i’m")
"""Say nothing beside other function words; alone they may be a part of a name."""
OPENING_WORDS = _words("find get give list need search show want")
"""Say nothing at the beginning of a sentence; elsewhere they may be what is looked for, as in semantic search."""
FILLER_WORDS = (
    FUNCTION_WORDS | SHORT_WORDS | OPENING_WORDS | _words("and checkpoint checkpoints decent good suitable")
)
"""Go where the words around them have become conditions."""
