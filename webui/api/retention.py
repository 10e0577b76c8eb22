"""Retention at `/api/v1`: what may go, and plans with their models. Nothing is done here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from webui.api.query_parameters import refuse_unknown_parameters
from webui.api.responses.retention import (
    PlanAnswer,
    PlannedModelAnswer,
    PlanSummaryAnswer,
    ProposalAnswer,
    ProposalsAnswer,
    RetentionAnswer,
)
from webui.rendering import answer
from webui.retention import ROWS, desk, find_plan, rows_asked_for

if TYPE_CHECKING:
    from catalog.records.retention import StoredPlan

blueprint = Blueprint("retention_api", __name__)
blueprint.before_request(refuse_unknown_parameters)


@blueprint.get("/api/v1/retention")
def plans() -> Response:
    """What may go without a policy, and the plans that were made, the newest first."""
    kinds = tuple(
        ProposalsAnswer(
            kind=kind.kind.value,
            sentence=kind.sentence,
            number=kind.number,
            bytes=kind.bytes,
            largest=tuple(
                ProposalAnswer(
                    model=row.model,
                    name=row.name,
                    path=row.path,
                    source=row.source,
                    bytes=row.bytes,
                    evidence=row.evidence,
                )
                for row in kind.largest
            ),
        )
        for kind in desk().proposals()
    )
    return answer(RetentionAnswer(proposals=kinds, plans=tuple(map(_summary, desk().plans()))))


@blueprint.get("/api/v1/retention/<plan_id>")
def planned(plan_id: str) -> Response:
    """One plan with its models, those that go first asked for. The next ones stand behind `after`."""
    stored = find_plan(plan_id)
    _, rows = rows_asked_for(stored)
    models = tuple(
        # Plans of earlier versions name none.
        PlannedModelAnswer(number=row.number, state=row.state, note=row.note, **{"version": "", **row.line})
        for row in rows[:ROWS]
    )
    after = rows[ROWS - 1].number if len(rows) > ROWS else None
    return answer(
        PlanAnswer(plan=_summary(stored), policy=stored.header["policy"], models=models, after=after)
    )


def _summary(stored: StoredPlan) -> PlanSummaryAnswer:
    header: dict[str, Any] = dict(stored.header)
    return PlanSummaryAnswer(
        id=stored.id,
        hash=stored.sha256,
        name=header["policy"]["name"],
        action=header["policy"]["action"],
        state=stored.state,
        made_at=stored.made_at,
        by=header["by"],
        models=header["models"],
        goes=header["goes"],
        files=header["files"],
        bytes=header["bytes"],
        rules=header["rules"],
    )
