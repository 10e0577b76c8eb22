"""Several values of one name in sentences: `license in mit, apache-2.0`, `layers 6,12 to 24`, `neither pytorch nor onnx`."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.query.text.function_words import FUNCTION_WORDS, MODEL_WORDS
from catalog.query.text.numbers import has_thousands
from catalog.query.text.printing import quoted
from catalog.query.text.sentence_numbers import amount_at, span_at
from catalog.query.text.sentence_orders import ordered
from catalog.query.text.sentence_parts import (
    LINKS,
    Replacement,
    Sentence,
    any_of,
    next_member,
    numeric_name,
    spoken_name,
)
from catalog.query.text.sentence_values import keyword_fields, named_by_alias, value_of
from catalog.text.patterns import pattern
from mappings import fields, fields_where

_MEMBERS = (("in",), ("one", "of"), ("any", "of"), ("among",), ("either",), ("either", "of"), ("from",))
"""What stands between a name and the values of which any is right."""
_NONE_OF = (
    ("none", "of"),
    ("neither",),
    ("neither", "of"),
    ("outside",),
    ("outside", "of"),
    ("other", "than"),
)
_PLAIN_VALUE = pattern(r"[^\W_][\w.+-]*")


def listed_values(sentence: Sentence, at: int) -> Replacement:
    """`license in mit, apache-2.0`, `license isn't mit or gpl-3.0`, `framework is neither pytorch nor onnx`."""
    if sentence.vocabulary is None:
        return None
    for count, words in spoken_name(sentence, at):
        for name in keyword_fields(words):
            used = count + (sentence.text(at + count) in LINKS)
            negated = sentence.text(at + used) == "not"
            used += negated
            opening = _opening(sentence, at + used, _MEMBERS)
            if not opening and (opening := _opening(sentence, at + used, _NONE_OF)):
                negated = not negated
            end, values = _values(
                sentence, at + used + opening, name, open_list=bool(opening), none_of=negated
            )
            if len(values) > 1 or (values and (opening or negated)):
                return end - at, _conditions(name, values, negated=negated)
    return None


_NOTHING = ""
"""Among values: that there is none, as in `license mit or unknown`."""


def _conditions(name: str, values: Sequence[str], *, negated: bool) -> str:
    listed = ",".join(quoted(value) for value in values if value != _NOTHING)
    conditions = [f"{'-' if negated else ''}{name}:{listed}"] if listed else []
    if _NOTHING in values:
        conditions.append(f"{'has' if negated else 'missing'}:{name}")
    if len(conditions) < _SEVERAL:
        return conditions[0]
    return " ".join(conditions) if negated else f"({' OR '.join(conditions)})"


def _opening(sentence: Sentence, at: int, openings: Sequence[tuple[str, ...]]) -> int:
    """How many words of the longest of these stand there."""
    return max(
        (
            len(words)
            for words in openings
            if all(sentence.text(at + offset) == word for offset, word in enumerate(words))
        ),
        default=0,
    )


def _values(
    sentence: Sentence,
    at: int,
    field: str,
    *,
    open_list: bool,
    any_first: bool = False,
    none_of: bool = False,
) -> tuple[int, list[str]]:
    """Where the values of the field that begin there end, and the values.

    They are what models have. In an open list a word behind a comma is one, too, so that it is told of where none has it.
    """
    values: list[str] = []
    place = at
    while True:
        match = value_of(sentence, place, field)
        if match is None and (open_list if values else any_first) and _is_listed(sentence, place, values):
            match = 1, sentence.text(place)
        if match is None and _says_nothing(sentence, place, listed=bool(values)):
            match = 1 + (sentence.text(place) == "no"), _NOTHING
        if match is None and none_of and values and _is_last(sentence, place):
            match = 1, sentence.text(place)
        if match is None:
            return at, values
        values.append(match[1])
        at = place + match[0]
        place = next_member(sentence, at)
        if not place and (open_list or field == "tags") and sentence.text(at) == "and":
            place = at + 1  # one of mit and apache-2.0; of tags a model has several
        if not place or (sentence.text(at) == "and" and value_of(sentence, place, field) is None):
            return at, values


def _says_nothing(sentence: Sentence, place: int, *, listed: bool) -> bool:
    """Whether the member of a list is `unknown`, `none` or `no license`; alone a rule of its own reads it."""
    word = sentence.text(place)
    if word == "no" and listed:
        return any(keyword_fields(sentence.text(place + 1)))
    if listed and word in {"missing", "none"}:
        return True
    return word in UNTOLD and (listed or bool(next_member(sentence, place + 1)))


UNTOLD = frozenset({"unknown", "undefined", "unspecified", "unset", "undisclosed"})
"""Words for a value that is not told."""


def _is_listed(sentence: Sentence, place: int, before: list[str]) -> bool:
    word = sentence.text(place)
    listed = not before or sentence.words[place - 1].whole.endswith(",")
    if not listed or _PLAIN_VALUE.fullmatch(word) is None or word in FUNCTION_WORDS:
        return False
    others = (amount_at, numeric_name, named_by_alias, ordered)
    return not any(reading(sentence, place) is not None for reading in others)  # it says something else


_BEHIND_A_LIST = frozenset({"", "and", "or", "nor", "but", *MODEL_WORDS})


def _is_last(sentence: Sentence, place: int) -> bool:
    """Whether a word behind or ends the list: `owner isn't ada or bob`, where Bob has none, asks for nobody else's."""
    word = sentence.text(place)
    if sentence.text(place - 1) not in {"or", "nor"} or _PLAIN_VALUE.fullmatch(word) is None:
        return False
    return word not in FUNCTION_WORDS and sentence.text(place + 1) in _BEHIND_A_LIST


