"""The one door through which the catalog is read: by pages, `/api`, `/es/`, exports and the command line.

Whoever reads holds a `Catalog` and neither engine nor store. What its principal may not see is not there.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.access.disclosing import Disclosing, Sealed
from catalog.access.principals import OWNER, Principal, Scope
from catalog.access.status import CatalogStatus, status_of
from catalog.access.training_tables import TrainingTables
from catalog.access.visibility import Document, Matching, Visibility
from catalog.errors import ModeldexError, NotAllowed, StoreDamaged, StoreError
from catalog.query.nodes import All, And, Not, Nothing, Prefix, Query, Term, Terms
from catalog.query.request import SearchRequest, SearchResult, SortKey
from catalog.query.state import SearchState
from catalog.records.accounts import Action
from catalog.records.health import StoreHealth
from catalog.sealing.names import MARK
from catalog.search.engine import INDEX
from catalog.search.page_state import WHOLE_PAGE, PageParts
from catalog.search.scoped import ScopedEngine
from catalog.search.scoped_documents import moved_to
from catalog.search.sealed import SealedEngine
from catalog.search.service import SearchService
from catalog.text.absence import ABSENT

if TYPE_CHECKING:
    from datetime import datetime

    from catalog.access.readers import AccountReader, StoreReader
    from catalog.query.text.search_text import ParsedQuery
    from catalog.records import (
        CardText,
        ModelId,
        Revision,
        Run,
        SourceId,
        StoredModel,
    )
    from catalog.records.accounts import AuditLine
    from catalog.records.data_tables import DataTable
    from catalog.records.history import ChainFault, VerificationCounts
    from catalog.search.engine import EngineInfo, PointInTime, SearchEngine
    from catalog.search.page_state import FacetView, SearchPage

MAX_SCOPES = 256
"""Scopes whose vocabularies and spellings are remembered; beyond, the one that rested longest is forgotten."""
_MAX_IDS = 20
_MAX_NAMES = 200


class Catalog:
    """The catalog as one principal sees it."""

    def __init__(
        self,
        principal: Principal,
        service: SearchService,
        store: Callable[[], StoreReader],
        matching: Callable[[], Matching],
        sealed: Sealed | None = None,
    ) -> None:
        self.principal = principal
        self._sealed = sealed
        self._service = service
        self._store = store
        self._matching = matching
        self._visibility = Visibility(
            principal=principal, engine=service.engine, store=store, matching=matching
        )

    # Searches of people

    def page(self, state: SearchState, parts: PageParts = WHOLE_PAGE) -> SearchPage:
        """Everything a results page shows, or these parts of it. Raises EngineUnavailable."""
        return self._service.page(state, parts)

    def source_names(self) -> Mapping[str, str]:
        """What persons call the sources, by what documents call them: searches and facets depend on it."""
        return self._service.source_names()

    def request(self, state: SearchState) -> SearchRequest:
        """The engine's request for a state, without facets."""
        return self._service.request(state)

    def first(self, state: SearchState, most: int) -> tuple[int, tuple[Document, ...]]:
        """How many models a state finds, and at most so many of them, in its order."""
        return self._service.first(state, most)

    def facet(
        self, state: SearchState, field: str, prefix: str = "", *, letter_by_letter: bool = False
    ) -> FacetView:
        """The values of one facet that begin with `prefix`, under all conditions but its own."""
        return self._service.facet(state, field, prefix, letter_by_letter=letter_by_letter)

    def understood(self, text: str) -> ParsedQuery:
        """How a query text is read in this catalog."""
        return self._service.understood(text)

    def not_understood(self, state: SearchState) -> tuple[str, ...]:
        """What of a state the answer leaves out or searches as text, a sentence each."""
        return self._service.not_understood(state)

    def export(self, state: SearchState) -> Iterator[Document]:
        """Every model found without a limit, in the order that the state asks for, else in that of ids."""
        return self._service.export(state)

    # Searches of programs

    @property
    def engine_name(self) -> str:
        return self._service.engine.name

    def search(self, request: SearchRequest) -> SearchResult:
        """Raises RequestRefused for what no engine answers rightly, EngineUnavailable."""
        return self._service.spelled.search(request)

    def scan(self, request: SearchRequest) -> Iterator[Document]:
        """Every matching document in the order of ids, of one point in time."""
        return self._service.spelled.scan(request)

    def get(self, ids: Sequence[str]) -> Mapping[str, Document]:
        """The documents of these ids; absent ones are left out."""
        return self._service.spelled.get(ids)

    def present(self, ids: Sequence[str]) -> Mapping[str, Document]:
        """The documents of these ids; an old id leads to what its model is now, absent ones are left out."""
        documents = dict(self._service.spelled.get(ids))
        present = {
            asked: str(there.id)
            for asked in ids
            if asked not in documents and (there := self.successor(asked)) is not None
        }
        if present:
            moved = self._service.spelled.get(list(present.values()))
            documents |= {asked: moved[there] for asked, there in present.items() if there in moved}
        return documents

    def point_in_time(self, *, keep_seconds: float) -> PointInTime:
        return self._service.spelled.point_in_time(keep_seconds=keep_seconds)

    def info(self) -> EngineInfo:
        """The index as far as it is visible. `generation` changes whenever answers may change."""
        return self._service.spelled.info()

    # Stored models

    def model(self, model: str) -> StoredModel | None:
        """The model of exactly this id with the provenance of its values."""
        try:
            stored = self._store().records.get(model)
        except StoreDamaged:
            if self.principal.sees_all:
                raise
            return None  # it would be named, and nobody can tell whether it is theirs to see
        return None if stored is None else self._visibility.model(stored)

    def disclosed(self, stored: StoredModel, *, origin: str) -> StoredModel:
        """The model with its sensitive values, for who may read them; as it is for everybody else.

        That they were read, by whom and from where, is told in the audit first: where that cannot be, nothing is read.
        Where the key is not here, one of its problems says so.
        """
        disclosing = self._disclosing(origin)
        return disclosing.model(stored) if disclosing else stored

    def disclosed_revisions(
        self, stored: StoredModel, revisions: Sequence[Revision], *, origin: str
    ) -> list[Revision]:
        """The same of revisions of a model, with one line in the audit."""
        disclosing = self._disclosing(origin)
        return disclosing.revisions(stored, revisions) if disclosing else list(revisions)

    def _disclosing(self, origin: str) -> Disclosing | None:
        if self._sealed is None:
            return None
        return Disclosing(sealed=self._sealed, visibility=self._visibility, origin=origin)

    def successor(self, model: str) -> StoredModel | None:
        """What the model of this id is now under another one: after it moved, or became part of another model. None for
        one that did neither, or of which the present place is not there any more.
        """
        passed = {model}
        stored = self.model(model)
        while (
            stored is not None and (target := moved_to(stored.document)) is not None and target not in passed
        ):
            passed.add(target)
            stored = self.model(target)
        if stored is None or len(passed) == 1 or stored.document.get("status") in ABSENT:
            return None
        return stored

    def present_id(self, begun: str) -> str | None:
        """The id of the one model to which all ids that begin so lead since it moved; None where they do not."""
        try:
            earlier = [model for model in self._store().records.find(begun) if model.startswith(begun)]
            present = {None if there is None else str(there.id) for there in map(self.successor, earlier)}
        except StoreError:
            return None  # the index alone answers a search, too
        return present.pop() if len(present) == 1 else None

    def find(self, prefix: str) -> list[ModelId]:
        """The ids that begin with `prefix`, or else the models of exactly this name."""
        records = self._store().records
        if self.principal.sees_all:
            return records.find(prefix)
        missing = Terms("status", ABSENT)
        named = Term("name", prefix)
        for query in (
            Prefix("id", prefix),
            And((named, Not(missing))),
            And((named, Term("status", "missing"))),
        ):
            ids = self._ids(query) if prefix else []
            if ids:
                return ids
        return []

    def names_like(self, text: str, *, limit: int = 5) -> list[str]:
        """Names that contain the text, whatever its case, shortest first."""
        records = self._store().records
        if self.principal.sees_all:
            return records.names_like(text, limit=limit)
        known = records.names_like(text, limit=_MAX_NAMES)
        visible: set[str] = set()
        if known:
            request = SearchRequest(query=Terms("name", tuple(known)), sort=_BY_ID, size=_MAX_NAMES * 5)
            visible = {str(hit.document.get("name")) for hit in self.search(request).hits}
        return [name for name in known if name in visible][:limit]

    def models(self, damaged: dict[str, StoreDamaged] | None = None) -> Iterator[StoredModel]:
        """Every model but the gone ones, in the order of ids.

        A damaged entry costs itself and is put into `damaged`, for who sees everything: of what it is about nothing is
        known any more.
        """
        entries = damaged if damaged is not None and self.principal.sees_all else {}
        for stored in self._store().records.iterate(entries):
            visible = self._visibility.model(stored)
            if visible is not None:
                yield visible

    def history(self, model: str, *, last: int | None = None) -> list[Revision]:
        """Every revision of the model, or the `last` ones, oldest first; none of a model that is not there."""
        if self.model(model) is None:
            return []
        return self._visibility.revisions(self._store().records.history(model, last=last))

    def revision(self, model: str, number: int) -> Revision | None:
        """One revision of the model; None if there is none, or none for this principal."""
        if self.model(model) is None:
            return None
        revision = self._store().records.revision(model, number)
        return None if revision is None else next(iter(self._visibility.revisions([revision])), None)

    def verify(self, counts: VerificationCounts) -> Iterator[ChainFault]:
        """What in the history of all models is not as it was written. It is about everything: raises NotAllowed for who
        does not see everything.
        """
        if not self.principal.sees_all:
            raise NotAllowed("verify the whole catalog")
        return self._store().records.verify(counts)

    def table(self, name: str) -> tuple[DataTable, int] | None:
        """A table that models were trained on, with how many of those that are there; None where none is for this principal
        to see, or where a person says so of all that are.
        """
        return self._training_tables().table(name)

    def tables(self, names: Sequence[str] | None = None) -> list[tuple[DataTable, int]]:
        """The same of these names, or the most used ones of all, up to MAX_TABLES, by name."""
        return self._training_tables().tables(names)

    def trained_on(self, table: str, *, limit: int) -> list[Document]:
        """The first of the models that were trained on a table, by name."""
        return self._training_tables().models_of(table, limit=limit)

    def _training_tables(self) -> TrainingTables:
        return TrainingTables(
            store=self._store,
            search=self.search,
            scan=self.scan,
            model=self.model,
            sees_all=self.principal.sees_all,
        )

    def card(self, model: str) -> CardText | None:
        """What the model's card says in prose; none of a model that is not there, nor where it may tell what is sensitive."""
        stored = self.model(model)
        return None if stored is None or stored.document.get(MARK) else self._store().records.card(model)

    def count(self) -> int:
        """How many models there are, gone ones not counted."""
        if self.principal.sees_all:
            return self._store().records.count()
        return self.info().documents

    def waiting(self) -> int:
        """How many models wait for the index; who does not see everything is not told."""
        return self._store().consumer(INDEX).size() if self.principal.sees_all else 0

    def status(self) -> CatalogStatus:
        """The state of the catalog; what cannot be had now is said, not raised.

        Runs and what waits for the index are about whole sources, so only who sees everything sees them.
        """
        return status_of(self.engine_name, self.info, self._store if self.principal.sees_all else None)

    def health(self) -> StoreHealth:
        """How every source stands. It is about whole sources: who does not see everything is told of none."""
        return self._store().health.report() if self.principal.sees_all else StoreHealth()

    def runs(self, limit: int, *, source: SourceId | None = None) -> list[Run]:
        """The newest runs, newest first; none for who does not see everything."""
        return self._store().runs.latest(limit, source=source) if self.principal.sees_all else []

    def audit(
        self, limit: int, *, before: int | None = None, where: Mapping[str, str] | None = None
    ) -> list[AuditLine]:
        """The newest lines of the audit, newest first, those of `where`; none for who may not read it."""
        may = isinstance(self.principal.scope_of(Action.AUDIT), All)  # it is about the whole catalog
        return self._store().audit.latest(limit, before=before, where=where) if may else []

    def number(self, state: SearchState) -> int:
        """How many models a state finds. Raises EngineUnavailable."""
        return self._service.count(state)

    def _ids(self, query: Query) -> list[Any]:
        """The ids that a query finds here, in their order: the index looks them up, the store has them."""
        hits = self.search(SearchRequest(query=query, sort=_BY_ID, size=_MAX_IDS)).hits
        return [hit.id for hit in hits if self.model(hit.id) is not None]


