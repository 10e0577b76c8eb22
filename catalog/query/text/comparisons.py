"""Conditions on numbers and metrics: operators, ranges, percent against fraction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeGuard

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.document_values import is_leaf
from catalog.query.nodes import And, Nested, Not, Query, Range, Term
from catalog.query.text.numbers import (
    COUNT_UNITS,
    TOKEN_UNITS,
    UNITS,
    Number,
    binary_excess,
    format_number,
    has_thousands,
    parse_number,
    plain,
)
from catalog.query.text.parse_context import Leaf, Reading
from catalog.query.text.printing import metric_name, name_of, print_query
from catalog.query.text.targets import Target
from catalog.query.text.tokens import Piece, Token
from catalog.query.text.unknown_names import tell_unknown_dataset_of, tell_unknown_metric
from catalog.text.patterns import pattern
from catalog.text.slugs import slug

_HUNDRED = Decimal(100)
_OPEN_ENDS = frozenset({"", "*"})
_EXACT, _FINEST = Decimal(10**15), Decimal("1e-12")
"""Beyond these a double has no digits left to round by."""
_EXAMPLES: Mapping[str, str] = {"bytes": "2GB", "count": "7B", "tokens": "32k", "seconds": "2h", "bits": "4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """One value of a condition, taken apart: `0.9`, `7B..70B`, `>0.8..*`."""

    low: Number | None
    high: Number | None
    single: bool
    low_open: bool = False
    high_open: bool = False


def numeric_leaves(token: Token, target: Target, reading: Reading) -> list[Leaf]:
    """One leaf per value; several values mean any of them. Empty when none is a number."""
    pieces = _interval(token, target, reading) or _joined_numbers(token, target)
    leaves = [_numeric(piece, token, target, reading) for piece in pieces]
    if target.metric is None and target.kind == "metric":
        tell_unknown_metric(token, target, reading)
    if target.dataset is not None:
        tell_unknown_dataset_of(token, target, reading)
    return [leaf for leaf in leaves if leaf is not None]


_IN_BRACKETS = pattern(
    r".*?\s(?:(?P<between>within|between)|in|\N{ELEMENT OF})\s*\[.*", re.IGNORECASE | re.DOTALL
)
_FRACTIONAL = pattern(r"\d*\.\d+%?|\d+(?:\.\d+)?%|[01]")


def _interval(token: Token, target: Target, reading: Reading) -> tuple[Piece, ...]:
    """`accuracy in [0.8, 0.95]` as the range that mathematics means by it: nobody looks for either of two fractions.

    To a program it is a list. What is counted stays one (`layers in [6, 12]`), as do settings of a grid
    (`lr in [0.0001, 0.001]`), numbers in quotes, and what stands behind a colon.
    """
    brackets = (
        _IN_BRACKETS.fullmatch(token.text) if token.bracketed and len(token.values) == _SEVERAL else None
    )
    if brackets is None:
        return ()
    low, high = token.values
    ends = [parse_number(end.text, target.unit) for end in (low, high)]
    if ends[0] is None or ends[1] is None or ends[0].value >= ends[1].value:
        return ()
    fractions = target.kind == "metric" and all(
        not end.quoted and _FRACTIONAL.fullmatch(end.text) for end in (low, high)
    )
    if not fractions and not brackets["between"]:
        return ()
    spread = f"{low.text}..{high.text}"
    if not brackets["between"]:
        message = f"{token.text.strip()} is read as the range {spread}; either of the two is {token.name}:{low.text},{high.text}."
        offered = [
            reading.replaced(token.start, token.end, f"{token.name}:{listed}")
            for listed in (spread, f"{low.text},{high.text}")
        ]
        reading.problem("read-as-range", message, token.start, token.end, *offered)
    return (Piece(text=spread, quoted=False, start=low.start, end=high.end),)


_SEVERAL = 2
_HYPHENED = pattern(r"(?P<low>\d[\d.,]*[^\W\d_]*%?)[-\N{EN DASH}](?P<high>\d[\d.,]*(?P<unit>[^\W\d_]*%?))")
_MIN_MAX = pattern(r"min:(?P<min>[^,:]+)(?:,max:(?P<max>[^,:]+))?|max:(?P<only>[^,:]+)")
"""Source: Hugging Face hub, `num_parameters=min:6B,max:128B`."""
_LESS_THAN_ONE = pattern(r"0,\d+")
_COMMA_NUMBER = pattern(
    r"[<>=]*[+-]?(?:[1-9]\d?(?:,\d{2})+,\d{3}|\d{1,3}(?:[.,]\d{3})+,\d+|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+,\d+)(?:[eE][+-]?\d+)?[^\W\d_]*%?"
)


def _joined_numbers(token: Token, target: Target) -> tuple[Piece, ...]:
    """`0,9` and `1,000,000` are one number each; a list of whole numbers such as `bits:4,8` stays one.

    Behind `>` or `<` a list says nothing, so there a comma always belongs to the number.
    """
    pieces = token.values
    if len(pieces) < 2 or token.bracketed or any(piece.quoted for piece in pieces):
        return pieces
    text = ",".join(piece.text for piece in pieces)
    ends = text.split("..")
    numbers = [_COMMA_NUMBER.fullmatch(end) is not None for end in ends]
    read = [parse_number(end.lstrip("<>="), target.unit) is not None or end in _OPEN_ENDS for end in ends]
    joins = any(numbers) and all(a or b for a, b in zip(numbers, read, strict=True)) and len(ends) <= 2
    compares = token.operator in {">", "<", ">=", "<="} or len(ends) == 2
    grouped = has_thousands(text)
    if _MIN_MAX.fullmatch(text):
        return (Piece(text=text, quoted=False, start=pieces[0].start, end=pieces[-1].end),)
    if len(ends) == 2 and target.integer and not text[-1:].isalpha() and not _all_thousands(ends):
        return pieces  # whole numbers without a unit have no fractions: `6,12..24,48` is a list
    if compares and (joins or len(ends) == 1):
        return (Piece(text=text, quoted=False, start=pieces[0].start, end=pieces[-1].end),)
    if joins and (
        grouped
        or target.kind == "metric"
        or not pieces[-1].text.isdigit()
        or (_LESS_THAN_ONE.fullmatch(text) and not target.integer)
    ):
        return (Piece(text=text, quoted=False, start=pieces[0].start, end=pieces[-1].end),)
    return pieces


def _all_thousands(ends: list[str]) -> bool:
    """Whether every comma of a range's ends stands between thousands."""
    return all("," not in end or has_thousands(end.lstrip("<>=")) for end in ends)


