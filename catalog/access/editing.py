"""The one door through which people change the catalog: pages, `/api` and the command line hold an `Editor`.

It reads through the `Catalog` of its principal, so that nobody changes what they do not see.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from catalog.access.event_notes import with_store
from catalog.access.permissions import may_disclose, may_edit, sees
from catalog.errors import NotAllowed, UserError
from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.normalise.parts.edits import said_by_files, without
from catalog.normalise.values.secrets import masked
from catalog.records.accounts import Happening
from catalog.records.leaves import value_at
from catalog.sealing.names import MARK, is_covered

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.query.state import SearchState
    from catalog.recording.authorship import Authorship
    from catalog.recording.edits import EditOutcome
    from catalog.recording.field_changes import FieldChange
    from catalog.records import Document, StoredModel
    from catalog.records.history import BatchSummary
    from catalog.sealing.vault import Vault
    from catalog.settings import Settings
    from catalog.store import Store

MAX_MODELS = 10_000
"""Changed in one go: each is a revision, and somebody has to be able to say what happened."""
SHOWN = 10
"""Of a preview: models whose values are shown before and after."""

Follow = Callable[["Settings", "Store"], Any]
"""Brings the index up to date after something was changed, and says how far it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What one model holds of a field now and what it would hold."""

    model: str
    name: str
    version: str
    field: str
    before: Any
    after: Any


@dataclass(slots=True, kw_only=True)
class Preview:
    """What a change of all models that a search finds would do. `targets` (id, revision) are those that would change."""

    found: int = 0
    as_they_are: int = 0
    forbidden: int = 0
    targets: list[tuple[str, int]] = field(default_factory=list)
    first: list[Before] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """One changed model. `before` and `revision` are equal where it was so already; `index` is what `Follow` says."""

    model: str
    before: int
    revision: int
    batch: str
    index: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyEdited:
    """Many changed models, and what `Follow` says."""

    outcome: EditOutcome
    index: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A model that is as a revision was, as far as a person can set it; `measured` stays as storage says."""

    edited: Edited
    fields: tuple[str, ...]
    measured: tuple[str, ...]


