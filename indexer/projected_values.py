"""The indexed values of one document, as all engines are given them."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.lazy_dataclasses import dataclass, field
from indexer.analysis import analysed

ANY_TEXT = "all_text"
"""The field that a search without a field reads; everything that people search by is added to what it holds."""
Evaluation = Mapping[str, str | float]


@dataclass(slots=True, eq=False)
class Projection:
    """The indexed values of one document, by field name. Dates are UTC milliseconds, keywords are folded."""

    keywords: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, int | float] = field(default_factory=dict)  # long, double, date, boolean as 0 or 1
    metrics: dict[str, float] = field(default_factory=dict)
    flattened: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)  # raw text per text column
    evaluations: list[dict[str, str | float]] = field(default_factory=list)
    present: set[str] = field(
        default_factory=set
    )  # names that exist without a value in `keywords` or `numbers`
    named: dict[str, float] = field(default_factory=dict)  # numbers without a field, by their whole name
    analysed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def pieces(self, column: str) -> list[str]:
        """The pieces of each text of a column in order, joined by spaces; a phrase lies within one of them."""
        return self.text(column)[0]

    def text(self, column: str) -> tuple[list[str], str]:
        """The pieces of each text of a column, and the words by which it is found besides, joined by spaces."""
        known = self.analysed
        if not known:  # the same text stands in several columns, and all of them in the last one
            known = self.analysed = {text: analysed(text) for text in self.texts.get(ANY_TEXT, ())}
        texts = self.texts.get(column, ())
        if len(texts) == 1:
            pieces, more = known[texts[0]]
            return [pieces], more
        forms = known.values() if column == ANY_TEXT else [known[text] for text in texts]
        return [pieces for pieces, _ in forms], " ".join([more for _, more in forms if more])
