"""The phrases that sentences are read by. A rule looks at the words from one place and returns how many it read, and as
what; None when it does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from catalog.query.periods import parse_period
from catalog.query.text.numbers import pointed
from catalog.query.text.printing import quoted
from catalog.query.text.targets import Target, Vocabulary, as_number, folded, reported, resolve
from catalog.text.patterns import pattern
from mappings import fields, fields_where
from mappings.languages import languages
from mappings.metrics import metrics
from mappings.tasks import leading_metrics

Found = tuple[int, str] | None

_COMPARATORS: Mapping[tuple[str, ...], str] = {
    tuple(words.split()): sign
    for sign, phrases in {
        ">": "more than|greater than|higher than|larger than|bigger than|longer than|over|above|exceeding|beyond",
        ">=": "at least|no less than|not less than|minimum|min",
        "<": "less than|lower than|smaller than|fewer than|shorter than|under|below",
        "<=": "at most|up to|no more than|not more than|maximum|max",
        "=": "exactly|equal to|equals",
    }.items()
    for words in phrases.split("|")
}
_LONGEST = 3
_SIGNS = {
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
    "=": "=",
    "==": "=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
}
_NUMBER = pattern(
    r"(?P<sign>[<>]=?|\N{GREATER-THAN OR EQUAL TO}|\N{LESS-THAN OR EQUAL TO})?"
    r"(?P<digits>(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?P<unit>%|[a-z]{0,8})(?P<plus>\+)?"
)
_BYTES = frozenset(["kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "bytes"])
_COUNTS = {
    "b": "B",
    "bn": "B",
    "billion": "B",
    "m": "M",
    "million": "M",
    "t": "T",
    "trillion": "T",
    "k": "k",
    "thousand": "k",
}
_PERCENTS = frozenset({"%", "percent", "pct"})
_PARAMETER_WORDS = frozenset({"parameters", "params", "parameter", "weights"})
_LINKS = frozenset({"of", "is", "was", "are", "score", "value"})
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
_UNITS_OF_TIME = {"day": "d", "week": "w", "month": "mo", "year": "y", "hour": "h"}
_SPOKEN_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "twelve": 12}
_FIRST_YEAR, _LAST_YEAR = 1990, 2099


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word: `text` in lower case, `raw` as typed; `plain` when rules may read it."""

    text: str
    raw: str
    start: int
    end: int
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    words: Sequence[Word]
    vocabulary: Vocabulary | None
    now: datetime

    def text(self, at: int) -> str:
        """The word there, or nothing when it is not for rules."""
        if at >= len(self.words) or not self.words[at].plain:
            return ""
        return self.words[at].text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Amount:
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


def written_comparison(sentence: Sentence, at: int) -> tuple[int, str | None] | None:
    """`accuracy > 0.9` with blanks is already a condition; a name of several words becomes one: `mean squared error < 1`."""
    left = _left_bound(sentence, at)
    if left is not None:
        return left, None
    named = _name(sentence, at)
    if named is None:
        return None
    count, target = named
    sign = sentence.text(at + count)
    if sign in _SIGNS:
        amount = _amount(sentence, at + count + 1)
        used = count + 1 + (amount.count if amount else 1)
        if at + used > len(sentence.words):
            return None
        on = _on_dataset(sentence, at + used) if amount is not None and target.metric is not None else None
        if on is not None and amount is not None:
            return used + 2, f"{target.name}@{on}{_SIGNS[sign]}{amount.text}"
        if count == 1 and (amount is None or amount.count == 1):
            return used, None
        return (used, f"{target.name}{_SIGNS[sign]}{amount.text}") if amount else None
    amount = _amount(sentence, at + count)
    if amount is None or not sentence.words[at + count].raw.startswith(("<", ">", "≥", "≤")):
        return None
    if count == 1 and amount.count == 1:
        return 2, None
    return count + amount.count, f"{target.name}{amount.sign}{amount.text}"


def _left_bound(sentence: Sentence, at: int) -> int | None:
    """How many words `0.8 < accuracy < 0.9` or `7B >= params` has: the scanner reads them."""
    amount = _amount(sentence, at)
    if amount is None or amount.sign or sentence.text(at + amount.count) not in _SIGNS:
        return None
    named = _name(sentence, at + amount.count + 1)
    if named is None:
        return None
    used = amount.count + 1 + named[0]
    other = _amount(sentence, at + used + 1) if sentence.text(at + used) in _SIGNS else None
    return used if other is None else used + 1 + other.count


