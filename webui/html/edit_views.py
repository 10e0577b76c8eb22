"""The pages that change models. Whatever changes something is a form of our own page, and works without JavaScript."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from catalog.access.editing import ManyEdited
from catalog.access.permissions import may_edit
from catalog.errors import EditRefused, NotRemakable, RevisionConflict, UserError
from catalog.query.state import SearchState
from catalog.recording.field_changes import Action, FieldChange, typed_value
from catalog.records.history import BatchSummary
from catalog.search.page_state import PageParts
from catalog.search.parameters import PAGE, from_parameters, to_parameters
from webui.editing import editor
from webui.finding import find_model, find_present
from webui.html.editing import batch_page, bulk_page, digest_of, edit_page, history_page
from webui.not_found import NotFoundHere
from webui.parameters import addresses, asked
from webui.reading import catalog, visit
from webui.rendering import html
from webui.security import refuse_foreign_pages

blueprint = Blueprint("edits", __name__)
blueprint.before_request(refuse_foreign_pages)

FIELD, ACTION, VALUE = "edit.field", "edit.action", "edit.value"
"""Beside the parameters of a search, so that a preview has an address."""
MOST_MODELS = 1_000
"""Changed by one request of a browser, which waits for it; the command line takes more."""
FIELD_CHARACTERS = 200


@blueprint.get("/models/<model_id>/edit")
def edit(model_id: str) -> Response:
    stored = find_present(model_id)
    field = request.args.get("field", "").strip()[:FIELD_CHARACTERS]
    return html("edit.html", edit_page(stored, addresses(), field=field))


@blueprint.post("/models/<model_id>/edit")
def change(model_id: str) -> BaseResponse:
    """Changes the field of the form, if the model still is at the revision that the form was made for."""
    stored = find_present(model_id)
    field = request.form.get("field", "").strip()[:FIELD_CHARACTERS]
    typed = request.form.get("value", "")
    try:
        change = _change(field, request.form.get("action", ""), typed)
        editor().edit(stored, [change], expected=_revision(stored.revision))
    except (EditRefused, RevisionConflict, NotRemakable) as error:
        page = edit_page(stored, addresses(), field=field, typed=typed, problem=str(error))
        return html("edit.html", page, status=error.http_status)
    return redirect(f"{addresses().model(str(stored.id))}#edits", 303)


@blueprint.get("/models/<model_id>/history")
def history(model_id: str) -> Response:
    return _history(model_id)


@blueprint.post("/models/<model_id>/restore")
def restore(model_id: str) -> BaseResponse:
    """Makes the model again what it was in the revision of the form."""
    stored = find_model(model_id)
    number = request.form.get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise UserError("The form names no revision.", advice="Go back and press one of its buttons.")
    try:
        editor().restore(stored, int(number), expected=_revision(stored.revision))
    except (RevisionConflict, NotRemakable) as error:
        return _history(model_id, problem=str(error), status=error.http_status)
    return redirect(addresses().history(str(stored.id)), 303)


@blueprint.get("/edit")
def many() -> Response:
    """The form for all models of a search; with a field, what would happen."""
    state = _narrow(asked().state)
    field, action, value = (request.args.get(name, "").strip() for name in (FIELD, ACTION, VALUE))
    return _bulk(state, field[:FIELD_CHARACTERS], action or Action.SET, value)


@blueprint.post("/edit")
def change_many() -> Response:
    """Does what the preview of this form showed. If that is not what would happen any more, it is shown anew."""
    state, _ = from_parameters(parse_qsl(request.form.get("search", ""), keep_blank_values=True))
    field, action, value = (request.form.get(name, "").strip() for name in ("field", "action", "value"))
    change = _change(field, action, value)
    preview = editor().preview(state, [change])
    if digest_of(preview.targets, field, action, value) != request.form.get("digest"):
        problem = (
            "The models that this search finds have changed meanwhile, so nothing was done yet. Look again:"
        )
        return _bulk(state, field, action, value, problem=problem, status=409)
    _check_number(len(preview.targets))
    done = editor().edit_many(preview.targets, [change], cause=f"search {state.text[:200]}")
    return _batch(done.outcome.batch, done, verb="changed")


@blueprint.get("/edits/<batch>")
def batch(batch: str) -> Response:
    return _batch(batch)


@blueprint.post("/edits/<batch>/undo")
def undo(batch: str) -> Response:
    if editor().batch(batch) is None:
        raise NotFoundHere("There is no edit of this name.")
    done = editor().undo(batch)
    return _batch(done.outcome.batch, done, verb="as before", of=batch)


def _change(field: str, action: str, text: str) -> FieldChange:
    """What a form asks for. Raises UserError, EditRefused."""
    if action not in set(Action):
        raise UserError("The form does not say what to do.", advice="Go back and press one of its buttons.")
    wanted = Action(action)
    if wanted in {Action.EMPTY, Action.GIVE_BACK}:
        return FieldChange(field=field, action=wanted)
    words = text.replace("\r\n", "\n").strip()
    if wanted is Action.SET and not words:
        return FieldChange(field=field, action=Action.EMPTY)
    return FieldChange(field=field, action=wanted, value=typed_value(field, words))


def _revision(present: int) -> int:
    text = request.form.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else present


def _bulk(
    state: SearchState, field: str, action: str, value: str, *, problem: str = "", status: int = 200
) -> Response:
    preview = None
    if field:
        try:
            preview = editor().preview(state, [_change(field, action, value)])
            _check_number(len(preview.targets))
        except UserError as error:
            preview, problem, status = None, str(error), 400
    search = urlencode([pair for pair in to_parameters(state) if pair[0] != PAGE])
    words = [state.text, *(f"{name}:{','.join(chosen)}" for name, chosen in state.selections.items())]
    page = bulk_page(
        search,
        " ".join(word for word in words if word),
        addresses(),
        addresses().search(state),
        models=catalog().page(replace(state, size=1), PageParts(facets=False)).total,
        field=field,
        action=action,
        value=value,
        preview=preview,
        problem=problem,
    )
    return html("bulk_edit.html", page, status=status)


def _check_number(models: int) -> None:
    if models > MOST_MODELS:
        raise UserError(
            f"{models:,} models would change; this page changes {MOST_MODELS:,} at most in one go.",
            advice="Make the search narrower, or use: modeldex edit --query QUERY",
        )


def _narrow(state: SearchState) -> SearchState:
    return SearchState(text=state.text, selections=state.selections)


def _batch(name: str, done: ManyEdited | None = None, *, verb: str = "changed", of: str = "") -> Response:
    summary = editor().batch(name)
    if (
        summary is None and of and done is not None and not done.outcome.changed
    ):  # nothing was left to be taken back
        summary = editor().batch(of)
    if summary is None and done is not None and done.outcome.changed:  # and so taken out of sight
        changed = len(done.outcome.changed)
        summary = BatchSummary(batch=name, made_by=editor().author, made_at=datetime.now(UTC), models=changed)
    if summary is None and done is None:
        raise NotFoundHere("There is no edit of this name.")
    if summary is None:
        raise UserError("Nothing was changed.", advice="The models were so already, or changed meanwhile.")
    page = batch_page(
        summary,
        addresses(),
        outcome=None if done is None else done.outcome,
        verb=verb,
        waiting=done is not None and not done.index.is_current,
    )
    return html("batch.html", page)


def _history(model_id: str, *, problem: str = "", status: int = 200) -> Response:
    stored = find_model(model_id)
    revisions = catalog().history(str(stored.id))
    known = {revision.number: revision for revision in revisions}
    numbers = [request.args.get(name, "") for name in ("from", "to")]
    wanted = [int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None for text in numbers]
    after = known.get(wanted[1] or stored.revision)
    before = known.get(wanted[0] or max(1, (after.number if after else 1) - 1))
    if not problem and any(number is not None and number not in known for number in wanted):
        problem = "The model has no such revision."
    pair = None
    if before is not None and after is not None:
        disclosed = catalog().disclosed_revisions(stored, (before, after), origin=visit().origin)
        pair = (disclosed[0], disclosed[-1])
    page = history_page(
        stored,
        revisions,
        addresses(),
        pair,
        may_edit=may_edit(catalog().principal, stored.document),
        problem=problem,
    )
    return html("history.html", page, status=status)
