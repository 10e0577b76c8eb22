"""Reported values into evaluations: percent or fraction, uncertainty, split, one entry per fact, and the headline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.normalise.dates import DateReading, read_date
from catalog.normalise.metrics import (
    NOT_METRICS,
    MetricName,
    metric_direction,
    normal_split,
    read_metric_name,
)
from catalog.normalise.units import Reading, plain, read_number, to_float
from catalog.records import Contender, FieldProvenance, Observation, Origin, Problem, display_key

MAX_HEADLINE_METRICS = 200
MAX_EVALUATIONS = 5_000
MAX_RAW_CHARS = 1_024
SAME_VALUE = 5e-4
"""Two reports of one evaluation are rounded to four digits at worst."""

PERCENT_WRITERS = re.compile(r"(?i)leaderboard|lm[-_ ]eval(?:uation)?[-_ ](?:harness )?table")
"""Sources known to write percent: 0.53 beside 47.7 is 0.53 % there. Source: open-llm-leaderboard result cards."""

_SPLIT_RANK = {"test": 0, "validation": 1, None: 2, "other": 2, "train": 3}
_AGGREGATION_RANK = {None: 0, "last": 0, "epoch": 0, "mean": 1, "best": 1, "step": 2}
_ORIGIN_RANK = {
    Origin.EDIT: 0,
    Origin.SIDECAR: 1,
    Origin.CARD: 3,
    Origin.REGISTRY: 4,
    Origin.RUN: 5,
    Origin.CONFIG: 6,
    Origin.PACKAGE: 7,
    Origin.EMBEDDED: 8,
    Origin.LISTING: 9,
    Origin.FILENAME: 9,
}
_MEAN_KEYS = ("value", "mean", "score", "avg", "average")
_SPREAD_KEYS = ("uncertainty", "std", "stderr", "std_dev", "stdev", "ci", "error", "sd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One reported value, understood. `value` is canonical; None where there is none, with the reason in `flag`."""

    observation: Observation
    name: MetricName
    value: float | None
    unit: str
    split: str | None
    dataset: str | None
    uncertainty: float | None = None
    evaluated_at: DateReading | None = None
    changes: tuple[str, ...] = ()
    flag: str | None = None
    inferred: bool = False
    sources: tuple[str, ...] = ()

    @property
    def headline_name(self) -> str:
        """The name under which the value may stand in the document's metrics: train values have their own."""
        return f"train_{self.name.name}" if self.split == "train" else self.name.name


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
    observations: Sequence[Observation], *, now: datetime, distances: Mapping[str, int]
) -> Evaluations:
    """The evaluations that `metrics.*` observations make, best-known names and headline values first."""
    reported, uncertainties, others = _understood(observations)
    blocks = _blocks(reported)
    read = [_evaluation(seen, name, blocks[_block_key(seen)], now) for seen, name in reported]
    read = _with_uncertainties(read, uncertainties, now)
    merged = _merged(read)
    metrics, provenance, conflicts = _headlines(merged, distances)
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
        entries=tuple(_entry(evaluation) for evaluation in merged[:MAX_EVALUATIONS]),
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
        if name.name in NOT_METRICS and name.metric is None:
            others.append(seen)
        elif name.uncertainty:
            uncertainties.append((seen, name))
        else:
            reported.append((seen, name))
    return reported, uncertainties, others


