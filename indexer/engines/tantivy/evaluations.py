"""Conditions on one evaluation: taken apart until each part has an exact answer, or refused by name.

Tantivy has no nested documents. Every evaluation is indexed under codes of its metric, data set and split in every
combination, each also with its value, so `accuracy on imagenet above 0.9` is one range of terms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass, field
from catalog.query.nodes import All, And, Exists, Match, Nothing, Or, Phrase, Query, Range, Term, Terms
from indexer.analysis import fold
from indexer.engines.tantivy.codes import EVALUATION_SETS, EVALUATION_SINGLES, answerable

MAX_ALTERNATIVES = 256
"""Alternatives that one nested query may come to."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Equalities and one interval that the same evaluation satisfies. `impossible` contradicts itself."""

    equal: Mapping[str, str] = field(default_factory=dict)
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    valued: bool = False
    impossible: bool = False

    def also(self, other: Alternative) -> Alternative:
        clash = any(other.equal.get(name, value) != value for name, value in self.equal.items())
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Alternative(
            equal={**self.equal, **other.equal},
            low=low,
            high=high,
            low_open=low_open,
            high_open=not closed,
            valued=self.valued or other.valued,
            impossible=self.impossible or other.impossible or clash,
        )


def alternatives(query: Query) -> list[Alternative]:
    """The query as a list of conjunctions. Raises RequestRefused for what has no exact answer here."""
    conjunctions = [conjunction for conjunction in _expand(query) if not conjunction.impossible]
    for conjunction in conjunctions:
        if not answerable(list(conjunction.equal)):
            raise refused(f"the combination of {', '.join(sorted(conjunction.equal))}")
    return conjunctions


def refused(what: str) -> RequestRefused:
    together, alone = ", ".join(EVALUATION_SETS), " or ".join(EVALUATION_SINGLES)
    return RequestRefused(
        "nested",
        f"on evaluations cannot answer {what} in the embedded engine: it combines {together} and a range of value, "
        f"or {alone} and a range of value. Use Elasticsearch for the rest.",
    )


def _expand(query: Query) -> list[Alternative]:
    match query:
        case All():
            return [Alternative()]
        case Nothing():
            return []
        case And(clauses):
            return _product(clauses)
        case Or(clauses):
            return [alternative for clause in clauses for alternative in _expand(clause)][
                : MAX_ALTERNATIVES + 1
            ]
        case Term(name, value):
            return [_equal(name, value)]
        case Terms(name, values):
            return [_equal(name, value) for value in values]
        case Range():
            return [_interval(query)]
        case Exists("evaluations.value"):
            return [Alternative(valued=True)]
        case Match(text, names) | Phrase(text, names):
            return [_equal(name, text) for name in names]
        case _:
            raise refused(f"{type(query).__name__.lower()}")


def _product(clauses: tuple[Query, ...]) -> list[Alternative]:
    products = [Alternative()]
    for clause in clauses:
        others = _expand(clause)
        if len(products) * len(others) > MAX_ALTERNATIVES:
            raise refused(f"more than {MAX_ALTERNATIVES} alternatives")
        products = [product.also(other) for product in products for other in others]
    return products


def _equal(name: str, value: object) -> Alternative:
    part = name.partition(".")[2]
    if part == "value" and isinstance(value, (int, float)):
        return Alternative(low=float(value), high=float(value), valued=True)
    return Alternative(equal={part: fold(str(value))})


def _interval(query: Range) -> Alternative:
    interval = Alternative(valued=True)
    for bound, strict in ((query.gte, False), (query.gt, True)):
        if isinstance(bound, (int, float)):
            interval = interval.also(Alternative(low=float(bound), low_open=strict))
    for bound, strict in ((query.lte, False), (query.lt, True)):
        if isinstance(bound, (int, float)):
            interval = interval.also(Alternative(high=float(bound), high_open=strict))
    return interval