def _on_dataset(sentence: Sentence, at: int) -> str | None:
    """The data set of evaluations that `on conll2003` names."""
    name = sentence.text(at + 1)
    if sentence.text(at) != "on" or sentence.vocabulary is None or not name:
        return None
    return name if name in sentence.vocabulary.evaluated_on else None


def named_amount(sentence: Sentence, at: int) -> Found:
    """`accuracy of at least 90%`, `context over 32k`, `loss between 0.1 and 0.2`."""
    named = _name(sentence, at)
    if named is None:
        return None
    count, target = named
    while sentence.text(at + count) in _LINKS:
        count += 1
    between = _between(sentence, at + count)
    if between is not None:
        used, low, high = between
        return count + used, f"{target.name}:{low.text}..{high.text}"
    compared = _comparator(sentence, at + count)
    if compared is None:
        return None
    used, sign = compared
    amount = _amount(sentence, at + count + used)
    if amount is None or amount.sign:
        return None
    used += count + amount.count
    on = _on_dataset(sentence, at + used) if target.metric is not None else None
    if on is not None:
        return used + 2, f"{target.name}@{on}{sign}{amount.text}"
    return used, f"{target.name}{sign}{amount.text}"


def amount_named(sentence: Sentence, at: int) -> Found:
    """`more than 90% accuracy`, `>90% accuracy`, `90%+ accuracy`, `between 0.8 and 0.9 f1`, `at least 12 layers`."""
    between = _between(sentence, at)
    if between is not None:
        used, low, high = between
        named = _name(sentence, at + used)
        return None if named is None else (used + named[0], f"{named[1].name}:{low.text}..{high.text}")
    compared = _comparator(sentence, at)
    used, sign = compared or (0, "")
    amount = _amount(sentence, at + used)
    if amount is None:
        return None
    used += amount.count
    sign = sign or amount.sign
    if sentence.text(at + used) in {"of", "in"}:
        used += 1
    named = _name(sentence, at + used)
    if named is None:
        return None
    count, target = named
    if not sign:
        bounded = target.metric is not None and target.metric.bounded
        if not (bounded and amount.percent):
            return None
        sign = ">="
    return used + count, f"{target.name}{sign}{amount.text}"


def amount_alone(sentence: Sentence, at: int) -> Found:
    """`smaller than 2 GB`, `between 1B and 8B`, `more than 7 billion parameters`, `7B`: the unit says what is meant."""
    between = _between(sentence, at)
    if between is not None:
        used, low, high = between
        name = _by_unit(high)
        return None if not name else (_with_noun(sentence, at, used, name), f"{name}:{low.text}..{high.text}")
    compared = _comparator(sentence, at)
    used, sign = compared or (0, "")
    amount = _amount(sentence, at + used)
    if amount is None:
        return None
    name = _by_unit(amount)
    sign = sign or amount.sign
    used = _with_noun(sentence, at, used + amount.count, name)
    noun = sentence.text(at + used - 1) in _PARAMETER_WORDS
    if not name or (not sign and not noun and amount.unit != "B"):
        return None
    return used, f"{name}{sign or ':'}{amount.text}"


def dated(sentence: Sentence, at: int) -> Found:
    """`trained after 2023`, `since May 2024`, `in the last 30 days`, `between 2022 and 2024`."""
    verb = _VERBS.get(sentence.text(at))
    start = at + (verb is not None)
    match = _recent(sentence, start) or _between_dates(sentence, start) or _preposition(sentence, start)
    if match is None:
        return None
    count, word, date = match
    if word == "range":
        text = f"{verb or 'date'}:{date}"
    else:
        text = f"{verb}{_SPOKEN_SIGNS[word]}{date}" if verb else f"{word}:{date}"
    return count + start - at, text


