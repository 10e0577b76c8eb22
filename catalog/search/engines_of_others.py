"""Engines and writers of other packages: whatever they raise or return that is not what was promised is one sentence, and never more
than a search that could not be answered or models that wait for the index.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from catalog.contracts import broken, only_errors, taken, taken_type
from catalog.errors import EngineUnavailable, ModeldexError, PromiseBroken, described
from catalog.lazy_dataclasses import replace
from catalog.query.request import Aggregation, AggregationResult, SearchRequest, SearchResult
from catalog.search.engine import (
    EngineInfo,
    FollowingWriter,
    IndexAction,
    IndexOutcome,
    IndexWriter,
    KnownPlace,
    PointInTime,
    SearchEngine,
)

DOCUMENT = Mapping[str, Any]
UNANSWERED = "the engine did not say what became of it"

log = logging.getLogger(__name__)


@contextmanager
def _held_to_it(name: str, given: Collection[_Given] = ()) -> Iterator[None]:
    """Around each call of a stranger's: Modeldex's own errors go through, also those of what the engine was `given` to walk."""
    try:
        with only_errors():
            yield
    except PromiseBroken as error:
        raise EngineUnavailable(name, f"the plug-in {error}.") from error
    except ModeldexError:
        raise
    except Exception as error:
        if any(error is walk.error for walk in given):
            raise
        raise EngineUnavailable(name, f"the plug-in failed ({described(error)}).") from error


class _Given:
    """What a stranger's code walks, with what it must not be blamed for."""

    def __init__(self, actions: Iterable[IndexAction]) -> None:
        self._actions = actions
        self.error: Exception | None = None
        self.ids: set[str] = set()
        self.is_taken = False

    def __iter__(self) -> Iterator[IndexAction]:
        try:
            for action in self._actions:
                self.ids.add(action.id)
                yield action
        except Exception as error:
            self.error = error
            raise
        self.is_taken = True


class _Searching:
    """What an engine and its points in time have in common."""

    def __init__(self, name: str, engine: SearchEngine | PointInTime) -> None:
        self.name = name
        self._searched = engine

    def search(self, request: SearchRequest) -> SearchResult:
        with _held_to_it(self.name):
            result = taken(SearchResult, self._searched.search(request))
            _check_hits(request, result)
            _check_answers(request.aggregations, result.aggregations, "aggregations")
            return result

    def close(self) -> None:
        """What was answered before stays answered."""
        try:
            with _held_to_it(self.name):
                self._searched.close()
        except EngineUnavailable as error:
            log.warning("engine did not close engine=%s reason=%s", self.name, error.reason)


