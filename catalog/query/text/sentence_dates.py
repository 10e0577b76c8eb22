"""Dates in sentences: `trained after 2023`, `older than 1 year`, `May 2024`, `this month`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from catalog.query.periods import MONTH_NAMES, MONTHS, parse_period
from catalog.query.text.function_words import FILLER_WORDS
from catalog.query.text.sentence_parts import (
    SPOKEN_NUMBERS,
    UNITS_OF_TIME,
    Replacement,
    Sentence,
    is_year,
    spoken_date,
)

_PREPOSITIONS: Mapping[str, str] = {
    "after": "after",
    "before": "before",
    "since": "since",
    "until": "until",
    "till": "until",
    "in": "in",
    "during": "in",
    "on": "on",
    "from": "in",
    "ab": "since",
    "am": "on",
}
_SPOKEN_SIGNS = {"after": ">", "since": ">=", "before": "<", "until": "<=", "in": ":", "on": ":"}
_VERBS: Mapping[str, str] = {
    "trained": "",
    "made": "",
    "built": "",
    "dated": "",
    "created": "created",
    "released": "released",
    "published": "released",
    "modified": "modified",
    "updated": "modified",
    "changed": "modified",
}


def dated(sentence: Sentence, at: int) -> Replacement:
    """`trained after 2023`, `since May 2024`, `in the last 30 days`, `between 2022 and 2024`."""
    verb = _VERBS.get(sentence.text(at))
    start = at + (verb is not None)
    match = (
        _recent(sentence, start)
        or _aged(sentence, start)
        or _between_dates(sentence, start)
        or _half_of_year(sentence, start)
        or _preposition(sentence, start)
        or _date_alone(sentence, start, at)
    )
    if match is None:
        return None
    count, word, date = match
    if verb is None and (behind := _VERBS.get(sentence.text(start + count))) is not None:
        verb, count = behind, count + 1  # "nach 2023 trainiert"
    dates = [date]
    if word == "in" and (
        end := _OPEN_ENDS.get((sentence.text(start + count), sentence.text(start + count + 1)))
    ):
        word, count = end, count + 2
    while word == "in" and sentence.text(start + count) in {"or", "and"}:
        other = spoken_date(sentence, start + count + 1)
        if other is None:
            break
        dates.append(other[1])
        count += 1 + other[0]
    texts = [_condition(verb, word, date) for date in dates]
    return count + start - at, texts[0] if len(texts) == 1 else f"({' OR '.join(texts)})"


_OPEN_ENDS = {
    ("or", "later"): "since",
    ("or", "newer"): "since",
    ("or", "earlier"): "until",
    ("or", "older"): "until",
}


def _condition(verb: str | None, word: str, date: str) -> str:
    if word == "range":
        return f"{verb or 'date'}:{date}"
    return f"{verb}{_SPOKEN_SIGNS[word]}{date}" if verb else f"{word}:{date}"


def _preposition(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    word = _PREPOSITIONS.get(sentence.text(at))
    if word is None:
        return None
    used = 1 + (sentence.text(at + 1) == "the")
    used += sentence.text(at + used) in {"year", "years"}  # "im Jahr 2024"
    if sentence.text(at + used) in {"this", "last"} and sentence.text(at + used + 1) in _PERIODS:
        return used + 2, word, f"{sentence.text(at + used)}-{sentence.text(at + used + 1)}"
    date = spoken_date(sentence, at + used)
    return None if date is None else (used + date[0], word, date[1])


_PERIODS = frozenset({"week", "month", "year"})


def _between_dates(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    first = sentence.text(at)
    link = {"between": "and", "from": "to"}.get(first)
    if link is None:
        return None
    low = spoken_date(sentence, at + 1) or _month_alone(sentence, at + 1)
    if low is None or sentence.text(at + 1 + low[0]) not in {link, "until", "till"}:
        return None
    high = spoken_date(sentence, at + 2 + low[0])
    if high is None:
        return None
    first, last = low[1].strip('"'), high[1].strip('"')
    if first in _SPOKEN_MONTHS:  # between March and June 2024
        first = _in_year_of(first, last)
    ends = [_without_blanks(date, sentence) for date in (first, last)]
    return (2 + low[0] + high[0], "range", "..".join(ends)) if all(ends) else None


def _in_year_of(month: str, last: str) -> str:
    """The month in the year of the last one, or in the year before: `between November and February 2024`."""
    later, _, year = last.rpartition(" ")
    before = later in _SPOKEN_MONTHS and _number_of(month) > _number_of(later)
    return f"{month} {int(year) - before if is_year(year) else year}"


def _number_of(month: str) -> int:
    return MONTHS.index(month[:3])


def _without_blanks(date: str, sentence: Sentence) -> str:
    """A date as an end of a range: `2024-03` for March 2024. Empty for what is none."""
    period = parse_period(date, sentence.now)
    if period is None or " " not in date:
        return "" if period is None else date
    return (
        f"{period.start:%Y-%m-%d}"
        if period.end - period.start <= timedelta(days=1)
        else f"{period.start:%Y-%m}"
    )


_SPOKEN_MONTHS = frozenset((*MONTH_NAMES, *MONTHS))


def _month_alone(sentence: Sentence, at: int) -> tuple[int, str] | None:
    return (1, sentence.text(at)) if sentence.text(at) in _SPOKEN_MONTHS else None


_HALVES = {"h1": "01..{}-06", "h2": "07..{}-12", "first": "01..{}-06", "second": "07..{}-12"}


def _half_of_year(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    """`H1 2024`, `in the first half of 2024`."""
    used = int(sentence.text(at) in {"in", "during"})
    used += sentence.text(at + used) == "the"
    ends = _HALVES.get(sentence.text(at + used))
    if ends is None:
        return None
    used += 1
    if not sentence.text(at + used - 1).startswith("h"):
        if sentence.text(at + used) != "half":
            return None
        used += 1 + (sentence.text(at + used + 1) == "of")
    year = sentence.text(at + used)
    return (used + 1, "range", f"{year}-{ends.format(year)}") if is_year(year) else None


def _recent(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    """`in the last 30 days`, `last month`, `within the past year`."""
    used = 0
    if sentence.text(at) in {"in", "within", "during", "over"}:
        used += 1
    if sentence.text(at + used) == "the":
        used += 1
    if sentence.text(at + used) not in {"last", "past"}:
        return None
    used += 1
    word = sentence.text(at + used)
    amount = int(word) if word.isdigit() and len(word) < 5 else SPOKEN_NUMBERS.get(word)
    used += amount is not None
    unit = UNITS_OF_TIME.get(sentence.text(at + used).removesuffix("s"))
    if unit is None:
        return None
    return used + 1, "since", f"-{amount or 1}{unit}"


def _aged(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    """`older than 1 year`, `newer than 6 months`, `newer than 2023`."""
    word = {"older": "before", "newer": "after", "younger": "after"}.get(sentence.text(at))
    if word is None or sentence.text(at + 1) != "than":
        return None
    used = 2 + (sentence.text(at + 2) in {"a", "an"})
    number = sentence.text(at + used)
    amount = int(number) if number.isdigit() and len(number) < 4 else SPOKEN_NUMBERS.get(number)
    unit = UNITS_OF_TIME.get(sentence.text(at + used + (amount is not None)).removesuffix("s"))
    if unit is not None and (amount is not None or used > 2):
        return used + 1 + (amount is not None), "since" if word == "after" else word, f"-{amount or 1}{unit}"
    date = spoken_date(sentence, at + 2)
    return None if date is None else (2 + date[0], word, date[1])


_DAYS = frozenset({"today", "yesterday"})


def _date_alone(sentence: Sentence, at: int, start: int) -> tuple[int, str, str] | None:
    """`trained 2024`, and, where nothing else is asked for, `May 2024`, `2024-05`, `today`, `this month`."""
    if sentence.text(at) in _DAYS:
        date = (1, sentence.text(at))
    elif sentence.text(at) == "this" and sentence.text(at + 1) in _PERIODS:
        date = (2, f"this-{sentence.text(at + 1)}")
    elif sentence.text(at) == "last" and sentence.text(at + 1) in _PERIODS:
        date = (2, f"last-{sentence.text(at + 1)}")
    else:
        span = _span_of_dates(sentence, at)
        if span is not None:
            return (1, "range", span) if at > start or _says_nothing_else(sentence, at, 1) else None
        spoken = spoken_date(sentence, at)
        if spoken is None or (at == start and is_year(spoken[1])):
            return None
        date = spoken
    if at == start and not _says_nothing_else(sentence, at, date[0]):
        return None
    return date[0], "in", date[1]


def _span_of_dates(sentence: Sentence, at: int) -> str | None:
    """`2024-01..2024-06` when both ends are dates."""
    low, dots, high = sentence.text(at).partition("..")
    if not (dots and low[:4].isdigit() and high[:4].isdigit()):
        return None
    return f"{low}..{high}" if all(parse_period(end, sentence.now) for end in (low, high)) else None


def _says_nothing_else(sentence: Sentence, at: int, count: int) -> bool:
    """Whether all other words say nothing: a date beside a name may be a part of it."""
    others = (word.text for place, word in enumerate(sentence.words) if not at <= place < at + count)
    return all(word in FILLER_WORDS or word in _VERBS for word in others)