def _preposition(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    word = _PREPOSITIONS.get(sentence.text(at))
    if word is None:
        return None
    date = _spoken_date(sentence, at + 1)
    return None if date is None else (1 + date[0], word, date[1])


def _between_dates(sentence: Sentence, at: int) -> tuple[int, str, str] | None:
    first = sentence.text(at)
    link = {"between": "and", "from": "to"}.get(first)
    if link is None:
        return None
    low = _spoken_date(sentence, at + 1)
    if low is None or sentence.text(at + 1 + low[0]) not in {link, "until", "till"}:
        return None
    high = _spoken_date(sentence, at + 2 + low[0])
    return None if high is None else (2 + low[0] + high[0], "range", f"{low[1]}..{high[1]}")


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
    amount = int(word) if word.isdigit() and len(word) < 5 else _SPOKEN_NUMBERS.get(word)
    used += amount is not None
    unit = _UNITS_OF_TIME.get(sentence.text(at + used).removesuffix("s"))
    if unit is None:
        return None
    return used + 1, "since", f"-{amount or 1}{unit}"


def _spoken_date(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """A date of up to three words, the longest first: `3 May 2024`, `May 2024`, `2024`."""
    for count in (3, 2, 1):
        words = [sentence.text(at + offset) for offset in range(count)]
        if not all(words):
            continue
        text = " ".join(words)
        if text.isdigit() and not (len(text) == 4 and _FIRST_YEAR <= int(text) <= _LAST_YEAR):
            continue
        if text.startswith("-") or parse_period(text, sentence.now) is None:
            continue
        return count, f'"{text}"' if " " in text else text
    return None


def valued(sentence: Sentence, at: int) -> Found:
    """`in pytorch`, `for token-classification`, `by google`, `trained on squad`: only for values that exist."""
    if sentence.vocabulary is None:
        return None
    for opening, names in _openings():
        if [sentence.text(at + offset) for offset in range(len(opening))] != list(opening):
            continue
        for name in names:
            match = _value(sentence, at + len(opening), name)
            if match is not None:
                return len(opening) + match[0], f"{name}:{quoted(match[1])}"
    return None


@cache
def _openings() -> Sequence[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Words that name fields before a value of theirs, the longest openings first."""
    spoken: dict[tuple[str, ...], list[str]] = {}
    for row in fields_where("spoken").values():
        for opening in row.spoken:
            spoken.setdefault(tuple(opening.split()), []).append(row.name)
    return [(words, tuple(spoken[words])) for words in sorted(spoken, key=lambda words: (-len(words), words))]


def _value(sentence: Sentence, at: int, field: str) -> tuple[int, str] | None:
    assert sentence.vocabulary is not None  # the caller checked
    known = {folded(value): value for value in sentence.vocabulary.values.get(field, {})}
    if field == "language":
        known |= {name: tag for name, tag in languages().items() if tag in known}
    for count in (3, 2, 1):
        words = [sentence.text(at + offset) for offset in range(count)]
        if all(words) and folded(" ".join(words)) in known:
            return count, known[folded(" ".join(words))]
    return None


def without(sentence: Sentence, at: int) -> Found:
    """`without a license`: models that do not say one."""
    if sentence.text(at) != "without":
        return None
    used = 2 if sentence.text(at + 1) in {"a", "an", "any", "the"} else 1
    targets = resolve(sentence.text(at + used)) if sentence.text(at + used) else ()
    return (used + 1, f"missing:{targets[0].name}") if targets else None


def ordered(sentence: Sentence, at: int) -> Found:
    """`sorted by accuracy`, `newest models`, `best f1`."""
    words = (sentence.text(at), sentence.text(at + 1))
    if words in {("sorted", "by"), ("sort", "by"), ("ordered", "by"), ("order", "by")}:
        named = _name(sentence, at + 2)
        if named is not None:
            count, name = _placed(sentence, at + 2, named)
            return 2 + count, f"sort:{quoted(name)}"
        name = sentence.text(at + 2)
        return (3, f"sort:{name}") if name and resolve(name) else None
    top = _top(sentence, at)
    if top is not None:
        return top
    if words[0] == "with" and (most := _most(sentence, at + 1)) is not None:
        return most[0] + 1, most[1]
    if words[0] in {"best", "highest", "lowest"}:
        named = _name(sentence, at + 1)
        if named is not None and named[1].kind == "metric" and named[1].split is None:
            minus = {"highest": "-", "lowest": ""}.get(words[0])
            count, name = _placed(sentence, at + 1, named)
            spelled = name if minus is None else f"-{name}" if minus else f"{name}-asc"
            having = f"has:{quoted(name)} " if "@" in name else ""
            return 1 + count, f"{having}sort:{quoted(spelled)}"
    if words[0] == "latest" and words[1] == "version":
        return 2, "sort:-date"
    if words[0] in _ORDERS:
        return 1, f"sort:{_ORDERS[words[0]]}"
    if words[0] == "best" and (leading := _leading_metric(sentence)):
        return 1, f"sort:{leading}"
    return None


def _top(sentence: Sentence, at: int) -> Found:
    """`top 5 by f1`, `top 10 models by accuracy`, `top 5 bert`: so many, best first, of those that report it."""
    number = sentence.text(at + 1)
    if sentence.text(at) != "top" or not number.isdigit() or len(number) > 5 or not int(number):
        return None
    used = 3 if sentence.text(at + 2) in {"model", "models"} else 2
    named = _name(sentence, at + used + 1) if sentence.text(at + used) in {"by", "for"} else None
    if named is not None and named[1].split is None:
        count, name = _placed(sentence, at + used + 1, named)
        order = name if named[1].kind == "metric" else f"-{name}"
        return used + 1 + count, f"has:{quoted(name)} sort:{quoted(order)} limit:{number}"
    if _ordered_later(sentence, at + used):
        return used, f"limit:{number}"
    leading = _leading_metric(sentence)
    return (used, f"has:{leading} sort:{leading} limit:{number}") if leading else (used, f"limit:{number}")


def _ordered_later(sentence: Sentence, at: int) -> bool:
    """Whether the order stands further on: `top 5 bert models by f1`, `top 3 newest`."""
    return any(
        sentence.text(place) in {"by", *_ORDERS} or sentence.words[place].raw.startswith("sort:")
        for place in range(at, len(sentence.words))
    )


def by_metric(sentence: Sentence, at: int) -> Found:
    """`bert models by f1`: an order, where a number follows and a limit was asked for before."""
    if sentence.text(at) not in {"by", "on"} or not any(word.text == "top" for word in sentence.words[:at]):
        return None
    named = _name(sentence, at + 1)
    if named is None or named[1].split is not None:
        return None
    count, name = _placed(sentence, at + 1, named)
    order = name if named[1].kind == "metric" else f"-{name}"
    return 1 + count, f"has:{quoted(name)} sort:{quoted(order)}"


def _placed(sentence: Sentence, at: int, named: tuple[int, Target]) -> tuple[int, str]:
    """The name with the data set that follows it: `f1 on conll2003` is f1@conll2003."""
    count, target = named
    on = _on_dataset(sentence, at + count) if target.kind == "metric" and not target.nested else None
    return (count, target.name) if on is None else (count + 2, f"{target.name}@{on}")


def _most(sentence: Sentence, at: int) -> Found:
    """`most parameters`, `the fewest layers`, `highest accuracy`."""
    used = 1 if sentence.text(at) == "the" else 0
    sign = {
        "most": "-",
        "highest": "-",
        "largest": "-",
        "fewest": "",
        "least": "",
        "lowest": "",
        "smallest": "",
    }.get(sentence.text(at + used))
    named = _name(sentence, at + used + 1)
    if sign is None or named is None or named[1].nested:
        return None
    asc = "-asc" if not sign and named[1].metric is not None else ""
    return used + 1 + named[0], f"sort:{sign}{named[1].name}{asc}"


def _leading_metric(sentence: Sentence) -> str:
    """What "best" means where nobody says by what: the task's own metric, else the score that most models report."""
    counts = sentence.vocabulary.leading if sentence.vocabulary is not None else {}
    for word in sentence.words:
        for name in leading_metrics(word.raw.removeprefix("task:").strip('"')):
            if counts.get(name):
                return name
    scores = [name for name in counts if name in metrics() and metrics()[name].bounded]
    return max(scores, key=lambda name: (counts[name], name), default="")


def named_by_alias(sentence: Sentence, at: int) -> Found:
    """`german`, `ner`, `sklearn`, `quantized`, `4 bit`: words that mean a value of a field, where models have it."""
    word, vocabulary = sentence.text(at), sentence.vocabulary
    if vocabulary is None or not word:
        return None
    bits = _BITS.fullmatch(word) or _BITS.fullmatch(f"{word} {sentence.text(at + 1)}")
    if bits is not None and bits[1] in vocabulary.values.get("quantization.bits", {}):
        return (1 if _BITS.fullmatch(word) else 2), f"bits:{bits[1]}"
    if word in {"quantized", "quantised"} and "quantized" in vocabulary.values.get("flags", {}):
        return 1, "is:quantized"
    for name, known in vocabulary.values.items():
        row = fields().get(name)
        if row is None or row.canonical is None or row.group not in {"identity", "weights"}:
            continue
        from catalog.text import canonical  # noqa: PLC0415 - a search without words needs none of its tables

        rule = canonical.rule("dtype" if row.canonical == "precision" else row.canonical)
        meant = rule(word) if rule is not None else word
        if meant.casefold() != word and meant.casefold() in {value.casefold() for value in known}:
            return 1, f"{name}:{quoted(meant)}"
    return None


_BITS = pattern(r"(\d)[ -]?bits?")


_ORDERS = {
    "newest": "-date",
    "latest": "-date",
    "oldest": "date-asc",
    "largest": "-size",
    "biggest": "-size",
    "smallest": "size",
}

RULES: Sequence[Callable[[Sentence, int], Found]] = (
    named_amount,
    dated,
    amount_named,
    amount_alone,
    ordered,
    by_metric,
    valued,
    without,
    named_by_alias,
)


def _name(sentence: Sentence, at: int) -> tuple[int, Target] | None:
    """A field or metric of numbers, of up to four words; a metric that no table knows, where models report it."""
    for count in (4, 3, 2, 1):
        words = [sentence.text(at + offset) for offset in range(count)]
        if not all(words) or not words[0][0].isalpha() or not words[-1][-1].isalnum():
            continue
        if count > 1 and any("@" in word for word in words):
            continue  # the name of a data set ends with its word
        for target in resolve(" ".join(words)):
            if target.numeric:
                return count, target
        for target in reported(" ".join(words), sentence.vocabulary):
            if count > 1 or not resolve(words[0]):
                return count, as_number(target)
    return None


def _comparator(sentence: Sentence, at: int) -> tuple[int, str] | None:
    for count in range(_LONGEST, 0, -1):
        sign = _COMPARATORS.get(tuple(sentence.text(at + offset) for offset in range(count)))
        if sign is not None:
            return count, sign
    sign = _SIGNS.get(sentence.text(at))
    return None if sign is None else (1, sign)


def _amount(sentence: Sentence, at: int) -> _Amount | None:
    match = _NUMBER.fullmatch(sentence.text(at))
    if match is None:
        return None
    unit, count = match["unit"], 1
    following = sentence.text(at + 1)
    if not unit and (
        following in _BYTES or following in _PERCENTS or (following in _COUNTS and len(following) > 1)
    ):
        unit, count = following, 2
    sign = _SIGNS[match["sign"]] if match["sign"] else ">=" if match["plus"] else ""
    if [sentence.text(at + count), sentence.text(at + count + 1)] == ["or", "more"]:
        sign, count = ">=", count + 2
    elif [sentence.text(at + count), sentence.text(at + count + 1)] == ["or", "less"]:
        sign, count = "<=", count + 2
    spelled = (
        "%"
        if unit in _PERCENTS
        else _COUNTS.get(unit, unit.upper().replace("I", "i") if unit in _BYTES else unit)
    )
    if unit == "bytes":
        spelled = "b"
    return _Amount(count=count, digits=pointed(match["digits"].rstrip(",.")), unit=spelled, sign=sign)


def _between(sentence: Sentence, at: int) -> tuple[int, _Amount, _Amount] | None:
    link = {"between": "and", "from": "to"}.get(sentence.text(at))
    if link is None:
        return None
    low = _amount(sentence, at + 1)
    if low is None or sentence.text(at + 1 + low.count) != link:
        return None
    high = _amount(sentence, at + 2 + low.count)
    if high is None:
        return None
    if not low.unit and high.unit:  # between 1 and 8 billion
        low = _Amount(count=low.count, digits=low.digits, unit=high.unit, sign="")
    return 2 + low.count + high.count, low, high


def _by_unit(amount: _Amount) -> str:
    if amount.unit.casefold() in _BYTES or amount.unit == "b":
        return "size"
    return "params" if amount.unit in {"B", "M", "T", "k"} else ""


def _with_noun(sentence: Sentence, at: int, used: int, name: str) -> int:
    nouns = _PARAMETER_WORDS if name == "params" else {"size", "large", "big"}
    return used + (sentence.text(at + used) in nouns)
