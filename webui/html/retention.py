"""The pages of retention: what is proposed, the plans, and of one plan why each model stays or goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.lazy_dataclasses import dataclass
from webui.numbers import size
from webui.text import shown

if TYPE_CHECKING:
    from catalog.records.retention import PlannedModel, StoredPlan
    from catalog.retention.proposals import Proposal, ProposalsOfKind
    from webui.urls import Addresses

STATES = {
    "ready": "nothing was touched yet",
    "report": "a report",
    "applying": "begun and interrupted, or going on",
    "applied": "done",
    "undoing": "on the way back",
    "undone": "taken back",
}
DEEDS = {"report": "nothing, it is a report", "trash": "moved into the trash", "delete": "deleted for good"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """One model or file that may go; `url` is empty for what is no model."""

    name: str
    path: str
    size: str
    evidence: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindView:
    """All that is proposed for one reason."""

    sentence: str
    rows: tuple[ProposalView, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """One plan in the list."""

    id: str
    name: str
    made: str
    sentence: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPage:
    """Proposals and plans."""

    kinds: tuple[KindView, ...]
    plans: tuple[PlanView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRow:
    """One model of a plan."""

    name: str
    version: str
    id: str
    url: str
    goes: bool
    size: str
    reason: str
    state: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPage:
    """One plan. `command` is what carries it out, or undoes it; `after` the number behind which the next page begins."""

    plan: PlanView
    hash: str
    models: str
    rules: tuple[str, ...]
    becomes: str
    command: str
    rows: tuple[PlannedRow, ...]
    shows: str
    after: int | None


def retention_page(
    kinds: Sequence[ProposalsOfKind], plans: Sequence[StoredPlan], addresses: Addresses
) -> RetentionPage:
    return RetentionPage(
        kinds=tuple(
            KindView(
                sentence=f"{kind.number:,} {kind.sentence}, {size(kind.bytes).text}",
                rows=tuple(_proposal(row, addresses) for row in kind.largest),
                more=kind.number - len(kind.largest),
            )
            for kind in kinds
            if kind.number
        ),
        plans=tuple(map(_plan, plans)),
    )


def plan_page(
    plan: StoredPlan, rows: Sequence[PlannedModel], addresses: Addresses, *, shows: str, is_last: bool
) -> PlanPage:
    header: Mapping[str, Any] = plan.header
    commands = {
        "ready": f"modeldex retention apply {plan.id} --hash {plan.sha256}",
        "applying": f"modeldex retention apply {plan.id} --hash {plan.sha256}",
        "applied": f"modeldex retention undo {plan.id}",
        "undoing": f"modeldex retention undo {plan.id}",
    }
    return PlanPage(
        plan=_plan(plan),
        hash=plan.sha256,
        models=shown(str(header["policy"]["models"]), 300),
        rules=tuple(
            f"{number:,} stay by {rule}" for rule, number in header["rules"].items() if rule != "none"
        ),
        becomes=DEEDS[header["policy"]["action"]],
        command=commands.get(plan.state, "") if header["goes"] else "",
        rows=tuple(_row(row, addresses) for row in rows),
        shows=shows,
        after=None if is_last or not rows else rows[-1].number,
    )


def _proposal(row: Proposal, addresses: Addresses) -> ProposalView:
    return ProposalView(
        name=shown(row.name, 160),
        path=shown(row.path, 300),
        size=size(row.bytes).text,
        evidence=shown(row.evidence, 300),
        url=addresses.model(row.model) if row.model else "",
    )


def _plan(plan: StoredPlan) -> PlanView:
    header = plan.header
    goes, models = header["goes"], header["models"]
    return PlanView(
        id=plan.id,
        name=shown(str(header["policy"]["name"]), 160),
        made=f"{plan.made_at[:16].replace('T', ' ')} by {shown(str(header['by']), 60)}",
        sentence=f"{goes:,} of {models:,} models go, {header['files']:,} files, {size(header['bytes']).text}",
        state=STATES.get(plan.state, plan.state),
    )


def _row(row: PlannedModel, addresses: Addresses) -> PlannedRow:
    return PlannedRow(
        name=shown(str(row.line["name"]), 160),
        version=shown(str(row.line.get("version", "")), 60),  # earlier plans have none
        id=str(row.model)[:12],
        url=addresses.model(str(row.model)),
        goes=row.goes,
        size=size(row.line["bytes"]).text if row.goes else "",
        reason=shown(str(row.line["reason"]), 300),
        state=row.state,
        note=shown(row.note, 300),
    )
