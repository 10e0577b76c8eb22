"""The table that scikit-learn prints of a classifier, as the dictionary that it gives in its place.

Source: scikit-learn/scikit-learn sklearn/metrics/_classification.py (`classification_report`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from catalog.text.patterns import pattern

MAX_ROWS = 2_000
_HEADER = re.compile(rb"\s*precision\s+recall\s+f1-score\s+support\s")
_NUMBER = r"(\d+\.\d{1,10})"
_ROW = pattern(rf"\s*(\S[^\n]{{0,200}}?)\s+{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}\s+\d+\s*")
_ACCURACY = pattern(rf"\s*accuracy\s+{_NUMBER}\s+\d+\s*")


def begins(head: bytes) -> bool:
    """Whether first bytes are those of such a table, with nothing above it."""
    return _HEADER.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def digits_of(text: str) -> int | None:
    """To how many digits the numbers of the table are rounded: two, unless somebody asked for others."""
    row = next(
        (match for line in text.splitlines()[1 : MAX_ROWS + 1] if (match := _ROW.fullmatch(line))), None
    )
    return None if row is None else len(row[2].partition(".")[2])


def read(text: str) -> Mapping[str, Mapping[str, float] | float]:
    """Precision, recall and F1 of each class and average, and the accuracy; what is no row of the table is left out."""
    report: dict[str, Mapping[str, float] | float] = {}
    for line in text.splitlines()[1 : MAX_ROWS + 1]:
        if (accuracy := _ACCURACY.fullmatch(line)) is not None:
            report["accuracy"] = float(accuracy[1])
        elif (row := _ROW.fullmatch(line)) is not None:
            report[row[1]] = dict(
                zip(("precision", "recall", "f1-score"), map(float, row.groups()[1:]), strict=True)
            )
    return report
