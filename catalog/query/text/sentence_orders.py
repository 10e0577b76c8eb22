"""The orders and limits that sentences ask for: `top 5 by f1`, `three newest`, `most parameters`, `best german ner`."""

from __future__ import annotations

from catalog.query.periods import is_year
from catalog.query.text.function_words import FILLER_WORDS
from catalog.query.text.numbers import SPOKEN_NUMBERS
from catalog.query.text.printing import quoted
from catalog.query.text.sentence_datasets import dataset_at, datasets_alone, on_dataset, told_on
from catalog.query.text.sentence_numbers import amount_at, bound_at
from catalog.query.text.sentence_parts import Replacement, Sentence, comparator, numeric_name
from catalog.query.text.sorting import natural_direction
from catalog.query.text.targets import Target, resolve
from catalog.text.patterns import pattern

_ORDERS = {
    "newest": "-date",
    "latest": "-date",
    "oldest": "date-asc",
    "largest": "-size",
    "biggest": "-size",
    "smallest": "size",
    "lightest": "size",
    "tiniest": "size",
    "heaviest": "-size",
}
_RECENT = frozenset(
    {("most", "recent"), ("recently", "trained"), ("recently", "created"), ("newest", "first")}
)
_EXTREMES = {"max": "-", "maximum": "-", "min": "", "minimum": ""}
_SUPERLATIVES = {
    **_EXTREMES,
    **dict.fromkeys(("most", "highest", "largest", "biggest", "longest", "greatest"), "-"),
    **dict.fromkeys(("fewest", "least", "lowest", "smallest", "shortest"), ""),
}
_SORTED = frozenset({"sorted", "sort", "ordered", "order", "ranked", "rank"})
DIRECTIONS = {"asc": "asc", "ascending": "asc", "desc": "desc", "descending": "desc"}
_TOP = frozenset({"top", "best", "first"})
_NOUNS = frozenset({"model", "models", "version", "versions"})
_FASTEST = (
    "latency_ms",
    "throughput_per_second",
    "samples_per_second",
    "tokens_per_second",
    "frames_per_second",
)
"""What tells how fast a model is, the likeliest first."""


def ordered(sentence: Sentence, at: int) -> Replacement:
    """`sorted by accuracy descending`, `newest models`, `best f1`, `the three smallest`, `most accurate`."""
    if sentence.text(at) in _SORTED and sentence.text(at + 1) in {"by", "after", "on"}:
        return _sorted(sentence, at + 2, 2)
    for rule in (_counted, _superlative, _named_best):
        match = rule(sentence, at)
        if match is not None:
            return match
    return _alone(sentence, at)


def _sorted(sentence: Sentence, at: int, used: int) -> Replacement:
    begun = _counting(sentence, at)
    at, used = at + begun, used + begun
    named = numeric_name(sentence, at)
    if sentence.text(at) in _ORDERS:
        return used + 1 + (sentence.text(at + 1) == "first"), f"sort:{_ORDERS[sentence.text(at)]}"
    if named is not None:
        count, name = _placed(sentence, at, named)
    elif resolve(sentence.text(at)):
        count, name = 1, sentence.text(at)
    else:
        return None
    direction = DIRECTIONS.get(sentence.text(at + count))
    spelled = f"{name}-{direction}" if direction else name
    return used + count + bool(direction), f"sort:{quoted(spelled)}"


def _superlative(sentence: Sentence, at: int) -> Replacement:
    """`with the most parameters`, `longest context`, `worst accuracy`."""
    used = 1 if sentence.text(at) == "with" else 0
    used += sentence.text(at + used) == "the"
    word = sentence.text(at + used)
    sign = _SUPERLATIVES.get(word)
    if (sign is None and word != "worst") or sentence.text(at + used + 1) in _NOUNS:
        return None
    named = numeric_name(sentence, at + used + 1)
    if named is None or named[1].nested or amount_at(sentence, at + used + 1) is not None:
        return None
    count, name = _placed(sentence, at + used + 1, named)
    if word in _EXTREMES and sentence.text(at + used + 1 + count):
        return None  # "min accuracy 0.8" is a bound
    having = f"has:{quoted(name)} " if "@" in name else ""
    if sign is None:
        descending = not natural_direction(named[1].path)
        return used + 1 + count, f"{having}sort:{quoted(f'{name}-desc' if descending else f'{name}-asc')}"
    ascending = "-asc" if not sign and named[1].metric is not None else ""
    return used + 1 + count, f"{having}sort:{quoted(f'{sign}{name}{ascending}')}"


