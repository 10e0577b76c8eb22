"""Times counted back from now in sentences: `3 years ago`, `in the last 30 days`, `older than 1 year`, `this month`."""

from __future__ import annotations

from typing import TypeAlias

from catalog.query.text.numbers import SPOKEN_NUMBERS
from catalog.query.text.sentence_parts import UNITS_OF_TIME, Sentence, comparator, spoken_date
from catalog.text.patterns import pattern

Told: TypeAlias = tuple[int, str, str] | None
"""How many words tell a time, the word for its side (`before`, `since`, `in`), and the date."""
PERIODS = frozenset({"week", "month", "quarter", "year"})


def counted_back(sentence: Sentence, at: int) -> Told:
    """A time before now that no name holds, whatever else is asked for."""
    return (
        _recent(sentence, at)
        or _ago(sentence, at)
        or _aged(sentence, at)
        or _present(sentence, at)
        or _day_before_yesterday(sentence, at)
    )


def _recent(sentence: Sentence, at: int) -> Told:
    """`in the last 30 days`, `last month`, `within the past year`, `last quarter`."""
    used = 0
    if sentence.text(at) in {"in", "within", "during", "over"}:
        used += 1
    if sentence.text(at + used) == "the":
        used += 1
    if sentence.text(at) == "within" and (lasting := duration(sentence, at + used)) is not None:
        return used + lasting[0], "since", f"-{lasting[1]}"
    if (turned := _turned(sentence, at + used)) is not None:
        return used + turned[0], "since", f"-{turned[1]}"
    if sentence.text(at + used) not in {"last", "past"}:
        return None
    used += 1
    if sentence.text(at + used) == "quarter" and sentence.text(at + used + 1) != "of":
        return used + 1, "in", "last-quarter"
    unit = _unit_of_time(sentence, at + used)
    lasting = (
        (1, f"1{unit}") if unit else _short_duration(sentence, at + used) or duration(sentence, at + used)
    )
    return None if lasting is None else (used + lasting[0], "since", f"-{lasting[1]}")


