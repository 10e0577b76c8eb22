"""The table of metrics as frozen rows: canonical names, their other spellings, bounds and direction.

A name here is a slug (`[a-z0-9_]+`); `catalog.normalise.metrics` turns what files and people write into one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Literal

from mappings.tables import table

MAX_CUTOFF = 100_000
"""The largest k of a metric@k; a longer number in a name is an id, not a cut-off."""

LOWER_IS_BETTER = (
    "loss", "error", "err", "rate_error", "mse", "mae", "rmse", "perplexity", "fid", "wer", "cer",
)  # fmt: skip
"""Endings of metrics that no row names and whose smaller values are better."""
LOWER_COSTS = ("latency_ms", "seconds")
"""Endings of performance numbers of which one wants less."""

_CUTOFF = r"(?P<stem>[a-z0-9_]+?)(?:_at)?_(?P<k>[1-9]\d{0,5})"
_GLUED_CUTOFF = r"(?P<stem>[a-z_]+?)(?P<k>[1-9]\d{0,5})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One row of metrics.toml. `low` and `high` are the bounds of canonical values, None where there is none."""

    name: str
    label: str
    aliases: tuple[str, ...] = ()
    family: str = "free"
    direction: Literal["up", "down"] | None = None
    unit: str = "raw"
    low: float | None = None
    high: float | None = None
    group: Literal["quality", "performance"] = "quality"
    at_k: bool = False

    @property
    def bounded(self) -> bool:
        """Canonical values are fractions in 0..1, whatever a file writes."""
        return self.family == "fraction"


@cache
def metrics() -> Mapping[str, Metric]:
    """Every canonical metric by its name, in the table's order."""
    tables = table("metrics")
    return {name: _row(name, row, tables["families"]) for name, row in tables["metrics"].items()}


@cache
def spellings() -> Mapping[str, str]:
    """Every slug that means a canonical metric, the canonical names themselves included."""
    names = {name: name for name in metrics()}
    for metric in metrics().values():
        for alias in metric.aliases:
            names.setdefault(alias, metric.name)
    return names


@cache
def splits() -> Mapping[str, str]:
    """The split that a word means."""
    return {word: split for split, words in table("metrics")["splits"]["words"].items() for word in words}


@cache
def ambiguous_splits() -> frozenset[str]:
    """Words that mean a split before a name only."""
    return frozenset(table("metrics")["splits"]["ambiguous"])


@lru_cache(maxsize=8192)
def find(slug: str) -> Metric | None:
    """The metric that a slug means: by name, by alias, or by a name with a cut-off (`recall_10`, `ndcg_at_5`)."""
    name = spellings().get(slug)
    if name is not None:
        return metrics()[name]
    return _with_cutoff(slug)


def _with_cutoff(slug: str) -> Metric | None:
    match = re.fullmatch(_CUTOFF, slug) or re.fullmatch(_GLUED_CUTOFF, slug)
    if match is None:
        return None
    stem, k = spellings().get(match["stem"]), int(match["k"])
    if stem is None or not metrics()[stem].at_k or k > MAX_CUTOFF:
        return None
    metric = metrics()[stem]
    return replace(metric, name=f"{stem}_at_{k}", label=f"{metric.label}@{k}", aliases=(), at_k=False)


def _row(name: str, row: Mapping[str, Any], families: Mapping[str, Mapping[str, Any]]) -> Metric:
    label = row.get("label", name.replace("_", " ").capitalize())
    values = {**families[row["family"]], **row, "name": name, "label": label}
    values["aliases"] = tuple(row.get("aliases", ()))
    return Metric(**values)
