"""Which of a metric's reported values stands for the model, and which ones contradict it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from catalog.normalise.metrics import (
    metric_direction,
)
from catalog.normalise.parts.edits import NOT_HEADLINE
from catalog.normalise.parts.evaluation import (
    Evaluation,
    fact_key,
    negative_step,
    report_order,
    source_rank,
)
from catalog.records import Contender, FieldProvenance, Origin, Problem

MAX_HEADLINE_METRICS = 200
_SPLIT_RANK = {"test": 0, "validation": 1, None: 2, "other": 2, "train": 3}
_AGGREGATION_RANK = {None: 0, "last": 0, "epoch": 0, "mean": 1, "best": 1, "step": 2}


def _headline_order(
    item: Evaluation, distances: Mapping[str, int], elsewhere: AbstractSet[str]
) -> tuple[Any, ...]:
    seen = item.observation
    distance = distances.get(seen.key, 0)
    at = item.evaluated_at.value.timestamp() if item.evaluated_at and item.evaluated_at.value else 0.0
    assert item.value is not None
    best = {"up": -item.value, "down": item.value}.get(metric_direction(item.name.name) or "", 0.0)
    return (
        0 if seen.origin is Origin.EDIT else 1,
        0 if seen.context.get("primary") else 1,
        _SPLIT_RANK.get(item.split, 2),
        item.flag == "ambiguous",
        item.name.filter is not None and "strict" not in item.name.filter,
        seen.key in elsewhere,
        *source_rank(item),
        abs(distance),
        _AGGREGATION_RANK.get(item.name.aggregation, 1),
        negative_step(seen),
        -at,
        best,
        *report_order(item),
    )


def headlines(
    merged: list[Evaluation],
    distances: Mapping[str, int],
    elsewhere: AbstractSet[str] = frozenset(),
) -> tuple[dict[str, float], dict[str, FieldProvenance], list[Problem]]:
    candidates: dict[str, list[Evaluation]] = {}
    for item in merged:
        if item.value is not None:
            candidates.setdefault(item.headline_name, []).append(item)
    order = sorted(
        candidates,
        key=lambda name: (candidates[name][0].name.metric is None, name.startswith("train_"), name),
    )
    metrics: dict[str, float] = {}
    provenance: dict[str, FieldProvenance] = {}
    problems: list[Problem] = []
    for name in order[:MAX_HEADLINE_METRICS]:
        ranked = sorted(candidates[name], key=lambda item: _headline_order(item, distances, elsewhere))
        winner = ranked[0]
        assert winner.value is not None
        rivals = [  # of files that a person overrides, none contradicts another
            item
            for item in ranked[1:]
            if winner.observation.origin is not Origin.EDIT
            and fact_key(item) == fact_key(winner)
            and not _is_earlier_step(item, winner)
        ]
        overridden = [item for each in ranked for item in each.overridden]
        others = sorted(
            [*ranked[1:], *overridden], key=lambda item: _headline_order(item, distances, elsewhere)
        )
        metrics[name] = winner.value
        provenance[f"metrics.{name}"] = FieldProvenance(
            field=f"metrics.{name}",
            winners=(_contender(winner, None),),
            losers=tuple(_contender(item, _why_not(item, winner)) for item in others[:49]),
            conflict=bool(rivals),
        )
        if rivals:
            reports = ", ".join(f"{item.value:.6g} ({item.sources[0]})" for item in (winner, *rivals[:4]))
            problems.append(
                Problem(
                    code="metric-conflict",
                    message=f"{name} is reported differently: {reports}",
                    key=rivals[0].observation.key,
                )
            )
    return dict(sorted(metrics.items())), provenance, problems


def _is_earlier_step(item: Evaluation, winner: Evaluation) -> bool:
    """Whether this is what the metric was before, in the same file or, by the block, of the same run."""
    seen, other = item.observation, winner.observation
    block = seen.context.get("block")
    same_run = seen.key == other.key or (block is not None and block == other.context.get("block"))
    return same_run and negative_step(seen) > negative_step(other)


def _why_not(item: Evaluation, winner: Evaluation) -> str:
    if item.flag == "ambiguous" and winner.flag != "ambiguous":
        return "ambiguous"
    if fact_key(item) != fact_key(winner):
        return NOT_HEADLINE
    return "equal" if item.value == winner.value else "rank"


def _contender(item: Evaluation, lost_because: str | None) -> Contender:
    changes = (
        *item.changes,
        *(("percent-inferred",) if item.inferred and "percent÷100" in item.changes else ()),
    )
    return Contender(
        observation=item.observation, value=item.value, changes=changes, lost_because=lost_because
    )
