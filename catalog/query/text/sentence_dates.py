"""Dates in sentences: `trained after 2023`, `older than 1 year`, `May 2024`, `this month`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from catalog.query.periods import MONTH_NAMES, MONTHS, is_year, parse_period
from catalog.query.text.function_words import FILLER_WORDS, MODEL_WORDS
from catalog.query.text.sentence_parts import (
    SPOKEN_NUMBERS,
    UNITS_OF_TIME,
    Replacement,
    Sentence,
    comparator,
    numeric_name,
    spoken_date,
)
from catalog.text.patterns import pattern

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
    "aus": "in",
    "ab": "since",
    "pre": "before",
    "post": "after",
    "am": "on",
    "by": "until",
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
    "date": "",
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
        or _quarter(sentence, start)
        or _preposition(sentence, start)
        or _date_alone(sentence, start, at)
    )
    if match is None:
        return None
    count, word, date = match
    if verb is None and (behind := _VERBS.get(sentence.text(start + count))) is not None:
        verb, count = behind, count + 1  # "nach 2023 trainiert"
    dates = [date]
    if word == "in":
        word, count = _open_end(sentence, start, count)
    while word == "in" and sentence.text(start + count) in {"or", "and"}:
        other = spoken_date(sentence, start + count + 1)
        if other is None:
            break
        dates.append(other[1])
        count += 1 + other[0]
    texts = [_condition(verb, word, date) for date in dates]
    return count + start - at, texts[0] if len(texts) == 1 else f"({' OR '.join(texts)})"


_OPEN_ENDS = {
    **dict.fromkeys(("later", "newer", "after", "onwards", "onward", "on"), "since"),
    **dict.fromkeys(("earlier", "older", "before"), "until"),
}


def _open_end(sentence: Sentence, start: int, count: int) -> tuple[str, int]:
    """`2023 or newer`, `from 2023 on`: the word for it, and how many words the date has with it."""
    after = start + count
    if sentence.text(after) in {"or", "and"} and (end := _OPEN_ENDS.get(sentence.text(after + 1))):
        return end, count + 2
    alone = sentence.text(after)
    if alone in {"onwards", "onward"} or (alone == "on" and not sentence.text(after + 1)):
        return "since", count + 1
    return "in", count


def _condition(verb: str | None, word: str, date: str) -> str:
    if word == "range":
        return f"{verb or 'date'}:{date}"
    return f"{verb}{_SPOKEN_SIGNS[word]}{date}" if verb else f"{word}:{date}"


def _preposition(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    joined = _JOINED.fullmatch(sentence.text(at))
    if joined is not None and is_year(joined[2]):
        return 1, _PREPOSITIONS[joined[1]], joined[2]
    word, used = _PREPOSITIONS.get(sentence.text(at)), 1
    if word is None:
        opening = (sentence.text(at), sentence.text(at + 1))
        word, used = _OF_TWO_WORDS.get(opening), 2 + (opening == ("no", "later"))
        if word is None or numeric_name(sentence, at + used + 1) is not None:
            return None
    while sentence.text(at + used) in {"the", "of"}:
        used += 1
    lasting = _duration(sentence, at + used) if word == "since" else None
    if lasting is not None:
        return used + lasting[0], word, f"-{lasting[1]}"
    used += sentence.text(at + used) in {"year", "years"}  # "im Jahr 2024"
    period = sentence.text(at + used + 1).removesuffix("s")
    if sentence.text(at + used) in {"this", "last"} and period in _PERIODS:
        return used + 2, word, f"{sentence.text(at + used)}-{period}"
    date = spoken_date(sentence, at + used)
    if word == "until" and sentence.text(at) == "by" and not _is_deadline(date):
        return None  # by May, who owns models
    if date is None and sentence.text(at + used) in _SPOKEN_MONTHS:
        month = sentence.text(at + used)  # the last one that has begun
        year = sentence.now.year - (_number_of(month) >= sentence.now.month)
        date = (1, f'"{month} {year}"')
    return None if date is None else (used + date[0], word, date[1])


def _is_deadline(date: tuple[int, str] | None) -> bool:
    """Whether the date has digits: `by 2020`, `by the end of 2020`."""
    return date is not None and any(map(str.isdigit, date[1]))


_JOINED = pattern(r"(pre|post)-(\d{4})")
_OF_TWO_WORDS = {
    ("up", "to"): "until",
    ("not", "after"): "until",
    ("no", "later"): "until",
    ("not", "before"): "since",
}
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
    ends = [_without_blanks(first, sentence), _without_blanks(last, sentence, is_last=True)]
    return (2 + low[0] + high[0], "range", "..".join(ends)) if all(ends) else None


def _in_year_of(month: str, last: str) -> str:
    """The month in the year of the last one, or in the year before: `between November and February 2024`."""
    later, _, year = last.rpartition(" ")
    before = later in _SPOKEN_MONTHS and _number_of(month) > _number_of(later)
    return f"{month} {int(year) - before if is_year(year) else year}"


def _number_of(month: str) -> int:
    return MONTHS.index(month[:3])


def _without_blanks(date: str, sentence: Sentence, *, is_last: bool = False) -> str:
    """A date as an end of a range: `2024-03` for March 2024, and for spring 2024 as the first one. Empty for what is none."""
    period = parse_period(date, sentence.now)
    if period is None or " " not in date:
        return "" if period is None else date
    if period.end - period.start <= timedelta(days=1):
        return f"{period.start:%Y-%m-%d}"
    return f"{period.end - timedelta(days=1) if is_last else period.start:%Y-%m}"


_SPOKEN_MONTHS = frozenset((*MONTH_NAMES, *MONTHS))


def _month_alone(sentence: Sentence, at: int) -> tuple[int, str] | None:
    return (1, sentence.text(at)) if sentence.text(at) in _SPOKEN_MONTHS else None


_QUARTERS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "last": 4,
    **{f"{place}{ending}": place for place, ending in enumerate(("st", "nd", "rd", "th"), 1)},
    **{str(place): place for place in range(1, 5)},
}


def _quarter(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    """`third quarter of 2025`, `in the 3rd quarter 2025`."""
    used = int(sentence.text(at) in {"in", "during"})
    used += sentence.text(at + used) == "the"
    quarter = _QUARTERS.get(sentence.text(at + used))
    if quarter is None or sentence.text(at + used + 1) != "quarter":
        return None
    used += 2 + (sentence.text(at + used + 2) == "of")
    year = sentence.text(at + used)
    return (used + 1, "in", f"{year}-Q{quarter}") if is_year(year) else None


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
    unit = _unit_of_time(sentence, at + used)
    lasting = (1, f"1{unit}") if unit else _duration(sentence, at + used)
    return None if lasting is None else (used + lasting[0], "since", f"-{lasting[1]}")


def _unit_of_time(sentence: Sentence, at: int) -> str:
    return UNITS_OF_TIME.get(sentence.text(at).removesuffix("s"), "")


_MAX_DIGITS_OF_TIME = 4


def _duration(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """`30 days`, `a week`, `six months`, `half a year`: how many words, and the time as conditions write it."""
    for words in (("half", "a"), ("a", "half"), ("half",)):
        if all(sentence.text(at + offset) == word for offset, word in enumerate(words)):
            lasting = _HALF_OF.get(sentence.text(at + len(words)).removesuffix("s"))
            return None if lasting is None else (len(words) + 1, lasting)
    word = sentence.text(at)
    digits = word if word.isdigit() and len(word) <= _MAX_DIGITS_OF_TIME else ""
    amount = 1 if word in {"a", "an"} else int(digits) if digits else SPOKEN_NUMBERS.get(word)
    unit = _unit_of_time(sentence, at + 1)
    return None if amount is None or not unit else (2, f"{amount}{unit}")


_HALF_OF = {"year": "6mo", "day": "12h"}


def _aged(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
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
    word = {"older": "before", "newer": "after", "younger": "after"}.get(sentence.text(at))
    if word is None or sentence.text(at + 1) != "than":
        return None
    lasting = _duration(sentence, at + 2)
    if lasting is not None:
        return 2 + lasting[0], "since" if word == "after" else word, f"-{lasting[1]}"
    date = spoken_date(sentence, at + 2)
    return None if date is None else (2 + date[0], word, date[1])


def _years_old(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    """`less than a week old`, `over 5 years old`."""
    compared = comparator(sentence, at)
    if compared is None or compared[1] not in {">", ">=", "<", "<="}:
        return None
    lasting = _duration(sentence, at + compared[0])
    if lasting is None or sentence.text(at + compared[0] + lasting[0]) != "old":
        return None
    return (
        compared[0] + lasting[0] + 1,
        "before" if compared[1].startswith(">") else "since",
        f"-{lasting[1]}",
    )


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
        years = _span_of_years(sentence, at) or _span_apart(sentence, at)
        if years is not None:
            return years if at > start or _says_nothing_else(sentence, at, years[0]) else None
        spoken = spoken_date(sentence, at)
        if spoken is None:
            return None
        date = spoken
        if _of_models(sentence, at, date[0]):
            return date[0], "in", date[1]
        if at == start and (is_year(date[1]) or _is_to_come(date[1], sentence)):
            return None
    if at == start and not _says_nothing_else(sentence, at, date[0]):
        return None
    return date[0], "in", date[1]


def _is_to_come(date: str, sentence: Sentence) -> bool:
    """Whether the date lies beyond the next year: in `fall 2048` and `end 2048` the number is none of a year."""
    period = parse_period(date.strip('"'), sentence.now)
    return period is not None and period.start.year > sentence.now.year + 1


def _of_models(sentence: Sentence, at: int, count: int) -> bool:
    """`2023 models`, `models of 2023`, `2023 onwards`, `2024 or later`: a date beside what makes it no part of a name."""
    following = sentence.text(at + count)
    if following in {*MODEL_WORDS, "onwards", "onward"}:
        return True
    if following in {"or", "and"} and sentence.text(at + count + 1) in _OPEN_ENDS:
        return True
    return at > 1 and sentence.text(at - 1) == "of" and sentence.text(at - 2) in MODEL_WORDS


def _span_of_years(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    """`2020-2021`, `2020 to 2021`, `2020 - 2021`."""
    low, dash, high = sentence.text(at).partition("-")
    if dash and is_year(low) and is_year(high):
        return 1, "range", f"{low}..{high}"
    linked = sentence.text(at + 1) in {"to", "until"} or (
        at + 1 < len(sentence.words) and sentence.words[at + 1].whole == "-"
    )
    high = sentence.text(at + 2)
    return (3, "range", f"{low}..{high}") if linked and is_year(low) and is_year(high) else None


def _span_apart(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    """`2024-03-01 - 2024-06-10`, `March 2024 to June 2024`."""
    low = spoken_date(sentence, at)
    place = at + low[0] if low is not None else len(sentence.words)
    if low is None or place >= len(sentence.words):
        return None
    if sentence.text(place) not in {"to", "until"} and sentence.words[place].whole != "-":
        return None
    high = spoken_date(sentence, place + 1)
    if high is None:
        return None
    ends = [
        _without_blanks(low[1].strip('"'), sentence),
        _without_blanks(high[1].strip('"'), sentence, is_last=True),
    ]
    return (low[0] + 1 + high[0], "range", "..".join(ends)) if all(ends) else None


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