class Catalogs:
    """One catalog for every scope, over one engine and one store. Safe to share between threads."""

    def __init__(
        self,
        engine: SearchEngine,
        store: Callable[[], StoreReader],
        matching: Callable[[], Matching] | None = None,
        *,
        sealed: Sealed | None = None,
    ) -> None:
        """`sealed` is given where there are keys."""
        self._engine = engine
        self._sealed = sealed
        self._store = store
        self._matching = matching or _no_matching
        self._services: OrderedDict[tuple[Scope, Scope], SearchService] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, principal: Principal = OWNER) -> Catalog:
        """The catalog as this principal sees it. What is learnt of it is shared by all of the same scope."""
        return Catalog(principal, self._service(principal), self._store, self._matching, self._sealed)

    def over(self, engine: SearchEngine) -> Catalogs:
        """The same store behind another engine, which holds no sensitive value and answers nothing about one."""
        return Catalogs(engine, self._store, self._matching)

    def states_at(self, at: datetime) -> Iterator[Revision]:
        """The newest revision of every model that was made by then, whoever may see it."""
        return self._store().records.states_at(at)

    def _service(self, principal: Principal) -> SearchService:
        key = principal.scope, principal.scope_of(Action.DISCLOSE)
        with self._lock:
            service = self._services.pop(key, None)
            if service is None:
                engine = self._unsealing(principal)
                service = SearchService(
                    engine if principal.sees_all else ScopedEngine(engine, principal.scope),
                    lambda begun: self.of(principal).present_id(begun),
                    self._source_names,
                )
            self._services[key] = service
            while len(self._services) > MAX_SCOPES:
                self._services.popitem(last=False)
            return service

    def _unsealing(self, principal: Principal) -> SearchEngine:
        """The engine as far as it is about sensitive values, which it does not hold."""
        if self._sealed is None:
            return self._engine
        within = principal.scope_of(Action.DISCLOSE)
        return SealedEngine(
            self._engine,
            names=self._sensitive_names,
            everywhere=self._sealed.everywhere,
            lookup=None
            if isinstance(within, Nothing)
            else lambda field, value, limit: self._store().records.with_value(field, value, limit=limit),
            within=None if isinstance(within, All) else within,
        )

    def _source_names(self) -> Mapping[str, str]:
        try:
            return self._store().sources.names()
        except StoreError:
            return {}  # the index alone answers a search, too

    def _sensitive_names(self) -> frozenset[str]:
        return self._store().records.sensitive_names()

    def accounts(self) -> AccountReader:
        """What tells who asks, from the store that is open for reading."""
        return self._store().accounts

    def close(self, error: BaseException | None = None) -> None:
        """Closes what was opened. A store that failed while it was used tells so: raises StoreError for `error`."""
        try:
            self._engine.close()
        finally:
            close = getattr(self._store, "close", None)
            if close is not None:
                close(error)


_BY_ID = (SortKey(field="id"),)


def _no_matching() -> Matching:
    raise ModeldexError("This catalog is open for its owner alone.")
