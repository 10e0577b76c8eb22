"""The reading side: opens the current index without a lock and follows it when it changes."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tantivy

from catalog.errors import EngineUnavailable, RequestRefused
from catalog.lazy_dataclasses import dataclass
from catalog.query.request import Aggregation, AggregationResult, Hit, SearchRequest, SearchResult
from catalog.query.validate import effective_sort, validate
from catalog.search.engine import EngineInfo
from catalog.settings import Settings
from indexer.buckets import typed_key
from indexer.engines.tantivy.concurrency import meanwhile, search_running
from indexer.engines.tantivy.location import (
    NAME,
    REINDEX,
    IndexHome,
    IndexUnreadable,
    written_by_this_schema,
)
from indexer.engines.tantivy.ordering import Found, Ordering, Score, deciding_keys, indexed_position
from indexer.engines.tantivy.read_only import may_only_read, open_read_only
from indexer.engines.tantivy.schema import DOCUMENT, ID, VERSION, build_schema, schema_hash
from indexer.engines.tantivy.translate import Translator, count_of, every
from indexer.relevance import units

SCAN_PAGE = 5_000
"""Documents read per step of a scan; one step's documents are in memory together (about 10 MB)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One point in time of one index."""

    searcher: tantivy.Searcher
    translator: Translator
    generation: str


