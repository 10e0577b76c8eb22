"""Comparisons that are written with signs inside a sentence, which the scanner reads: `accuracy > 0.9`, `0.8 < f1 < 0.9`; with a
name of several words or a data set behind them they become one condition here.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog.query.text.sentence_datasets import measured_on
from catalog.query.text.sentence_numbers import amount_at
from catalog.query.text.sentence_parts import SIGNS, Sentence, numeric_name
from catalog.query.text.targets import Target
from catalog.text.patterns import pattern

_WRITTEN = {**SIGNS, "!=": "!="}
"""Signs beside a name. Words that compare make none of unequal ones."""


def written_comparison(sentence: Sentence, at: int) -> tuple[int, str | None] | None:
    """`accuracy > 0.9` with blanks is already a condition; a name of several words becomes one: `mean squared error < 1`."""
    left = _left_bound(sentence, at)
    if left is not None:
        return _left_bound_on(sentence, at, left) or (left, None)
    named = numeric_name(sentence, at)
    if named is None:
        return None
    count, target = named
    sign = sentence.text(at + count)
    if sign in _WRITTEN:
        amount = amount_at(sentence, at + count + 1)
        used = count + 1 + (amount.count if amount else 1)
        if at + used > len(sentence.words):
            return None
        if amount is not None and target.metric is not None:
            on = measured_on(sentence, at + used, target.name, f"{_WRITTEN[sign]}{amount.text}")
            if on is not None:
                return used + on[0], on[1]
        more = _further(sentence, at + used)
        if more and amount is not None and target.metric is not None:
            signs = (f"{_WRITTEN[sign]}{amount.text}", _spelled_bound(sentence, at + used, more))
            on = _all_on(sentence, at + used + more, target, signs)
            if on is not None:
                return used + more + on[0], on[1]
        used += more
        translated = amount is not None and sentence.words[at].raw.casefold() != sentence.text(at)
        if count == 1 and (amount is None or amount.count == 1) and sign not in _NEARLY and not translated:
            return used, None
        return (used, f"{target.name}{_WRITTEN[sign]}{amount.text}") if amount else None
    amount = amount_at(sentence, at + count)
    if amount is None or not sentence.words[at + count].raw.startswith(("<", ">", "≥", "≤")):
        return None
    if count == 1 and amount.count == 1:
        return 2 + _further(sentence, at + 2), None
    return count + amount.count, f"{target.name}{amount.sign}{amount.text}"


def _further(sentence: Sentence, at: int) -> int:
    """How many words a second bound of the same name has: `and < 64k` behind `context > 8k`. The scanner reads it."""
    joined = sentence.text(at) in {"and", "but"}
    sign = sentence.text(at + joined)
    if sign in SIGNS:
        amount = amount_at(sentence, at + joined + 1)
        return 0 if amount is None or amount.sign else joined + 1 + amount.count
    amount = amount_at(sentence, at + joined)
    if amount is None or not sentence.words[at + joined].raw.startswith(_COMPARING):
        return 0
    return joined + amount.count if numeric_name(sentence, at + joined + amount.count) is None else 0


def further_bound(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """A second bound of the same name, such as `and < 0.9`: how many words, and its sign with the number."""
    count = _further(sentence, at)
    return (count, _spelled_bound(sentence, at, count)) if count else None


_COMPARING = ("<", ">", "\N{GREATER-THAN OR EQUAL TO}", "\N{LESS-THAN OR EQUAL TO}")


def _spelled_bound(sentence: Sentence, at: int, count: int) -> str:
    """The second bound of so many words, sign and number together."""
    last = amount_at(sentence, at + count - 1) or amount_at(sentence, at + count - 2)
    sign = next(
        SIGNS[sign[0]] for place in range(at, at + count) if (sign := _SIGN.match(sentence.text(place)))
    )
    return f"{sign}{last.text if last is not None else ''}"


_SIGN = pattern(r"[<>]=?|[\N{GREATER-THAN OR EQUAL TO}\N{LESS-THAN OR EQUAL TO}]")


def _all_on(sentence: Sentence, at: int, target: Target, signs: Sequence[str]) -> tuple[int, str] | None:
    """All bounds of a metric on the data set that stands there: `f1 > 0.8 and < 0.9 on conll2003`."""
    measurements = [measured_on(sentence, at, target.name, sign) for sign in signs]
    conditions = [on for on in measurements if on is not None]
    return (conditions[0][0], " ".join(condition for _, condition in conditions)) if conditions else None


_NEARLY = frozenset("~\N{ALMOST EQUAL TO}")


def _left_bound(sentence: Sentence, at: int) -> int | None:
    """How many words `0.8 < accuracy < 0.9` or `7B >= params` has: the scanner reads them."""
    amount = amount_at(sentence, at)
    if amount is None or amount.sign or sentence.text(at + amount.count) not in SIGNS:
        return None
    named = numeric_name(sentence, at + amount.count + 1)
    if named is None:
        return None
    used = amount.count + 1 + named[0]
    other = amount_at(sentence, at + used + 1) if sentence.text(at + used) in SIGNS else None
    return used if other is None else used + 1 + other.count


def _left_bound_on(sentence: Sentence, at: int, count: int) -> tuple[int, str] | None:
    """`0.8 < f1 < 0.9 on conll2003`, of so many words before the data set."""
    low = amount_at(sentence, at)
    named = numeric_name(sentence, at + low.count + 1) if low is not None else None
    if low is None or named is None or named[1].metric is None:
        return None
    signs = [f"{_TURNED[SIGNS[sentence.text(at + low.count)]]}{low.text}"]
    place = at + low.count + 1 + named[0]
    high = amount_at(sentence, place + 1) if place < at + count else None
    if high is not None:
        signs.append(f"{SIGNS[sentence.text(place)]}{high.text}")
    on = _all_on(sentence, at + count, named[1], signs)
    return None if on is None else (count + on[0], on[1])


_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "=": "="}
