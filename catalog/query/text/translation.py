"""Sentences of other languages, word by word: `neueste Modelle mit mehr als 90 % Genauigkeit` is read by the rules of
English ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from catalog.lazy_dataclasses import dataclass, field
from catalog.query.periods import MONTH_NAMES, is_year
from catalog.query.text.dutch import DUTCH, DUTCH_OR_ENGLISH, DUTCH_PHRASES
from catalog.query.text.french import FRENCH, FRENCH_OR_ENGLISH, FRENCH_PHRASES
from catalog.query.text.german import ALSO_ENGLISH, BEFORE_YEARS, GERMAN, GERMAN_PHRASES
from catalog.query.text.italian import ITALIAN, ITALIAN_OR_ENGLISH, ITALIAN_PHRASES
from catalog.query.text.numbers import SPOKEN_NUMBERS
from catalog.query.text.portuguese import PORTUGUESE, PORTUGUESE_OR_ENGLISH, PORTUGUESE_PHRASES
from catalog.query.text.spanish import SPANISH, SPANISH_OR_ENGLISH, SPANISH_PHRASES
from catalog.text.patterns import pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class _Language:
    """The words of a language in English; `shared` are those that make no sentence of this language alone, but for some `pairs`."""

    words: Mapping[str, str]
    shared: frozenset[str]
    pairs: tuple[frozenset[str], ...] = ()  # shared words that together are of this language
    dating: frozenset[str] = frozenset()  # shared words that before a year are of this language
    phrases: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    doubled: frozenset[str] = frozenset()  # shared words that are of this language where they stand twice
    opening: frozenset[str] = (
        frozenset()
    )  # words that begin a sentence of this language and join words of another


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    return {word.casefold(): english for english, words in table.items() for word in words.split()}


def _together(word: str, *others: str) -> tuple[frozenset[str], ...]:
    """The word with each of the others."""
    return tuple(frozenset({word, other}) for other in others)


_GERMAN = _Language(
    words=_by_word(GERMAN),
    shared=ALSO_ENGLISH,
    pairs=(frozenset({"von", "bis"}), frozenset({"aus", "dem"})),
    dating=BEFORE_YEARS,
    phrases=GERMAN_PHRASES,
)
_LANGUAGES = (
    _GERMAN,
    _Language(
        words=_by_word(FRENCH),
        shared=FRENCH_OR_ENGLISH,
        pairs=(
            *(frozenset({"entre", "et"}), frozenset({"sous", "licence"}), frozenset({"ce", "mois"})),
            *_together("ans", "il", "plus", "que"),
            *_together("an", "il", "un"),
            *_together("mois", "du", "il", "un"),
            *_together("pas", "licence", "ou", "ni"),
        ),
        dating=frozenset({"mars", "novembre", "fin"}),
        phrases=FRENCH_PHRASES,
        doubled=frozenset({"ni"}),
    ),
    _Language(
        words=_by_word(SPANISH),
        shared=SPANISH_OR_ENGLISH,
        pairs=(
            *_together("sin", "o", "u", "y", "e", "ni"),
            *_together("no", "o", "u"),
            *_together("salvo", "o", "u", "y"),
            *_together("que", "mayor", "menor", "peor"),
            *(frozenset({"entre", "y"}), frozenset({"julio", "de"}), frozenset({"en", "julio"})),
        ),
        dating=frozenset({"julio"}),
        phrases=SPANISH_PHRASES,
        doubled=frozenset({"ni"}),
    ),
    _Language(
        words=_by_word(ITALIAN),
        shared=ITALIAN_OR_ENGLISH,
        pairs=(
            frozenset({"tra", "e"}),
            *_together("di", "meno", "maggiore", "minore"),
            frozenset({"non", "o"}),
            *(frozenset({"prima", "del"}), frozenset({"superiore", "a"}), frozenset({"inferiore", "a"})),
            *_together("fa", "anno", "anni", "mese", "mesi"),
        ),
        dating=frozenset({"agosto", "aprile", "marzo", "dal"}),
        phrases=ITALIAN_PHRASES,
    ),
    _Language(
        words=_by_word(PORTUGUESE),
        shared=PORTUGUESE_OR_ENGLISH,
        pairs=(
            *_together("sem", "ou", "nem", "e", "com"),
            *_together("ano", "este", "neste", "há"),
            frozenset({"entre", "e"}),
            *_together("que", "maior", "pior", "mais"),
        ),
        dating=frozenset({"agosto", "maio", "junho"}),
        phrases=PORTUGUESE_PHRASES,
        doubled=frozenset({"nem"}),
        opening=frozenset({"o", "os", "as"}),
    ),
    _Language(
        words=_by_word(DUTCH),
        shared=DUTCH_OR_ENGLISH,
        pairs=(frozenset({"meer", "dan"}), *_together("het", "kleinste", "beste", "laatste")),
        phrases=DUTCH_PHRASES,
        doubled=frozenset({"noch"}),
    ),
)


def in_english(words: Sequence[str]) -> tuple[str, ...] | None:
    """The words as the rules know them, if one of them can only be of another language; None for other texts.

    Of several languages it is the one that has most of the words: `en mai 2024` is French, `im Mai 2024` German.
    """
    there = {*words}
    spoken = [
        language
        for language in _LANGUAGES
        if any(word in language.words and word not in language.shared for word in words)
        or any(pair <= there for pair in language.pairs)
        or any(words.count(word) > 1 for word in language.doubled & there)
        or any(_is_superlative(pair, language) for pair in pairwise(words))
        or any(word in language.dating and is_year(following) for word, following in pairwise(words))
    ]
    if not spoken:
        return None
    known = max(
        spoken,
        key=lambda language: sum(word in language.words for word in words) + (words[0] in language.opening),
    )
    return _translated(words, known)


def _is_superlative(pair: tuple[str, str], language: _Language) -> bool:
    """Whether two words are a superlative of this language, such as `plus petit`."""
    return pair in language.phrases and language.phrases[pair][0] in _COMPARATIVES


_COMPARATIVES = {
    "smallest": "smaller",
    "largest": "larger",
    "newest": "newer",
    "oldest": "older",
    "fastest": "faster",
}


def _is_compared(behind: Sequence[str], language: _Language) -> bool:
    """Whether a superlative is none, as in `plus petits que 3 Mo` and `plus vieux que deux ans`."""
    link, number = (*behind, "", "")[:2]
    counted = number[:1].isdigit() or _is_spoken(number, language)
    meant = language.words.get(link)
    if link == "di" and number and (number not in language.words or language.words[number] in _DATES):
        return True  # più piccolo di bert; more than all and than a model of the catalog are orders
    return meant == "than" or (meant == "of" and counted)


_DATES = frozenset({*MONTH_NAMES, "yesterday"})


def _is_spoken(number: str, language: _Language) -> bool:
    meant = language.words.get(number, number)
    return meant == "a" or meant in SPOKEN_NUMBERS


def _translated(words: Sequence[str], language: _Language) -> tuple[str, ...]:
    english: list[str] = []
    while len(english) < len(words):
        place = len(english)
        phrase = language.phrases.get((words[place], words[place + 1])) if place + 1 < len(words) else None
        if (
            phrase is not None
            and phrase[0] in _COMPARATIVES
            and _is_compared(words[place + 2 : place + 4], language)
        ):
            english += ("the", _COMPARATIVES[phrase[0]], "than")
            continue
        behind = (*words[place + 2 : place + 3], "")[0]
        if phrase is not None and phrase[0] in _COMPARATIVES and _is_spoken(behind, language):
            english += (_COMPARATIVES[phrase[0]], "than")  # plus vieux qu'un an
            continue
        meant = _meant(words, place) or language.words.get(words[place], words[place])
        if meant == "half" and words[place] in _HALVES and (not english or english[-1] not in _ORDINALS):
            meant = words[place]  # of a year it is counted; half alone is a precision
        english += phrase or (meant,)
    return tuple(english)


def _tells_a_time(words: Sequence[str], place: int) -> bool:
    """Whether `3 Jahren` or `mehr als zwei Wochen` stands there, and no date."""
    meant = [_GERMAN.words.get(word, word) for word in words[place : place + _LONGEST_TIME]]
    return any(
        time in _TIMES and (count.isdigit() or count in SPOKEN_NUMBERS or count in {"a", "few"})
        for count, time in pairwise(meant)
    )


_LONGEST_TIME = 4
"""Words of `mehr als zwei Wochen`."""
_TIMES = frozenset({"days", "weeks", "months", "years"})
_ITALIAN_MONTHS = frozenset(word for month in MONTH_NAMES for word in ITALIAN.get(month, "").split())
_ORDINALS = frozenset({"first", "second"})
_HALVES = frozenset({"halbjahr", "hälfte", "semestre", "mitad"})
_SEVERAL = 2


_LICENCES = frozenset({"license", "licence", "licensed", "licenced"})
_BEFORE_A_LICENCE = frozenset({"ohne", "unter", "mit", "der", "die", "einer", "keine", "keiner"})
"""Words behind which `mit Lizenz` is the one of MIT, and not one of any kind."""
_COMPOUND = pattern(r"([\w-]+)-modelle?n?")


def _meant(words: Sequence[str], place: int) -> str:
    """What a German or Dutch word means where what stands beside it tells; empty for others."""
    word, following = words[place], words[place + 1] if place + 1 < len(words) else ""
    if (compound := _COMPOUND.fullmatch(word)) is not None:
        return compound[1]  # NER-Modell
    meant = _GERMAN.words.get(following, following)
    match word:
        case "noch" if "weder" not in words[:place] and words.count(word) < _SEVERAL:
            return word  # still
        case "mit" if (
            not following
            or following in _LICENCES
            or (meant in _LICENCES and place and words[place - 1] in _BEFORE_A_LICENCE)
            or (place and _GERMAN.words.get(words[place - 1], words[place - 1]) in _LICENCES)
        ):
            return word  # the licence
        case "von" if following[:1].isdigit() and "bis" in words:
            return "from"
        case "von" if following[:1].isdigit() or meant in {"min", "max", "more", "over", "exactly"}:
            return "of"
        case "vor" if _tells_a_time(words, place + 1):
            return "ago"
        case "da" if following in _ITALIAN_MONTHS:
            return "since"
        case "voor" if following[:1].isdigit():
            return "before"
        case "nach" if (
            following and not following[:1].isdigit() and meant not in {*MONTH_NAMES, "the", "last"}
        ):
            return "by"
    return ""