class TantivyEngine:
    """Reads the index below `settings.index_path`. Where there is none yet, nothing is found."""

    name = NAME

    def __init__(self, settings: Settings) -> None:
        self.home = IndexHome(settings.index_path)
        self._lock = threading.Lock()
        self._index: tantivy.Index | None = None
        self._seen: tuple[Any, ...] = ()
        self._snapshot: Snapshot | None = None

    def search(self, request: SearchRequest) -> SearchResult:
        started = time.perf_counter()
        validate(request)
        with _honest():
            return _answer(self._now(), request, started)

    def scan(self, request: SearchRequest) -> Iterator[Mapping[str, Any]]:
        validate(request)
        with _honest():
            return _Search(self._now(), request).scan()

    def get(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        if not ids:
            return {}
        with _honest():
            snapshot = self._now()
            query = tantivy.Query.term_set_query(snapshot.translator.schema, ID, list(ids))
            documents = {}
            for _, address in snapshot.searcher.search(query, len(ids)).hits:
                stored = snapshot.searcher.doc(address)
                documents[str(stored.get_first(ID))] = _decode(stored)
            return {key: documents[key] for key in ids if key in documents}

    def point_in_time(self, *, keep_seconds: float) -> TantivyPoint:  # noqa: ARG002 - nothing here expires by itself
        with _honest():
            return TantivyPoint(self._now())

    def info(self) -> EngineInfo:
        with _honest():
            snapshot = self._now()
            return EngineInfo(
                name=self.name,
                version=VERSION,
                documents=snapshot.searcher.num_docs,
                schema_hash=schema_hash(),
                generation=snapshot.generation,
            )

    def close(self) -> None:
        self._index = self._snapshot = None
        self._seen = ()

    def _now(self) -> Snapshot:
        """The newest committed state. Costs two `stat` calls when nothing changed."""
        with self._lock:
            path = self.home.current()
            seen = (path, _identity(path / "meta.json") if path else None)
            if self._snapshot is None or seen != self._seen:
                self._follow(path, seen)
            if self._snapshot is None:
                raise EngineUnavailable(NAME, "the index could not be opened.", advice=REINDEX)
            return self._snapshot

    def _follow(self, path: Path | None, seen: tuple[Any, ...]) -> None:
        try:
            self._open(path)
            self._seen = seen
        except IndexUnreadable:
            if self._snapshot is None:
                raise  # else it is a commit that its writer has not shared yet: the one before serves a moment longer

    def _open(self, path: Path | None) -> None:
        if path is None:
            self._index = tantivy.Index(build_schema())  # nothing indexed yet: an empty index in memory
        elif not written_by_this_schema(path):
            raise EngineUnavailable(
                NAME, "the index was made by another version of Modeldex.", advice=REINDEX
            )
        elif may_only_read(path):
            self._index = open_read_only(path)
        elif self._index is not None and self._seen and self._seen[0] == path:
            self._index.reload()
        else:
            self._index = open_index(path)
        translator = Translator(self._index)
        generation = f"{path.name}:{_identity(path / 'meta.json')[1]}" if path else "empty"
        self._snapshot = Snapshot(self._index.searcher(), translator, generation)


class TantivyPoint:
    """One point in time: its files stay open, also those that the writer has merged away or rebuilt since."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot: Snapshot | None = snapshot

    def search(self, request: SearchRequest) -> SearchResult:
        started = time.perf_counter()
        validate(request)
        if self._snapshot is None:
            raise RequestRefused("pit", "is closed.")
        with _honest():
            return _answer(self._snapshot, request, started)

    def close(self) -> None:
        self._snapshot = None


def _answer(snapshot: Snapshot, request: SearchRequest, started: float) -> SearchResult:
    search = _Search(snapshot, request)
    beside, here = _shares(request.aggregations)
    with search_running():
        counting = meanwhile(lambda: search.aggregations(beside)) if beside else dict
        hits, total = search.hits_and_total()
        aggregations = {**search.aggregations(here), **counting()}
    return SearchResult(
        total=total,
        hits=hits,
        aggregations={name: aggregations[name] for name in request.aggregations},
        took_ms=int((time.perf_counter() - started) * 1000),
        engine=NAME,
    )


def _shares(
    wanted: Mapping[str, Aggregation],
) -> tuple[Mapping[str, Aggregation], Mapping[str, Aggregation]]:
    """Two shares of about the same work. What is asked of one field stays together: some of it is counted in one pass."""
    fields: dict[str, dict[str, Aggregation]] = {}
    for name, aggregation in wanted.items():
        fields.setdefault(getattr(aggregation, "field", name), {})[name] = aggregation
    parts = list(fields.values())
    first, second = (dict(item for part in parts[start::2] for item in part.items()) for start in (0, 1))
    return second, first


class _Search:
    """One request over one snapshot."""

    def __init__(self, snapshot: Snapshot, request: SearchRequest) -> None:
        self.searcher = snapshot.searcher
        self.translator = snapshot.translator
        self.request = request
        self.keys = [key.field for key in deciding_keys(request)]
        self.ids_at_end = 1 + len(effective_sort(request)) - len(self.keys)
        self.score_at = self.keys.index("_score") if "_score" in self.keys else None
        self.query = self._floor(self.translator.query(request.query))
        self.selections = {name: self.translator.query(clause) for name, clause in request.selections.items()}
        narrowing = [] if request.post_filter is None else [self.translator.query(request.post_filter)]
        self.matching = every([self.query, *self.selections.values(), *narrowing])

    def _floor(self, query: tantivy.Query) -> tantivy.Query:
        if self.request.min_score is None:
            return query
        score = Score(self.searcher, self.translator, units(self.request.query), descending=True)
        return every([query, score.at_least(self.request.min_score)])

    def hits_and_total(self) -> tuple[tuple[Hit, ...], int]:
        """One page, and how many there are in all; sorting counts as it goes, so this is mostly one pass."""
        if not self.request.size:
            return (), self._count() if self.request.needs_total else 0
        ordering = Ordering(self.searcher, self.translator, self.request)
        query = self.matching
        if self.request.after is not None:
            query = every([query, ordering.after(indexed_position(self.request))])
        window = ordering.window(query, self.request.offset, self.request.offset + self.request.size)
        known = self.request.after is None and ordering.counts_all
        return tuple(self._hit(place) for place in window), ordering.total if known else self._count()

    def _count(self) -> int:
        return count_of(self.searcher, self.matching)

    def _hit(self, place: Found) -> Hit:
        stored = self.searcher.doc(place.address)
        model_id = str(stored.get_first(ID))
        return Hit(
            id=model_id,
            score=None if self.score_at is None else float(place.values[self.score_at]),
            document=_decode(stored),
            sort=(*map(typed_key, self.keys, place.values), *[model_id] * self.ids_at_end),
        )

    def aggregations(self, wanted: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
        """Aggregations that see all selections together; each selected facet under the others' selections."""
        if not wanted:
            return {}
        from indexer.engines.tantivy.counting import Counter  # noqa: PLC0415 - the command line counts nothing

        counter = Counter(self.searcher, self.translator)
        together: dict[str, Aggregation] = {}
        answers: dict[str, AggregationResult] = {}
        for name, aggregation in wanted.items():
            if name in self.selections:
                others = [clause for field, clause in self.selections.items() if field != name]
                answers |= counter.aggregate(every([self.query, *others]), {name: aggregation})
            else:
                together[name] = aggregation
        return answers | counter.aggregate(every([self.query, *self.selections.values()]), together)

    def scan(self) -> Iterator[Mapping[str, Any]]:
        ordering = Ordering(self.searcher, self.translator, self.request)
        last: str | None = None
        while True:
            query = self.matching if last is None else every([self.matching, ordering.identity.after(last)])
            groups = ordering.identity.groups(query, SCAN_PAGE)
            for group in groups:
                for address in group.addresses:
                    stored = self.searcher.doc(address)
                    last = str(stored.get_first(ID))
                    yield _decode(stored)
            if len(groups) < SCAN_PAGE:
                return


def open_index(path: Path) -> tantivy.Index:
    """The index in this folder. Raises EngineUnavailable when it is damaged."""
    with _honest("the index is damaged"):
        index = tantivy.Index.open(str(path))
        index.config_reader("manual", 0)
        index.reload()
    return index


def _decode(stored: tantivy.Document) -> dict[str, Any]:
    content = stored.get_first(DOCUMENT)
    document: dict[str, Any] = _read_json(content.decode("utf-8")) if content is not None else {}
    return document


_read_json = json.JSONDecoder().decode  # `json.loads` looks for the encoding each time


def _identity(path: Path) -> tuple[int, int, int]:
    try:
        stat = os.stat(path)  # noqa: PTH116 - asked on every search
    except OSError as error:
        raise EngineUnavailable(
            NAME, f"the index is damaged: {path.name} is missing.", advice=REINDEX
        ) from error
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


@contextmanager
def _honest(sentence: str = "the index cannot be read") -> Iterator[None]:
    """Turns what a damaged index makes Tantivy say into EngineUnavailable.

    Tantivy's own panics arrive as `pyo3_runtime.PanicException`, a BaseException that cannot be imported.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        raise EngineUnavailable(NAME, f"{sentence} ({error}).", advice=REINDEX) from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise EngineUnavailable(NAME, f"{sentence} ({error}).", advice=REINDEX) from error
        raise
