"""The number that a raw metric value reports, and whether it is a percentage: by its sign, its unit, or its siblings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from catalog.lazy_dataclasses import dataclass, replace
from catalog.normalise.metrics import (
    MetricName,
)
from catalog.normalise.values.units import Reading, read_number, to_float
from catalog.records import Observation, Origin

PERCENT_WRITERS = re.compile(r"(?i)leaderboard|lm[-_ ]eval(?:uation)?[-_ ](?:harness )?table")
"""Sources known to write percent: 0.53 beside 47.7 is 0.53 % there. Source: open-llm-leaderboard result cards."""

_MEAN_KEYS = ("value", "mean", "score", "avg", "average")
_SPREAD_KEYS = ("uncertainty", "std", "stderr", "std_dev", "stdev", "standard_deviation", "ci", "error", "sd")


def block_key(seen: Observation) -> tuple[str, ...]:
    context = seen.context
    return (seen.key, seen.subject or "", str(context.get("block") or context.get("source") or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What the bounded values of one source block show together about their unit."""

    count: int = 0
    above_one: bool = False
    either_above_one: bool = False
    percent_writer: bool = False


def read_blocks(reported: Iterable[tuple[Observation, MetricName]]) -> dict[tuple[str, ...], Block]:
    blocks: dict[tuple[str, ...], Block] = {}
    for seen, name in reported:
        key = block_key(seen)
        block = blocks.get(key, Block())
        writer = bool(seen.context.get("percent_writer")) or bool(
            PERCENT_WRITERS.search(str(seen.context.get("source") or ""))
        )
        block = replace(block, percent_writer=block.percent_writer or writer)
        family = name.metric.family if name.metric else None
        if family in {"fraction", "either"} and not says_percent(seen, name):
            value, _ = reading_of(seen)
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


def says_percent(seen: Observation, name: MetricName) -> bool:
    unit = str(seen.unit or seen.context.get("unit") or "").strip().lower()
    return name.percent or unit in {"%", "percent", "percentage", "pct"}


def reading_of(seen: Observation) -> tuple[Reading | None, str | None]:
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


def factor_of(
    reading: Reading, name: MetricName, block: Block, *, explicit: bool
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


def _fraction_factor(value: Decimal, block: Block) -> tuple[int, str | None, bool]:
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
