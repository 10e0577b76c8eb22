"""Dates in sentences: `trained after 2023`, `older than 1 year`, `May 2024`, `this month`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from catalog.query.periods import MONTH_NAMES, MONTHS, is_year, parse_period
from catalog.query.text.function_words import FILLER_WORDS, MODEL_WORDS
from catalog.query.text.sentence_ages import counted_back, denied_for, duration, period_named
from catalog.query.text.sentence_parts import Replacement, Sentence, numeric_name, spoken_date
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
    "used": "modified",
    "added": "first_seen",
}
_UNDONE = {**dict.fromkeys(("unchanged", "unmodified", "untouched", "unused"), "modified"), "untrained": ""}
UNTOLD_VERBS = frozenset({"used", "unused"})
"""When a model was used nobody writes down: the nearest that is known is when it was changed."""


def dated(sentence: Sentence, at: int) -> Replacement:
    """`trained after 2023`, `since May 2024`, `in the last 30 days`, `between 2022 and 2024`."""
    undone = _UNDONE.get(sentence.text(at))
    verb = _VERBS.get(sentence.text(at)) if undone is None else undone
    start = at + (verb is not None)
    denied = undone is not None or (
        verb is not None and "not" in {sentence.text(place) for place in range(max(at - 2, 0), at)}
    )
    match = (
        (denied_for(sentence, start) if denied else None)
        or counted_back(sentence, start)
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
    condition = texts[0] if len(texts) == 1 else f"({' OR '.join(texts)})"
    return count + start - at, condition if undone is None else f"-{condition}"


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
    if sentence.text(at) in {"on", "in"} and sentence.text(at + 1) == "or":
        either = _ON_OR.get(sentence.text(at + 2))
        date = spoken_date(sentence, at + 3) if either is not None else None
        return None if date is None or either is None else (3 + date[0], either, date[1])
    if sentence.text(at) == "last" and sentence.text(at + 1) in _SPOKEN_MONTHS:
        return 2, "in", _last_one(sentence.text(at + 1), sentence)
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
    used += sentence.text(at + used) == "last" and sentence.text(at + used + 1) in _SPOKEN_MONTHS
    if (past := _moment_past(sentence, at + used, word)) is not None:
        return used + past[0], past[1], past[2]
    used += sentence.text(at + used) in {"year", "years"}  # "im Jahr 2024"
    date = period_named(sentence, at + used) or spoken_date(sentence, at + used)
    if word == "until" and sentence.text(at) == "by" and not _is_deadline(date):
        return None  # by May, who owns models
    if date is None and sentence.text(at + used) in _SPOKEN_MONTHS:
        date = (1, _last_one(sentence.text(at + used), sentence))
    return None if date is None else (used + date[0], word, date[1])


def _last_one(month: str, sentence: Sentence) -> str:
    """The last month of this name that is over."""
    return f'"{month} {sentence.now.year - (_number_of(month) >= sentence.now.month)}"'


def _moment_past(sentence: Sentence, at: int, word: str) -> tuple[int, str, str] | None:
    """`3 years` behind since, and `2 weeks ago` behind before, until and after, too."""
    begun = int(sentence.text(at) == "ago")
    lasting = duration(sentence, at + begun)
    if lasting is None or word not in _OF_MOMENTS:
        return None
    used = begun + lasting[0]
    behind = not begun and sentence.text(at + used) == "ago"
    if word != "since" and not (begun or behind):
        return None
    return used + behind, _OF_MOMENTS[word], f"-{lasting[1]}"


_OF_MOMENTS = {"since": "since", "after": "since", "before": "before", "until": "before"}
"""Up to a moment and before it are the same to the millisecond."""


def _is_deadline(date: tuple[int, str] | None) -> bool:
    """Whether the date has digits that were typed: `by 2020`, `by the end of 2020`."""
    return date is not None and not date[1].startswith("now-") and any(map(str.isdigit, date[1]))


_ON_OR = {"after": "since", "later": "since", "before": "until"}
"""`on or after 2024`."""
_JOINED = pattern(r"(pre|post)-(\d{4})")
_OF_TWO_WORDS = {
    ("up", "to"): "until",
    ("not", "after"): "until",
    ("no", "later"): "until",
    ("not", "before"): "since",
}


def _between_dates(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    first = sentence.text(at)
    if first in {"in", "during", "from", "between"} and (joined := _joined_months(sentence, at + 1)):
        return joined[0] + 1, *joined[1:]
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


def _joined_months(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    """`jan-mar 2024`, `January to March 2024`."""
    first, dash, last = sentence.text(at).partition("-")
    used = 1
    if not dash and first in _SPOKEN_MONTHS and at + 1 < len(sentence.words):
        linked = sentence.text(at + 1) in {"to", "until"} or sentence.words[at + 1].whole == "-"
        last, used = (sentence.text(at + 2), 3) if linked else ("", 1)
    year = sentence.text(at + used)
    if first not in _SPOKEN_MONTHS or last not in _SPOKEN_MONTHS or not is_year(year):
        return None
    begun = _without_blanks(_in_year_of(first, f"{last} {year}"), sentence)
    return used + 1, "range", f"{begun}..{_without_blanks(f'{last} {year}', sentence, is_last=True)}"


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


_DAYS = frozenset({"today", "yesterday"})


def _date_alone(sentence: Sentence, at: int, start: int) -> tuple[int, str, str] | None:
    """`trained 2024`, `bert Q1 2024`, and, where nothing else is asked for, `2024-05`, `today`, `this month`."""
    dated_alone = _told_alone(sentence, at)
    if dated_alone is None:
        return None
    count, word, date = dated_alone
    if word == "in" and date not in _DAYS:
        if _of_models(sentence, at, count):
            return dated_alone
        if at == start and (is_year(date) or _is_to_come(date, sentence)):
            return None
    is_date = at > start or _is_unmistakable(sentence, at, count) or _says_nothing_else(sentence, at, count)
    return dated_alone if is_date else None


def _told_alone(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    """A day, a span or a date without a word before it."""
    word = sentence.text(at)
    if word in _DAYS:
        return 1, "in", word
    open_year = _OPEN_YEAR.fullmatch(word)
    if open_year is not None and is_year(open_year[1]):
        return 1, "since", open_year[1]
    span = _span_of_dates(sentence, at)
    if span is not None:
        return 1, "range", span
    apart = _span_of_years(sentence, at) or _span_apart(sentence, at)
    if apart is not None:
        return apart
    spoken = spoken_date(sentence, at)
    return None if spoken is None else (spoken[0], "in", spoken[1])


_OPEN_YEAR = pattern(r"(\d{4})\+")


def _is_unmistakable(sentence: Sentence, at: int, count: int) -> bool:
    """Whether a month, a quarter or a week stands there with its year: beside a name it is none of its parts, as 2024-05 may be."""
    words = [sentence.text(place) for place in range(at, at + count)]
    if any(word.raw.casefold() in _ALSO_NAMES for word in sentence.words[at : at + count]):
        return False
    if count == 1:
        return _QUARTER_OR_WEEK.fullmatch(words[0]) is not None
    return any(map(is_year, words)) and any(map(_OF_YEAR.fullmatch, words))


_ALSO_NAMES = frozenset({"mars"})
"""Months of other languages that are names in English: `rover mars 2020`."""
_QUARTER_OR_WEEK = pattern(r"\d{4}-?(?:q[1-4]|w\d{2})")
_ONE_MONTH = "|".join((*MONTH_NAMES, *MONTHS, "sept"))
_OF_YEAR = pattern(rf"(?:{_ONE_MONTH})\.?(?:-(?:{_ONE_MONTH})\.?)?,?|q[1-4]|(?:week|kw|cw)(?:\d{{1,2}})?")


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
    if (joined := _joined_months(sentence, at)) is not None:
        return joined
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
