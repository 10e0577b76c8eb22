"""What a metric comes to on one data set, wherever the data set stands: `f1 (conll2003) > 0.9`, `accuracy on mnli between 0.8 and
0.9`, `at least 0.9 f1 on conll2003`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.text.sentence_amounts import (
    amount_named,
    compared_too,
    more_than,
    named_amount,
    named_value,
)
from catalog.query.text.sentence_datasets import measured_on
from catalog.query.text.sentence_numbers import bound_at
from catalog.query.text.sentence_parts import Replacement, Sentence, numeric_name
from catalog.query.text.sentence_written import further_bound, written_comparison
from catalog.query.text.targets import Target, resolve
from catalog.text.patterns import pattern

Rule = Callable[[Sentence, int], Replacement]

_BOUNDS: Sequence[Rule] = (named_amount, named_value)
_BOUNDS_FIRST: Sequence[Rule] = (named_amount, more_than, amount_named, named_value)
_CONDITION = pattern(r"(?P<mark>[+-]?)(?P<name>[^\W\d][\w.]*)(?P<bound>(?:[<>]=?|[:=])[^\s()]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """What one metric is compared with, as in `>0.9`."""

    target: Target
    sign: str


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
        used += bound.count
        bounds, joining = [_Bound(target=target, sign=f"{bound.sign}{bound.amount.text}")], " "
        more = compared_too(sentence, at + used, target)
        if more is not None:  # `f1 on conll2003 above 0.8 and below 0.9`
            joining = _EITHER if sentence.text(at + used) == "or" else " "
            bounds.append(_Bound(target=target, sign=more[1]))
            used += more[0]
        return used, _on_each(sentence, at + count, bounds, joining)
    words = sentence.words
    shorter = replace(sentence, words=(*words[: at + count], *words[at + used :]))
    bounded = _bounds(shorter, at, _BOUNDS)
    if bounded is not None and bounded[0] > count:
        return bounded[0] + on[0], _on_each(sentence, at + count, *bounded[1:])
    is_bracketed = words[at + count].whole[:1] in {"(", "["}
    return (used, f"has:{on[1]} sort:{on[1]}") if is_bracketed else None


def _behind(sentence: Sentence, at: int) -> Replacement:
    """The data set stands behind the condition."""
    bounded = _bounds(sentence, at, _BOUNDS_FIRST)
    if bounded is None:
        return None
    count, bounds, joining = bounded
    on = measured_on(sentence, at + count, bounds[0].target.name, "")
    return None if on is None else (count + on[0], _on_each(sentence, at + count, bounds, joining))


def _on_each(sentence: Sentence, at: int, bounds: Sequence[_Bound], joining: str) -> str:
    """Each bound on the data sets that stand there, together or as alternatives."""
    measurements = (measured_on(sentence, at, bound.target.name, bound.sign) for bound in bounds)
    joined = joining.join(measurement[1] for measurement in measurements if measurement is not None)
    return f"({joined})" if joining == _EITHER else joined


_EITHER = " OR "


def written_on(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """`f1>0.9 on conll2003` without blanks around the sign, with a minus before it, and in brackets."""
    whole = sentence.words[at].whole
    opening = len(whole) - len(whole.lstrip("("))
    words = [*sentence.words]
    words[at] = replace(words[at], whole=whole[opening:])
    closed = next((place for place in range(at + 1, len(words)) if words[place].whole.endswith(")")), None)
    closing = (
        "" if closed is None else ")" * (len(words[closed].whole) - len(words[closed].whole.rstrip(")")))
    )
    if closed is not None and "(" not in words[closed].whole:
        words[closed] = replace(words[closed], text=words[closed].raw.casefold(), plain=True)
    on = _marked_on(replace(sentence, words=tuple(words)), at)
    if on is None:
        return None
    ends_there = closed is not None and at + on[0] == closed + 1
    return on[0], f"{'(' * opening}{on[1]}{closing if ends_there else ''}"


def _marked_on(sentence: Sentence, at: int) -> tuple[int, str] | None:
    word = sentence.words[at]
    mark = word.whole[:1] if word.whole[:1] in {"+", "-"} else ""
    condition = _CONDITION.fullmatch(word.whole)
    if condition is not None:
        target = next(iter(resolve(condition["name"])), None)
        if target is None or target.kind != "metric" or target.nested:
            return None
        bounds = [_Bound(target=target, sign=condition["bound"])]
        used = 1
        more = further_bound(sentence, at + 1) if not mark else None
        if more is not None:  # `f1>0.8 and<0.9 on conll2003`
            bounds.append(_Bound(target=target, sign=more[1]))
            used += more[0]
        on = measured_on(sentence, at + used, target.name, "")
        on = None if on is None else (used + on[0], _on_each(sentence, at + used, bounds, " "))
    elif mark:
        bare = word.whole[1:]
        words = [*sentence.words]
        words[at] = replace(word, text=bare.casefold(), raw=bare, whole=bare, plain=bare.isidentifier())
        plain = replace(sentence, words=tuple(words))
        compared = written_comparison(plain, at) if words[at].plain else None
        on = (compared[0], compared[1] or "") if compared is not None else measured(plain, at)
        on = on if on is not None and on[1] else None  # without a data set the scanner reads it
    else:
        return None
    if on is None:
        return None
    together = mark and " " in on[1] and not on[1].startswith("(")
    return on[0], f"{mark}{f'({on[1]})' if together else on[1]}"


def _bounds(sentence: Sentence, at: int, rules: Sequence[Rule]) -> tuple[int, Sequence[_Bound], str] | None:
    """How many words compare one metric or several, with what, and what joins that."""
    for rule in rules:
        match = rule(sentence, at)
        if match is None:
            continue
        joining = _EITHER if _EITHER in (match[1] or "") else " "
        bounds = [_bound(text) for text in (match[1] or "").strip("()").split(joining)]
        known = [bound for bound in bounds if bound is not None]
        return (match[0], known, joining) if len(known) == len(bounds) else None
    return None


def _bound(text: str) -> _Bound | None:
    """One condition on one metric: what else there is stays as it is read without the data set."""
    condition = _CONDITION.fullmatch(text)
    target = next(iter(resolve(condition["name"])), None) if condition is not None else None
    if condition is None or condition["mark"] or target is None or target.kind != "metric":
        return None
    return _Bound(target=target, sign=condition["bound"])
