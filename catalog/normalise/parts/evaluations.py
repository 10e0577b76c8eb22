"""Reported values into evaluations: each understood, each fact once, errors beside their values, the headline chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.normalise.metrics import (
    NOT_METRICS,
    MetricName,
    normal_split,
    read_metric_name,
)
from catalog.normalise.parts.evaluation import (
    Evaluation,
    context_text,
    dataset_slug,
    entry_of,
    fact_key,
    raw_text,
    report_order,
    source_of,
)
from catalog.normalise.parts.headlines import headlines
from catalog.normalise.parts.reported_values import (
    Block,
    block_key,
    factor_of,
    read_blocks,
    reading_of,
    says_percent,
)
from catalog.normalise.values.dates import DateReading, read_date
from catalog.normalise.values.units import Reading, read_number, to_float
from catalog.records import FieldProvenance, Observation, Origin, Problem
from catalog.text.slugs import stored_slug

MAX_EVALUATIONS = 5_000
SAME_VALUE = 5e-4
"""Two reports of one evaluation are rounded to four digits at worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluations:
    """All evaluations of a model, the headline value per metric, and what else was said among them."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    entries: tuple[dict[str, Any], ...] = ()
    provenance: Mapping[str, FieldProvenance] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    not_metrics: tuple[Observation, ...] = ()
    dates: tuple[tuple[DateReading, Observation], ...] = ()


def evaluate(
    observations: Sequence[Observation],
    *,
    now: datetime,
    distances: Mapping[str, int],
    elsewhere: AbstractSet[str] = frozenset(),
) -> Evaluations:
    """The evaluations that `metrics.*` observations make, best-known names and headline values first."""
    if not observations:  # as of most models
        return Evaluations()
    reported, uncertainties, others = _understood(observations)
    blocks = read_blocks(reported)
    read = [_evaluation(seen, name, blocks[block_key(seen)], now) for seen, name in reported]
    read = _with_uncertainties(read, uncertainties, now)
    merged = _merged(read)
    metrics, provenance, conflicts = headlines(merged, distances, elsewhere)
    problems = [*_problems_of(read), *conflicts]
    names = sorted({evaluation.headline_name for evaluation in merged if evaluation.value is not None})
    if len(merged) > MAX_EVALUATIONS:
        problems.append(
            Problem(
                code="limit-exceeded",
                message=f"{len(merged):,} reported values; {MAX_EVALUATIONS:,} are kept",
            )
        )
    return Evaluations(
        metrics=metrics,
        names=tuple(names[:MAX_EVALUATIONS]),
        entries=tuple(entry_of(evaluation) for evaluation in merged[:MAX_EVALUATIONS]),
        provenance=provenance,
        problems=tuple(problems),
        not_metrics=tuple(others),
        dates=tuple(
            (item.evaluated_at, item.observation)
            for item in merged
            if item.evaluated_at and item.evaluated_at.value
        ),
    )


def _understood(
    observations: Sequence[Observation],
) -> tuple[list[tuple[Observation, MetricName]], list[tuple[Observation, MetricName]], list[Observation]]:
    reported, uncertainties, others = [], [], []
    for seen in observations:
        name = read_metric_name(seen.field.removeprefix("metrics."))
        if name.metric is None and (name.name in NOT_METRICS or stored_slug(name.raw) in NOT_METRICS):
            others.append(seen)
        elif name.uncertainty:
            uncertainties.append((seen, name))
        else:
            reported.append((seen, name))
    return reported, uncertainties, others


def _evaluation(seen: Observation, name: MetricName, block: Block, now: datetime) -> Evaluation:
    reading, flag = reading_of(seen)
    dataset_split = seen.context.get("split")
    split = name.split
    if dataset_split and split != "train":
        split = normal_split(str(dataset_split))
    evaluated_at = seen.context.get("evaluated_at")
    dataset = seen.context.get("dataset")
    evaluation = Evaluation(
        observation=seen,
        name=name,
        value=None,
        unit=name.metric.unit if name.metric else "raw",
        split=split,
        dataset=context_text(dataset),
        evaluated_at=None if evaluated_at is None else read_date(evaluated_at, now=now),
        changes=name.changes,
        flag=flag,
        sources=(source_of(seen),),
    )
    return evaluation if reading is None else _scaled(evaluation, reading, block)


def _scaled(evaluation: Evaluation, reading: Reading, block: Block) -> Evaluation:
    """The evaluation with its canonical value: percent divided where a rule says that it is one."""
    seen, name = evaluation.observation, evaluation.name
    factor, flag, inferred = factor_of(
        reading, name, block, explicit=reading.percent or says_percent(seen, name)
    )
    changes = (*evaluation.changes, *reading.changes, *(("percent÷100",) if factor == 100 else ()))
    value = to_float(reading.value / factor)
    unit = evaluation.unit
    if name.metric is not None and name.metric.family == "either" and (factor == 100 or reading.value <= 1):
        unit = "fraction" if factor == 100 or not block.either_above_one else unit
    if flag == "out-of-bounds" or value is None:
        return replace(evaluation, value=None, changes=changes, flag=flag or "not-a-number")
    extra = _context_uncertainty(seen)
    spread = reading.uncertainty if reading.uncertainty is not None else extra
    return replace(
        evaluation,
        value=value,
        unit="fraction" if factor == 100 and name.metric is None else unit,
        uncertainty=None if spread is None else to_float(abs(spread) / factor),
        changes=changes,
        flag=flag,
        inferred=inferred,
    )


def _context_uncertainty(seen: Observation) -> Decimal | None:
    reading = read_number(seen.context.get("uncertainty"))
    return None if reading is None else reading.value


def _with_uncertainties(
    read: list[Evaluation], uncertainties: list[tuple[Observation, MetricName]], now: datetime
) -> list[Evaluation]:
    """A standard error belongs to the value of its metric; one without a value stands as an entry of its own."""
    spreads: dict[tuple[Any, ...], tuple[Observation, MetricName]] = {
        _uncertainty_key(seen, name): (seen, name) for seen, name in uncertainties
    }
    used: set[tuple[Any, ...]] = set()
    result = []
    for item in read:
        key = _uncertainty_key(item.observation, item.name)
        spread = spreads.get(key)
        number = read_number(spread[0].raw) if spread else None
        if number is not None and item.value is not None:
            used.add(key)
            factor = 100 if "percent÷100" in item.changes else 1
            item = replace(item, uncertainty=to_float(abs(number.value) / factor))  # noqa: PLW2901 - the item with its error
        result.append(item)
    for key, (seen, name) in sorted(spreads.items(), key=lambda pair: repr(pair[0])):
        if key not in used:
            own = replace(name, name=f"{name.name}_stderr", metric=None)
            result.append(_evaluation(seen, own, Block(), now))
    return result


def _uncertainty_key(seen: Observation, name: MetricName) -> tuple[Any, ...]:
    context = seen.context
    return (
        *block_key(seen),
        name.name,
        name.filter,
        name.split,
        *(str(context.get(part)) for part in ("dataset", "config", "task", "split")),
    )


def _merged(read: list[Evaluation]) -> list[Evaluation]:
    """Each fact once: reports of the same metric, data set and split that agree are one entry with several sources."""
    kept: dict[tuple[Any, ...], list[Evaluation]] = {}
    for item in sorted(read, key=report_order):
        same_fact = kept.setdefault(fact_key(item), [])
        for index, earlier in enumerate(same_fact):
            if _same_value(earlier, item):
                same_fact[index] = _joined(earlier, item)
                break
        else:
            same_fact.append(item)
    return sorted((item for items in kept.values() for item in items), key=_entry_order)


def _joined(first: Evaluation, second: Evaluation) -> Evaluation:
    sources = (*first.sources, *(source for source in second.sources if source not in first.sources))
    primary = (
        first.observation
        if not second.observation.context.get("primary")
        else replace_primary(first.observation)
    )
    by_hand, also_by_hand = (item.observation.origin is Origin.EDIT for item in (first, second))
    return replace(
        first,
        sources=sources,
        overridden=(*first.overridden, *([second] if by_hand and not also_by_hand else [])),
        observation=primary,
        uncertainty=first.uncertainty if first.uncertainty is not None else second.uncertainty,
    )


def replace_primary(seen: Observation) -> Observation:
    """The observation marked as the declared primary value, because an equal report was."""
    return replace(seen, context={**seen.context, "primary": True})


def _same_value(first: Evaluation, second: Evaluation) -> bool:
    if first.value is None or second.value is None:
        return first.value is second.value and repr(first.observation.raw) == repr(second.observation.raw)
    scale = 1.0 if first.unit == "fraction" else max(abs(first.value), abs(second.value), 1e-12)
    return abs(first.value - second.value) <= max(SAME_VALUE * scale, _rounding(first), _rounding(second))


def _rounding(item: Evaluation) -> float:
    """By how much a fraction may differ from the exact one that was printed with so few digits."""
    digits = item.observation.context.get("digits")
    return 0.51 * 10.0**-digits if isinstance(digits, int) and item.unit == "fraction" else 0.0


def _entry_order(item: Evaluation) -> tuple[Any, ...]:
    """Known metrics first, then by name, so that a cut at the limit keeps what people search for."""
    return (
        item.value is None,
        item.name.metric is None,
        item.headline_name,
        dataset_slug(item.dataset),
        item.split or "",
        report_order(item),
    )


def _problems_of(read: Iterable[Evaluation]) -> list[Problem]:
    problems = []
    for item in read:
        if item.flag is None:
            continue
        seen = item.observation
        message = {
            "not-a-number": f"{item.name.raw} is {raw_text(seen.raw)[:80]}, which is no number",
            "list": f"{item.name.raw} is a list; no rule says which value counts",
            "out-of-bounds": f"{item.name.raw} is {raw_text(seen.raw)[:80]}, outside the bounds of {item.name.name}",
            "ambiguous": f"{item.name.raw} is {raw_text(seen.raw)[:80]}; it could be a fraction or a percentage",
        }[item.flag]
        problems.append(
            Problem(code=f"metric-{item.flag}", message=message, key=seen.key, pointer=seen.pointer)
        )
    return problems