def _named_best(sentence: Sentence, at: int) -> Replacement:
    """`best f1`, `best f1 on conll2003`, `top f1`."""
    if sentence.text(at) not in {"best", "top"}:
        return None
    named = numeric_name(sentence, at + 1)
    if named is None or named[1].kind != "metric" or named[1].split is not None:
        return None
    count, name = _placed(sentence, at + 1, named)
    having = f"has:{quoted(name)} " if "@" in name else ""
    return 1 + count, f"{having}sort:{quoted(name)}"


_LATEST = frozenset({"latest", "newest", "current", "last"})
"""Before a version: the last one of each series."""


def _alone(sentence: Sentence, at: int) -> Replacement:
    """One word, or two that go together, that order by themselves."""
    words = (sentence.text(at), sentence.text(at + 1))
    if words[0] in _LATEST and words[1] in {"version", "versions"}:
        return 2, "is:latest sort:-date"
    if words == ("most", "recent") and sentence.text(at + 2) in {"version", "versions"}:
        return 3, "is:latest sort:-date"
    if words in _RECENT:
        return 2, "sort:-date"
    if (recent := _recently(sentence, at)) is not None:
        return recent
    if words in {("most", "accurate"), ("best", "performing")}:
        leading = "accuracy" if words[0] == "most" else sentence.leading_metric
        return (2, f"sort:{leading}") if leading else None
    if words[0] in _ORDERS:
        noun = words[1] in _NOUNS and (words[1].startswith("version") or sentence.text(at + 2) == "first")
        return 1 + noun + (sentence.text(at + 1 + noun) == "first"), f"sort:{_ORDERS[words[0]]}"
    if words[0] in {"fastest", "quickest"} and sentence.vocabulary is not None:
        known = next((name for name in _FASTEST if name in sentence.vocabulary.metrics), "")
        return (1, f"sort:{known}") if known else None
    if (
        words[0] == "worst"
        and words[1] != "than"
        and all(word.text in FILLER_WORDS for word in sentence.words[:at])
    ):
        leading = sentence.leading_metric
        return (1, f"sort:{_worst_first(leading)}") if leading else None
    if words[0] == "best" and words[1] != "than":
        if words[1] == "first":
            leading = sentence.leading_metric
            return (2, f"sort:{leading}") if leading else None
        if _ordered_later(sentence, at + 1):
            return 1, ""
        leading = _leading(sentence, at)
        return (1, f"sort:{quoted(leading)}") if leading else None
    return None


def _recently(sentence: Sentence, at: int) -> Replacement:
    """`recently updated`, `most recently added`: by when that was, the last first."""
    used = int(sentence.text(at) == "most")
    changed = _CHANGED.get(sentence.text(at + used + 1))
    if sentence.text(at + used) != "recently" or changed is None:
        return None
    return used + 2, f"sort:-{changed}"


_CHANGED = {
    **dict.fromkeys(("updated", "modified", "changed"), "modified"),
    **dict.fromkeys(("released", "published"), "released"),
    **dict.fromkeys(("added", "found", "crawled"), "first_seen"),
    **dict.fromkeys(("trained", "created"), "date"),
}


def _worst_first(metric: str) -> str:
    return f"{metric}{'-asc' if natural_direction(f'metrics.{metric}') else '-desc'}"


def _leading(sentence: Sentence, at: int) -> str:
    """The metric that tells what is best, on the one data set that is named further on. Looked for behind the first such word
    alone.
    """
    leading = sentence.leading_metric
    if not leading or _is_topped(sentence, at):
        return leading
    places = range(at + 1, len(sentence.words))
    datasets = next((on[1] for place in places if (on := datasets_alone(sentence, place)) is not None), ())
    return f"{leading}@{datasets[0]}" if len(datasets) == 1 else leading


def _is_topped(sentence: Sentence, at: int) -> bool:
    """Whether a word before asks for the best or the worst."""
    return any(word.text in _TOP or word.text == "worst" for word in sentence.words[:at])


def best_on(sentence: Sentence, at: int) -> Replacement:
    """`best bert on conll2003`: what was evaluated there; the order says by which metric."""
    on = datasets_alone(sentence, at) if sentence.leading_metric else None
    if on is None or not _is_topped(sentence, at):
        return None
    return on[0], told_on(on[1], on[2], denied=False)


