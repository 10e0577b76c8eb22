"""What the rules of sentences look for: comparisons, names of numbers, dates, and the words themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TypeAlias

from catalog.lazy_dataclasses import dataclass
from catalog.query.periods import ambiguous_readings, is_year, parse_period
from catalog.query.text.targets import Target, Vocabulary, as_number, reported, resolve
from catalog.text.patterns import pattern
from mappings.metrics import metrics
from mappings.tasks import leading_metrics

Replacement: TypeAlias = tuple[int, str] | None
"""How many words a rule read, and as what; None when it does not fit."""
_COMPARATORS: Mapping[tuple[str, ...], str] = {
    tuple(words.split()): sign
    for sign, phrases in {
        ">": "more than|greater than|higher than|larger than|bigger than|longer than|over|above|exceeding|exceeds|exceed|beyond",
        ">=": "greater than or equal to|more than or equal to|larger than or equal to|greater or equal to|larger or equal to|larger or equal|larger equal|greater than or equal|at or above|at or over|above or equal to|equal or above|equal to or above|equal or greater than|equal to or greater than|equal or more than|equal to or more than|at least|no less than|not less than|minimum|min",
        "<": "less than|lower than|smaller than|fewer than|shorter than|under|below|sub",
        "<=": "less than or equal to|smaller than or equal to|lower than or equal to|fewer than or equal to|less or equal to|smaller or equal to|smaller or equal|smaller equal|less than or equal|at or below|at or under|below or equal to|equal or below|equal to or below|equal or less than|equal to or less than|not exceed|not exceeding|does not exceed|do not exceed|at most|up to|no more than|not more than|maximum|max",
        "=": "exactly|equal to|equals|about|around|approximately|approx|roughly|circa|ca",
        "better": "better than",
        "worse": "worse than",
    }.items()
    for words in phrases.split("|")
} | {
    (refused, word, "than"): sign
    for refused in ("no", "not")
    for sign, words in {
        "<=": "greater higher larger bigger longer",
        ">=": "lower smaller fewer shorter",
    }.items()
    for word in words.split()
}
_LONGEST = max(map(len, _COMPARATORS))
SIGNS = {
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
    "=": "=",
    "==": "=",
    "~": "=",
    "\N{ALMOST EQUAL TO}": "=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
}
LINKS = frozenset({"of", "is", "was", "are", "score", "value"})
UNITS_OF_TIME = {"day": "d", "week": "w", "month": "mo", "year": "y", "hour": "h"}
_ADJECTIVES = {"accurate": "accuracy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word: `text` in lower case, `raw` as typed; `plain` when rules may read it."""

    text: str
    raw: str
    start: int
    end: int
    plain: bool
    whole: str = ""  # with brackets and what ends a sentence
    elided: bool = False  # a French article was before it


@dataclass(frozen=True, kw_only=True)
class Sentence:
    words: Sequence[Word]
    vocabulary: Vocabulary | None
    now: datetime

    def text(self, at: int) -> str:
        """The word there, or nothing when it is not for rules."""
        if at >= len(self.words) or not self.words[at].plain:
            return ""
        return self.words[at].text

    @cached_property
    def leading_metric(self) -> str:
        """What "best" means where nobody says by what: the task's own metric, else the score that most models report.

        Looked for once: it takes all words, and each of them may be "best".
        """
        from catalog.text import canonical  # noqa: PLC0415 - only "best" needs its tables

        counts = self.vocabulary.leading if self.vocabulary is not None else {}
        for place in range(len(self.words)):
            for _, words in spoken_name(self, place):
                for name in leading_metrics(canonical.task(words.removeprefix("task:").strip('"'))):
                    if counts.get(name):
                        return name
        scores = [name for name in counts if name in metrics() and metrics()[name].bounded]
        return max(scores, key=lambda name: (counts[name], name), default="")


_UNNAMEABLE = pattern(r"[^A-Za-z0-9]+")