class _CheckedEngine(_Searching):
    def __init__(self, name: str, engine: SearchEngine) -> None:
        super().__init__(name, engine)
        self._engine = engine

    def scan(self, request: SearchRequest) -> Iterator[Mapping[str, Any]]:
        with _held_to_it(self.name):
            documents = iter(taken_type(Iterable, self._engine.scan(request), "the documents of a scan"))
        while (document := self._next(documents)) is not None:
            yield document

    def _next(self, documents: Iterator[Any]) -> Mapping[str, Any] | None:
        with _held_to_it(self.name):
            try:
                document = next(documents)
            except StopIteration:
                return None
            return _document(document, "a document of a scan")

    def get(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        with _held_to_it(self.name):
            documents = taken_type(Mapping[str, DOCUMENT], self._engine.get(ids), "documents")
            for name in documents.keys() - set(ids):
                raise PromiseBroken(repr(name)[:200], "the id of a document", "one that was asked for")
            return {name: _document(document, "a document") for name, document in documents.items()}

    def point_in_time(self, *, keep_seconds: float) -> PointInTime:
        with _held_to_it(self.name):
            return _Searching(self.name, self._engine.point_in_time(keep_seconds=keep_seconds))

    def info(self) -> EngineInfo:
        with _held_to_it(self.name):
            return taken(EngineInfo, self._engine.info())


class _CheckedWriter:
    def __init__(self, name: str, writer: IndexWriter) -> None:
        self.name = name
        self._writer: Any = writer

    @property
    def needs_rebuild(self) -> str | None:
        with _held_to_it(self.name):
            reason: str | None = taken_type(str | None, self._optional("needs_rebuild"), "needs_rebuild")
            return reason

    @property
    def documents(self) -> int | None:
        with _held_to_it(self.name):
            number: int | None = taken_type(int | None, self._optional("documents"), "documents")
            return number

    def _optional(self, name: str) -> Any:
        return getattr(self._writer, name, None)

    def write(self, actions: Sequence[IndexAction]) -> IndexOutcome:
        with _held_to_it(self.name):
            return _answered(taken(IndexOutcome, self._writer.write(actions)), {row.id for row in actions})

    def refresh(self) -> None:
        with _held_to_it(self.name):
            self._writer.refresh()

    def rebuild(
        self, documents: Iterable[IndexAction], *, catch_up: Iterable[IndexAction] = ()
    ) -> IndexOutcome:
        given = (_Given(documents), _Given(catch_up))
        with _held_to_it(self.name, given):
            outcome = self._writer.rebuild(given[0], catch_up=given[1])
            if not all(walk.is_taken for walk in given):
                raise PromiseBroken("before it had all documents", "", "an index of all")
            outcome = _answered(taken(IndexOutcome, outcome), given[0].ids | given[1].ids)
        if outcome.retry:
            number, reason = len(outcome.retry), next(iter(outcome.retry.values()))
            raise EngineUnavailable(self.name, f"the new index lacks {number:,} models: {reason}.")
        return outcome

    @property
    def roll_back(self) -> Callable[[], None] | None:
        with _held_to_it(self.name):
            known = self._optional("roll_back")
        return None if known is None else partial(self._do_if_it_can, "roll_back")

    def forget_earlier(self) -> None:
        self._do_if_it_can("forget_earlier")

    def _do_if_it_can(self, name: str) -> None:
        with _held_to_it(self.name):
            if (deed := self._optional(name)) is not None:
                deed()

    def close(self) -> None:
        """What was written is durable, however this ends."""
        try:
            with _held_to_it(self.name):
                self._writer.close()
        except EngineUnavailable as error:
            log.warning("writer did not close engine=%s reason=%s", self.name, error.reason)


class _CheckedFollowing(_CheckedWriter):
    """One that keeps a note with its index (`FollowingWriter`)."""

    def __init__(self, name: str, writer: IndexWriter) -> None:
        super().__init__(name, writer)
        self.is_shared = bool(self._writer.is_shared)

    def place(self) -> str:
        with _held_to_it(self.name):
            place: str = taken_type(str, self._writer.place(), "place")
            return place

    def followed(self) -> str | None:
        with _held_to_it(self.name):
            note: str | None = taken_type(str | None, self._writer.followed(), "followed")
            return note

    def follow(self, position: str) -> None:
        with _held_to_it(self.name):
            self._writer.follow(position)


class _CheckedKnown(_CheckedFollowing):
    """One that knows more of its place (`KnownPlace`)."""

    def same_place(self, noted: str) -> str | None:
        with _held_to_it(self.name):
            same: str | None = taken_type(str | None, self._writer.same_place(noted), "same_place")
            return same


def checked_engine(name: str, engine: Any) -> SearchEngine:
    return _CheckedEngine(name, engine)


def checked_writer(name: str, writer: Any) -> IndexWriter:
    """The writer with no more of the optional parts of its protocol than it has."""
    with _held_to_it(name):
        kind = _CheckedWriter
        if isinstance(writer, FollowingWriter):
            kind = _CheckedKnown if isinstance(writer, KnownPlace) else _CheckedFollowing
        return kind(name, writer)


def _answered(outcome: IndexOutcome, sent: Collection[str]) -> IndexOutcome:
    """The outcome with something said of every model: what the engine says nothing of is tried again."""
    named = {*outcome.done, *outcome.rejected, *outcome.retry}
    for name in named.difference(sent):
        raise PromiseBroken(repr(name)[:200], "the id of a model", "one that was to be written")
    silent = dict.fromkeys((name for name in sent if name not in named), UNANSWERED)
    return replace(outcome, retry={**outcome.retry, **silent}) if silent else outcome


def _document(value: Any, place: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = taken_type(DOCUMENT, value, place)
    if not isinstance(document.get("id"), str):
        raise broken(document.get("id"), f"the id of {place}", "text")
    return document


def _check_hits(request: SearchRequest, result: SearchResult) -> None:
    if len(result.hits) > min(request.size, result.total or request.size):
        raise PromiseBroken(
            f"{len(result.hits):,} models", "hits", f"up to {request.size:,} of the total {result.total:,}"
        )
    keys = len(request.sort) or 1  # by the score, where nothing else was asked for
    for number, hit in enumerate(result.hits):
        _document(hit.document, f"hits[{number}]")
        if len(hit.sort) != keys + 1:
            values = f"{len(hit.sort)} {'value' if len(hit.sort) == 1 else 'values'}"
            raise PromiseBroken(values, f"hits[{number}].sort", "one per sort key and the id")


def _check_answers(
    asked: Mapping[str, Aggregation], answers: Mapping[str, AggregationResult], place: str
) -> None:
    for name, aggregation in asked.items():
        if (answer := answers.get(name)) is None:
            raise PromiseBroken("nothing", f"{place}[{name!r}]", "an answer to each aggregation")
        if below := getattr(aggregation, "aggs", None):
            for part in answer.buckets or (answer,):
                if answer.buckets or part.count is not None:
                    _check_answers(below, part.aggregations, f"{place}[{name!r}].aggregations")
