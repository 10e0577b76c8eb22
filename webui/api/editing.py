"""Models changed over HTTP, their revisions, and what was changed in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from catalog.access.edits_in_force import edits_in_force
from catalog.errors import RevisionConflict, UserError
from catalog.query.state import SearchState
from catalog.records.history import differences
from webui.api.answers import model_answer
from webui.api.query_parameters import refuse_unknown_parameters
from webui.api.responses.editing import (
    BatchAnswer,
    ChangeAnswer,
    DifferenceAnswer,
    EditAnswer,
    EditInForceAnswer,
    HistoryAnswer,
    PreviewAnswer,
    RestoreAnswer,
    RevisionAnswer,
)
from webui.editing import (
    ACCEPTED,
    body_changes,
    editor,
    expected_revision,
    field_list,
    json_body,
    precondition_failed,
)
from webui.finding import find_model, find_present
from webui.not_found import NotFoundHere
from webui.parameters import addresses
from webui.past import refuse_the_past
from webui.reading import build, catalog, tag_of, visit
from webui.rendering import answer, dumps, not_modified, revision_tag, tagged
from webui.security import refuse_foreign_pages

if TYPE_CHECKING:
    from catalog.access.editing import Edited, ManyEdited
    from catalog.records import Revision, StoredModel

blueprint = Blueprint("editing", __name__, url_prefix="/api/v1")
blueprint.before_request(refuse_the_past)
blueprint.before_request(refuse_foreign_pages)
blueprint.before_request(refuse_unknown_parameters)

NOT_FIELDS = frozenset({"query", "dry_run"})


@blueprint.get("/models/<model_id>")
def model(model_id: str) -> Response:
    """One model; its ETag begins with its revision, and If-Match takes either."""
    stored = find_present(model_id)
    body = model_answer(stored, addresses())
    # Not all that is shown is of the revision, such as where it was last seen, and not everybody is shown all.
    tag = revision_tag(stored.revision, tag_of("json", build(), dumps(body)))
    return not_modified(tag) or _tagged(answer(body), tag)


@blueprint.patch("/models/<model_id>")
def change(model_id: str) -> Response:
    """Changes fields of one model: a merge patch, or a list of fields with what is done to them."""
    stored = find_present(model_id)
    changes = body_changes(request)
    if not changes:
        raise UserError("Nothing to change.", advice='For instance {"license": "mit"}.')
    expected = expected_revision(str(stored.id), stored.revision)
    try:
        done = editor().edit(stored, changes, expected=expected)
    except RevisionConflict as conflict:
        raise precondition_failed(conflict) from conflict
    return _edited(done)


@blueprint.get("/models/<model_id>/history")
def history(model_id: str) -> Response:
    """Every revision of one model, oldest first."""
    stored = find_model(model_id)
    revisions = catalog().history(str(stored.id))
    return answer(
        HistoryAnswer(id=str(stored.id), revisions=tuple(_revision(revision) for revision in revisions))
    )


@blueprint.get("/models/<model_id>/diff")
def diff(model_id: str) -> Response:
    """How the revision `from` differs from the revision `to`; without them, what the last change was."""
    stored = find_model(model_id)
    after = _number("to", stored.revision)
    before = _number("from", max(1, after - 1))
    chosen = [_existing(stored, number) for number in (before, after)]
    earlier, later = catalog().disclosed_revisions(stored, chosen, origin=visit().origin)
    return answer(
        DifferenceAnswer(
            id=str(stored.id),
            before=before,
            after=after,
            changes=tuple(
                ChangeAnswer(field=each.field, before=each.before, after=each.after)
                for each in differences(earlier.document, later.document)
            ),
        )
    )


@blueprint.post("/models/<model_id>/restore")
def restore(model_id: str) -> Response:
    """Makes a new revision in which what a person can set is as in the `revision` of the body."""
    stored = find_model(model_id)
    number = json_body(request).get("revision")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise UserError("Say which one.", advice='The body is {"revision": 3}.')
    _existing(stored, number)
    expected = expected_revision(str(stored.id), stored.revision)
    try:
        done = editor().restore(stored, number, expected=expected)
    except RevisionConflict as conflict:
        raise precondition_failed(conflict) from conflict
    edited = done.edited
    body = RestoreAnswer(
        id=edited.model,
        revision=edited.revision,
        batch=edited.batch,
        fields=done.fields,
        measured=done.measured,
    )
    return _tagged(answer(body), str(edited.revision))


@blueprint.post("/edits")
def change_many() -> Response:
    """Changes all models that a `query` finds, as one batch; with `dry_run`, says what that would be."""
    body = json_body(request)
    query, dry_run = body.get("query"), body.get("dry_run", False)
    wanted = {name: value for name, value in body.items() if name not in NOT_FIELDS}
    if not isinstance(query, str) or not isinstance(dry_run, bool):
        raise UserError(
            "Say which models.",
            advice='For instance {"query": "missing:license", "set": {"license": "mit"}}.',
        )
    changes = _field_changes(wanted)
    preview = editor().preview(SearchState(text=query), changes)
    if dry_run:
        return answer(
            PreviewAnswer(
                found=preview.found,
                would_change=len(preview.targets),
                as_they_are=preview.as_they_are,
                forbidden=preview.forbidden,
                first=tuple(
                    ChangeAnswer(field=row.field, before=row.before, after=row.after, model=row.model)
                    for row in preview.first
                ),
            )
        )
    return answer(_many(editor().edit_many(preview.targets, changes, cause=f"query {query[:200]}")))


@blueprint.post("/edits/<batch>/undo")
def undo(batch: str) -> Response:
    """Takes back what was changed in one go, where nobody changed it since."""
    if editor().batch(batch) is None:
        raise NotFoundHere("There is no edit of this name.")
    return answer(_many(editor().undo(batch)))


def _field_changes(wanted: dict[str, Any]) -> list[Any]:
    from webui.editing import LISTS  # noqa: PLC0415 - beside its only use

    for name in wanted:
        if name not in LISTS:
            raise UserError(
                f"{name[:100]!r} is nothing that can be done.", advice=f"Known are {', '.join(LISTS)}."
            )
    changes = list(field_list(wanted))
    if not changes:
        raise UserError("Nothing to change.", advice='For instance {"set": {"license": "mit"}}.')
    return changes


def _edited(done: Edited) -> Response:
    stored = catalog().model(done.model)  # None where the edit took it out of sight of who made it
    body = EditAnswer(
        id=done.model,
        revision=done.revision,
        changed=done.revision != done.before,
        batch=done.batch,
        indexed=done.index.is_current,
        edits=tuple(
            EditInForceAnswer(
                field=edit.edited,
                value=edit.value,
                added=edit.added,
                removed=edit.removed,
                emptied=edit.emptied,
                made_by=edit.made_by,
                made_at=edit.made_at,
                files_say=edit.files_say,
                contradicted=edit.contradicted,
            )
            for edit in edits_in_force({} if stored is None else stored.provenance)
        ),
    )
    return _tagged(answer(body), str(done.revision))


def _many(done: ManyEdited) -> BatchAnswer:
    outcome = done.outcome
    return BatchAnswer(
        batch=outcome.batch,
        changed=len(outcome.changed),
        unchanged=len(outcome.unchanged),
        left={str(model): reason for model, reason in outcome.left.items()},
        indexed=done.index.is_current,
    )


def _revision(revision: Revision) -> RevisionAnswer:
    return RevisionAnswer(
        revision=revision.number,
        made_at=revision.made_at.isoformat(),
        made_by=revision.made_by,
        author=revision.author,
        cause=revision.cause,
        sha256=revision.sha256,
        parent_sha256=revision.parent_sha256,
        chain_sha256=revision.chain_sha256,
        content_hash=revision.document.get("content_hash"),
        uri=revision.document.get("uri"),
    )


def _existing(stored: StoredModel, number: int) -> Revision:
    revision = catalog().revision(str(stored.id), number)
    if revision is None:
        raise NotFoundHere("The model has no such revision.")
    return revision


def _number(name: str, default: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1):
        raise UserError(f"{name} must be the number of a revision.")
    return int(text[:9])


def _tagged(response: Response, tag: str) -> Response:
    response = tagged(response, tag)
    response.headers["Accept-Patch"] = ", ".join(ACCEPTED)
    return response