def numeric_name(sentence: Sentence, at: int) -> tuple[int, Target] | None:
    """A field or metric of numbers, of up to four words; a metric that no table knows, where models report it."""
    if sentence.text(at) in {"number", "count"} and sentence.text(at + 1) == "of":
        counted = numeric_name(sentence, at + 2)
        return None if counted is None else (2 + counted[0], counted[1])
    for count in (4, 3, 2, 1):
        words = [sentence.text(at + offset) for offset in range(count)]
        if not all(words) or not words[0][0].isalpha() or not words[-1][-1].isalnum():
            continue
        if count > 1 and any("@" in word or _UNNAMEABLE.fullmatch(word) for word in words):
            continue  # the name of a data set ends with its word, and words of other scripts are no parts of names
        if words == ["per"] and resolve(sentence.text(at + 1)):
            continue  # so many of each
        for target in resolve(_ADJECTIVES.get(words[0], words[0]) if count == 1 else " ".join(words)):
            if target.numeric:
                return count, target
            if count == 1 and target.path.startswith("hyperparameters."):
                return count, as_number(target)
        for target in reported(" ".join(words), sentence.vocabulary):
            if count > 1 or not resolve(words[0]):
                return count, as_number(target)
    return None


def comparator(sentence: Sentence, at: int, target: Target | None = None) -> tuple[int, str] | None:
    """How many words compare, and the sign that they mean; better and worse go by what is better of the target."""
    for count in range(_LONGEST, 0, -1):
        sign = _COMPARATORS.get(tuple(sentence.text(at + offset) for offset in range(count)))
        if sign in {"better", "worse"}:
            up = target is None or target.metric is None or target.metric.direction != "down"
            return count, ">" if up == (sign == "better") else "<"
        if sign is not None:
            return count, sign
    sign = SIGNS.get(sentence.text(at)) or (_BESIDE_A_NAME.get(sentence.text(at)) if target else None)
    return None if sign is None else (1, sign)


_BESIDE_A_NAME = {
    **dict.fromkeys(("larger", "bigger", "greater", "higher"), ">"),
    **dict.fromkeys(("smaller", "lower"), "<"),
}
"""Compare without a than where a name is before them: `f1 größer 0.8`; `smaller 7B models` compares nothing."""
CONTRACTED = pattern(r"(?:do|does|did|is|are|was|were|has|have|had)n['\N{RIGHT SINGLE QUOTATION MARK}]?t")
"""`doesn't`, `isn't`, and as they are typed in haste: not."""


def is_contracted(sentence: Sentence, at: int) -> bool:
    """Whether the word is one with not in it, such as isn't."""
    return sentence.text(at) == "not" and CONTRACTED.fullmatch(sentence.words[at].raw.casefold()) is not None


def spoken_name(sentence: Sentence, at: int) -> Iterator[tuple[int, str]]:
    """The names that may begin there, of three words, two and one."""
    for count in (3, 2, 1):
        words = [sentence.text(at + offset) for offset in range(count)]
        if all(word[:1].isalnum() for word in words) and not any(map(_UNNAMEABLE.fullmatch, words[1:])):
            yield count, " ".join(words)


def spoken_date(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """A date of up to three words, the longest first: `3 May 2024`, `May 2024`, `2024`."""
    for count in (5, 4, 3, 2, 1):
        words = [sentence.text(at + offset) for offset in range(count)]
        if not all(words) or (count > 3 and words.count("of") < count - 3) or words[-1] == "of":
            continue
        text = " ".join(
            word for word in words if word != "of" or count == 1
        )  # the 1st of June 2025, Q3 of 2025
        if count == 1 and ambiguous_readings(text):
            return 1, text  # the condition says that day and month cannot be told apart
        if text.isdigit() and not is_year(text):
            continue
        if text.startswith("-") or parse_period(text, sentence.now) is None:
            continue
        return count, f'"{text}"' if " " in text else text
    return None


_ALTERNATIVE = frozenset({"or", "nor"})


def next_member(sentence: Sentence, at: int) -> int:
    """Where the next word of a list stands whose last one ended before `at`; 0 at its end."""
    if sentence.text(at) in _ALTERNATIVE:
        return at + 1
    if at < len(sentence.words) and sentence.words[at - 1].whole.endswith(","):
        return at
    return 0


def is_operator(sentence: Sentence, at: int) -> bool:
    """Whether the word there is written in capitals, as Lucene has its operators: such ones bind as they do there."""
    return at < len(sentence.words) and sentence.words[at].raw in {"AND", "OR", "NOT"}


def any_of(name: str, values: Sequence[str]) -> str:
    """The values as alternatives, which no comma makes one number."""
    listed = " OR ".join(f"{name}:{value}" for value in values)
    return f"({listed})" if len(values) > 1 else listed