def _counted(sentence: Sentence, at: int) -> Replacement:
    """`top 5 by f1`, `best 3 models`, `5 newest`, `newest three`: so many, in the order that is named or best first."""
    first, second = sentence.text(at), sentence.text(at + 1)
    begun = _begun_count(sentence, at)
    if begun is not None:
        return begun
    place, behind = place_at(sentence, at)
    if place and sentence.text(at + behind) in {*_ORDERS, "best", "worst", "fastest"}:
        word = sentence.text(at + behind)  # the one asked for is the last of them
        return _of_so_many(sentence, at, behind + 1 + (sentence.text(at + behind + 1) in _NOUNS), place, word)
    if place and (highest := _superlative(sentence, at + behind)) is not None:
        return behind + highest[0], f"{highest[1]} limit:{place}"
    if (number := _number(first)) and (second in _ORDERS or second in {"best", "top", "worst", "fastest"}):
        word = second
    elif (number := _number(second)) and (first in _ORDERS or first in _TOP):
        word = first
    else:
        return None
    return _of_so_many(sentence, at, 2 + (sentence.text(at + 2) in _NOUNS), number, word)


_PLACES = {"second": 2, "third": 3, "fourth": 4, "fifth": 5}
_PLACE = pattern(r"(\d{1,3})(?:st|nd|rd|th)")


def place_at(sentence: Sentence, at: int) -> tuple[int, int]:
    """The place that `second best` and `3rd largest` ask for, and how many words say it; 0 where none is told."""
    word = sentence.text(at)
    counted = _PLACE.fullmatch(word)
    place = int(counted[1]) if counted is not None else _PLACES.get(word, 0)
    return (place, 1) if place > 1 else (0, 0)


_TOP_COUNT = pattern(r"top-?(\d{1,3})")


def _begun_count(sentence: Sentence, at: int) -> Replacement:
    """`top-5 by f1`, `show 3 models`, `5 models with the highest f1`: so many; the order stands behind."""
    joined = _TOP_COUNT.fullmatch(sentence.text(at))
    if joined is not None and sentence.text(at + 1) in {"", "by", *_NOUNS}:
        return _of_so_many(sentence, at, 1 + (sentence.text(at + 1) in _NOUNS), int(joined[1]), "top")
    last = _number(sentence.text(at + 1)) if sentence.text(at) == "last" and not at else 0
    if last and sentence.text(at + 2) in {"", *_NOUNS}:
        return 2 + (sentence.text(at + 2) in _NOUNS), f"sort:-date limit:{last}"
    number = _number(sentence.text(at))
    asked = all(word.text in FILLER_WORDS for word in sentence.words[:at])
    if not number or not asked or sentence.text(at + 1) not in {"models", "versions"}:
        return None
    return 2, f"limit:{number}"


def _of_so_many(sentence: Sentence, at: int, used: int, number: int, word: str) -> Replacement:
    metric = numeric_name(sentence, at + used)
    behind = (
        metric is not None
        and metric[1].metric is not None
        and comparator(sentence, at + used + metric[0]) is None
    )
    if word == "first" or (behind and word in _TOP) or _ordered_later(sentence, at + used):
        return _ordered_by(sentence, at, used, number)
    if word in _ORDERS:
        return used, f"sort:{_ORDERS[word]} limit:{number}"
    leading = _leading(sentence, at)
    if "@" in leading and word != "worst":
        return used, f"sort:{quoted(leading)} limit:{number}"
    leading = sentence.leading_metric
    if not leading:
        return used, f"limit:{number}"
    if word == "worst":
        return (
            used,
            f"has:{leading} sort:{_worst_first(leading)} limit:{number}",
        )
    return used, f"has:{leading} sort:{leading} limit:{number}"


def _ordered_by(sentence: Sentence, at: int, used: int, number: int) -> Replacement:
    """The count with the order right behind it, else alone."""
    used += sentence.text(at + used) in {"by", "for"}
    used += _counting(sentence, at + used)
    named = numeric_name(sentence, at + used)
    if named is None or named[1].split is not None:
        return used, f"limit:{number}"
    count, name = _placed(sentence, at + used, named)
    order = name if named[1].kind == "metric" else f"-{name}"
    return used + count, f"has:{quoted(name)} sort:{quoted(order)} limit:{number}"


