"""The words of a text with their places, as the rules of sentences read them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import zip_longest

from catalog.query.text.sentence_parts import CONTRACTED, Word
from catalog.query.text.targets import metric_target
from catalog.text.patterns import pattern

_WORDS = pattern(r"\S+")
_QUOTED = pattern(r'"(?:[^"\\]|\\.)*"?|“[^”]*”?|«[^»]*»?')
EDGES = ",.?!;"
PLAIN = pattern(
    r"(?:[<>]=?|[≥≤~≈])?[\w.%@/+-]+|\d+,\d+%?(?:-|\.\.)\d+,\d+%?|\d+(?:,\d+)+\w*%?|[<>]=?|!=|==?|[≥≤~≈]",
    re.UNICODE,
)


def words_of(text: str) -> tuple[Word, ...]:
    """The words, without the articles that French elides, and with the sign between a metric and its data set apart."""
    typed = _joined_comparisons(tuple(map(_without_elision, typed_words(text))))
    return _parted_at(_parted_brackets(_parted_joinings(typed)))


def _joined_comparisons(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """`maior do que` with its `do que` as the one word que: Portuguese says either."""
    if "do" not in {word.text for word in words}:
        return words
    joined: list[Word] = []
    for word in words:
        before = [there.text for there in joined[-3:]]
        is_compared = before[-1:] == ["do"] and (
            before[-2:-1] and (before[-2] in _OF_PORTUGUESE or before[0] in {"mais", "menos"})
        )
        if word.text == "que" and is_compared:
            joined[-1] = replace(word, start=joined[-1].start)
        else:
            joined.append(word)
    return tuple(joined)


_OF_PORTUGUESE = frozenset({"maior", "maiores", "menor", "menores", "melhor", "melhores", "pior", "piores"})


_JOINED_BOUND = pattern(r"(?P<joining>and|but|or|und|oder)(?P<bound>[<>]=?\d[\w.]*%?)", re.IGNORECASE)


def _parted_joinings(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """`and<0.9` behind `f1>0.8` as two words."""
    parted: list[Word] = []
    for word in words:
        match = _JOINED_BOUND.fullmatch(word.whole)
        parted += [word] if match is None else [_part(word, match, "joining"), _part(word, match, "bound")]
    return tuple(parted)


def typed_words(text: str) -> tuple[Word, ...]:
    """The words with their places. Quoted text is one word that no rule reads."""
    words = []
    at = 0
    while (match := _WORDS.search(text, at)) is not None:
        start, end = match.span()
        quote = _QUOTED.search(text, start)
        while quote is not None and start <= quote.start() < end:
            rest = re.compile(r"\S*").match(text, quote.end())
            end = max(end, quote.end(), rest.end() if rest else 0)
            quote = _QUOTED.search(text, max(quote.end(), start + 1))
        raw = text[start:end]
        bare = raw.strip("()").rstrip(EDGES)
        plain = bare == raw.rstrip(EDGES) and PLAIN.fullmatch(bare) is not None
        text_of = bare.casefold()
        if CONTRACTED.fullmatch(text_of):
            plain, text_of = True, "not"
        words.append(
            Word(
                text=text_of,
                raw=bare,
                start=start,
                end=end,
                plain=plain and not raw.startswith("-"),
                whole=raw,
            )
        )
        at = end
    return tuple(words)


_ELIDED = pattern(
    r"(?:[dljmnst]|qu)['\N{RIGHT SINGLE QUOTATION MARK}](?P<rest>[aeiouyhàâäéèêëîïôöùûüœ][\w-]{2,}\d*|il|un|an)",
    re.IGNORECASE,
)
"""`l'architecture`, `d'analyse`: French drops a vowel before another one."""


def _without_elision(word: Word) -> Word:
    """The word without the article before it."""
    match = _ELIDED.fullmatch(word.raw)
    if match is None or word.whole != word.raw:
        return word
    rest = match["rest"]
    return replace(word, text=rest.casefold(), raw=rest, plain=True, elided=True)


def _parted_at(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """`f1@ conll2003` and `f1 @conll2003` as three words: the name of a metric, the sign, and the data set."""
    if not any(word.raw[:1] == "@" or word.raw[-1:] == "@" for word in words):
        return words
    parted: list[Word] = []
    for word in words:
        sign = word.start if word.raw[:1] == "@" else word.start + len(word.raw) - 1
        measured = parted[-1].raw if word.raw[:1] == "@" and parted else word.raw.rstrip("@")
        name = measured.rpartition(":")[2]
        if (
            len(word.raw) < _WITH_A_SIGN
            or "@" not in word.raw[:1] + word.raw[-1:]
            or metric_target(name) is None
        ):
            parted.append(word)
            continue
        at_sign = Word(text="@", raw="@", start=sign, end=sign + 1, plain=True, whole="@")
        if sign == word.start:
            rest = word.raw[1:]
            parted += [
                at_sign,
                replace(word, text=rest.casefold(), raw=rest, start=sign + 1, whole=word.whole[1:]),
            ]
        else:
            rest = word.raw[:-1]
            parted += [replace(word, text=rest.casefold(), raw=rest, end=sign, whole=rest), at_sign]
    return tuple(parted)


_WITH_A_SIGN = 2
_BRACKETED = pattern(
    r"(?P<name>[^\W\d][\w.]*)?(?P<rest>[(\[](?P<inside>[\w.\-]+)[)\]])"
    r"(?P<compared>(?P<sign>:?[<>]=?|[:≥≤]|(?<!\])==?)(?P<number>\d[\w.%]*))?"
)


def _parted_brackets(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """`f1(conll2003)>0.9` and `accuracy[mnli]` in parts: the name of a metric, what it was measured on, the sign and the number."""
    parted: list[Word] = []
    for word in words:
        match = _BRACKETED.fullmatch(word.whole)
        name = "" if match is None else match["name"] or (parted[-1].raw if parted else "")
        if (
            match is None
            or metric_target(name) is None
            or not (match["name"] or match["compared"])  # `f1 (conll2003)` is two words already
        ):
            parted.append(word)
            continue
        inside = match["inside"]
        if match["name"]:
            parted.append(_part(word, match, "name"))
        parted.append(replace(_part(word, match, "rest"), text=inside.casefold(), raw=inside))
        if match["compared"]:
            sign = replace(_part(word, match, "sign"), text=match["sign"].lstrip(":") or "=")
            parted += [*(() if ".." in match["number"] else (sign,)), _part(word, match, "number")]
    return tuple(parted)


def _part(word: Word, match: re.Match[str], group: str) -> Word:
    """What a group matched, as a word of its own."""
    start, end = (word.start + place for place in match.span(group))
    part = match[group]
    return replace(word, text=part.casefold(), raw=part, start=start, end=end, whole=part, plain=True)


def denying(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """`never` before a participle as not: elsewhere it may be a word of a name."""
    return tuple(
        replace(word, text="not")
        if word.text == "never" and following is not None and _DONE.fullmatch(following.text)
        else word
        for word, following in zip_longest(words, words[1:])
    )


def mended(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """`more then 7B`, `less accurate then 0.9`: then behind what compares as than, which it is mistyped for."""
    return tuple(
        replace(word, text="than") if word.text == "then" and _is_compared(words, place) else word
        for place, word in enumerate(words)
    )


def _is_compared(words: tuple[Word, ...], place: int) -> bool:
    before = [word.text for word in words[max(place - 2, 0) : place]]
    return bool(before) and (before[-1] in _COMPARATIVES or before[0] in {"more", "less"})


_COMPARATIVES = frozenset(
    {
        *("more", "less", "fewer", "greater", "higher", "lower", "larger", "smaller", "bigger", "longer"),
        *("shorter", "newer", "older", "better", "worse", "faster", "slower"),
    }
)
_DONE = pattern(r"[^\W\d_]{2,}(?:ed|en|lt|iert)")
"""A participle of English or German."""
