"""What the catalog holds, asked from the engine once per state of the index and only when a query needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property

from catalog.query.nodes import Exists, Nested, Phrase, Prefix, Query, Term, Terms
from catalog.query.request import AggregationResult, FilterAgg, SearchRequest, TermsAgg
from catalog.query.text.targets import ListedVocabulary, Vocabulary
from catalog.query.validate import MAX_BUCKETS, NESTED_PATH
from catalog.sealing.names import MARK, is_covered
from catalog.search.engine import EngineInfo, SearchEngine
from catalog.search.whole import WholeCatalog
from mappings import facet_fields, fields_where

MAX_METRICS = 1_000
MAX_VALUES = 500
MAX_EVALUATED = 500
"""Models whose evaluations are looked at for the names of data sets."""
INFO_SECONDS = 5.0
"""How long the engine's own account of itself is trusted: an engine behind a network should not be asked twice a page."""
SAME_SEARCH_SECONDS = 0.5
"""What one search asks again within this time is answered once."""
MAX_PARAMETERS = 5_000
_NAME, _PARAMETERS, _TASK = "metric_names", "hyperparameter_names", "task"
_SOURCE = "source"
_MODEL_NAME = "name"
MAX_NAMES_ASKED = 1_000
"""Answers that are kept for one state of the index: a page reads its text several times."""


PresentId = Callable[[str], str | None]
"""The id that a model has now whose id began so before."""


SourceNames = Callable[[], Mapping[str, str]]
"""The sources as documents name them, by the names that persons gave them."""


def never_moved(_: str) -> None:
    """Where no store is at hand, no id led anywhere."""


def unnamed() -> Mapping[str, str]:
    """Where no store is at hand, no source has a name."""
    return {}


class EngineVocabulary:
    """A `Vocabulary` whose parts are fetched together, the first time one of them is looked at."""

    def __init__(self, engine: SearchEngine, present: PresentId, names: SourceNames) -> None:
        self._engine = engine
        self._present = present
        self._names = names
        self._named: Mapping[str, str] = {}
        self._named_at = -SAME_SEARCH_SECONDS
        self._named_so: dict[str, bool] = {}

    @cached_property
    def _loaded(self) -> ListedVocabulary:
        names = [field.name for field in facet_fields() if field.facet == "terms"]
        aggregations = {
            name: TermsAgg(field=name, size=MAX_VALUES)
            for name in dict.fromkeys((*names, *fields_where("vocabulary")))
        }
        aggregations[_NAME] = TermsAgg(field=_NAME, size=MAX_METRICS)
        aggregations[_PARAMETERS] = TermsAgg(field=_PARAMETERS, size=MAX_PARAMETERS)
        aggregations[MARK] = TermsAgg(field=MARK, size=MAX_PARAMETERS)
        answers = self._engine.search(SearchRequest(size=0, aggregations=aggregations)).aggregations
        values = {
            name: _counts(answer)
            for name, answer in answers.items()
            if name not in {_NAME, _PARAMETERS, MARK}
        }
        hidden = tuple(_counts(answers[MARK]))  # of these nobody knows which values there are
        complete = frozenset(
            name
            for name, answer in answers.items()
            if not answer.other_count and not is_covered(name, hidden)
        )
        return ListedVocabulary(
            metrics=_counts(answers[_NAME]),
            values=values,
            complete=complete,
            parameters=_counts(answers[_PARAMETERS]),
        )

    @property
    def metrics(self) -> Mapping[str, int]:
        return self._loaded.metrics

    @property
    def values(self) -> Mapping[str, Mapping[str, int]]:
        return self._loaded.values

    @property
    def leading(self) -> Mapping[str, int]:
        return self._loaded.metrics

    @property
    def parameters(self) -> Mapping[str, int]:
        return self._loaded.parameters

    @property
    def complete(self) -> frozenset[str]:
        return self._loaded.complete

    def is_parameter(self, key: str) -> bool:
        if key in self.parameters or _PARAMETERS in self.complete:
            return key in self.parameters
        return bool(self._engine.search(SearchRequest(query=Term(_PARAMETERS, key), size=0)).total)

    def fields_beginning(self, text: str) -> tuple[str, ...]:
        hashes = fields_where("hashed")
        counted = {name: FilterAgg(query=Prefix(name, text)) for name in hashes}
        answers = self._engine.search(SearchRequest(size=0, aggregations=counted)).aggregations
        return tuple(name for name in hashes if answers[name].count)

    def present_id(self, text: str) -> str | None:
        return self._present(text)

    @property
    def source_names(self) -> Mapping[str, str]:
        # Asked anew for each search, since a name is given without a new state of the index, and once for all of its values.
        now = time.monotonic()
        if now - self._named_at > SAME_SEARCH_SECONDS:
            self._named, self._named_at = self._visible_names(), now
        return self._named

    def _visible_names(self) -> Mapping[str, str]:
        """The engine tells of which sources there are models: a name is no way to learn of a source that one may not see."""
        names = self._names()
        sources = tuple(dict.fromkeys(names.values()))[:MAX_BUCKETS]
        if not sources:
            return {}
        counted = TermsAgg(field=_SOURCE, size=len(sources))
        asked = SearchRequest(query=Terms(_SOURCE, sources), size=0, aggregations={_SOURCE: counted})
        there = {value.casefold() for value in _counts(self._engine.search(asked).aggregations[_SOURCE])}
        return {name: source for name, source in names.items() if source.casefold() in there}

    def is_evaluated_on(self, dataset: str) -> bool:
        if dataset in self._datasets:
            return True
        held_by = Nested(NESTED_PATH, Term(f"{NESTED_PATH}.dataset", dataset))
        return bool(self._engine.search(SearchRequest(query=held_by, size=0)).total)

    def is_named(self, words: str) -> bool:
        if words not in self._named_so:
            if len(self._named_so) >= MAX_NAMES_ASKED:
                self._named_so.clear()
            asked = SearchRequest(query=Phrase(words, (_MODEL_NAME,)), size=0)
            self._named_so[words] = bool(self._engine.search(asked).total)
        return self._named_so[words]

    @property
    def evaluated_on(self) -> Mapping[str, int]:
        return self._datasets

    @cached_property
    def _datasets(self) -> Mapping[str, int]:
        # The embedded engine cannot count evaluations one by one, so their models are looked at.
        asked = SearchRequest(query=Exists("evaluations"), size=MAX_EVALUATED)
        counts: dict[str, int] = {}
        for hit in self._engine.search(asked).hits:
            evaluations = hit.document.get("evaluations") or ()
            names = {str(entry.get("dataset") or "").casefold() for entry in evaluations}
            for name in names - {""}:
                counts[name] = counts.get(name, 0) + 1
        return counts