def _block_key(seen: Observation) -> tuple[str, ...]:
    context = seen.context
    return (seen.key, seen.subject or "", str(context.get("block") or context.get("source") or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """What the bounded values of one source block show together about their unit."""

    count: int = 0
    above_one: bool = False
    either_above_one: bool = False
    percent_writer: bool = False


def _blocks(reported: Iterable[tuple[Observation, MetricName]]) -> dict[tuple[str, ...], _Block]:
    blocks: dict[tuple[str, ...], _Block] = {}
    for seen, name in reported:
        key = _block_key(seen)
        block = blocks.get(key, _Block())
        writer = bool(seen.context.get("percent_writer")) or bool(
            PERCENT_WRITERS.search(str(seen.context.get("source") or ""))
        )
        block = replace(block, percent_writer=block.percent_writer or writer)
        family = name.metric.family if name.metric else None
        if family in {"fraction", "either"} and not _says_percent(seen, name):
            value, _ = _reading(seen)
            if value is not None and not value.percent:
                above = 1 < value.value <= 100
                block = replace(
                    block,
                    count=block.count + (family == "fraction"),
                    above_one=block.above_one or (family == "fraction" and above),
                    either_above_one=block.either_above_one or above,
                )
        blocks[key] = block
    return blocks


def _says_percent(seen: Observation, name: MetricName) -> bool:
    unit = str(seen.unit or seen.context.get("unit") or "").strip().lower()
    return name.percent or unit in {"%", "percent", "percentage", "pct"}


def _reading(seen: Observation) -> tuple[Reading | None, str | None]:
    """The number that a raw value reports, or None with the reason."""
    raw = seen.raw
    if isinstance(raw, dict):
        return _from_mapping(raw)
    if isinstance(raw, list):
        return _from_list(raw, history=_is_history(seen))
    reading = read_number(raw)
    if reading is not None and to_float(reading.value) is not None:
        return reading, None
    return None, "not-a-number"


def _is_history(seen: Observation) -> bool:
    return bool(seen.context.get("history")) or (seen.origin is Origin.RUN and bool(seen.raw))


def _from_list(raw: list[Any], *, history: bool) -> tuple[Reading | None, str | None]:
    if len(raw) == 1 or (history and raw):
        reading = read_number(raw[-1])
        if reading is not None:
            change = "last-of-history" if len(raw) > 1 else "only-element"
            return replace(reading, changes=(change, *reading.changes)), None
    return None, "list"


def _from_mapping(raw: dict[str, Any]) -> tuple[Reading | None, str | None]:
    value = next((read_number(raw[key]) for key in _MEAN_KEYS if key in raw), None)
    if value is None:
        return None, "not-a-number"
    spread = next((read_number(raw[key]) for key in _SPREAD_KEYS if key in raw), None)
    changes = ("mean-of-mapping", *value.changes)
    return replace(value, uncertainty=spread.value if spread else value.uncertainty, changes=changes), None


def _evaluation(seen: Observation, name: MetricName, block: _Block, now: datetime) -> Evaluation:
    reading, flag = _reading(seen)
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
        dataset=_said(dataset),
        evaluated_at=None if evaluated_at is None else read_date(evaluated_at, now=now),
        changes=name.changes,
        flag=flag,
        sources=(source_of(seen),),
    )
    return evaluation if reading is None else _scaled(evaluation, reading, block)


def _scaled(evaluation: Evaluation, reading: Reading, block: _Block) -> Evaluation:
    """The evaluation with its canonical value: percent divided where a rule says that it is one."""
    seen, name = evaluation.observation, evaluation.name
    factor, flag, inferred = _factor(
        reading, name, block, explicit=reading.percent or _says_percent(seen, name)
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


def _factor(
    reading: Reading, name: MetricName, block: _Block, *, explicit: bool
) -> tuple[int, str | None, bool]:
    """What to divide by, the flag, and whether that was inferred."""
    family = name.metric.family if name.metric else None
    value = reading.value
    if explicit:
        return _explicit_factor(name, value)
    if family == "fraction":
        return _fraction_factor(value, block)
    if family == "either":
        return (
            (100, None, True)
            if block.either_above_one and 0 <= value <= 100 and block.above_one
            else (1, None, False)
        )
    if name.metric is not None and name.metric.low is not None and value < Decimal(str(name.metric.low)):
        return 1, "out-of-bounds", False
    if family == "signed" and abs(value) > 1:
        return 1, "out-of-bounds", False
    return 1, None, False


def _explicit_factor(name: MetricName, value: Decimal) -> tuple[int, str | None, bool]:
    metric = name.metric
    if (
        metric is None
        or metric.family in {"hundred", "free"}
        or metric.group == "performance"
        or name.name in {"mape", "smape", "wmape"}
    ):
        return (1, None, False) if metric is not None else (100, None, False)
    bounded = metric.family in {"fraction", "either"}
    if bounded and not 0 <= value <= 100:
        return 100, "out-of-bounds", False
    return 100, None, False


def _fraction_factor(value: Decimal, block: _Block) -> tuple[int, str | None, bool]:
    if value < 0 or value > 100:
        return 1, "out-of-bounds", False
    if value > 1:
        return 100, None, True
    if not block.above_one:
        alone = value == 1 and block.count == 1
        return 1, "ambiguous" if alone else None, False
    if block.percent_writer:
        return 100, None, True
    return 1, "ambiguous", True


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
        found = spreads.get(key)
        number = read_number(found[0].raw) if found else None
        if number is not None and item.value is not None:
            used.add(key)
            factor = 100 if "percent÷100" in item.changes else 1
            item = replace(item, uncertainty=to_float(abs(number.value) / factor))  # noqa: PLW2901 - the item with its error
        result.append(item)
    for key, (seen, name) in sorted(spreads.items(), key=lambda pair: repr(pair[0])):
        if key not in used:
            own = replace(name, name=f"{name.name}_stderr", metric=None)
            result.append(_evaluation(seen, own, _Block(), now))
    return result


def _uncertainty_key(seen: Observation, name: MetricName) -> tuple[Any, ...]:
    context = seen.context
    return (
        *_block_key(seen),
        name.name,
        name.filter,
        name.split,
        *(str(context.get(part)) for part in ("dataset", "config", "task", "split")),
    )


def _fact_key(item: Evaluation) -> tuple[Any, ...]:
    context = item.observation.context
    step = context.get("step") if item.observation.origin is Origin.RUN else None
    return (
        item.headline_name,
        dataset_slug(item.dataset),
        str(context.get("config") or ""),
        item.split or "",
        item.name.filter or "",
        item.name.aggregation or "",
        repr(step) if item.value is None else "",
    )


def _merged(read: list[Evaluation]) -> list[Evaluation]:
    """Each fact once: reports of the same metric, data set and split that agree are one entry with several sources."""
    kept: dict[tuple[Any, ...], list[Evaluation]] = {}
    for item in sorted(read, key=_report_order):
        same_fact = kept.setdefault(_fact_key(item), [])
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
    return replace(
        first,
        sources=sources,
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
    return abs(first.value - second.value) <= SAME_VALUE * scale


def _source_rank(item: Evaluation) -> tuple[int, int]:
    seen = item.observation
    results_file = seen.origin is Origin.CARD and ".eval_results/" in f"/{seen.key}"
    return (2 if results_file else _ORIGIN_RANK[seen.origin]), 0


def _report_order(item: Evaluation) -> tuple[Any, ...]:
    seen = item.observation
    return (*_source_rank(item), _negative_step(seen), seen.key, seen.pointer, item.name.raw, repr(seen.raw))


def _negative_step(seen: Observation) -> float:
    step = seen.context.get("step")
    return -float(step) if isinstance(step, int | float) and not isinstance(step, bool) else 0.0


def _entry_order(item: Evaluation) -> tuple[Any, ...]:
    """Known metrics first, then by name, so that a cut at the limit keeps what people search for."""
    return (
        item.value is None,
        item.name.metric is None,
        item.headline_name,
        dataset_slug(item.dataset),
        item.split or "",
        _report_order(item),
    )


def _headline_order(item: Evaluation, distances: Mapping[str, int]) -> tuple[Any, ...]:
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
        *_source_rank(item),
        abs(distance),
        _AGGREGATION_RANK.get(item.name.aggregation, 1),
        _negative_step(seen),
        -at,
        best,
        *_report_order(item),
    )


def _headlines(
    merged: list[Evaluation], distances: Mapping[str, int]
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
        ranked = sorted(candidates[name], key=lambda item: _headline_order(item, distances))
        winner = ranked[0]
        assert winner.value is not None
        rivals = [
            item
            for item in ranked[1:]
            if _fact_key(item) == _fact_key(winner) and not _is_earlier_step(item, winner)
        ]
        metrics[name] = winner.value
        provenance[f"metrics.{name}"] = FieldProvenance(
            field=f"metrics.{name}",
            winners=(_contender(winner, None),),
            losers=tuple(_contender(item, _why_not(item, winner)) for item in ranked[1:50]),
            conflict=bool(rivals),
        )
        if rivals:
            said = ", ".join(f"{item.value:.6g} ({item.sources[0]})" for item in (winner, *rivals[:4]))
            problems.append(
                Problem(
                    code="metric-conflict",
                    message=f"{name} is reported differently: {said}",
                    key=rivals[0].observation.key,
                )
            )
    return dict(sorted(metrics.items())), provenance, problems


def _is_earlier_step(item: Evaluation, winner: Evaluation) -> bool:
    same_file = item.observation.key == winner.observation.key
    return same_file and _negative_step(item.observation) > _negative_step(winner.observation)


def _why_not(item: Evaluation, winner: Evaluation) -> str:
    if item.flag == "ambiguous" and winner.flag != "ambiguous":
        return "ambiguous"
    if _fact_key(item) != _fact_key(winner):
        return "not-headline"
    return "equal" if item.value == winner.value else "rank"


def _contender(item: Evaluation, lost_because: str | None) -> Contender:
    changes = (
        *item.changes,
        *(("percent-inferred",) if item.inferred and "percent÷100" in item.changes else ()),
    )
    return Contender(
        observation=item.observation, value=item.value, changes=changes, lost_because=lost_because
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


def _entry(item: Evaluation) -> dict[str, Any]:
    """The evaluation as documents hold it."""
    context = item.observation.context
    entry: dict[str, Any] = {
        "metric": item.name.name,
        "value": item.value,
        "unit": item.unit,
        "dataset": dataset_slug(item.dataset) or None,
        "dataset_id": item.dataset,
        "split": item.split,
        "raw_name": item.name.raw,
        "raw_value": raw_text(item.observation.raw),
        "source": item.sources[0],
        "sources": list(item.sources) if len(item.sources) > 1 else None,
        "uncertainty": item.uncertainty,
        "filter": item.name.filter,
        "aggregation": item.name.aggregation,
        "evaluated_at": item.evaluated_at.text if item.evaluated_at and item.evaluated_at.value else None,
        "evidence": "inferred" if item.inferred else None,
        "flag": item.flag,
        "key": display_key(item.observation.key),
    }
    for part in ("config", "task", "revision"):
        entry[part] = _said(context.get(part))
    step = read_number(context.get("step"))
    entry["step"] = None if step is None else plain(step.value)
    return {name: value for name, value in entry.items() if value is not None}


def _said(value: Any) -> str | None:
    """The text of a context value, None where nothing is said."""
    return None if value is None or value == "" else raw_text(value)


def raw_text(raw: Any) -> str:
    """The raw value as bounded text, the same for every run."""
    text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False, sort_keys=True, default=repr)
    return str(text)[:MAX_RAW_CHARS]


def dataset_slug(dataset: str | None) -> str:
    """A data set's id for matching: lower case, without its owner."""
    return (dataset or "").strip().lower().rsplit("/", 1)[-1]


def source_of(seen: Observation) -> str:
    """What reported a value: the source it names, else the extractor's name."""
    named = seen.context.get("source")
    return str(named) if named else seen.extractor
