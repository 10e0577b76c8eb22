"""What every search engine finds: queries, orders, pages, scans and points in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from catalog.errors import RequestRefused
from catalog.query.nodes import (
    Exists,
    Match,
    Nothing,
    Or,
    Prefix,
    Range,
    Term,
    Terms,
    Wildcard,
)
from catalog.query.request import (
    HistogramAgg,
    MetricAgg,
    MissingAgg,
    RangeAgg,
    RangeBucket,
    SearchRequest,
    SortKey,
    TermsAgg,
)
from catalog.query.text.search_text import parse
from catalog.query.validate import MAX_PATTERNS
from catalog.search.engine import IndexAction, SearchEngine
from catalog.testing.engine_cases import DOCUMENTS, QUERIES, REFUSED, SORTS, actions
from catalog.testing.engine_fixtures import EngineFixtures, Pair, buckets, order, walk
from mappings.flags import askable, flags


class ReadingSuite(EngineFixtures):
    """What every engine finds, and what it refuses by name."""

    def test_an_empty_index_answers_with_nothing(self, pair: Pair) -> None:
        result = pair[1].search(
            SearchRequest(query=Match("bert"), aggregations={"task": TermsAgg(field="task")})
        )
        assert (result.total, result.hits, result.aggregations["task"].buckets) == (0, (), ())
        assert list(pair[1].scan(SearchRequest())) == []

    @pytest.mark.parametrize("situation", QUERIES)
    def test_query(self, engine: SearchEngine, situation: str) -> None:
        query, expected = QUERIES[situation]
        result = engine.search(SearchRequest(query=query))
        assert "".join(sorted(hit.id[0] for hit in result.hits)) == expected
        assert result.total == len(expected)

    @pytest.mark.parametrize("state", askable())
    def test_every_state_of_the_table_finds_the_model_that_carries_it(self, pair: Pair, state: str) -> None:
        writer, engine = pair
        carrying = {
            name: {"flags": [name]} if name in flags() else {"status": name, "flags": ["unlisted"]}
            for name in askable()
        }
        writer.write(
            actions([{"id": name, "name": "model", **carried} for name, carried in carrying.items()])
        )
        writer.refresh()
        parsed = parse(f"is:{state}")
        assert [hit.id for hit in engine.search(SearchRequest(query=parsed.query)).hits] == [state]
        assert parsed.problems == ()

    @pytest.mark.parametrize("situation", SORTS)
    def test_sort(self, engine: SearchEngine, situation: str) -> None:
        keys, expected = SORTS[situation]
        assert order(engine, SearchRequest(sort=keys)) == expected

    @pytest.mark.parametrize("situation", SORTS)
    def test_pages_of_one_by_position_and_by_last_hit_give_the_same_order(
        self, engine: SearchEngine, situation: str
    ) -> None:
        keys, expected = SORTS[situation]
        request = SearchRequest(sort=keys, size=1)
        assert "".join(order(engine, replace(request, offset=at)) for at in range(len(DOCUMENTS))) == expected
        assert walk(engine, request) == expected

    def test_best_score_first_ties_by_id(self, engine: SearchEngine) -> None:
        request = SearchRequest(query=Match("bert"))
        assert order(engine, request) == "bec"
        assert [hit.score for hit in engine.search(request).hits] == [4.0, 2.0, 1.0]
        assert walk(engine, replace(request, size=1)) == "bec"

    def test_a_page_of_the_worst_scores_counts_all(self, engine: SearchEngine) -> None:
        request = SearchRequest(query=Match("bert"), sort=(SortKey(field="_score"),), size=1)
        result = engine.search(request)
        assert ([hit.id[0] for hit in result.hits], result.total) == (["c"], 3)
        assert walk(engine, request) == "ceb"

    def test_a_name_that_is_the_whole_text_scores_most(self, engine: SearchEngine) -> None:
        assert order(engine, SearchRequest(query=Match("resnet50"))) == "ed"

    def test_min_score_cuts_hits_total_and_buckets(self, engine: SearchEngine) -> None:
        request = SearchRequest(
            query=Match("bert"), min_score=2, aggregations={"task": TermsAgg(field="task")}
        )
        result = engine.search(request)
        assert (order(engine, request), result.total) == ("be", 2)
        assert buckets(result.aggregations["task"]) == {"text-classification": 1}

    def test_hits_carry_the_document_as_it_was_given(self, engine: SearchEngine) -> None:
        (hit,) = engine.search(SearchRequest(query=Term("id", "a" * 64))).hits
        assert hit.document == DOCUMENTS[0]
        assert engine.get(["a" * 64, "f" * 64]) == {"a" * 64: DOCUMENTS[0]}
        assert engine.get([]) == {}

    def test_size_zero_counts_without_hits(self, engine: SearchEngine) -> None:
        result = engine.search(SearchRequest(size=0))
        assert (result.total, result.hits) == (5, ())

    def test_scan_gives_every_match_in_id_order(self, engine: SearchEngine) -> None:
        request = SearchRequest(query=Exists("metrics"), selections={"task": Term("task", "ner")})
        assert [document["id"][0] for document in engine.scan(request)] == ["c"]
        assert [document["id"][0] for document in engine.scan(SearchRequest())] == list("abcde")

    def test_scan_sees_one_point_in_time(self, filled: Pair) -> None:
        writer, engine = filled
        running = engine.scan(SearchRequest())
        next(running)
        writer.write([IndexAction(id="e" * 64, revision=2, document=None)])
        writer.refresh()
        assert [document["id"][0] for document in running] == list("bcde")

    def test_a_point_in_time_stays_as_it_was(self, filled: Pair) -> None:
        writer, engine = filled
        request = SearchRequest(
            sort=(SortKey(field="id"),), size=2, aggregations={"task": TermsAgg(field="task")}
        )
        point = engine.point_in_time(keep_seconds=60)
        first = point.search(request)
        writer.write([IndexAction(id="d" * 64, revision=2, document=None)])
        writer.write([IndexAction(id="f" * 64, revision=1, document={"id": "f" * 64, "name": "new"})])
        writer.refresh()
        rest = point.search(replace(request, after=first.hits[-1].sort, size=10))
        assert [hit.id[0] for hit in (*first.hits, *rest.hits)] == list("abcde")
        assert (rest.total, rest.aggregations) == (first.total, first.aggregations)
        point.close()
        assert engine.search(request).total == 5

    def test_a_point_in_time_outlives_a_rebuild(self, filled: Pair) -> None:
        writer, engine = filled
        point = engine.point_in_time(keep_seconds=60)
        writer.rebuild(actions(DOCUMENTS[:1]))
        assert [hit.id[0] for hit in point.search(SearchRequest(sort=(SortKey(field="id"),))).hits] == list(
            "abcde"
        )
        point.close()

    def test_a_point_in_time_before_anything_was_written_is_empty(self, pair: Pair) -> None:
        point = pair[1].point_in_time(keep_seconds=60)
        assert point.search(SearchRequest()).total == 0
        point.close()

    @pytest.mark.parametrize(
        ("bounds", "everything"),
        [
            ({"gt": 10**30}, False),
            ({"lte": -1e30}, False),
            ({"gt": 1e30, "lt": 1e31}, False),
            ({"lt": 10**30}, True),
            ({"gte": -(2**63) - 1, "lte": 2**63}, True),
        ],
    )
    def test_bounds_beyond_64_bits(
        self, engine: SearchEngine, bounds: dict[str, Any], everything: bool
    ) -> None:
        total = engine.search(SearchRequest(query=Range(field="parameters", **bounds))).total
        assert total == (engine.search(SearchRequest(query=Exists("parameters"))).total if everything else 0)

    def test_sum_of_squares(self, engine: SearchEngine) -> None:
        values = self.ask(engine, MetricAgg(kind="extended_stats", field="metrics.accuracy")).values
        assert set(values) == {"count", "min", "max", "avg", "sum", "sum_of_squares"}
        assert values["sum_of_squares"] == pytest.approx(0.91**2 + 0.93**2 + 0.93**2)
        nobody = SearchRequest(
            query=Nothing(), aggregations={"x": MetricAgg(kind="extended_stats", field="parameters")}
        )
        empty = engine.search(nobody).aggregations["x"].values
        assert (empty["count"], empty["avg"], empty["sum_of_squares"]) == (0, None, 0)

    def test_values_beyond_64_bits_and_long_beginnings_find_nothing(self, engine: SearchEngine) -> None:
        for query in (
            Term("parameters", 10**30),
            Terms("parameters", (10**30, -(10**30))),
            Term("metrics.accuracy", 10**30),
            Prefix("task", "x" * 2_000),
            Prefix("task", "模" * 2_000),
        ):
            assert engine.search(SearchRequest(query=query)).total == 0

    def test_numbers_of_names_without_a_field(self, engine: SearchEngine) -> None:
        """Hyper-parameters and metrics of one data set are counted and measured as fields are."""
        stats = self.ask(engine, MetricAgg(kind="stats", field="hyperparameters.n_estimators")).values
        assert stats == {"count": 3, "min": 7, "max": 500, "avg": pytest.approx(607 / 3), "sum": 607}
        rows = (RangeBucket(key="few", end=100), RangeBucket(key="many", start=100))
        inside = {"tasks": TermsAgg(field="task")}
        ranges = self.ask(engine, RangeAgg(field="hyperparameters.n_estimators", ranges=rows, aggs=inside))
        assert [bucket.count for bucket in ranges.buckets] == [1, 2]
        assert buckets(ranges.buckets[1].aggregations["tasks"]) == {"text-classification": 2}
        bins = self.ask(engine, HistogramAgg(field="hyperparameters.tree.depth", interval=10, aggs=inside))
        assert buckets(bins) == {-10.0: 1, 0.0: 0, 10.0: 1}
        assert buckets(bins.buckets[2].aggregations["tasks"]) == {"ner": 1}
        on = self.ask(engine, TermsAgg(field="metrics.accuracy@imagenet", order=("_key", False), aggs=inside))
        assert buckets(on) == {0.5: 1, 0.91: 1}
        assert buckets(on.buckets[0].aggregations["tasks"]) == {"text-classification": 1}
        missing = self.ask(engine, TermsAgg(field="metrics.accuracy@imagenet", missing=-1, aggs=inside))
        assert buckets(missing) == {-1.0: 3, 0.5: 1, 0.91: 1}
        assert buckets(missing.buckets[0].aggregations["tasks"]) == {"ner": 1}
        best = {"best": MetricAgg(kind="max", field="hyperparameters.n_estimators")}
        tags = self.ask(engine, TermsAgg(field="tags", order=("best", False), aggs=best))
        assert list(buckets(tags)) == ["été", "nlp", "production", "vision"]
        assert tags.buckets[0].aggregations["best"].values["value"] == 100
        lacking = self.ask(engine, MissingAgg(field="metrics.accuracy@mnist"))
        assert lacking.count == 4
        middle = self.ask(
            engine, MetricAgg(kind="percentiles", field="hyperparameters.n_estimators", percents=(50,))
        )
        assert middle.values["50.0"] == pytest.approx(100)
        squares = self.ask(engine, MetricAgg(kind="extended_stats", field="metrics.accuracy@imagenet")).values
        assert squares["sum_of_squares"] == pytest.approx(0.5**2 + 0.91**2)

    def test_more_patterns_than_anybody_asks_for_are_refused(self, engine: SearchEngine) -> None:
        """Each takes as long as a search: four thousand in one request took minutes."""
        patterns = tuple(Wildcard("name", f"a*{number:03}") for number in range(MAX_PATTERNS + 1))
        assert engine.search(SearchRequest(query=Or(patterns[1:]))).total == 0
        with pytest.raises(RequestRefused, match="patterns"):
            engine.search(SearchRequest(query=Or(patterns)))

    @pytest.mark.parametrize("form", [f"*{'aa?' * 4}{'aa*' * 3}{'a' * 90}", f"*{'ä*' * 7}{'ä' * 60}"])
    def test_a_pattern_that_takes_much_is_answered_or_refused(self, engine: SearchEngine, form: str) -> None:
        """One whose automaton is too large was an error that nothing here knew."""
        try:
            assert engine.search(SearchRequest(query=Wildcard("name", form))).total == 0
        except RequestRefused as refused:
            assert refused.part == "name"

    @pytest.mark.parametrize("situation", REFUSED)
    def test_refused_by_name(self, engine: SearchEngine, situation: str) -> None:
        request, part = REFUSED[situation]
        with pytest.raises(RequestRefused) as caught:
            engine.search(request)
        assert caught.value.part == part
