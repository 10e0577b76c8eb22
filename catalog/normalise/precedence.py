"""Which observation of a field wins: the rules that fields.toml names, as one sort key each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from catalog.records import Contender, Evidence, Origin

MAX_PARENTS = 2
"""A file more than two directories above a model says nothing about it."""

_ORDERS: Mapping[str, tuple[Origin, ...]] = {
    "authored": (
        Origin.EDIT, Origin.SIDECAR, Origin.REGISTRY, Origin.CARD, Origin.CONFIG, Origin.EMBEDDED, Origin.RUN,
        Origin.PACKAGE, Origin.LISTING, Origin.FILENAME,
    ),
    "embedded": (
        Origin.EDIT, Origin.EMBEDDED, Origin.SIDECAR, Origin.REGISTRY, Origin.RUN, Origin.CONFIG, Origin.CARD,
        Origin.PACKAGE, Origin.LISTING, Origin.FILENAME,
    ),
    "counted": (
        Origin.EDIT, Origin.EMBEDDED, Origin.SIDECAR, Origin.CONFIG, Origin.REGISTRY, Origin.RUN, Origin.CARD,
        Origin.PACKAGE, Origin.LISTING, Origin.FILENAME,
    ),
    "nearest": (
        Origin.EDIT, Origin.SIDECAR, Origin.RUN, Origin.EMBEDDED, Origin.REGISTRY, Origin.CONFIG, Origin.CARD,
        Origin.PACKAGE, Origin.LISTING, Origin.FILENAME,
    ),
}  # fmt: skip
_RANKS = {rule: {origin: rank for rank, origin in enumerate(order)} for rule, order in _ORDERS.items()}
_MEASURED = {
    Evidence.COUNTED: 0,
    Evidence.DERIVED: 1,
    Evidence.EXPLICIT: 2,
    Evidence.DECLARED: 2,
    Evidence.ESTIMATED: 3,
    Evidence.INFERRED: 4,
}
_STATED = {
    Evidence.EXPLICIT: 0,
    Evidence.COUNTED: 0,
    Evidence.DERIVED: 1,
    Evidence.DECLARED: 1,
    Evidence.ESTIMATED: 3,
    Evidence.INFERRED: 3,
}

Key = Callable[[Contender], tuple[Any, ...]]


def rank_key(
    rule: str,
    *,
    distances: Mapping[str, int],
    aside: AbstractSet[str] = frozenset(),
    elsewhere: AbstractSet[str] = frozenset(),
) -> Key:
    """The sort key of a rule: the smallest wins. `distances` are directories between each file and the model, `aside` are
    files that win only over nothing, `elsewhere` those that win only over guesses.
    """
    ranks = _RANKS.get(rule, _RANKS["authored"])

    def key(contender: Contender) -> tuple[Any, ...]:
        seen = contender.observation
        distance = distances.get(seen.key, 0)
        rank, stated = ranks[seen.origin], _STATED[seen.evidence] >= 3
        edited = 0 if seen.origin is Origin.EDIT else 2 if seen.key in aside else 1
        guess = 1 if stated or seen.origin is Origin.FILENAME else 0
        foreign = seen.key in elsewhere
        parent = 1 if distance < 0 else 0
        tie = (abs(distance), _STATED[seen.evidence], seen.key, order_of(contender))
        if rule == "counted":
            return (edited, _MEASURED[seen.evidence], foreign, rank, *tie)
        if rule == "nearest":
            stated_by_person = 0 if seen.origin is Origin.SIDECAR else 1
            return (edited, guess, foreign, stated_by_person, parent, abs(distance), rank, *tie)
        if rule == "latest":
            return (edited, guess, foreign, _latest_first(contender), rank, *tie)
        return (edited, guess, foreign, parent if seen.origin is not Origin.CARD else 0, rank, *tie)

    return key


def order_of(contender: Contender) -> tuple[str, str]:
    """The order in which a file says things, stable between runs: the pointer, then the raw value's text."""
    return contender.observation.pointer, repr(contender.observation.raw)


def too_far(distance: int) -> bool:
    return distance < -MAX_PARENTS


def reason_lost(rule: str, winner: Contender, loser: Contender) -> str:
    """Why this one is not the value: equal, counted-beats-declared, distance or rank."""
    if winner.value == loser.value:
        return "equal"
    counted = {Evidence.COUNTED, Evidence.DERIVED}
    if (
        rule == "counted"
        and winner.observation.evidence in counted
        and loser.observation.evidence not in counted
    ):
        return "counted-beats-declared"
    return "rank"


def ranked(
    rule: str,
    contenders: Sequence[Contender],
    *,
    distances: Mapping[str, int],
    aside: AbstractSet[str] = frozenset(),
    elsewhere: AbstractSet[str] = frozenset(),
) -> list[Contender]:
    """The contenders, the winner first."""
    if len(contenders) < 2:  # as for most fields
        return list(contenders)
    return sorted(contenders, key=rank_key(rule, distances=distances, aside=aside, elsewhere=elsewhere))


def _latest_first(contender: Contender) -> tuple[int, float, str]:
    context = contender.observation.context
    step = context.get("step")
    evaluated_at = str(context.get("evaluated_at") or "")
    number = float(step) if isinstance(step, int | float) and not isinstance(step, bool) else 0.0
    return (
        0 if evaluated_at or number else 1,
        -number,
        "".join(chr(0x10FFFF - ord(char)) for char in evaluated_at[:40]),
    )
