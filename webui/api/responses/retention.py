"""What retention proposes and plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalAnswer:
    """A model or a file that may go, and what shows it. `model` is empty for what is no model."""

    model: str
    name: str
    path: str
    source: str
    bytes: int
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalsAnswer:
    """All that is proposed for one reason: `largest` are those with most bytes."""

    kind: str
    sentence: str
    number: int
    bytes: int
    largest: tuple[ProposalAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummaryAnswer:
    """A plan without its models. `rules` counts the models by the rule that keeps them, `none` those that go."""

    id: str
    hash: str
    name: str
    action: str
    state: str
    made_at: str
    by: str
    models: int
    goes: int
    files: int
    bytes: int
    rules: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionAnswer:
    """What may go without a policy, and the plans that were made."""

    proposals: tuple[ProposalsAnswer, ...]
    plans: tuple[PlanSummaryAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedModelAnswer:
    """One model of a plan: why it stays or goes, and what was done. `bytes` are what its going frees."""

    number: int
    id: str
    name: str
    version: str
    source: str
    revision: int
    goes: bool
    rule: str
    reason: str
    files: int
    bytes: int
    state: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAnswer:
    """A plan with some of its models; `after` asks for those behind them, None where there are none."""

    plan: PlanSummaryAnswer
    policy: Mapping[str, Any]
    models: tuple[PlannedModelAnswer, ...]
    after: int | None
