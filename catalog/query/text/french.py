"""The words of French sentences. Names of fields and of languages have French aliases in the tables of `mappings`."""

from __future__ import annotations

from collections.abc import Mapping

FRENCH: Mapping[str, str] = {
    "a": "un une",
    "accuracy": "exactitude",
    "after": "après apres",
    "all": "tous toutes",
    "and": "et",
    "before": "avant",
    "best": "meilleur meilleurs meilleure meilleures",
    "between": "entre",
    "billion": "milliard milliards",
    "by": "par",
    "created": "créé créés créée créées",
    "days": "jour jours",
    "for": "pour",
    "in": "en dans",
    "last": "dernier derniers dernière dernières",
    "less": "moins",
    "license": "licence licences",
    "models": "modèle modèles modele modeles",
    "months": "mois",
    "more": "plus",
    "not": "pas",
    "of": "de du des",
    "or": "ou",
    "parameters": "paramètres paramètre",
    "quantized": "quantifié quantifiés quantifiée quantifiées",
    "since": "depuis",
    "sorted": "trié triés triée triées",
    "than": "que",
    "the": "le la les",
    "thousand": "mille",
    "trained": "entraîné entraînés entraînée entraînées entrainé entrainés",
    "under": "sous",
    "until": "jusque",
    "weeks": "semaine semaines",
    "with": "avec",
    "without": "sans",
    "years": "an ans année années",
    "yesterday": "hier",
}
"""English words, and those of which each stands for one."""
FRENCH_PHRASES: Mapping[tuple[str, str], tuple[str, str]] = {
    **{("plus", word): ("newest", "the") for word in ("récent", "récents", "récente", "récentes")},
    **{("plus", word): ("smallest", "the") for word in ("petit", "petits", "petite", "petites")},
    **{("plus", word): ("largest", "the") for word in ("grand", "grands", "grande", "grandes", "gros")},
    ("au", "moins"): ("at", "least"),
    ("au", "plus"): ("at", "most"),
    ("moins", "de"): ("less", "than"),
    ("plus", "de"): ("more", "than"),
    ("pour", "cent"): ("percent", "of"),
}
"""Two words that mean something else than each of them."""
FRENCH_OR_ENGLISH = frozenset(
    (
        "an",
        "ans",
        "de",
        "des",
        "du",
        "en",
        "entre",
        "et",
        "la",
        "le",
        "les",
        "licence",
        "licences",
        "mille",
        "par",
        "pas",
        "plus",
        "pour",
        "que",
        "sous",
        "un",
        "une",
        "ou",
        "mois",
    )
)
"""French words that stand in names and in other languages, too: alone they make no French sentence."""
