"""Amounts in sentences: `accuracy of at least 90%`, `between 1B and 8B`, `3 epochs`, `fits in 8 GB`."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.query.periods import is_year
from catalog.query.text.sentence_ages import counted_back
from catalog.query.text.sentence_amount_lists import amounts_alone, amounts_listed, beside_another
from catalog.query.text.sentence_datasets import measured_on
from catalog.query.text.sentence_numbers import (
    BYTE_UNITS,
    PARAMETER_WORDS,
    Amount,
    Bound,
    amount_at,
    bound_at,
    by_unit,
    joined_ends,
    measure_at,
    open_end,
    span_at,
    with_noun,
)
from catalog.query.text.sentence_parts import LINKS, SIGNS, Replacement, Sentence, any_of, numeric_name
from catalog.query.text.targets import Target, as_number, reported, resolve
from catalog.text.patterns import pattern
from mappings import fields


def _linked_name(sentence: Sentence, at: int) -> tuple[int, Target] | None:
    """The name of something that has a number, and the words in all that lead from it to the number."""
    named = numeric_name(sentence, at)
    if named is None:
        return None
    count, target = named
    if sentence.text(at + count) in {"should", "must"} and sentence.text(at + count + 1) == "be":
        count += 2
    while sentence.text(at + count) in LINKS:
        count += 1
    return count, target


def more_than(sentence: Sentence, at: int) -> Replacement:
    """`more parameters than 7B`, `higher accuracy than 0.9`, `more accurate than 0.9`."""
    word = sentence.text(at)
    named = numeric_name(sentence, at + 1) if word in _COMPARATIVES else None
    if named is not None and sentence.text(at + 1 + named[0]) == "than":
        used = 2 + named[0]
        amount = amount_at(sentence, at + used)
        if amount is not None and not amount.sign:
            up = named[1].metric is None or named[1].metric.direction != "down"
            sign = {"better": ">" if up else "<", "worse": "<" if up else ">"}.get(word, _COMPARATIVES[word])
            return used + amount.count, f"{named[1].name}{sign}{amount.text}"
    return _more_accurate(sentence, at)


_COMPARATIVES = {
    **dict.fromkeys(("more", "higher", "larger", "bigger", "greater", "longer", "better"), ">"),
    **dict.fromkeys(("less", "fewer", "lower", "smaller", "shorter", "worse"), "<"),
}


def _more_accurate(sentence: Sentence, at: int) -> Replacement:
    if [sentence.text(at + offset) for offset in range(3)] != ["more", "accurate", "than"]:
        return None
    amount = amount_at(sentence, at + 3)
    return None if amount is None or amount.sign else (3 + amount.count, f"accuracy>{amount.text}")


def named_amount(sentence: Sentence, at: int) -> Replacement:
    """`accuracy of at least 90%`, `context over 32k`, `loss between 0.1 and 0.2`."""
    extreme = _extreme(sentence, at) or _shared_bound(sentence, at)
    if extreme is not None:
        return extreme
    named = _linked_name(sentence, at)
    if named is None:
        return None
    count, target = named
    ranged = _ranged(sentence, at + count, target.name)
    if ranged is not None:
        return _with_further_bound(sentence, at, count + ranged[0], target, ranged[1])
    bound = bound_at(sentence, at + count, target) or _from_number(sentence, at + count)
    if bound is None:
        return None
    used, sign, amount = count + bound.count, bound.sign, bound.amount
    on = None
    if target.metric is not None:
        on = measured_on(sentence, at + used, target.name, f"{sign}{amount.text}")
    if on is not None:
        return used + on[0], on[1]
    return _with_further_bound(sentence, at, used, target, f"{target.name}{sign}{amount.text}")


def _from_number(sentence: Sentence, at: int) -> Bound | None:
    """`from 0.8` and `from 8k` behind a name: at least that. A whole number may be a year."""
    amount = amount_at(sentence, at + 1) if sentence.text(at) in {"from", "ab"} else None
    if amount is None or amount.sign or not (amount.unit or _is_fraction(amount)):
        return None
    return Bound(count=1 + amount.count, sign=">=", amount=amount)


def _shared_bound(sentence: Sentence, at: int) -> Replacement:
    """`accuracy and f1 above 0.9`, `accuracy, f1 or recall > 0.9`: the bound of several names."""
    place, targets, joining = at + int(sentence.text(at) == "both"), list[Target](), ""
    while len(targets) < _MAX_NAMES:
        last = _linked_name(sentence, place) if joining else None
        bound = measure_at(sentence, place + last[0]) if last is not None else None
        if last is not None and bound is not None and bound.sign:
            targets.append(last[1])
            if any(target.unit != last[1].unit for target in targets):
                return None
            compared = [f"{target.name}{bound.sign}{bound.amount.text}" for target in targets]
            joined = f"({' OR '.join(compared)})" if joining == "or" else " ".join(compared)
            return place + last[0] + bound.count - at, joined
        named = numeric_name(sentence, place)
        if named is None:
            return None
        place += named[0]
        follow = sentence.text(place)
        if follow in {"and", "or"} and joining in {"", ",", follow}:
            place, joining = place + 1, follow
        elif joining in {"", ","} and sentence.words[place - 1].whole.endswith(","):
            joining = ","
        else:
            return None
        targets.append(named[1])
    return None


_MAX_NAMES = 6


def _with_further_bound(
    sentence: Sentence, at: int, used: int, target: Target, condition: str
) -> tuple[int, str]:
    """The condition with what is said of the same name behind it: `and under 64k`, `or above 0.95`."""
    if [sentence.text(at + used), sentence.text(at + used + 1)] == ["but", "not"]:
        amount = amount_at(sentence, at + used + 2)
        if amount is not None and not amount.sign and numeric_name(sentence, at + used + 3) is None:
            return used + 2 + amount.count, f"{condition} -{target.name}:{amount.text}"
    more = compared_too(sentence, at + used, target)
    if more is None:
        return used, condition
    either = sentence.text(at + used) == "or"
    both = f"{condition}{' OR ' if either else ' '}{target.name}{more[1]}"
    return used + more[0], f"({both})" if either else both


def _ranged(sentence: Sentence, at: int, name: str) -> tuple[int, str] | None:
    """`0.8 to 0.9`, `within 0.8..0.9`, `not in 0.8..0.9`, `outside 0.8 to 0.9`, with the name of what they are about; that of
    the unit where none is given.
    """
    used = int(sentence.text(at) == "not")
    place = next((place for place in _PLACES_OF_RANGES if _stands(sentence, at + used, place)), ())
    if used and not place and sentence.text(at + 1) != "between":
        return None
    outside = used if place and place[0] in {"outside", "out"} else None
    used += len(place)
    while sentence.text(at + used) in {"the", "range", "ranging", "of"}:
        used += 1
    span = span_at(sentence, at + used)
    if span is None and place in _AROUND_TWO_ENDS:
        ends = joined_ends(sentence, at + used, {"and"})
        span = None if ends is None else (ends[0], ends[1].text, ends[2].text)
    if span is None:
        return None
    count, low, high = span
    name = name or _by_unit_of(high)
    if not name:
        return None
    if outside == 0:
        if _is_reversed(low, high):
            low, high = high, low
        return used + count, f"({name}<{low} OR {name}>{high})"
    negated = outside is None and sentence.text(at) == "not"
    return used + count, f"{'-' if negated else ''}{name}:{low}..{high}"


def _is_reversed(low: str, high: str) -> bool:
    """Whether two numbers of one unit stand the wrong way round."""
    first, last = (_PLAIN_NUMBER.fullmatch(end) for end in (low, high))
    if first is None or last is None or first["unit"].casefold() != last["unit"].casefold():
        return False
    return float(first["number"]) > float(last["number"])


_PLAIN_NUMBER = pattern(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[^\W\d_]*|%)")
_AROUND_TWO_ENDS = (("outside", "of"), ("outside",), ("within",), ("inside",))
"""Behind these two numbers with `and` are a range, which behind `in` are two values."""
_PLACES_OF_RANGES = (*_AROUND_TWO_ENDS, ("out", "of"), ("in",))


def _stands(sentence: Sentence, at: int, words: Sequence[str]) -> bool:
    return all(sentence.text(at + offset) == word for offset, word in enumerate(words))


def _extreme(sentence: Sentence, at: int) -> Replacement:
    """`min accuracy 0.9`, `max size of 10 MB`: a bound, unless the word belongs to the name."""
    sign = _EXTREMES.get(sentence.text(at))
    named = _linked_name(sentence, at + 1) if sign and numeric_name(sentence, at) is None else None
    amount = amount_at(sentence, at + 1 + named[0]) if named is not None else None
    if named is None or amount is None or amount.sign:
        return None
    return 1 + named[0] + amount.count, f"{named[1].name}{sign}{amount.text}"


_EXTREMES = {"min": ">=", "minimum": ">=", "max": "<=", "maximum": "<="}


def compared_too(sentence: Sentence, at: int, target: Target) -> tuple[int, str] | None:
    """`and under 64k` behind `context over 8k`, where no other name follows: how many words, the sign and the number."""
    joined = int(sentence.text(at) in {"and", "but", "or"})
    bound = bound_at(sentence, at + joined, target)
    if bound is None or (not joined and not _may_be_of(sentence, at, bound.amount, target)):
        return None
    used = joined + bound.count
    if numeric_name(sentence, at + used) is not None or sentence.text(at + used) in {"of", "in"}:
        return None
    return used, f"{bound.sign}{bound.amount.text}"


def _may_be_of(sentence: Sentence, at: int, amount: Amount, target: Target) -> bool:
    """Whether a number right behind another one may be of the same name: `f1 above 0.8 below 0.9`, not `f1 above 0.8 under 1GB`."""
    if is_year(amount.digits) or counted_back(sentence, at) is not None:
        return False
    if amount.unit in _UNITS_OF_CONTEXT and target.unit == "tokens":
        return True
    return by_unit(amount) in {"", target.name} or target == next(iter(resolve(by_unit(amount))), None)


def amount_named(sentence: Sentence, at: int) -> Replacement:
    """`more than 90% accuracy`, `>90% accuracy`, `90%+ accuracy`, `between 0.8 and 0.9 f1`, `at least 12 layers`."""
    if sentence.text(at) == "trained" and sentence.text(at + 1) in {"for", "over"}:
        trained = amount_named(sentence, at + 2)  # for 10 epochs
        return None if trained is None else (trained[0] + 2, trained[1])
    if (dimensions := _DIMENSIONAL.fullmatch(sentence.text(at))) is not None:
        return 1, f"dim:{dimensions[1]}"
    span = span_at(sentence, at)
    if span is not None:
        used, low, high = span
        named = numeric_name(sentence, at + used)
        return None if named is None else (used + named[0], f"{named[1].name}:{low}..{high}")
    end, values = amounts_listed(sentence, at, named_behind=True)
    if len(values) > 1 and (named := numeric_name(sentence, end)) is not None:
        return end + named[0] - at, any_of(named[1].name, values)  # 3 or 4 epochs
    bound = measure_at(sentence, at)
    if bound is None:
        return None
    used, sign, amount = bound.count, bound.sign, bound.amount
    tokens = sentence.text(at + used) == "tokens"
    used += tokens
    while sentence.text(at + used) in {"of", "in"}:
        used += 1
    named = numeric_name(sentence, at + used)
    if named is None:
        alone = tokens and amount.unit in _UNITS_OF_CONTEXT and len(f"{amount.text}") >= _FEW_DIGITS - 1
        alone = alone and sentence.text(at - 1 if at else len(sentence.words)) not in {"on", "over", "for"}
        return (bound.count + 1, f"context{sign or ':'}{amount.text}") if alone else None
    count, target = named
    if by_unit(amount) == "size" and target.unit not in {"bytes", None}:
        return None  # "under 1 MB, accuracy above 0.9" has no accuracy of bytes
    tail = open_end(sentence, at + used + count) if not sign else None
    if tail is not None:
        used, sign = used + tail[0], tail[1]
    sign = sign or _plain_sign(amount, target)
    return (used + count, f"{target.name}{sign}{amount.text}") if sign else None


_UNITS_OF_CONTEXT = frozenset({"", "k", "M"})
"""What a model was trained on is counted in billions of tokens."""
_DIMENSIONAL = pattern(r"(\d{1,6})-?dim(?:s|ension(?:s|al)?)?")


def _plain_sign(amount: Amount, target: Target) -> str:
    """What a number without a sign asks for: at least a score in percent, exactly a count. Nothing where it says neither."""
    if target.metric is not None:
        return ">=" if target.metric.bounded and amount.percent else ""
    row = fields().get(target.path)
    if row is None or (not target.integer and row.group != "training"):
        return ""
    of_names = row.unit == "tokens" or target == resolve("params")[0]  # 12 layers are 12 layers
    return "" if of_names and not amount.unit and len(amount.digits) < _FEW_DIGITS else ":"


_FEW_DIGITS = 3
"""`llama 3 parameters` is no count of parameters."""


def named_value(sentence: Sentence, at: int) -> Replacement:
    """`batch size 32`, `accuracy of 95%`, `context length is 4k`, `trained with lr 1e-3`."""
    if sentence.text(at) == "trained" and sentence.text(at + 1) in {"with", "using", "at"}:
        trained = named_value(sentence, at + 2)
        return None if trained is None else (trained[0] + 2, trained[1])
    named = _linked_name(sentence, at)
    if named is None:
        return None
    count, target = named
    amount = amount_at(sentence, at + count)
    if amount is None or len(target.name) < 2:
        return None
    if amount.sign:
        return count + amount.count, f"{target.name}{amount.sign}{amount.text}"
    end, values = amounts_listed(sentence, at + count)
    used = end - at
    score = target.metric is not None and target.metric.bounded
    if target.metric is not None and not (score and _is_fraction(amount)):
        return None
    if score and len(values) < _SEVERAL:
        return used, f"{target.name}>={amount.text}"
    is_named = "_" in sentence.text(at) or _is_fraction(amount)
    if target.path not in fields() and count < 2 and not score and not is_named:
        return None  # one word that some model uses for a hyper-parameter
    if len(values) > 1 and target.unit == "tokens":
        used += sentence.text(at + used) == "tokens"
    return used, any_of(target.name, values)


def _is_fraction(amount: Amount) -> bool:
    """Whether the number may be a score: 90 % and 0.9, where 3 may be a part of a name."""
    return amount.percent or amount.digits.startswith(("0.", ".", "1.0"))


_SEVERAL = 2


_LABEL = pattern(r"[^\W_]*[:=]")
"""No other sign that ends so: `accuracy != 0.9` says the opposite."""


def labelled_amount(sentence: Sentence, at: int) -> Replacement:
    """`f1 score: 0.9`, `learning rate: 3e-5`: a name of several words with a colon."""
    for count in (4, 3, 2):
        words = [word.text for word in sentence.words[at : at + count]]
        if len(words) < count or not _LABEL.fullmatch(words[-1]) or not all(map(str.isalnum, words[:-1])):
            continue
        name = " ".join(words)[:-1]
        named = [target for target in resolve(name) if target.numeric]
        named += [as_number(target) for target in reported(name, sentence.vocabulary)]
        target = named[0] if named else None
        amount = amount_at(sentence, at + count)
        if target is not None and amount is not None:
            return count + amount.count, f"{target.name}{amount.sign or ':'}{amount.text}"
    return None


_FITTING = frozenset({"fit", "fits", "fitting", "run", "runs", "running"})
_INTO = frozenset({"in", "on", "into", "within", "with"})
_MEMORIES = frozenset({"gpu", "vram", "ram", "memory", "card"})


def fitting(sentence: Sentence, at: int) -> Replacement:
    """`fits in 8 GB`, `runs on a 16GB GPU`, `24 GB VRAM`: what a model needs when it is loaded."""
    used = 0
    if sentence.text(at) in _FITTING and sentence.text(at + 1) in _INTO:
        used = 2
    elif sentence.text(at) in {"for", "needs", "need", *_FITTING}:
        used = 1
    asked = used == 2
    used += sentence.text(at + used) in {"a", "an", "the", "my"}
    bound = measure_at(sentence, at + used)
    if bound is None or by_unit(bound.amount) != "size":
        return None
    used += bound.count
    used += sentence.text(at + used) == "of"
    before = used
    while sentence.text(at + used) in _MEMORIES:
        used += 1
    if used == before and not asked:
        return None
    return used, f"memory{bound.sign or '<='}{bound.amount.text}"


def amount_alone(sentence: Sentence, at: int) -> Replacement:
    """`smaller than 2 GB`, `between 1B and 8B`, `more than 7 billion parameters`, `7B`: the unit says what is meant."""
    if sentence.text(at) in {"outside", "out", "within", "inside"} and (placed := _ranged(sentence, at, "")):
        name = placed[1].lstrip("(").partition("<")[0].partition(":")[0]
        return with_noun(sentence, at, placed[0], name), placed[1]
    begun = _RANGING.get((sentence.text(at), sentence.text(at + 1)), 0)
    span = span_at(sentence, at + begun)
    if span is not None:
        used, low, high = begun + span[0], *span[1:]
        name = _by_unit_of(high)
        return None if not name else (with_noun(sentence, at, used, name), f"{name}:{low}..{high}")
    if (listed := amounts_alone(sentence, at)) is not None:
        return listed
    bound = measure_at(sentence, at)
    if bound is None or (sentence.text(at) in SIGNS and _follows_a_name(sentence, at)):
        return None
    amount, sign = bound.amount, bound.sign
    used = bound.count - amount.count
    name = by_unit(amount)
    if (
        not amount.unit
        and len(amount.digits) >= _FEW_DIGITS
        and sentence.text(at + used + 1) in PARAMETER_WORDS
    ):
        name = "params"
    used = with_noun(sentence, at, used + amount.count, name)
    noun = sentence.text(at + used - 1) in PARAMETER_WORDS
    tail = open_end(sentence, at + used) if name and not sign else None
    if tail is not None:
        used, sign = used + tail[0], tail[1]
    in_words = not sentence.text(at)[:1].isdigit()  # half a GB, where 2 GB may be words of a name
    alone = not sign and not noun and amount.unit != "B" and not in_words
    if not name or (alone and not (amount.unit in BYTE_UNITS and beside_another(sentence, at, used))):
        return None
    return used, f"{name}{sign or ':'}{amount.text}"


_RANGING = {**{(word, "from"): 1 for word in ("range", "ranges", "ranging")}, ("range", "of"): 2}


def _by_unit_of(text: str) -> str:
    """The field that the unit of a spelled amount names."""
    unit = text.lstrip("0123456789.,")
    return by_unit(Amount(count=1, digits="", unit=unit, sign="")) if unit else ""


def _follows_a_name(sentence: Sentence, at: int) -> bool:
    """Whether the word before a sign may be a name that nothing here knows: `paramters > 1k` is no size or count of its own."""
    before = sentence.text(at - 1) if at else ""
    return before.isidentifier() and before not in {"and", "or", "not", "with", "models", "model"}
