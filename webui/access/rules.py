"""What each address asks of who uses it. An address without a line here is open to the owner of the machine alone."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.records.accounts import Action

OPEN = None
"""For everybody: it tells nothing of the catalog, or checks its own sender."""

RULES: Mapping[str, Action | None] = {
    "static": OPEN,
    "_healthz": OPEN,
    "_readyz": OPEN,
    "pages.favicon": OPEN,
    "access.sign_in_form": OPEN,
    "access.sign_in": OPEN,
    "access.openid": OPEN,
    "access.openid_return": OPEN,
    "api.events": OPEN,  # the token of the setting events.token
    "api.mlflow_events": OPEN,  # signed with the setting events.mlflow_secret
    "api.log": OPEN,  # the token of the setting api.log_token
    "access.sign_out": Action.ACCOUNT,
    "access.account": Action.ACCOUNT,
    "access.create_token": Action.ACCOUNT,
    "access.revoke_token": Action.ACCOUNT,
    "access.change_password": Action.ACCOUNT,
    "users.users": Action.MANAGE,
    "users.set_disabled": Action.MANAGE,
    "users.grant": Action.MANAGE,
    "users.withdraw": Action.MANAGE,
    "users.revoke": Action.MANAGE,
    "access.audit": Action.AUDIT,
    "access.audit_lines": Action.AUDIT,
    "pages.search": Action.READ,
    "pages.model": Action.READ,
    "pages.compare": Action.READ,
    "pages.values": Action.READ,
    "pages.health": Action.READ,
    "pages.runs": Action.READ,
    "edits.edit": Action.EDIT,
    "edits.change": Action.EDIT,
    "edits.history": Action.READ,
    "edits.restore": Action.EDIT,
    "edits.many": Action.EDIT,
    "edits.change_many": Action.EDIT,
    "edits.batch": Action.EDIT,
    "edits.undo": Action.EDIT,
    "pages.crawl_now": Action.CRAWL,
    "retention.page": Action.MANAGE,
    "retention.plan": Action.MANAGE,
    "retention_api.plans": Action.MANAGE,
    "retention_api.planned": Action.MANAGE,
    "pages.language": Action.READ,
    "saved.saved": Action.READ,
    "saved.save": Action.SAVE,
    "saved.saved_search": Action.READ,
    "saved.change": Action.SAVE,
    "saved.atom": Action.READ,
    "saved.json": Action.READ,
    "api.search": Action.READ,
    "api.model": Action.READ,
    "api.models": Action.READ,
    "api.facet": Action.READ,
    "api.suggest": Action.READ,
    "api.runs": Action.READ,
    "api.sources": Action.READ,
    "api.runs_of_sources": Action.READ,
    "api.export_ndjson": Action.READ,
    "api.export_csv": Action.READ,
    "api.export_parquet": Action.READ,
    "api.card": Action.READ,
    "api.compare": Action.READ,
    "api.openapi": Action.READ,
    "api.bill_of_materials": Action.READ,
    "editing.model": Action.READ,
    "editing.change": Action.EDIT,
    "editing.history": Action.READ,
    "editing.diff": Action.READ,
    "editing.restore": Action.EDIT,
    "editing.change_many": Action.EDIT,
    "editing.undo": Action.EDIT,
    "metrics": Action.READ,
    "es.answer": Action.READ,
}
"""By the name of the endpoint."""