def _short_duration(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """`24h`, `7d`, `6mo` behind last and past."""
    match = _SHORT_DURATION.fullmatch(sentence.text(at))
    return None if match is None else (1, f"{match[1]}{_SHORT_UNITS[match[2]]}")


_SHORT_UNITS = {
    **dict.fromkeys(("h", "hr", "hrs"), "h"),
    "d": "d",
    **dict.fromkeys(("w", "wk", "wks"), "w"),
    **dict.fromkeys(("m", "mo"), "mo"),
    **dict.fromkeys(("y", "yr", "yrs"), "y"),
}
_SHORT_DURATION = pattern(rf"(\d{{1,4}})({'|'.join(_SHORT_UNITS)})")


def _turned(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """`6 last months`, as French has it."""
    amount, unit = _number_of_times(sentence.text(at)), _unit_of_time(sentence, at + 2)
    is_turned = amount is not None and bool(unit) and sentence.text(at + 1) == "last"
    return (3, f"{amount}{unit}") if is_turned else None


def _unit_of_time(sentence: Sentence, at: int) -> str:
    return UNITS_OF_TIME.get(sentence.text(at).removesuffix("s"), "")


_MAX_DIGITS_OF_TIME = 4


def duration(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """`30 days`, `a week`, `six months`, `half a year`: how many words, and the time as conditions write it."""
    for words in (("half", "a"), ("a", "half"), ("half",)):
        if all(sentence.text(at + offset) == word for offset, word in enumerate(words)):
            lasting = _HALF_OF.get(sentence.text(at + len(words)).removesuffix("s"))
            return None if lasting is None else (len(words) + 1, lasting)
    word = sentence.text(at)
    amount = 1 if word in {"a", "an"} else _number_of_times(word)
    unit = _unit_of_time(sentence, at + 1)
    return None if amount is None or not unit else (2, f"{amount}{unit}")


def _number_of_times(word: str) -> int | None:
    if word.isascii() and word.isdigit():
        return int(word) if len(word) <= _MAX_DIGITS_OF_TIME else None
    return SPOKEN_NUMBERS.get(word)


_HALF_OF = {"year": "6mo", "day": "12h"}


def _ago(sentence: Sentence, at: int) -> Told:
    """`3 years ago`: in that year; `more than 3 years ago`: before that moment.

    In other languages the word for it stands before the time: `vor 3 Jahren`, `il y a 3 ans`.
    """
    begun = sentence.text(at) == "ago"
    used = int(begun)
    while begun and sentence.text(at + used) in {"the", "a"} and duration(sentence, at + used) is None:
        used += 1
    compared = comparator(sentence, at + used)
    used += compared[0] if compared is not None else 0
    lasting = duration(sentence, at + used)
    side = "in" if compared is None else _SIDES.get(compared[1])
    if lasting is None or side is None:
        return None
    used += lasting[0]
    if not begun and sentence.text(at + used) != "ago":
        return None
    return used + (not begun), side, _period_of(lasting[1]) if side == "in" else f"-{lasting[1]}"


_SIDES = {">": "before", ">=": "before", "<": "since", "<=": "since", "=": "in"}
_ROUNDED = {"h": "d", "d": "d", "w": "w", "mo": "M", "y": "y"}


def _period_of(lasting: str) -> str:
    """The day, week, month or year of so long ago, as date math writes it: `now-3y/y`."""
    unit = lasting.lstrip("0123456789")
    return f"now-{lasting.removesuffix('o').replace('m', 'M')}/{_ROUNDED[unit]}"


def _aged(sentence: Sentence, at: int) -> Told:
    """`older than 1 year`, `newer than 6 months`, `newer than 2023`, `no older than 30 days`, `less than a week old`."""
    if sentence.text(at) in {"no", "not"}:
        if sentence.text(at + 1) in {"no", "not"}:
            return None
        aged = _aged(sentence, at + 1)
        flipped = {"before": "since", "since": "before", "after": "until"}
        return None if aged is None else (aged[0] + 1, flipped[aged[1]], aged[2])
    old = _years_old(sentence, at)
    if old is not None:
        return old
    is_recent = sentence.text(at) in {"more", "less"} and sentence.text(at + 1) == "recent"
    word = (_RECENCY if is_recent else _SIDES_OF_AGES).get(sentence.text(at))
    used = 1 + is_recent
    if word is None or sentence.text(at + used) != "than":
        return None
    used += 1
    lasting = duration(sentence, at + used)
    if lasting is not None:
        return used + lasting[0], "since" if word == "after" else word, f"-{lasting[1]}"
    date = period_named(sentence, at + used) or spoken_date(sentence, at + used)
    return None if date is None else (used + date[0], word, date[1])


_SIDES_OF_AGES = {"older": "before", "newer": "after", "younger": "after"}
_RECENCY = {"more": "after", "less": "before"}
"""`more recent than 2023`."""


def period_named(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """How `this year`, `last month` and `the day before yesterday` are written: as a whole, where something is said to be before or after it."""
    if (day := _day_before_yesterday(sentence, at)) is not None:
        return day[0], day[2]
    word, period = sentence.text(at), sentence.text(at + 1).removesuffix("s")
    return (2, f"{word}-{period}") if word in {"this", "last"} and period in PERIODS else None


def _years_old(sentence: Sentence, at: int) -> Told:
    """`less than a week old`, `over 5 years old`, `of more than a year`."""
    begun = int(sentence.text(at) == "of")
    compared = comparator(sentence, at + begun)
    if compared is None or compared[1] not in {">", ">=", "<", "<="}:
        return None
    used = begun + compared[0]
    lasting = duration(sentence, at + used)
    if lasting is None:
        return None
    used += lasting[0]
    old = sentence.text(at + used) == "old"
    return (used + old, _SIDES[compared[1]], f"-{lasting[1]}") if begun or old else None


def _present(sentence: Sentence, at: int) -> Told:
    """What lasts until now: `this year`, `in this quarter`."""
    used = int(sentence.text(at) in {"in", "during", "from"})
    named = period_named(sentence, at + used) if sentence.text(at + used) == "this" else None
    return None if named is None else (used + named[0], "in", named[1])


_DAY_BEFORE_YESTERDAY = ("day", "before", "yesterday")


def _day_before_yesterday(sentence: Sentence, at: int) -> Told:
    """`the day before yesterday`, which other languages and old English have one word for."""
    used = int(sentence.text(at) == "the")
    if sentence.text(at + used) == "ereyesterday":
        return used + 1, "in", "now-2d/d"
    words = tuple(sentence.text(at + used + offset) for offset in range(len(_DAY_BEFORE_YESTERDAY)))
    return (used + len(words), "in", "now-2d/d") if words == _DAY_BEFORE_YESTERDAY else None


def denied_for(sentence: Sentence, at: int) -> Told:
    """`in 2 years` and `for 6 months` behind a verb that is denied: since then."""
    if sentence.text(at) not in {"in", "for", "within"}:
        return None
    used = 1 + (sentence.text(at + 1) in {"over", "the"})
    lasting = duration(sentence, at + used)
    return None if lasting is None else (used + lasting[0], "since", f"-{lasting[1]}")
