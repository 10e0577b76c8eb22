"""Several amounts in sentences: `8k, 16k or 32k`, `7B, 13B or 70B`, `1 or 2 GB`, `7B/13B`."""

from __future__ import annotations

import re

from catalog.query.text.function_words import FILLER_WORDS
from catalog.query.text.sentence_numbers import (
    BYTE_UNITS,
    PARAMETER_WORDS,
    Amount,
    amount_at,
    by_unit,
    spelled_amount,
    with_noun,
)
from catalog.query.text.sentence_parts import (
    Replacement,
    Sentence,
    any_of,
    is_operator,
    next_member,
    numeric_name,
)
from catalog.text.patterns import pattern

_SEVERAL = 2


def amounts_listed(sentence: Sentence, at: int, *, named_behind: bool = False) -> tuple[int, list[str]]:
    """Where the numbers of one unit that begin there end, and these: `0.95 or 0.96`, `8k, 16k or 32k`. None without any."""
    first = amount_at(sentence, at)
    if first is None or first.sign:
        return at, []
    end, amounts = at + first.count, [first]
    while (place := next_member(sentence, end)) and (other := amount_at(sentence, place)) is not None:
        unit, following = amounts[-1].unit, sentence.text(place + other.count)
        alike = other.unit.casefold() == unit.casefold() or (not unit and other.unit in BYTE_UNITS)
        if other.sign or not alike or len(amounts) >= _MAX_LISTED:
            break  # it is about something else
        ends = following in _BEHIND_AMOUNTS or sentence.words[place + other.count - 1].whole.endswith(",")
        if not ends and not (named_behind and numeric_name(sentence, place + other.count) is not None):
            break
        end, amounts = place + other.count, [*amounts, other]
    return end, [f"{amount.digits}{amount.unit or amounts[-1].unit}" for amount in amounts]


_MAX_LISTED = 20
"""Numbers of one list: each of them may begin one."""
_BEHIND_AMOUNTS = frozenset({"", "or", "and", "nor", "tokens"})


def amounts_alone(sentence: Sentence, at: int) -> Replacement:
    """`7B, 13B or 70B`, `1 or 2 GB`, `7B/13B`: any of them; the unit of the last one is that of those before it."""
    if (joined := joined_amounts(sentence, at)) is not None:
        return joined
    if not sentence.text(at)[:1].isdigit():
        return None
    amounts, end = list[Amount](), at
    while (amount := amount_at(sentence, end)) is not None and not amount.sign and len(amounts) < _MAX_LISTED:
        amounts.append(amount)
        place = end + amount.count
        joins = sentence.text(place) in _BETWEEN and not is_operator(sentence, place)
        further = next_member(sentence, place) or (place + 1 if joins else 0)
        following = amount_at(sentence, further) if further else None
        if following is None or following.sign or not _are_alike(amount, following):
            break
        end = further
    if len(amounts) < _SEVERAL or amounts[-1].unit not in _UNITS_OF_LISTS:
        return None
    if not amounts[0].unit and at and sentence.text(at - 1) not in FILLER_WORDS | {"not", "without"}:
        return None  # "llama 2 or 3 GB"
    used, name = end + amounts[-1].count - at, by_unit(amounts[-1])
    if numeric_name(sentence, at + used) is not None and sentence.text(at + used) not in PARAMETER_WORDS:
        return None  # "1 or 2 GB memory": the name is what has them
    values = [f"{amount.digits}{amount.unit or amounts[-1].unit}" for amount in amounts]
    return with_noun(sentence, at, used, name), any_of(name, values)


def joined_amounts(sentence: Sentence, at: int) -> Replacement:
    """`7B/13B`, `7B,13B`: in one word."""
    joined = sentence.words[at].whole.rstrip(_EDGES) if at < len(sentence.words) else ""
    if not joined[:1].isdigit() or not _JOINED_AMOUNTS.fullmatch(joined):
        return None
    parts = _BETWEEN_AMOUNTS.split(joined.casefold())
    units = {by_unit(amount) for part in parts if (amount := spelled_amount(part)) is not None}
    return (1, any_of(units.pop(), [part.upper() for part in parts])) if len(units) == 1 else None


def _are_alike(amount: Amount, following: Amount) -> bool:
    return not amount.unit or by_unit(amount) == by_unit(following) != ""


def beside_another(sentence: Sentence, at: int, used: int) -> bool:
    """Whether an amount of something else stands beside it: `7B, 2GB`, `2GB or 7B`."""
    further = next_member(sentence, at + used)
    before = at - 2 if at > 1 and sentence.text(at - 1) in _BETWEEN | {"or"} else at - 1
    apart = before == at - 1 and not (at and sentence.words[before].whole.endswith(","))
    beside = [amount_at(sentence, further) if further else None]
    beside += [amount_at(sentence, before) if before >= 0 and not apart else None]
    return any(amount is not None and amount.unit and by_unit(amount) for amount in beside)


_BETWEEN = frozenset({"and", "o", "ou", "oder"})
_UNITS_OF_LISTS = BYTE_UNITS - {"bytes"} | {"B", "M", "T"}
_JOINED_AMOUNTS = pattern(
    r"\d+(?:\.\d+)?(?:[kmgt]i?b|b)(?:[,/|]\d+(?:\.\d+)?(?:[kmgt]i?b|b))+", re.IGNORECASE
)
_BETWEEN_AMOUNTS = pattern(r"[,/|]")
_EDGES = ",.?!;"
