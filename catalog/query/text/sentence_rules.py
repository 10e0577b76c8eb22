"""The rules that sentences are read by, in their order. A rule looks at the words from one place and returns how many it
read, and as what; None when it does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from catalog.query.text.sentence_amounts import (
    amount_alone,
    amount_named,
    fitting,
    labelled_amount,
    more_than,
    named_amount,
    named_value,
)
from catalog.query.text.sentence_datasets import evaluated
from catalog.query.text.sentence_dates import dated
from catalog.query.text.sentence_lists import (
    alternatives,
    listed_before_name,
    listed_numbers,
    listed_values,
    tagged,
)
from catalog.query.text.sentence_measured import measured
from catalog.query.text.sentence_orders import best_on, by_metric, ordered, scored_on
from catalog.query.text.sentence_origins import derived, optimized, said_of_bases, told_of_base, trained
from catalog.query.text.sentence_parts import Replacement, Sentence
from catalog.query.text.sentence_presence import having, lacking
from catalog.query.text.sentence_values import (
    called,
    compared,
    ending,
    formatted,
    linked_value,
    named_by_alias,
    possessed,
    state,
    valued,
)
from catalog.query.text.sentence_versions import numbered, versioned

RULES: Sequence[Callable[[Sentence, int], Replacement]] = (
    compared,
    evaluated,
    derived,
    optimized,
    measured,
    listed_numbers,
    listed_values,
    named_amount,
    labelled_amount,
    more_than,
    dated,
    fitting,
    amount_named,
    amount_alone,
    ordered,
    best_on,
    by_metric,
    scored_on,
    formatted,
    valued,
    versioned,
    numbered,
    listed_before_name,
    alternatives,
    linked_value,
    named_value,
    tagged,
    state,
    lacking,
    having,
    named_by_alias,
    said_of_bases,
    possessed,
    called,
    ending,
    told_of_base,
    trained,
)
