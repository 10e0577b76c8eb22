"""German sentences, word by word: `neueste Modelle mit mehr als 90 % Genauigkeit` is read by the rules of English ones.

Names of fields, metrics and values have German aliases in the tables of `mappings`; here are the words around them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

GERMAN: Mapping[str, str] = {
    german.casefold(): english
    for english, words in {
        "a": "ein eine einen einem einer",
        "after": "nach",
        "all": "alle allen",
        "and": "und",
        "ascending": "aufsteigend",
        "at": "am",
        "base": "basis",
        "based": "basierend",
        "before": "vor",
        "below": "unterhalb",
        "best": "beste bester bestes besten",
        "between": "zwischen",
        "billion": "milliarde milliarden",
        "by": "von",
        "created": "erstellt erstellte erstellten",
        "days": "tag tage tagen",
        "broken": "kaputte kaputten defekte defekten",
        "december": "dezember",
        "descending": "absteigend",
        "duplicates": "duplikate duplikaten",
        "english": "englische englischer englisches englischen",
        "exactly": "genau",
        "fewer": "weniger",
        "fewest": "wenigsten",
        "find": "finde suche",
        "folder": "ordner verzeichnis",
        "for": "für fuer",
        "french": "französische französischen",
        "german": "deutsche deutscher deutsches deutschen deutsch",
        "has": "hat haben",
        "higher": "höher hoeher",
        "highest": "höchste höchster höchsten",
        "in": "im",
        "incomplete": "unvollständig unvollständige unvollständigen",
        "is": "ist sind",
        "january": "januar",
        "june": "juni",
        "july": "juli",
        "larger": "größer groesser",
        "largest": "größte größter größtes größten groesste",
        "last": "letzte letzten letzter letztes",
        "license": "lizenz lizenzen",
        "longest": "längste längsten",
        "lower": "niedriger",
        "lowest": "niedrigste niedrigsten",
        "march": "märz",
        "max": "höchstens maximal",
        "may": "mai",
        "me": "mir",
        "million": "millionen",
        "min": "mindestens minimal",
        "models": "modelle modellen modell",
        "months": "monat monate monaten",
        "more": "mehr",
        "most": "meiste meisten",
        "new": "neue neuen neues",
        "newer": "neuer",
        "newest": "neueste neuester neuestes neuesten",
        "no": "kein keine keinen",
        "not": "nicht",
        "october": "oktober",
        "of": "der des",
        "older": "älter",
        "oldest": "älteste ältester ältesten",
        "on": "auf",
        "or": "oder",
        "over": "über ueber",
        "percent": "prozent",
        "quantized": "quantisiert quantisierte quantisierten",
        "released": "veröffentlicht",
        "show": "zeige zeig",
        "since": "seit",
        "smaller": "kleiner",
        "smallest": "kleinste kleinster kleinstes kleinsten",
        "safe": "sicher sichere sicheren",
        "sorted": "sortiert",
        "than": "als",
        "the": "die das den dem",
        "thousand": "tausend tsd",
        "today": "heute",
        "trained": "trainiert trainierte trainierten",
        "three": "drei",
        "two": "zwei",
        "five": "fünf",
        "under": "unter",
        "unsafe": "unsicher unsichere unsicheren gefährlich gefährliche gefährlichen",
        "until": "bis",
        "weeks": "woche wochen",
        "which": "welche welches welcher",
        "with": "mit",
        "without": "ohne",
        "worst": "schlechteste schlechtesten",
        "years": "jahr jahre jahren",
        "yesterday": "gestern",
    }.items()
    for german in words.split()
}
_ALSO_ENGLISH = frozenset(
    (
        "mit",
        "die",
        "der",
        "das",
        "den",
        "dem",
        "des",
        "am",
        "im",
        "in",
        "hat",
        "mir",
        "von",
        "bis",
        "als",
        "ist",
        "basis",
        "alle",
        "new",
        "neuer",
        "minimal",
        "maximal",
        "auf",
    )
)
"""German words that stand in names and in other languages, too: alone they make no German sentence."""


def in_english(words: Sequence[str]) -> tuple[str, ...] | None:
    """The words as the rules know them, if one of them can only be German; None for other texts."""
    if not any(word in GERMAN and word not in _ALSO_ENGLISH for word in words):
        return None
    return tuple(
        word if word == "mit" and _is_licence(words, place) else GERMAN.get(word, word)
        for place, word in enumerate(words)
    )


def _is_licence(words: Sequence[str], place: int) -> bool:
    """Whether `mit` is the licence: the last word, or right behind the word for it."""
    before = words[place - 1] if place else ""
    return place == len(words) - 1 or before in {"lizenz", "license", "licence"}