def _numeric(piece: Piece, token: Token, target: Target, reading: Reading) -> Leaf | None:
    bounds = _bounds(piece, target)
    if may_count_billions(token, target) and any(map(_FEW_BYTES.fullmatch, piece.text.split(".."))):
        bounds = None  # `size:2GB,7B`, `memory < 16B`
    if bounds is None:
        example = _EXAMPLES.get(target.unit or "", "0.9")
        reading.problem(
            "not-a-number",
            f"{target.label} needs a number such as {example}, not {piece.text!r}; this condition is left out.",
            piece.start,
            piece.end,
        )
        return None
    if not bounds.single and token.operator in {">", "<", "<="}:
        message = f"{token.operator} says nothing before the range {piece.text}; this condition is left out."
        mended = reading.replaced(token.start, token.end, f"{token.name}:{piece.text}")
        reading.problem("not-a-number", message, piece.start, piece.end, mended)
        return None
    bounds = _unswapped(bounds, piece, reading)
    if target.unit == "bytes" and any(
        end is not None and end.unit == "mio" for end in (bounds.low, bounds.high)
    ):
        millions = _MEBI.sub("MB", piece.text)
        message = f"Mio is read as MiB of 1,048,576 bytes; write {millions} for millions of bytes."
        reading.problem("read-as-octets", message, piece.start, piece.end)
    bounds, notice = _as_fractions(bounds, target)
    if not notice and target.kind == "metric" and target.metric is None and _in_percent(bounds):
        notice = f"Nobody told that {target.label} is a share: {piece.text} is read without the percent sign."
    if notice:
        reading.problem("read-as-percent", notice, token.start, token.end)
    node = _number_query(bounds, token.operator, target)
    label = _number_label(bounds, node, token, target)
    return Leaf(node=node, label=label, explanation=_explained(target, bounds, token.operator))


_END_OF_SENTENCE = pattern(r"(?<=[\w%])[.!?]+$")


