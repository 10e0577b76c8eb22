"""Numbers in sentences, with their units and what compares them: `7B`, `2 GB or more`, `half a billion`, `between 1 and 8 billion`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from catalog.lazy_dataclasses import dataclass
from catalog.query.text.numbers import SPOKEN_NUMBERS, pointed
from catalog.query.text.sentence_parts import SIGNS, Sentence, comparator
from catalog.query.text.targets import Target
from catalog.text.patterns import pattern

_NUMBER = pattern(
    r"(?P<sign>[<>]=?|[~\N{ALMOST EQUAL TO}\N{GREATER-THAN OR EQUAL TO}\N{LESS-THAN OR EQUAL TO}])?"
    r"(?P<digits>(?:\d[\d,_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?P<unit>%|[a-z]{0,9})(?P<plus>\+)?"
)
_BYTES = {
    **{f"{letter}b": f"{letter.upper()}B" for letter in "kmgt"},
    **{f"{letter}ib": f"{letter.upper()}iB" for letter in "kmgt"},
    **{
        f"{word}byte{plural}": f"{word[0].upper()}B"
        for word in ("kilo", "mega", "giga", "tera")
        for plural in ("", "s")
    },
    **{
        f"{prefix}bibyte{plural}": f"{prefix[0].upper()}iB"
        for prefix in ("ki", "me", "gi", "te")
        for plural in ("", "s")
    },
    "bytes": "bytes",
    **{f"{word}{plural}": f"{word[0].upper()}B" for word in ("gig", "meg") for plural in ("", "s")},
    **{f"{letter}o": f"{letter.upper()}B" for letter in "kmg"},
    **{f"{letter}io": f"{letter.upper()}iB" for letter in "kgt"},
}
_MILLISECONDS = frozenset({"ms", "msec", "millisecond", "milliseconds"})
_COUNTS = {
    "b": "B",
    "bn": "B",
    "billion": "B",
    "m": "M",
    "million": "M",
    "t": "T",
    "trillion": "T",
    "mio": "Mio",
    "mrd": "B",
    "k": "k",
    "thousand": "k",
    "tsd": "k",
}
_PERCENTS = frozenset({"%", "percent", "pct"})
PARAMETER_WORDS = frozenset({"parameters", "params", "parameter", "parametern", "weights"})
_TENS = {
    word: 10 * place
    for place, word in enumerate(
        ["ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 1
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number with its unit and perhaps a sign, and how many words it has."""

    count: int
    digits: str
    unit: str
    sign: str

    @property
    def text(self) -> str:
        return f"{self.digits}{self.unit}"

    @property
    def percent(self) -> bool:
        return self.unit == "%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A number and how it is compared, empty where nothing says so, and how many words both have."""

    count: int
    sign: str
    amount: Amount


def bound_at(sentence: Sentence, at: int, target: Target | None = None) -> Bound | None:
    """The number there behind words or a sign that compares: `at least 90%`, `under 64k`."""
    compared = comparator(sentence, at, target)
    amount = amount_at(sentence, at + compared[0]) if compared is not None else None
    if compared is None or amount is None or amount.sign:
        return None
    return Bound(count=compared[0] + amount.count, sign=compared[1], amount=amount)


def measure_at(sentence: Sentence, at: int) -> Bound | None:
    """The number there, compared or not: `under 8 GB`, `>90%`, `7B or more`, `7B`."""
    bound = bound_at(sentence, at)
    if bound is not None:
        return bound
    below = _BELOW.fullmatch(sentence.text(at))
    if below is not None and (amount := spelled_amount(below[1])) is not None and amount.unit:
        return Bound(count=1, sign="<", amount=amount)
    used, sign = comparator(sentence, at) or (0, "")
    amount = amount_at(sentence, at + used)
    return (
        None if amount is None else Bound(count=used + amount.count, sign=sign or amount.sign, amount=amount)
    )


_BELOW = pattern(r"sub-(\d[\d.]*[a-z%]+)")
"""`sub-7B` models, a latency of `sub-100ms`."""