def _counting(sentence: Sentence, at: int) -> int:
    """How many words before a name say that it is counted: `the number of parameters`, `amount of data`."""
    used = int(sentence.text(at) == "the")
    counted = (
        sentence.text(at + used) in {"number", "count", "amount"} and sentence.text(at + used + 1) == "of"
    )
    return used + 2 if counted else 0


def _number(word: str) -> int:
    """A count of models in digits or as a word; 0 for another word."""
    if word.isascii() and word.isdigit() and len(word) <= 5:
        return 0 if is_year(word) else int(word)
    return SPOKEN_NUMBERS.get(word, 0)


def _ordered_later(sentence: Sentence, at: int) -> bool:
    """Whether the order stands further on: `top 5 bert models by f1`, `top 3 newest`."""
    return any(
        sentence.text(place) in _ORDERS
        or sentence.words[place].raw.startswith("sort:")
        or (
            sentence.text(place) == "by"
            and numeric_name(sentence, place + 1 + _counting(sentence, place + 1)) is not None
        )
        for place in range(at, len(sentence.words))
    )


def scored_on(sentence: Sentence, at: int) -> Replacement:
    """`f1 on conll2003`, `f1 conll2003`: who reports it, the best first; `conll2003 f1 > 0.9`, `f1 on conll2003 above 0.9`."""
    if (compared := _told_before(sentence, at) or _mistyped(sentence, at)) is not None:
        return compared
    named = numeric_name(sentence, at)
    if named is None or named[1].kind != "metric" or named[1].nested:
        return None
    count, target = named
    on = on_dataset(sentence, at + count)
    beside = dataset_at(sentence, at + count) if on is None else None
    if on is None and beside is None:
        return None
    used, dataset = (count + on[0], on[1]) if on is not None else (count + 1, beside)
    name = quoted(f"{target.name}@{dataset}")
    bound = bound_at(sentence, at + used, target)
    if bound is not None:
        return used + bound.count, f"{name}{bound.sign}{bound.amount.text}"
    return None if comparator(sentence, at + used, target) is not None else (used, f"has:{name} sort:{name}")


def _mistyped(sentence: Sentence, at: int) -> Replacement:
    """`acuracy @ conll2003 > 0.9`: one condition, so that its name is mended."""
    if sentence.text(at + 1) != "@" or not sentence.text(at).isidentifier():
        return None
    dataset, bound = dataset_at(sentence, at + 2), bound_at(sentence, at + 3)
    if dataset is None or bound is None or numeric_name(sentence, at) is not None:
        return None
    return 3 + bound.count, f"{sentence.words[at].raw}@{dataset}{bound.sign}{bound.amount.text}"


def _told_before(sentence: Sentence, at: int) -> Replacement:
    """`conll2003 f1 > 0.9`, `imagenet accuracy over 80%`: the data set before the metric that is compared."""
    named = numeric_name(sentence, at + 1)
    if named is None or named[1].kind != "metric" or named[1].nested:
        return None
    bound = bound_at(sentence, at + 1 + named[0], named[1])
    dataset = dataset_at(sentence, at) if bound is not None else None
    if bound is None or dataset is None:
        return None
    name = quoted(f"{named[1].name}@{dataset}")
    return 1 + named[0] + bound.count, f"{name}{bound.sign}{bound.amount.text}"


def by_metric(sentence: Sentence, at: int) -> Replacement:
    """`bert models by f1`: an order at the end, or where so many or the best were asked for before."""
    if sentence.text(at) not in {"by", "on"}:
        return None
    begun = 1 + _counting(sentence, at + 1)
    named = numeric_name(sentence, at + begun)
    if named is None or named[1].split is not None:
        return None
    topped = any(word.text in _TOP for word in sentence.words[:at])
    if not topped:
        last = sentence.text(at) == "by" and at + begun + named[0] == len(sentence.words)
        return (begun + named[0], f"sort:{quoted(named[1].name)}") if last else None
    count, name = _placed(sentence, at + begun, named)
    order = name if named[1].kind == "metric" else f"-{name}"
    return begun + count, f"has:{quoted(name)} sort:{quoted(order)}"


def _placed(sentence: Sentence, at: int, named: tuple[int, Target]) -> tuple[int, str]:
    """The name with the data set that follows it: `f1 on conll2003` is f1@conll2003."""
    count, target = named
    on = on_dataset(sentence, at + count) if target.kind == "metric" and not target.nested else None
    return (count, target.name) if on is None else (count + on[0], f"{target.name}@{on[1]}")
