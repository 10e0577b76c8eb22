"""What a metric comes to on one data set, wherever the data set stands: `f1 (conll2003) > 0.9`, `accuracy on mnli between 0.8 and
0.9`, `at least 0.9 f1 on conll2003`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from catalog.query.text.printing import quoted
from catalog.query.text.sentence_amounts import amount_named, more_than, named_amount, named_value
from catalog.query.text.sentence_datasets import dataset_at, on_dataset
from catalog.query.text.sentence_parts import Replacement, Sentence, bound_at, numeric_name
from catalog.query.text.targets import Target, resolve
from catalog.text.patterns import pattern

Rule = Callable[[Sentence, int], Replacement]

_BOUNDS: Sequence[Rule] = (named_amount, named_value)
_BOUNDS_FIRST: Sequence[Rule] = (named_amount, more_than, amount_named, named_value)
_CONDITION = pattern(r"(?P<name>[^\W\d][\w.]*)(?P<bound>(?:[<>]=?|[:=])[^\s()]+)")
"""One condition on one name: what is joined to others stays as it is read without the data set."""
_IN_BRACKETS = pattern(r"[(\[][^()\[\]]+[)\]]")


def measured(sentence: Sentence, at: int) -> Replacement:
    """The condition with the data set in it."""
    if sentence.vocabulary is None or not sentence.vocabulary.evaluated_on:
        return None
    return _between(sentence, at) or _behind(sentence, at)


def _between(sentence: Sentence, at: int) -> Replacement:
    """The data set stands between the metric and what it is compared with."""
    named = numeric_name(sentence, at)
    if named is None or named[1].kind != "metric" or named[1].nested:
        return None
    count, target = named
    bracketed = _in_brackets(sentence, at + count)
    on = bracketed or on_dataset(sentence, at + count)
    if on is None:
        return None
    bound = bound_at(sentence, at + count + on[0], target)
    if bound is not None:
        return count + on[0] + bound.count, f"{_on(target, on[1])}{bound.sign}{bound.amount.text}"
    words = sentence.words
    shorter = replace(sentence, words=(*words[: at + count], *words[at + count + on[0] :]))
    bounded = _condition(shorter, at, _BOUNDS)
    if bounded is not None and bounded[0] > count:
        return bounded[0] + on[0], f"{_on(bounded[1], on[1])}{bounded[2]}"
    name = _on(target, on[1])
    return (count + on[0], f"has:{name} sort:{name}") if bracketed is not None else None


def _behind(sentence: Sentence, at: int) -> Replacement:
    """The data set stands behind the condition."""
    bounded = _condition(sentence, at, _BOUNDS_FIRST)
    on = None if bounded is None else on_dataset(sentence, at + bounded[0])
    return (
        None
        if bounded is None or on is None
        else (bounded[0] + on[0], f"{_on(bounded[1], on[1])}{bounded[2]}")
    )


def _condition(sentence: Sentence, at: int, rules: Sequence[Rule]) -> tuple[int, Target, str] | None:
    """How many words say a condition on one metric, the metric, and the sign with the number."""
    for rule in rules:
        match = rule(sentence, at)
        if match is None:
            continue
        condition = _CONDITION.fullmatch(match[1] or "")
        target = next(iter(resolve(condition["name"])), None) if condition is not None else None
        if condition is None or target is None or target.kind != "metric":
            return None
        return match[0], target, condition["bound"]
    return None


def _in_brackets(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """`(conll2003)` and `[conll2003]` behind a metric."""
    if at >= len(sentence.words) or not _IN_BRACKETS.fullmatch(sentence.words[at].whole):
        return None
    alone = replace(sentence, words=(replace(sentence.words[at], plain=True),))
    known = dataset_at(alone, 0)
    return None if known is None else (1, known)


def _on(target: Target, dataset: str) -> str:
    return quoted(f"{target.name}@{dataset}")


_COMPARATIVES = frozenset(
    {
        "newer",
        "older",
        "younger",
        "smaller",
        "larger",
        "bigger",
        "better",
        "worse",
        "faster",
        "slower",
        "lighter",
        "heavier",
    }
)


def is_open_comparison(sentence: Sentence, at: int) -> bool:
    """Whether models are compared with something that no rule has read: `newer than the last release`, `better than bert`."""
    return (
        sentence.text(at) in _COMPARATIVES and sentence.text(at + 1) == "than" and bool(sentence.text(at + 2))
    )