def _bounds(piece: Piece, target: Target) -> _Bounds | None:
    text = _spelled_range(piece.text, target) or piece.text
    text = text if piece.quoted else _END_OF_SENTENCE.sub("", text)
    low_text, dots, high_text = text.partition("..")
    if not dots:
        number = _number_of(text, target)
        return None if number is None else _Bounds(low=number, high=number, single=True)
    low_open, high_open = _is_open(low_text), _is_open(high_text)
    low_text, high_text = low_text.lstrip(">="), high_text.lstrip("<=")
    if target.integer and (unit := _UNIT_OF_BOTH.search(high_text)) and _FRACTION.fullmatch(low_text):
        low_text += unit[0]  # nobody counts from 1.5 parameters on
    low, high = parse_number(low_text, target.unit), parse_number(high_text, target.unit)
    low = _of_one_unit(low, high, target)
    unread = (low is None and low_text not in _OPEN_ENDS) or (high is None and high_text not in _OPEN_ENDS)
    if unread or (low is None and high is None):
        return None
    return _Bounds(low=low, high=high, single=False, low_open=low_open, high_open=high_open)


def _of_one_unit(low: Number | None, high: Number | None, target: Target) -> Number | None:
    """`1..5GB` are gigabytes at both ends: nobody asks for one byte. `500..1GB` and `1000..5k` stay as they are."""
    if low is None or high is None or low.unit or not high.unit or high.percent or not low.value:
        return low
    factor = UNITS.get(target.unit, COUNT_UNITS).get(high.unit, 1)
    if target.unit not in {"bytes", "count"} or low.value >= _THOUSAND or low.value * factor >= high.value:
        return low
    return replace(low, value=low.value * factor, half_step=low.half_step * factor, unit=high.unit)


_THOUSAND = 1000
_FEW_BYTES = pattern(r"\d{1,3}(?:\.\d+)?B")
"""`7B`: billions of parameters, and no size of a model."""


def may_count_billions(token: Token, target: Target) -> bool:
    """Whether `7B` behind this name may be billions of parameters: where the name says bytes (`size_bytes`), it is bytes."""
    return target.unit == "bytes" and target.path != slug(token.name)


def _is_open(end: str) -> bool:
    """Whether the end is none of what is asked for: `>1..<5`, but `>=1..<=5`."""
    return end[:1] in {">", "<"} and end[1:2] != "="


_MEBI = pattern(r"\s*\bmio\b|(?<=\d)\s*mio\b", re.IGNORECASE)
_FRACTION = pattern(r"\d+[.,]\d{1,2}")
_UNIT_OF_BOTH = pattern(r"(?<=\d)[^\W\d_]+$")


def _spelled_range(text: str, target: Target) -> str | None:
    """`1kB-20kB` and `min:6B,max:128B` as a range with dots; None for other texts."""
    ends = _MIN_MAX.fullmatch(text)
    if ends is not None:
        return f"{ends['min'] or '*'}..{ends['max'] or ends['only'] or '*'}"
    match = _HYPHENED.fullmatch(text)
    if match is None or parse_number(text, target.unit) is not None:
        return None
    low = match["low"] if not match["low"][-1].isdigit() else f"{match['low']}{match['unit']}"
    both = parse_number(low, target.unit) is not None and parse_number(match["high"], target.unit) is not None
    return f"{low}..{match['high']}" if both else None


def _number_of(text: str, target: Target) -> Number | None:
    """The number, for a name that nothing here knows in any unit of counts and bytes: the name is what is mended."""
    number = parse_number(text, target.unit)
    if number is None and target.metric is None and target.kind == "metric":
        number = parse_number(text, "count") or parse_number(text, "bytes")
        return None if number is None else replace(number, unit="")
    return number


def _unswapped(bounds: _Bounds, piece: Piece, reading: Reading) -> _Bounds:
    if bounds.low is None or bounds.high is None or bounds.low.value <= bounds.high.value:
        return bounds
    low, _, high = piece.text.partition("..")
    turned = f"{high.lstrip('<=')}..{low.lstrip('>=')}"
    reading.problem(
        "reversed-range",
        f"The range {piece.text} ends before it begins; it is read as {turned}.",
        piece.start,
        piece.end,
        reading.replaced(piece.start, piece.end, turned),
    )
    return _Bounds(
        low=bounds.high, high=bounds.low, single=False, low_open=bounds.high_open, high_open=bounds.low_open
    )


