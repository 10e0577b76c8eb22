"""What the catalog holds, asked from the engine once per state of the index and only when a query needs it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property

from catalog.query.request import AggregationResult, SearchRequest, TermsAgg
from catalog.query.text.targets import ListedVocabulary
from catalog.search.engine import EngineInfo, SearchEngine
from mappings import facet_fields, fields_where

MAX_METRICS = 1_000
MAX_VALUES = 500
INFO_SECONDS = 5.0
"""How long the engine's own account of itself is trusted: an engine behind a network should not be asked twice a page."""
_NAME = "metric_names"


class EngineVocabulary:
    """A `Vocabulary` whose parts are fetched together, the first time one of them is looked at."""

    def __init__(self, engine: SearchEngine) -> None:
        self._engine = engine

    @cached_property
    def _loaded(self) -> ListedVocabulary:
        names = [field.name for field in facet_fields() if field.facet == "terms"]
        aggregations = {
            name: TermsAgg(field=name, size=MAX_VALUES)
            for name in dict.fromkeys((*names, *fields_where("vocabulary")))
        }
        aggregations[_NAME] = TermsAgg(field=_NAME, size=MAX_METRICS)
        answers = self._engine.search(SearchRequest(size=0, aggregations=aggregations)).aggregations
        values = {name: _counts(answer) for name, answer in answers.items() if name != _NAME}
        complete = frozenset(name for name, answer in answers.items() if not answer.other_count)
        return ListedVocabulary(metrics=_counts(answers[_NAME]), values=values, complete=complete)

    @property
    def metrics(self) -> Mapping[str, int]:
        return self._loaded.metrics

    @property
    def values(self) -> Mapping[str, Mapping[str, int]]:
        return self._loaded.values

    @property
    def complete(self) -> frozenset[str]:
        return self._loaded.complete


def _counts(answer: AggregationResult) -> dict[str, int]:
    return {str(bucket.key): bucket.count for bucket in answer.buckets}


class Watch:
    """The engine's account of itself and its vocabulary, fresh to within a few seconds."""

    def __init__(self, engine: SearchEngine) -> None:
        self._engine = engine
        self._info: EngineInfo | None = None
        self._asked_at = 0.0
        self._vocabulary = EngineVocabulary(engine)

    def info(self) -> EngineInfo:
        now = time.monotonic()
        if self._info is None or now - self._asked_at > INFO_SECONDS:
            info = self._engine.info()
            if self._info is None or info.generation != self._info.generation:
                self._vocabulary = EngineVocabulary(self._engine)
            self._info, self._asked_at = info, now
        return self._info

    def vocabulary(self) -> EngineVocabulary:
        self.info()
        return self._vocabulary