def amount_at(sentence: Sentence, at: int) -> Amount | None:
    """The number there, with a unit that may stand apart: `7B`, `2 GB`, `90+`, `90 % or more`, `ninety percent`."""
    match = _NUMBER.fullmatch(sentence.text(at).replace("+%", "%+"))
    if match is None or sentence.text(at + 1) == "and":
        in_words = _in_words(sentence, at)
        if in_words is not None:
            return in_words
    if match is None:
        spoken = _TENS.get(sentence.text(at)) if sentence.text(at + 1) in _PERCENTS else None
        return None if spoken is None else Amount(count=2, digits=str(spoken), unit="%", sign="")
    if (grouped := _grouped_number(sentence, at)) is not None:
        return grouped
    unit, count = match["unit"], 1
    following = sentence.text(at + 1)
    counted = len(following) > 1 or sentence.text(at + 2) in PARAMETER_WORDS
    measured = following in _BYTES or following in _PERCENTS or following in _MILLISECONDS
    if not unit and (measured or (following in _COUNTS and counted)):
        unit, count = following, 2
    sign = SIGNS[match["sign"]] if match["sign"] else ">=" if match["plus"] else ""
    tail = open_end(sentence, at + count)
    if tail is not None:
        count, sign = count + tail[0], tail[1]
    return Amount(
        count=count,
        digits=pointed(match["digits"].replace("_", "").rstrip(",.")),
        unit=_spelled_unit(unit),
        sign=sign,
    )


_GROUP = pattern(r"[0-9]{3}")
_FIRST_GROUP = pattern(r"[1-9][0-9]{0,2}")
_MAX_GROUPS = 5


def _grouped_number(sentence: Sentence, at: int) -> Amount | None:
    """`10 000` before what it counts: elsewhere these are two numbers."""
    groups = 0
    while groups < _MAX_GROUPS and _GROUP.fullmatch(sentence.text(at + 1 + groups)):
        groups += 1
    counted = sentence.text(at + 1 + groups) in PARAMETER_WORDS
    if not groups or not counted or not _FIRST_GROUP.fullmatch(sentence.text(at)):
        return None
    digits = "".join(sentence.text(at + place) for place in range(groups + 1))
    return Amount(count=groups + 1, digits=digits, unit="", sign="")


_FRACTIONS: Mapping[tuple[str, ...], str] = {
    tuple(words.split()): digits
    for digits, phrases in {
        "0.5": "half a|half an|half|a half|1/2 a|1/2",
        "0.25": "a quarter of a|quarter of a|quarter|1/4",
        "1.5": "one and a half|1 and a half",
        "2.5": "two and a half|2 and a half",
        "1": "a|an|one|a single",
    }.items()
    for words in phrases.split("|")
}


def _in_words(sentence: Sentence, at: int) -> Amount | None:
    """`half a GB`, `one and a half billion`, `two GB`: a number in words before a unit that is no letter alone."""
    before = sentence.text(at - 1) if at else ""
    if before in _PARTS_OF_MORE:
        return None  # the end of a longer phrase
    spoken = SPOKEN_NUMBERS.get(sentence.text(at))
    options = [(1, str(spoken))] if spoken is not None else []
    if before in _BEFORE_ONE and sentence.text(at) in {"million", "billion", "trillion"}:
        options.append((0, "1"))  # more than million
    options += [
        (len(words), digits)
        for words, digits in _FRACTIONS.items()
        if all(sentence.text(at + offset) == word for offset, word in enumerate(words))
    ]
    for count, digits in sorted(options, reverse=True):
        unit = sentence.text(at + count)
        if len(unit) < _SHORTEST_WORD_OF_UNIT or not (unit in _BYTES or unit in _COUNTS):
            continue
        if count < _SHORTEST_WORD_OF_UNIT and digits == "1" and before not in _BEFORE_ONE:
            continue  # a MB model
        tail = open_end(sentence, at + count + 1)
        used, sign = tail or (0, "")
        return Amount(count=count + 1 + used, digits=digits, unit=_spelled_unit(unit), sign=sign)
    return None


_SHORTEST_WORD_OF_UNIT = 2
_PARTS_OF_MORE = frozenset({"a", "an", "and", "or", "to", "between", "half", "on"})
_BEFORE_ONE = frozenset(
    {"under", "over", "than", "below", "above", "least", "most", "exceeding", "exceeds", "exceed"}
)