def _in_percent(bounds: _Bounds) -> bool:
    return any(end is not None and end.percent for end in (bounds.low, bounds.high))


def _as_fractions(bounds: _Bounds, target: Target) -> tuple[_Bounds, str]:
    """Bounded metrics are fractions here: 90 % and 90 become 0.9. Says so where no percent sign was written."""
    numbers = [number for number in (bounds.low, bounds.high) if number is not None]
    fraction = target.unit == "fraction"
    bounded = (target.metric is not None and target.metric.bounded) or (
        target.metric is None and target.kind == "number" and fraction
    )
    assumed = (
        bounded
        and any(not n.percent and n.value > 1 for n in numbers)
        and all(n.value <= _HUNDRED for n in numbers)
    )
    percents = (fraction or is_leaf(target.path)) and any(number.percent for number in numbers)
    if not assumed and not percents:
        if bounded and any(number.value > _HUNDRED for number in numbers):
            return bounds, f"{target.label} is between 0 and 1 here (0 to 100 %)."
        return bounds, ""

    def scaled(number: Number | None) -> Number | None:
        if number is None or not (assumed or number.percent):
            return number
        return Number(value=number.value / _HUNDRED, half_step=number.half_step / _HUNDRED, percent=True)

    changed = _Bounds(
        low=scaled(bounds.low),
        high=scaled(bounds.high),
        single=bounds.single,
        low_open=bounds.low_open,
        high_open=bounds.high_open,
    )
    if not assumed:
        return changed, ""
    shown = " to ".join(f"{n.value.normalize():f} %" for n in dict.fromkeys(numbers))
    return changed, f"{target.label} is between 0 and 1 here, so this is read as {shown}."


def _number_query(bounds: _Bounds, operator: str, target: Target) -> Query:
    field = "evaluations.value" if target.nested else target.path
    if not bounds.single:
        between = _range(field, bounds, target)
        return Not(_placed(between, target)) if operator == "!=" else _placed(between, target)
    number = bounds.low
    assert number is not None  # a single value has both ends
    value = plain(number.value, integer=target.integer)
    upper = _end(number, target, upper=True)
    match operator:
        case ">":
            return _placed(Range(field=field, gt=upper), target)
        case ">=":
            return _placed(Range(field=field, gte=value), target)
        case "<":
            return _placed(Range(field=field, lt=value), target)
        case "<=":
            return _placed(Range(field=field, lte=upper), target)
    equal = _placed(_equal(field, number, value, target), target)
    return Not(equal) if operator == "!=" else equal


def _counts_tokens(number: Number | None, target: Target) -> TypeGuard[Number]:
    """Whether it is a count of tokens with a unit, which may mean thousands and 1,024."""
    return number is not None and bool(number.unit) and number.half_step >= 1 and target.unit == "tokens"


def _end(number: Number | None, target: Target, *, upper: bool) -> float | None:
    """The number as an end of an interval: 8k tokens are 8,000 to 8,192, and what is more than 8k is more than both."""
    if number is None:
        return None
    excess = binary_excess(number) if upper and _counts_tokens(number, target) else 0
    return plain(number.value + excess, integer=target.integer)


def _range(field: str, bounds: _Bounds, target: Target) -> Range:
    low = _end(bounds.low, target, upper=bounds.low_open)
    high = _end(bounds.high, target, upper=not bounds.high_open)
    return Range(
        field=field,
        gt=low if bounds.low_open else None,
        gte=None if bounds.low_open else low,
        lt=high if bounds.high_open else None,
        lte=None if bounds.high_open else high,
    )


def _rounds(number: Number, target: Target) -> bool:
    """`params:7B` and `accuracy:0.93` mean what is shown as that; a plain count means itself."""
    if abs(number.value) >= _EXACT or number.half_step < _FINEST:
        return False
    return target.kind == "metric" or (
        bool(number.unit) and target.unit in {"count", "bytes", "tokens"} and number.half_step >= 1
    )


def _equal(field: str, number: Number, value: float, target: Target) -> Query:
    if not _rounds(number, target):
        return Term(field, value)
    low, high = number.value - number.half_step, number.value + number.half_step
    if _counts_tokens(number, target):  # 32k is 32,000 and 32,768
        high += binary_excess(number)
    return Range(field=field, gte=plain(low, integer=target.integer), lt=plain(high, integer=target.integer))


