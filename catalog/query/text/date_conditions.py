"""Conditions on dates: which instants an operator and a period ask for."""

from __future__ import annotations

from datetime import datetime, timedelta

from catalog.lazy_dataclasses import replace
from catalog.query.nodes import Not, Query, Range
from catalog.query.periods import Period, ambiguous_readings, parse_period, say
from catalog.query.text.parse_context import Leaf, Reading
from catalog.query.text.printing import date_range, name_of
from catalog.query.text.targets import Target
from catalog.query.text.tokens import Piece, Token

_INSTANT = timedelta(milliseconds=1)
_OPEN_ENDS = frozenset({"", "*"})
_DATE_WORDS = {">": "after", ">=": "since", "<": "before", "<=": "until"}
WORD_OPERATORS = {
    "after": ">",
    "since": ">=",
    "from": ">=",
    "before": "<",
    "until": "<=",
    "till": "<=",
    "on": ":",
    "in": ":",
    "during": ":",
}


def date_leaves(token: Token, target: Target, operator: str, reading: Reading) -> list[Leaf]:
    """One leaf per date or range of dates. Empty when none is a date."""
    return [leaf for piece in token.values if (leaf := _date(piece, target, operator, reading)) is not None]


def _date(piece: Piece, target: Target, operator: str, reading: Reading) -> Leaf | None:
    low_text, dots, high_text = piece.text.partition("..")
    if dots:
        return _date_range(piece, low_text, high_text, target, operator, reading)
    period = parse_period(piece.text, reading.now)
    if period is None and piece.text.endswith("."):  # the end of a sentence: `after:2023.`
        piece = replace(piece, text=piece.text.removesuffix("."))
        period = parse_period(piece.text, reading.now)
    if period is None:
        _not_a_date(piece, target, reading)
        return None
    node = period_query(target.path, operator, period, reading.now)
    label = _date_label(target, operator, _spelled(piece, period, operator))
    explanation = said_range(node.clause if isinstance(node, Not) else node, target)
    return Leaf(node=node, label=label, explanation=explanation)


def period_query(path: str, operator: str, period: Period, now: datetime) -> Query:
    """How an operator reads a period [start, end): after it, from its start, before it, to its end, inside it."""
    match operator:
        case ">":
            return Range(field=path, gte=period.end)
        case ">=":
            return Range(field=path, gte=period.start)
        case "<":
            return Range(field=path, lt=period.start)
        case "<=":
            return Range(field=path, lt=period.end)
    end = period.end
    if period.start == period.end:  # `in:-30d` is the time since then
        end = now
    inside = Range(field=path, gte=period.start, lt=end)
    return Not(inside) if operator == "!=" else inside


def _spelled(piece: Piece, period: Period, operator: str) -> str:
    if period.relative:
        return _spelled_relative(piece.text)
    spelled = date_range(period.start, period.end)
    first, dots, last = spelled.partition("..")
    if not dots or operator not in _DATE_WORDS:
        return spelled
    return last if operator in {">", "<="} else first  # of a quarter one end alone is compared


def _spelled_relative(text: str) -> str:
    """`last-year` and `-30d` in lower case; in date math (`now-2M/M`) a month and a minute differ by it."""
    joined = "-".join(text.split()) if text[:1].isalpha() else text
    return joined if "/" in joined or joined.startswith("now-") else joined.casefold()


def _date_label(target: Target, operator: str, date: str) -> str:
    name = name_of(target.path)
    if operator == "!=":
        return f"-{name}:{date}"
    if operator in {":", "="}:
        return f"in:{date}" if target.path == "best_date" else f"{name}:{date}"
    if target.path == "best_date":
        return f"{_DATE_WORDS[operator]}:{date}"
    return f"{name}{operator}{date}"


def _date_range(
    piece: Piece, low_text: str, high_text: str, target: Target, operator: str, reading: Reading
) -> Leaf | None:
    after, before = low_text.startswith(">"), high_text.startswith("<")  # `{2023 TO 2024}`
    low_text, high_text = low_text.removeprefix(">"), high_text.removeprefix("<")
    low = None if low_text in _OPEN_ENDS else parse_period(low_text, reading.now)
    high = None if high_text in _OPEN_ENDS else parse_period(high_text, reading.now)
    if (
        (low is None and low_text not in _OPEN_ENDS)
        or (high is None and high_text not in _OPEN_ENDS)
        or not (low or high)
    ):
        _not_a_date(piece, target, reading)
        return None
    if low and high and low.start > (high.start if before else max(high.start, high.end - _INSTANT)):
        turned = f"{high_text}..{low_text}"
        reading.problem(
            "reversed-range",
            f"The range {piece.text} ends before it begins; it is read as {turned}.",
            piece.start,
            piece.end,
            reading.replaced(piece.start, piece.end, turned),
        )
        low, high, low_text, high_text, after, before = high, low, high_text, low_text, before, after
    node: Query = Range(
        field=target.path,
        gte=(low.end if after else low.start) if low else None,
        lt=(high.start if before else high.end) if high else None,
    )
    negated = operator == "!="
    ends = [_end_text(text, period) for text, period in ((low_text, low), (high_text, high))]
    span = f"{'>' * after}{ends[0]}..{'<' * before}{ends[1]}"
    label = f"{'-' if negated else ''}{name_of(target.path)}:{span}"
    explanation = said_range(node, target)
    return Leaf(node=Not(node) if negated else node, label=label, explanation=explanation)


def _end_text(text: str, period: Period | None) -> str:
    if period is None:
        return "*"
    return _spelled_relative(text) if period.relative else date_range(period.start, period.end)


def _not_a_date(piece: Piece, target: Target, reading: Reading) -> None:
    readings = ambiguous_readings(piece.text)
    if readings:
        message = (
            f"{piece.text} may be {' or '.join(readings)}; this condition is left out until it is clear."
        )
        offered = [reading.replaced(piece.start, piece.end, spelling) for spelling in readings]
        reading.problem("ambiguous-date", message, piece.start, piece.end, *offered)
        return
    message = f"{target.label} needs a date such as 2024, 2024-05 or -30d, not {piece.text!r}; this condition is left out."
    reading.problem("not-a-date", message, piece.start, piece.end)


def said_range(node: Query, target: Target) -> str:
    """`trained or created from 1 Jan 2024 (UTC)`."""
    assert isinstance(node, Range)  # dates only make ranges
    what = "trained or created" if target.path == "best_date" else target.label.casefold()
    ends = []
    if isinstance(node.gte, datetime):
        ends.append(f"from {say(node.gte)}")
    if isinstance(node.lt, datetime):
        ends.append(f"before {say(node.lt)}")
    return f"{what} {' and '.join(ends)} (UTC)"
