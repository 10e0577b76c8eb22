"""What a metric comes to on one data set, wherever the data set stands: `f1 (conll2003) > 0.9`, `accuracy on mnli between 0.8 and
0.9`, `at least 0.9 f1 on conll2003`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from catalog.query.text.sentence_amounts import amount_named, more_than, named_amount, named_value
from catalog.query.text.sentence_datasets import measured_on
from catalog.query.text.sentence_parts import Replacement, Sentence, bound_at, numeric_name
from catalog.query.text.targets import Target, resolve
from catalog.text.patterns import pattern

Rule = Callable[[Sentence, int], Replacement]

_BOUNDS: Sequence[Rule] = (named_amount, named_value)
_BOUNDS_FIRST: Sequence[Rule] = (named_amount, more_than, amount_named, named_value)
_CONDITION = pattern(r"(?P<name>[^\W\d][\w.]*)(?P<bound>(?:[<>]=?|[:=])[^\s()]+)")
"""One condition on one name: what is joined to others stays as it is read without the data set."""


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
    on = measured_on(sentence, at + count, target.name, "")
    if on is None:
        return None
    used = count + on[0]
    bound = bound_at(sentence, at + used, target)
    if bound is not None:
        condition = measured_on(sentence, at + count, target.name, f"{bound.sign}{bound.amount.text}")
        return None if condition is None else (used + bound.count, condition[1])
    words = sentence.words
    shorter = replace(sentence, words=(*words[: at + count], *words[at + used :]))
    bounded = _condition(shorter, at, _BOUNDS)
    if bounded is not None and bounded[0] > count:
        condition = measured_on(sentence, at + count, bounded[1].name, bounded[2])
        return None if condition is None else (bounded[0] + on[0], condition[1])
    is_bracketed = words[at + count].whole[:1] in {"(", "["}
    return (used, f"has:{on[1]} sort:{on[1]}") if is_bracketed else None


def _behind(sentence: Sentence, at: int) -> Replacement:
    """The data set stands behind the condition."""
    bounded = _condition(sentence, at, _BOUNDS_FIRST)
    if bounded is None:
        return None
    on = measured_on(sentence, at + bounded[0], bounded[1].name, bounded[2])
    return None if on is None else (bounded[0] + on[0], on[1])


def written_on(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """`f1>0.9 on conll2003` and `f1>0.9 (conll2003)`, without blanks around the sign."""
    condition = _CONDITION.fullmatch(sentence.words[at].whole)
    target = next(iter(resolve(condition["name"])), None) if condition is not None else None
    if condition is None or target is None or target.kind != "metric" or target.nested:
        return None
    on = measured_on(sentence, at + 1, target.name, condition["bound"])
    return None if on is None else (1 + on[0], on[1])


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
        "higher",
        "lower",
        "greater",
    }
)


def is_open_comparison(sentence: Sentence, at: int) -> bool:
    """Whether models are compared with something that no rule has read: `newer than the last release`, `better than bert`."""
    is_followed = sentence.text(at + 1) == "than" and at + 2 < len(sentence.words)
    return is_followed and sentence.words[at].text.lstrip("-+") in _COMPARATIVES