_SEVERAL = 2
_WHOLE = pattern(r"\d+(?:,\d+)*")
_RANGE_OF_WHOLE = frozenset({"to", "bis"})


def listed_numbers(sentence: Sentence, at: int) -> Replacement:
    """`layers 6,12 to 24`, `layers 6, 12 or 24`: of what is counted a comma parts values, where it parts no thousands."""
    named = numeric_name(sentence, at)
    if named is None or not named[1].integer:
        return None
    count, target = named
    used = count + (sentence.text(at + count) in LINKS)
    place, end, parts = at + used, at, list[str]()
    while (match := _whole_or_span(sentence, place)) is not None:
        parts += match[1]
        end = place + match[0]
        place = next_member(sentence, end)
        if not place:
            break
    if len(parts) < _SEVERAL or numeric_name(sentence, end) is not None:
        return None  # a name behind the numbers is what they are of
    return end - at, any_of(target.name, parts)


def _whole_or_span(sentence: Sentence, at: int) -> tuple[int, list[str]] | None:
    """How many words the numbers there have, and these, the last one with its range: `6,12 to 24`."""
    text = sentence.text(at)
    if not _WHOLE.fullmatch(text) or has_thousands(text):
        span = span_at(sentence, at)
        whole = span is not None and f"{span[1]}{span[2]}".isdigit()
        return (span[0], [f"{span[1]}..{span[2]}"]) if span is not None and whole else None
    amount = amount_at(sentence, at)
    if amount is not None and amount.unit:
        return None  # `2 or 3 GB` is no list of whole numbers
    *parts, last = text.split(",")
    ends = sentence.text(at + 2).split(",")
    if sentence.text(at + 1) in _RANGE_OF_WHOLE and all(end.isdigit() for end in ends):
        return 3, [*parts, f"{last}..{ends[0]}", *ends[1:]]
    return 1, [*parts, last]


_LEAVING_OUT = frozenset({"without", "except", "excluding", "neither", "nor"})


def tagged(sentence: Sentence, at: int) -> Replacement:
    """`tagged prod`, `not tagged with prod, old`: tags that models have, and any where they are left out or said to be some."""
    if sentence.vocabulary is None or sentence.text(at) not in {"tagged", "labelled", "labeled"}:
        return None
    if sentence.words[at].whole.endswith(","):
        return None
    used = 1 + (sentence.text(at + 1) in {"as", "with", "by"})
    named = used > 1 or (at > 0 and sentence.text(at - 1) == "not")
    end, values = _values(sentence, at + used, "tags", open_list=named, any_first=named)
    if not values:
        return None
    denied = at > 0 and (sentence.text(at - 1) == "not" or sentence.text(at - 1) in _LEAVING_OUT)
    joins = {sentence.text(place) for place in range(at + used, end)} & {"and", "or"}
    if joins == {"and"} and not denied:
        return end - at, " ".join(f"tags:{quoted(value)}" for value in values)
    return end - at, f"tags:{','.join(map(quoted, values))}"


def alternatives(sentence: Sentence, at: int) -> Replacement:
    """`small pytorch or onnx models`: two values of one field, which the other conditions hold for alike."""
    if sentence.text(at + 1) != "or":
        return None
    held_by, end, values = _holding(sentence, at), at, list[str]()
    while held_by and sentence.words[end].raw[:1].isalnum():
        values.append(sentence.words[end].raw)
        end += 1
        if sentence.text(end) != "or" or sentence.words[end].raw != "or":
            break
        held_by &= _holding(sentence, end + 1)
        end += bool(held_by)
    several = len(values) > 1 and (at or end < len(sentence.words))
    return (end - at, f"({' OR '.join(values)})") if several else None


def _holding(sentence: Sentence, at: int) -> frozenset[str]:
    """The fields of which the word there is a value that models have."""
    word, vocabulary = sentence.text(at), sentence.vocabulary
    if not word or vocabulary is None or not _PLAIN_VALUE.fullmatch(word):
        return frozenset()
    canonical = (name for name, row in fields().items() if row.canonical is not None)
    return frozenset(
        name for name in canonical if word in {value.casefold() for value in vocabulary.values.get(name, {})}
    )


_LONGEST_LIST = 40
"""Words of a list before the name of what has them."""


def listed_before_name(sentence: Sentence, at: int) -> Replacement:
    """`mit or apache-2.0 licence`, `mit nor apache-2.0 license`: several values, and the name of what has them behind."""
    if sentence.vocabulary is None or not any(next_member(sentence, at + count) for count in (1, 2, 3)):
        return None
    further = range(at + _SEVERAL, min(at + _LONGEST_LIST, len(sentence.words)))
    named = {name for place in further for name in keyword_fields(sentence.text(place))}
    for name in filter(named.__contains__, fields_where("spoken_before")):
        end, values = _values(sentence, at, name, open_list=False)
        if len(values) > 1 and name in keyword_fields(sentence.text(end)):
            return end + 1 - at, _conditions(name, values, negated=False)
    return None