def _placed(query: Query, target: Target) -> Query:
    """On one data set or split the metric, its place and its value must be those of one evaluation."""
    if not target.nested:
        return query
    return evaluation(target, query)


def evaluation(target: Target, *rest: Query) -> Query:
    """One evaluation of this metric on this data set and split that satisfies `rest`."""
    clauses: list[Query] = [Term("evaluations.metric", target.path.removeprefix("metrics."))]
    if target.dataset is not None:
        clauses.append(Term("evaluations.dataset", target.dataset))
    if target.split is not None:
        clauses.append(Term("evaluations.split", target.split))
    return Nested("evaluations", And((*clauses, *rest)))


def _number_label(bounds: _Bounds, node: Query, token: Token, target: Target) -> str:
    inner = node.clause if isinstance(node, Not) else node
    if (
        bounds.single
        and bounds.low is not None
        and _rounds(bounds.low, target)
        and token.operator in {":", "=", "!="}
    ):
        number = bounds.low
        text = _metric_digits(number) if target.kind == "metric" else _typed(number, target)
        name = target_name(target)
        return f"{'-' if isinstance(node, Not) else ''}{name}:{text}"
    if _counts_tokens(bounds.low, target) or _counts_tokens(bounds.high, target):
        return f"{'-' if isinstance(node, Not) else ''}{_label_of_tokens(bounds, token, target)}"
    printed = print_query(inner) or token.text
    return f"-{printed}" if isinstance(node, Not) else printed


def _label_of_tokens(bounds: _Bounds, token: Token, target: Target) -> str:
    """As it was typed: what the query compares with is the thousands or the 1,024 of it."""
    low, high = ("*" if end is None else _typed(end, target) for end in (bounds.low, bounds.high))
    if bounds.single:
        return f"{target_name(target)}{token.operator}{low}"
    return f"{target_name(target)}:{'>' * bounds.low_open}{low}..{'<' * bounds.high_open}{high}"


def target_name(target: Target) -> str:
    if target.kind != "metric":
        return name_of(target.path)
    return metric_name(target.path.removeprefix("metrics."), target.dataset, target.split)


def _typed(number: Number, target: Target) -> str:
    """The number with as many digits as were typed: `7B` and `7.0B` round differently."""
    step = number.half_step * 2
    units = UNITS.get(target.unit, {})
    if number.unit == "ki":
        return f"{number.value / TOKEN_UNITS['ki']:f}ki"
    if target.unit == "bytes" and number.unit[1:] in {"ib", "io"}:  # 1.5 GiB have no short number in GB
        factor = units[number.unit]
        return f"{(number.value / factor).quantize(step / factor):f}{number.unit[0].upper()}iB"
    for suffix, factor in (
        (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
        if target.unit == "bytes"
        else (("T", 10**12), ("B", 10**9), ("M", 10**6), ("k", 10**3))
    ):
        less_than_unit = number.half_step < factor == units.get(number.unit)  # half a GB is no 500.0 MB
        if abs(number.value) >= factor or step >= factor or less_than_unit:
            digits = (
                (number.value / factor).quantize(step / factor) if step < factor else number.value / factor
            )
            return f"{digits:f}{suffix}"
    return f"{number.value:f}"


def _metric_digits(number: Number) -> str:
    """The number with as many digits as were typed: of `2M` all that rounds to it is asked for, of 2000000 less."""
    step = (number.half_step * 2).normalize()
    for suffix, factor in (("T", 10**12), ("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if step >= factor:
            return f"{(number.value / factor).quantize(step / factor):f}{suffix}"
    return f"{number.value.quantize(step):f}"


def _explained(target: Target, bounds: _Bounds, operator: str) -> str:
    parts = [target.note] if target.note else []
    if bounds.single and bounds.low is not None and operator in {":", "="} and _rounds(bounds.low, target):
        low = bounds.low.value - bounds.low.half_step
        high = bounds.low.value + bounds.low.half_step
        ends = (format_number(plain(end, integer=target.integer), target.unit) for end in (low, high))
        parts.append(f"about {' to '.join(ends)}")
    if target.nested:
        parts.append(target.label)
    return "; ".join(parts)
