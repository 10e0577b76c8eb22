"""Where the bars of a histogram part: round numbers between the least and the greatest value that any model has."""

from __future__ import annotations

from decimal import Decimal

from catalog.search.whole import FieldSpan
from mappings import fields

MOST_LINEAR_BARS = 20
MOST_POWER_BARS = 45
"""Beyond, bars are whole powers of ten."""
FACTOR_FOR_POWERS = 100
"""From so many times the least value on, bars grow by powers of ten (1, 2, 5): linear ones would be one bar and a tail."""
_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))


def by_powers(name: str, span: FieldSpan) -> bool:
    """Whether a scale of this number is logarithmic."""
    row = fields().get(name)
    if row is not None and row.unit == "fraction":
        return False
    if (
        row is not None and row.type == "long" and span.least == 0
    ):  # counts begin at 1; nothing has a bar of its own
        return span.greatest >= FACTOR_FOR_POWERS
    return span.least > 0 and span.greatest >= span.least * FACTOR_FOR_POWERS


def edges(name: str, span: FieldSpan) -> tuple[float, ...]:
    """The lower ends of the bars; the last bar is open. The same on every engine, and exact in decimal notation."""
    row = fields().get(name)
    whole = row is not None and row.type == "long"
    starts = _powers(span) if by_powers(name, span) else _linear(span, whole=whole)
    return tuple(int(edge) if whole else float(edge) for edge in starts)


def _powers(span: FieldSpan) -> list[Decimal]:
    nothing = [Decimal(0)] if span.least == 0 else []
    least = span.least or 1.0
    # A logarithm of a double is rounded: that of 999,999,999,999,998 is 15.
    first, last = (Decimal(end).adjusted() for end in (least, span.greatest))
    digits = _STEPS[:3] if (last - first + 1) * 3 <= MOST_POWER_BARS else _STEPS[:1]
    steps = [digit.scaleb(power) for power in range(first, last + 1) for digit in digits]
    # The bar that holds the least value begins the scale, and the one that holds the greatest ends it.
    below = [edge for edge in steps if float(edge) <= least]
    rising = [edge for edge in steps if least < float(edge) <= span.greatest]
    return [*nothing, *below[-1:], *rising] or steps[:1]


def _linear(span: FieldSpan, *, whole: bool) -> list[Decimal]:
    # Whole numbers beyond 2**53 come as doubles, of which the shortest decimal notation is another number.
    least, greatest = (Decimal(end) if whole else Decimal(repr(end)) for end in (span.least, span.greatest))
    step = _round_step((greatest - least) / MOST_LINEAR_BARS)
    if whole:
        step = max(step, Decimal(1))
    if not step:
        return [least.to_integral_value() if whole else least]
    first = (least / step).to_integral_value(rounding="ROUND_FLOOR")
    bars = int((greatest / step).to_integral_value(rounding="ROUND_FLOOR") - first)
    rising = [(first + index) * step for index in range(bars + 1)]
    # A greatest value that is itself an edge (1.0) belongs to the bar before it.
    return rising[:-1] if len(rising) > 1 and rising[-1] == greatest else rising


def _round_step(least: Decimal) -> Decimal:
    """The smallest of 1, 2 and 5 times a power of ten that is no smaller."""
    if least <= 0:
        return Decimal(0)
    power = least.adjusted()
    return next(step.scaleb(power) for step in _STEPS if step.scaleb(power) >= least)