class Editor:
    """Changes models for one principal, who is the author of what is changed unless another name is given."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        *,
        author: str = "",
        follow: Follow = lambda *_: None,
        origin: str = "command line",
    ) -> None:
        """`origin` is from where, as the audit tells it."""
        self._origin = origin
        self._settings = settings
        self._catalog = catalog
        self._follow = follow
        self.author = author or catalog.principal.name

    def edit(
        self,
        model: StoredModel,
        changes: Sequence[FieldChange],
        *,
        expected: int | None = None,
        beside: bool = False,
    ) -> Edited:
        """Changes one model that is still at the `expected` revision, else at that which was read. A stage or an alias
        leaves the model of its series that has it, unless it is given `beside`.

        Raises NotAllowed, EditRefused, RevisionConflict, NotRemakable.
        """
        self._check(model, changes)
        return self._changed(
            model, changes, expected, action="models.edit", resource=str(model.id), beside=beside
        )

    def preview(self, state: SearchState, changes: Sequence[FieldChange]) -> Preview:
        """What these changes would do to every model that the search finds.

        Raises EditRefused; UserError for a search that is empty, is not understood, or finds too many.
        """
        from catalog.recording.field_changes import checked_changes  # noqa: PLC0415 - the normaliser

        wanted = checked_changes(changes)
        self._check_search(state)
        preview = Preview()
        for document in islice(self._catalog.export(state), MAX_MODELS):
            preview.found += 1
            if not may_edit(self._catalog.principal, document):
                preview.forbidden += 1
                continue
            differing = list(self._differing(document, wanted))
            if not differing:
                preview.as_they_are += 1
                continue
            preview.targets.append((str(document["id"]), int(document.get("revision", 0))))
            preview.first += differing[: max(0, SHOWN - len(preview.first))]
        return preview

    def edit_many(
        self,
        targets: Sequence[tuple[str, int]],
        changes: Sequence[FieldChange],
        *,
        cause: str = "",
        batch: str = "",
        progress: Callable[[EditOutcome], None] = lambda _outcome: None,
    ) -> ManyEdited:
        """Changes these models (id, revision) as one batch. One that is at another revision by now is left and told.

        Raises NotAllowed, EditRefused.
        """
        from catalog.recording.authorship import new_batch  # noqa: PLC0415 - as above
        from catalog.recording.edits import Target, edit_models  # noqa: PLC0415
        from catalog.records import ModelId  # noqa: PLC0415

        name = batch or new_batch()

        def tell(changed: int) -> Happening:
            after = {"changed": changed, "values": values}
            return self._happening("models.edit_many", f"edit {name}", None, after)

        values: dict[str, Any] = {}

        def work(store: Store) -> ManyEdited:
            values.update(_values(changes, store.records.sensitive_names(), store.vault))
            outcome = edit_models(
                store,
                [Target(model=ModelId(model), revision=revision) for model, revision in targets],
                changes,
                by=self._authorship(name, changes),
                cause="" if store.vault.is_set_up else cause,  # the words of a search may be a value
                tell=tell,
                progress=progress,
            )
            if not outcome.changed:  # that it was tried is told all the same
                store.audit.add(tell(0))
            return ManyEdited(outcome=outcome, index=self._follow(self._settings, store))

        return with_store(self._settings, work)

    def batch(self, name: str) -> BatchSummary | None:
        """Who changed something in this one go, when, and how many of the models that are seen; None if of none."""

        def work(store: Store) -> BatchSummary | None:
            summary = store.edits.summary(name)
            if summary is None or self._catalog.principal.sees_all:
                return summary
            seen = sum(map(self._sees, store.edits.documents(name)))
            return replace(summary, models=seen) if seen else None

        return with_store(self._settings, work)

    def undo(self, undone: str) -> ManyEdited:
        """Takes back what was changed in one go, where nobody changed it since. Raises UserError."""
        from catalog.recording.authorship import new_batch  # noqa: PLC0415 - as above
        from catalog.recording.edits import undo_batch  # noqa: PLC0415

        name = new_batch()

        def tell(changed: int) -> Happening:
            after = {"changed": changed, "by": name}
            return self._happening("models.undo", f"edit {undone[:40]}", None, after)

        def work(store: Store) -> ManyEdited:
            outcome = undo_batch(store, undone, by=self._authorship(name), tell=tell)
            if not outcome.changed:
                store.audit.add(tell(0))
            return ManyEdited(outcome=outcome, index=self._follow(self._settings, store))

        return with_store(self._settings, work)

    def restore(self, model: StoredModel, number: int, *, expected: int | None = None) -> Restored:
        """Makes a new revision in which all that a person can set is as it was in that revision.

        What files say by now wins nothing back where it differs; what is measured stays as storage says. Of a model that
        has another id by now it is what was said of it under this one, and the one that is there gets the revision. Raises
        UserError if there is no such revision, and what `edit` raises.
        """
        from catalog.recording.restoring import restoring_changes  # noqa: PLC0415 - as above

        self._check(model)
        revision = self._catalog.revision(str(model.id), number)
        there = self._catalog.successor(str(model.id))
        if revision is not None:
            (revision,) = self._catalog.disclosed_revisions(model, [revision], origin=self._origin)
        if revision is None:
            raise UserError(
                f"The model has no revision {number:,}.",
                advice=f"List them with: modeldex history {model.id[:12]}",
            )
        cause = f"of revision {number}"
        if there is not None:
            self._check(there)
            cause = f"{cause} of {model.id[:12]}"
            expected = None if expected == model.revision else expected
            model = there
        model = self._catalog.disclosed(model, origin=self._origin)
        changes, measured = restoring_changes(revision.document, model)
        edited = self._changed(
            model,
            changes,
            expected,
            action="models.restore",
            resource=f"{model.id} revision {number}",
            kind="restore",
            cause=cause,
        )
        return Restored(
            edited=edited, fields=tuple(change.field for change in changes), measured=tuple(measured)
        )

    def _changed(
        self,
        model: StoredModel,
        changes: Sequence[FieldChange],
        expected: int | None,
        *,
        action: str,
        resource: str,
        kind: str = "edit",
        cause: str = "",
        beside: bool = False,
    ) -> Edited:
        from catalog.recording.authorship import new_batch  # noqa: PLC0415 - as above
        from catalog.recording.edits import edit_model  # noqa: PLC0415 - SQL, which a reader does not need

        batch = new_batch()

        def work(store: Store) -> Edited:
            try:
                number = edit_model(
                    store,
                    model.id,
                    expected=model.revision if expected is None else expected,
                    changes=changes,
                    by=self._authorship(batch, changes),
                    kind=kind,
                    cause=cause,
                    beside=beside,
                    tell=lambda before, number: self._happening(
                        action, resource, *_states(before, number, changes, store.vault)
                    ),
                )
            except NotAllowed:
                self._note(store, action, str(model.id), None, None, "refused")
                raise
            index = self._follow(self._settings, store)
            return Edited(
                model=str(model.id), before=model.revision, revision=number, batch=batch, index=index
            )

        return with_store(self._settings, work)

    def _authorship(self, batch: str, changes: Sequence[FieldChange] | None = None) -> Authorship:
        """Edits of the principal under this name; `changes` is None where nobody knows which they are."""
        from catalog.recording.authorship import Authorship  # noqa: PLC0415 - as above

        return Authorship(
            made_by=self.author,
            batch=batch,
            may_edit=lambda document: self._may_edit(document) and self._may_set(document, changes),
            sees=None if self._catalog.principal.sees_all else self._sees,
        )

    def _sees(self, document: Mapping[str, Any]) -> bool:
        return sees(self._catalog.principal, document)

    def _may_edit(self, document: Mapping[str, Any]) -> bool:
        return self._sees(document) and may_edit(self._catalog.principal, document)

    def _may_set(self, document: Mapping[str, Any], changes: Sequence[FieldChange] | None = None) -> bool:
        """Whether none of the changes (None: nobody knows which) is of a field that is hidden from who makes them."""
        names = document.get(MARK, ())
        touched = bool(names) and (
            changes is None or any(is_covered(change.field, names) for change in changes)
        )
        return not touched or may_disclose(self._catalog.principal, document)

    def _check(self, model: StoredModel | None, changes: Sequence[FieldChange] = ()) -> None:
        if (
            model is None
            or not may_edit(self._catalog.principal, model.document)
            or not self._may_set(model.document, changes)
        ):
            which = "a model that is not seen" if model is None else str(model.id)
            with_store(
                self._settings, lambda store: self._note(store, "models.edit", which, None, None, "refused")
            )
            raise NotAllowed("change this model")

    def _note(
        self, store: Store, action: str, resource: str, before: Any, after: Any, outcome: str = "done"
    ) -> None:
        """One line of the audit."""
        store.audit.add(self._happening(action, resource, before, after, outcome))

    def _happening(
        self, action: str, resource: str, before: Any, after: Any, outcome: str = "done"
    ) -> Happening:
        return Happening(
            actor=self.author,
            action=action,
            resource=resource,
            origin=self._origin,
            outcome=outcome,
            before=before,
            after=after,
        )

    def _check_search(self, state: SearchState) -> None:
        if not state.text.strip() and not state.selections:
            raise UserError(
                "An empty search would change every model.", advice="Say which ones, for instance has:name."
            )
        sentences = self._catalog.not_understood(state)
        if sentences:
            raise UserError(" ".join(sentences), advice="Nothing was changed.")
        number = self._catalog.number(state)
        if number > MAX_MODELS:
            raise UserError(
                f"The search finds {number:,} models; at most {MAX_MODELS:,} are changed in one go.",
                advice="Make it narrower, for instance by source: or path:.",
            )

    def _differing(self, document: Mapping[str, Any], changes: Sequence[FieldChange]) -> Iterator[Before]:
        names = dict.fromkeys(change.field for change in changes)
        for name in names:
            before = value_at(document, name)
            after = self._after(
                document, name, before, [change for change in changes if change.field == name]
            )
            if _plain(before) != _plain(after):
                yield Before(
                    model=str(document["id"]),
                    name=str(document.get("name", "")),
                    version=str(document.get("version", "")),
                    field=name,
                    before=before,
                    after=after,
                )

    def _after(
        self, document: Mapping[str, Any], name: str, value: Any, changes: Sequence[FieldChange]
    ) -> Any:
        """What the field would hold after these changes of it."""
        from catalog.recording.field_changes import Action, converted  # noqa: PLC0415 - as above

        for change in changes:
            words = [] if change.value is None else converted(name, change.value).value
            match change.action:
                case Action.SET:
                    value = words
                case Action.ADD:
                    value = [*(value or ()), *without(words, value or ())]
                case Action.REMOVE:
                    value = without(value or (), words) or None
                case Action.EMPTY:
                    value = None
                case Action.GIVE_BACK:
                    stored = self._catalog.model(str(document["id"]))
                    value = None if stored is None else said_by_files(name, stored.provenance.get(name))
        return value


def _states(
    document: Document, number: int, changes: Sequence[FieldChange], vault: Vault
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the audit tells of the state before and after: the revisions have all of it."""
    names = document.get(MARK, ())
    before = {
        change.field: _audited(change.field, value_at(document, change.field), names, vault)
        for change in changes
    }
    return {"revision": document.get("revision"), **before}, {
        "revision": number,
        **_values(changes, names, vault),
    }


def _values(changes: Sequence[FieldChange], names: Collection[str], vault: Vault) -> dict[str, Any]:
    return {
        change.field: {
            change.action.value: _audited(change.field, masked(change.field, change.value)[0], names, vault)
        }
        for change in changes
    }


def _audited(field: str, value: Any, names: Collection[str], vault: Vault) -> Any:
    """The value as the audit has it: of a sensitive one a keyed hash."""
    return vault.mark(field, value) if names and is_covered(field, names) else value


def _plain(value: Any) -> Any:
    return value or None if isinstance(value, list | str) else value