def open_end(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """`or more`, `and up`, `or smaller`: how many words, and the sign that they give to the number before."""
    if sentence.text(at) not in {"or", "and"}:
        return None
    word = sentence.text(at + 1)
    if sentence.text(at + 2) in {"than", "by"} or _NUMBER.fullmatch(sentence.text(at + 2)):
        return None
    return (2, ">=") if word in _UPWARDS else (2, "<=") if word in _DOWNWARDS else None


_UPWARDS = frozenset(
    {"more", "up", "above", "larger", "bigger", "greater", "higher", "longer", "over", "better"}
)
_DOWNWARDS = frozenset({"less", "below", "smaller", "fewer", "lower", "shorter", "under", "down"})


def _spelled_unit(unit: str) -> str:
    if unit in _PERCENTS:
        return "%"
    return "ms" if unit in _MILLISECONDS else _COUNTS.get(unit, _BYTES.get(unit, unit))


_SPAN_OF_EXPONENTS = pattern(r"(?P<low>\d+(?:\.\d+)?(?:e[+-]?\d+)?)\.\.(?P<high>\d+(?:\.\d+)?e[+-]?\d+)")
_SPAN = pattern(r"(?P<low>[\d.,]*\d[a-z%]*)(?:-|\.\.|\N{EN DASH})(?P<high>\d[\d.,]*[a-z%]*)")


def span_at(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    """`1k-20k`, `1k to 20k`, `between 1k and 20k`: how many words, and both ends with their units."""
    exponents = _SPAN_OF_EXPONENTS.fullmatch(sentence.text(at))
    if exponents is not None:
        return 1, exponents["low"], exponents["high"]
    match = _SPAN.fullmatch(sentence.text(at))
    if match is not None:
        apart = _SPAN_UNITS.get(sentence.text(at + 1), "")
        low, high = (_end_of_span(end, apart) for end in match.group("low", "high"))
        return None if low is None or high is None else (1 + bool(apart), *_same_unit(low, high))
    middle = between(sentence, at)
    if middle is not None:
        return middle[0], *_same_unit(*middle[1:])
    first = amount_at(sentence, at)
    if first is None or first.sign or not (_links_ends(sentence, at + first.count)):
        return None
    last = amount_at(sentence, at + first.count + 1)
    return None if last is None else (first.count + 1 + last.count, *_same_unit(first, last))


def _links_ends(sentence: Sentence, at: int) -> bool:
    """`to` or a dash that stands alone."""
    return sentence.text(at) in {"to", "bis"} or (
        at < len(sentence.words) and sentence.words[at].whole == "-"
    )


_SPAN_UNITS = {**_BYTES, **{word: unit for word, unit in _COUNTS.items() if len(word) > 1}, "%": "%"}


def spelled_amount(text: str) -> Amount | None:
    """A number with its unit in one word."""
    return _end_of_span(text, "")


def _end_of_span(text: str, apart: str) -> Amount | None:
    match = _NUMBER.fullmatch(text)
    if match is None or match["unit"] == "e":  # 1e-3 is one number
        return None
    unit = _spelled_unit(match["unit"]) or apart
    return Amount(count=1, digits=pointed(match["digits"].rstrip(",.")), unit=unit, sign="")


def _same_unit(low: Amount, high: Amount) -> tuple[str, str]:
    return f"{low.digits}{low.unit or high.unit}", high.text


def between(sentence: Sentence, at: int) -> tuple[int, Amount, Amount] | None:
    """`between 1 and 8 billion`, `from 1B to 8B`: how many words, and both ends."""
    link = {"between": {"and"}, "from": {"to", "until"}}.get(sentence.text(at))
    if link is None:
        return None
    joined = joined_ends(sentence, at + 1, link)
    return None if joined is None else (1 + joined[0], *joined[1:])


def joined_ends(sentence: Sentence, at: int, links: Collection[str]) -> tuple[int, Amount, Amount] | None:
    """`1 and 8 billion`, where `and` is one of the links: how many words, and both ends."""
    low = amount_at(sentence, at)
    if low is None or not _links(sentence, at + low.count, links):
        return None
    high = amount_at(sentence, at + 1 + low.count)
    if high is None:
        return None
    if not low.unit and high.unit:  # between 1 and 8 billion
        low = Amount(count=low.count, digits=low.digits, unit=high.unit, sign="")
    return 1 + low.count + high.count, low, high


def _links(sentence: Sentence, at: int, links: Collection[str]) -> bool:
    """Whether one of the links stands there, `&` for `and` among them: `between 0.8 & 0.9`."""
    if "and" in links and at < len(sentence.words) and sentence.words[at].whole in {"&", "&&"}:
        return True
    return sentence.text(at) in links


BYTE_UNITS = frozenset(_BYTES.values())


def unit_of(text: str) -> str:
    """The unit of a number as it is spelled here, empty where there is none."""
    match = _NUMBER.fullmatch(text)
    return "" if match is None else _spelled_unit(match["unit"])


def by_unit(amount: Amount) -> str:
    """The field that a unit alone names: bytes are a size, billions are parameters, thousandths of a second a latency."""
    if amount.unit in BYTE_UNITS:
        return "size"
    if amount.unit == "ms":
        return "latency"
    return "params" if amount.unit in {"B", "M", "Mio", "T", "k"} else ""


def with_noun(sentence: Sentence, at: int, used: int, name: str) -> int:
    """How many words are read with the noun that may follow: `7 billion parameters`."""
    nouns = PARAMETER_WORDS if name == "params" else {"size", "large", "big"}
    return used + (sentence.text(at + used) in nouns)