class ResultVocabulary:
    """The vocabulary of a catalog, where the metrics of one result lead."""

    def __init__(self, whole: Vocabulary, leading: Mapping[str, int]) -> None:
        self._whole = whole
        self.leading = leading
        self.metrics, self.values, self.complete = whole.metrics, whole.values, whole.complete
        self.parameters = whole.parameters

    def is_parameter(self, key: str) -> bool:
        return self._whole.is_parameter(key)

    def fields_beginning(self, text: str) -> tuple[str, ...]:
        return self._whole.fields_beginning(text)

    def present_id(self, text: str) -> str | None:
        return self._whole.present_id(text)

    @property
    def source_names(self) -> Mapping[str, str]:
        return self._whole.source_names

    def is_evaluated_on(self, dataset: str) -> bool:
        return self._whole.is_evaluated_on(dataset)

    def is_named(self, words: str) -> bool:
        return self._whole.is_named(words)

    @property
    def evaluated_on(self) -> Mapping[str, int]:
        return self._whole.evaluated_on


def metrics_of_result(engine: SearchEngine, query: Query) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """The metrics that the models found report, with how many do, and the task that most of these models have, if one is."""
    aggregations = {_NAME: TermsAgg(field=_NAME, size=MAX_METRICS), _TASK: TermsAgg(field=_TASK, size=1)}
    answer = engine.search(SearchRequest(query=query, size=0, aggregations=aggregations))
    tasks = _counts(answer.aggregations[_TASK])
    usual = tuple(task for task, count in tasks.items() if 2 * count > answer.total)
    return _counts(answer.aggregations[_NAME]), usual


def _counts(answer: AggregationResult) -> dict[str, int]:
    return {str(bucket.key): bucket.count for bucket in answer.buckets}


class Watch:
    """The engine's account of itself, its vocabulary and the whole catalog, fresh to within a few seconds.

    `spelled` is the same engine that names values as documents write them.
    """

    def __init__(
        self,
        engine: SearchEngine,
        spelled: SearchEngine,
        present: PresentId = never_moved,
        names: SourceNames = unnamed,
    ) -> None:
        self._engine = engine
        self._present = present
        self._names = names
        self._spelled = spelled
        self._whole = WholeCatalog(spelled)
        self._info: EngineInfo | None = None
        self._called: Mapping[str, str] = {}
        self._called_at = -INFO_SECONDS
        self._asked_at = 0.0
        self._vocabulary = EngineVocabulary(engine, present, names)

    def info(self) -> EngineInfo:
        now = time.monotonic()
        if self._info is None or now - self._asked_at > INFO_SECONDS:
            info = self._engine.info()
            if self._info is None or info.generation != self._info.generation:
                self._vocabulary = EngineVocabulary(self._engine, self._present, self._names)
                self._whole = WholeCatalog(self._spelled)
            self._info, self._asked_at = info, now
        return self._info

    def vocabulary(self) -> EngineVocabulary:
        self.info()
        return self._vocabulary

    def source_names(self) -> Mapping[str, str]:
        """What persons call the sources, by what documents call them, as of a few seconds ago: pages show it."""
        now = time.monotonic()
        if now - self._called_at > INFO_SECONDS:
            self._called = {source: name for name, source in self._names().items()}
            self._called_at = now
        return self._called

    def whole(self) -> WholeCatalog:
        self.info()
        return self._whole
