"""Which models are the same weights: those that share a print of files or of tensors, in person or through others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence


def alike(prints: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The models by what they share. `prints` are those of each model; a model that shares none is alone."""
    by_print: dict[str, set[str]] = {}
    for model, own in prints.items():
        joined = {model}.union(*(by_print[print_] for print_ in own if print_ in by_print))
        for other in joined:
            for print_ in prints[other]:
                by_print[print_] = joined
    return [sorted(members) for members in {id(members): members for members in by_print.values()}.values()]


def shared_print(prints: Iterable[Sequence[str]]) -> str | None:
    """The name of a group: the first print that two of its models have."""
    counted = Counter(print_ for own in prints for print_ in own)
    return min((print_ for print_, number in counted.items() if number > 1), default=None)
