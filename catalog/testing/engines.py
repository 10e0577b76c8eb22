"""The suite that every search engine passes: subclass `EngineSuite`, give it a pair of writer and engine, done.

class TestMyEngine(EngineSuite):
    @pytest.fixture
    def pair(self, tmp_path): ...  # (IndexWriter, SearchEngine) over one empty index

Most tests only read from `engine`, the one of a `pair` that `fill` filled: where an index takes long to make, give them all
the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
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
    Aggregation,
    AggregationResult,
    DateHistogramAgg,
    FilterAgg,
    FiltersAgg,
    HistogramAgg,
    MetricAgg,
    MissingAgg,
    NestedAgg,
    RangeAgg,
    RangeBucket,
    ReverseNestedAgg,
    SearchRequest,
    SortKey,
    TermsAgg,
)
from catalog.query.text.search_text import parse
from catalog.query.validate import MAX_PATTERNS
from catalog.search.engine import FollowingWriter, IndexAction, IndexWriter, SearchEngine
from catalog.testing.engine_cases import DOCUMENTS, QUERIES, REFUSED, SORTS, actions
from mappings.flags import askable, flags

Pair = tuple[IndexWriter, SearchEngine]
__all__ = ["DOCUMENTS", "QUERIES", "REFUSED", "SORTS", "EngineSuite", "Pair", "actions", "fill"]


def fill(pair: Pair) -> None:
    """Writes the documents that the tests ask about."""
    writer, _ = pair
    outcome = writer.write(actions(DOCUMENTS))
    assert not outcome.rejected
    assert not outcome.retry
    writer.refresh()


class EngineSuite:
    """What every engine does alike. `nested_aggregations = False` for an engine that refuses to count evaluations."""

    nested_aggregations = True
    cardinality_tolerance = 0.0

    @pytest.fixture
    def pair(self) -> Pair:
        raise NotImplementedError

    @pytest.fixture
    def filled(self, pair: Pair) -> Pair:
        fill(pair)
        return pair

    @pytest.fixture
    def engine(self, filled: Pair) -> SearchEngine:
        return filled[1]

    # Reading ----------------------------------------------------------------------------------------------

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

    # Facets and aggregations ------------------------------------------------------------------------------

    def test_a_selected_facet_keeps_its_alternatives(self, engine: SearchEngine) -> None:
        request = SearchRequest(
            selections={"task": Term("task", "ner"), "tags": Term("tags", "production")},
            aggregations={name: TermsAgg(field=name) for name in ("task", "tags", "framework")},
        )
        result = engine.search(request)
        assert order(engine, request) == "c"
        assert buckets(result.aggregations["task"]) == {"ner": 1, "text-classification": 1}
        assert buckets(result.aggregations["tags"]) == {"production": 1}
        assert buckets(result.aggregations["framework"]) == {"onnx": 1}

    def test_post_filter_narrows_hits_and_never_buckets(self, engine: SearchEngine) -> None:
        result = engine.search(
            SearchRequest(post_filter=Term("task", "ner"), aggregations={"task": TermsAgg(field="task")})
        )
        assert result.total == 1
        assert buckets(result.aggregations["task"]) == {"text-classification": 2, "ner": 1}

    def test_terms_are_cut_exactly_and_the_rest_is_counted(self, engine: SearchEngine) -> None:
        answer = self.ask(engine, TermsAgg(field="tags", size=2))
        assert list(buckets(answer).items()) == [("nlp", 2), ("production", 2)]
        assert answer.other_count == 2

    def test_terms_of_each_type(self, engine: SearchEngine) -> None:
        assert buckets(self.ask(engine, TermsAgg(field="complete"))) == {False: 1, True: 1}
        assert buckets(self.ask(engine, TermsAgg(field="parameters"))) == {110_000_000: 2, 355_000_000: 1}
        assert buckets(self.ask(engine, TermsAgg(field="metrics.accuracy"))) == {0.93: 2, 0.91: 1}
        assert buckets(self.ask(engine, TermsAgg(field="metrics.odd_metric"))) == {-1.0: 1, 3.5: 1}
        assert buckets(self.ask(engine, TermsAgg(field="hyperparameters.dropout"))) == {"0.1": 1, "0.2": 1}
        assert buckets(self.ask(engine, TermsAgg(field="trained_at", size=1, order=("_key", False)))) == {
            datetime(2023, 6, 15, 12, tzinfo=UTC): 1
        }

    def test_terms_with_missing_prefix_and_orders(self, engine: SearchEngine) -> None:
        assert buckets(self.ask(engine, TermsAgg(field="task", missing="(none)"))) == {
            "(none)": 2,
            "text-classification": 2,
            "ner": 1,
        }
        assert buckets(self.ask(engine, TermsAgg(field="tags", prefix="P"))) == {"production": 2}
        assert buckets(self.ask(engine, TermsAgg(field="task", prefix="T", missing="tabular"))) == {
            "tabular": 2,
            "text-classification": 2,
        }
        assert buckets(self.ask(engine, TermsAgg(field="task", prefix="N", missing="tabular"))) == {"ner": 1}
        keyed = self.ask(engine, TermsAgg(field="tags", order=("_key", True)))
        assert list(buckets(keyed)) == ["été", "vision", "production", "nlp"]
        rare = self.ask(engine, TermsAgg(field="tags", order=("_count", False), size=2))
        assert list(buckets(rare)) == ["vision", "été"]
        assert list(buckets(self.ask(engine, TermsAgg(field="tags", min_doc_count=2)))) == [
            "nlp",
            "production",
        ]

    def test_terms_ordered_by_a_number_inside(self, engine: SearchEngine) -> None:
        wanted = TermsAgg(
            field="tags",
            order=("best", True),
            aggs={"best": MetricAgg(kind="max", field="metrics.odd_metric")},
        )
        answer = self.ask(engine, wanted)
        assert list(buckets(answer)) == ["nlp", "production", "été", "vision"]
        assert [bucket.aggregations["best"].values["value"] for bucket in answer.buckets] == [
            3.5,
            3.5,
            -1.0,
            None,
        ]

    def test_ranges_may_overlap_and_end_before_their_bound(self, engine: SearchEngine) -> None:
        rows = (
            RangeBucket(key="small", end=110_000_000),
            RangeBucket(key="middle", start=110_000_000, end=355_000_000),
            RangeBucket(key="any", start=0),
        )
        answer = self.ask(engine, RangeAgg(field="parameters", ranges=rows))
        assert [(bucket.name, bucket.count) for bucket in answer.buckets] == [
            ("small", 0),
            ("middle", 2),
            ("any", 3),
        ]

    def test_histogram_fills_gaps(self, engine: SearchEngine) -> None:
        answer = self.ask(engine, HistogramAgg(field="parameters", interval=1e8))
        assert [(bucket.key, bucket.count) for bucket in answer.buckets] == [(1e8, 2), (2e8, 0), (3e8, 1)]
        assert (
            len(self.ask(engine, HistogramAgg(field="parameters", interval=1e8, min_doc_count=1)).buckets)
            == 2
        )
        shifted = self.ask(engine, HistogramAgg(field="metrics.odd_metric", interval=2, offset=-3))
        assert [(bucket.key, bucket.count) for bucket in shifted.buckets] == [(-1.0, 1), (1.0, 0), (3.0, 1)]

    def test_a_bin_that_begins_at_zero_holds_more(self, engine: SearchEngine) -> None:
        """Between 0 and the number before it lie 10^15 others, which fall into the same bin by rounding."""
        inner = {"most": MetricAgg(kind="max", field="parameters")}
        answer = self.ask(engine, HistogramAgg(field="parameters", interval=1e12, aggs=inner))
        assert buckets(answer) == {0.0: 3}
        assert answer.buckets[0].aggregations["most"].values["value"] == 355_000_000

    def test_bins_may_be_shifted_by_many_of_their_widths(self, engine: SearchEngine) -> None:
        wanted = HistogramAgg(field="metrics.odd_metric", interval=0.1, offset=-5, min_doc_count=1)
        inner = {"most": MetricAgg(kind="max", field="metrics.odd_metric")}
        for shown in (wanted, replace(wanted, aggs=inner)):
            assert buckets(self.ask(engine, shown)) == {-1.0: 1, 3.5: 1}

    @pytest.mark.parametrize(
        ("interval", "expected"),
        [
            ("year", [("2023-01-01", 2), ("2024-01-01", 1)]),
            ("quarter", [("2023-04-01", 1), ("2023-07-01", 0), ("2023-10-01", 1), ("2024-01-01", 1)]),
        ],
    )
    def test_calendar_periods(
        self, engine: SearchEngine, interval: str, expected: list[tuple[str, int]]
    ) -> None:
        answer = self.ask(engine, DateHistogramAgg(field="trained_at", calendar_interval=interval))
        assert [(bucket.key.date().isoformat(), bucket.count) for bucket in answer.buckets] == expected

    def test_weeks_begin_on_monday_and_fixed_periods_at_the_epoch(self, engine: SearchEngine) -> None:
        weeks = self.ask(
            engine, DateHistogramAgg(field="trained_at", calendar_interval="week", min_doc_count=1)
        )
        assert [bucket.key.date().isoformat() for bucket in weeks.buckets] == [
            "2023-06-12",
            "2023-12-25",
            "2024-01-01",
        ]
        fixed = self.ask(engine, DateHistogramAgg(field="created_at", fixed_seconds=86_400 * 30))
        assert [(bucket.key.date().isoformat(), bucket.count) for bucket in fixed.buckets] == [
            ("1965-04-27", 1)
        ]

    def test_numbers(self, engine: SearchEngine) -> None:
        stats = self.ask(engine, MetricAgg(kind="stats", field="metrics.accuracy")).values
        assert stats["count"] == 3
        assert (stats["min"], stats["max"]) == (0.91, 0.93)
        assert stats["sum"] == pytest.approx(2.77)
        assert self.ask(engine, MetricAgg(kind="value_count", field="tags")).values["value"] == 6
        assert self.ask(engine, MetricAgg(kind="cardinality", field="tags")).values["value"] == pytest.approx(
            4
        )
        nobody = SearchRequest(query=Nothing(), aggregations={"x": MetricAgg(kind="max", field="parameters")})
        assert engine.search(nobody).aggregations["x"].values["value"] is None

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

    def test_sum_of_squares(self, engine: SearchEngine) -> None:
        values = self.ask(engine, MetricAgg(kind="extended_stats", field="metrics.accuracy")).values
        assert set(values) == {"count", "min", "max", "avg", "sum", "sum_of_squares"}
        assert values["sum_of_squares"] == pytest.approx(0.91**2 + 0.93**2 + 0.93**2)
        nobody = SearchRequest(
            query=Nothing(), aggregations={"x": MetricAgg(kind="extended_stats", field="parameters")}
        )
        empty = engine.search(nobody).aggregations["x"].values
        assert (empty["count"], empty["avg"], empty["sum_of_squares"]) == (0, None, 0)

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

    def test_values_beyond_64_bits_and_long_beginnings_find_nothing(self, engine: SearchEngine) -> None:
        for query in (
            Term("parameters", 10**30),
            Terms("parameters", (10**30, -(10**30))),
            Term("metrics.accuracy", 10**30),
            Prefix("task", "x" * 2_000),
            Prefix("task", "模" * 2_000),
        ):
            assert engine.search(SearchRequest(query=query)).total == 0

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

    def test_ranges_beyond_64_bits(self, engine: SearchEngine) -> None:
        rows = (RangeBucket(key="a", end=1e308), RangeBucket(key="b", start=-1e308, end=-1e300))
        answer = self.ask(engine, RangeAgg(field="parameters", ranges=rows))
        assert buckets(answer) == {
            "a": engine.search(SearchRequest(query=Exists("parameters"))).total,
            "b": 0,
        }

    def test_percentiles_lie_between_the_values(self, engine: SearchEngine) -> None:
        values = self.ask(
            engine, MetricAgg(kind="percentiles", field="metrics.accuracy", percents=(0, 50, 100))
        ).values
        assert set(values) == {"0.0", "50.0", "100.0"}
        assert all(value is not None and 0.9 <= value <= 0.94 for value in values.values())

    def test_missing_and_filter_count_models_and_hold_more(self, engine: SearchEngine) -> None:
        missing = self.ask(engine, MissingAgg(field="task", aggs={"tags": TermsAgg(field="tags")}))
        assert (missing.count, buckets(missing.aggregations["tags"])) == (2, {"vision": 1})
        filtered = self.ask(engine, FilterAgg(query=Match("bert"), aggs={"task": TermsAgg(field="task")}))
        assert (filtered.count, buckets(filtered.aggregations["task"])) == (
            3,
            {"ner": 1, "text-classification": 1},
        )

    def test_filters_keep_their_order_and_may_overlap(self, engine: SearchEngine) -> None:
        wanted = FiltersAgg(
            filters={"z": Match("bert"), "nobody": Nothing(), "a": Exists("task")},
            aggs={"task": TermsAgg(field="task")},
        )
        answer = self.ask(engine, wanted)
        assert [bucket.key for bucket in answer.buckets] == ["z", "nobody", "a"]
        assert answer.buckets[0].count == 3
        assert buckets(answer.buckets[0].aggregations["task"]) == {"ner": 1, "text-classification": 1}
        assert (answer.buckets[1].count, answer.buckets[1].aggregations["task"].buckets) == (0, ())
        assert answer.buckets[2].count == engine.search(SearchRequest(query=Exists("task"))).total

    def test_buckets_inside_buckets(self, engine: SearchEngine) -> None:
        wanted = TermsAgg(
            field="framework",
            aggs={
                "lacking": MissingAgg(field="title"),
                "years": DateHistogramAgg(field="trained_at", calendar_interval="year"),
            },
        )
        first = self.ask(engine, wanted).buckets[0]
        assert (first.key, first.aggregations["lacking"].count) == ("pytorch", 0)
        assert [bucket.key.year for bucket in first.aggregations["years"].buckets] == [2023, 2024]

    def test_evaluations_are_counted_one_by_one_or_refused_by_name(self, engine: SearchEngine) -> None:
        wanted = NestedAgg(
            path="evaluations",
            aggs={"sets": TermsAgg(field="evaluations.dataset", aggs={"models": ReverseNestedAgg()})},
        )
        if not self.nested_aggregations:
            with pytest.raises(RequestRefused, match="nested"):
                self.ask(engine, wanted)
            return
        answer = self.ask(engine, wanted)
        assert answer.count == 3
        assert buckets(answer.aggregations["sets"]) == {"imagenet": 2, "mnist": 1}
        assert [bucket.aggregations["models"].count for bucket in answer.aggregations["sets"].buckets] == [
            2,
            1,
        ]

    def ask(self, engine: SearchEngine, aggregation: Aggregation) -> AggregationResult:
        return engine.search(SearchRequest(aggregations={"answer": aggregation}, size=0)).aggregations[
            "answer"
        ]

    # Refusals ---------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("situation", REFUSED)
    def test_refused_by_name(self, engine: SearchEngine, situation: str) -> None:
        request, part = REFUSED[situation]
        with pytest.raises(RequestRefused) as caught:
            engine.search(request)
        assert caught.value.part == part

    # Writing ----------------------------------------------------------------------------------------------

    def test_an_older_state_never_replaces_a_newer_one(self, filled: Pair) -> None:
        writer, engine = filled
        newer = {**DOCUMENTS[0], "title": "newer"}
        older = {**DOCUMENTS[0], "title": "older"}
        assert list(writer.write([IndexAction(id="a" * 64, revision=5, document=newer)]).done) == ["a" * 64]
        assert list(writer.write([IndexAction(id="a" * 64, revision=4, document=older)]).done) == ["a" * 64]
        writer.refresh()
        assert engine.get(["a" * 64])["a" * 64]["title"] == "newer"

    def test_writing_the_same_state_twice_does_no_harm(self, filled: Pair) -> None:
        writer, engine = filled
        writer.write(actions(DOCUMENTS))
        writer.refresh()
        assert engine.search(SearchRequest()).total == 5

    def test_deleting_what_is_not_there_is_done(self, filled: Pair) -> None:
        writer, engine = filled
        gone = [IndexAction(id=model * 64, revision=2, document=None) for model in "af"]
        assert sorted(writer.write(gone).done) == ["a" * 64, "f" * 64]
        writer.refresh()
        assert order(engine, SearchRequest()) == "bcde"

    def test_one_bad_document_is_rejected_alone_with_its_reason(self, filled: Pair) -> None:
        writer, engine = filled
        bad = {"id": "f" * 64, "name": "bad", "parameters": "many"}
        good = {"id": "0" * 64, "name": "good"}
        outcome = writer.write(actions([bad, good]))
        writer.refresh()
        assert list(outcome.done) == ["0" * 64]
        assert "parameters" in outcome.rejected["f" * 64]
        assert order(engine, SearchRequest()) == "0abcde"

    def test_numbers_that_are_not_finite_are_left_out_and_the_rest_stays(self, filled: Pair) -> None:
        writer, engine = filled
        strange = {"id": "f" * 64, "metrics": {"accuracy": float("nan"), "f1": 0.5, "loss": float("inf")}}
        assert not writer.write(actions([strange])).rejected
        writer.refresh()
        assert order(engine, SearchRequest(query=Range(field="metrics.f1", gt=0.1))) == "f"
        assert "f" not in order(engine, SearchRequest(query=Range(field="metrics.accuracy", gt=0)))
        stats = self.ask(engine, MetricAgg(kind="stats", field="metrics.accuracy")).values
        assert (stats["count"], stats["max"]) == (3, 0.93)

    def test_generation_changes_with_what_is_shown(self, filled: Pair) -> None:
        writer, engine = filled
        before = engine.info()
        assert before.documents == 5
        writer.write([IndexAction(id="a" * 64, revision=2, document=None)])
        writer.refresh()
        after = engine.info()
        assert after.documents == 4
        assert after.generation != before.generation

    def test_a_position_is_kept_with_the_index_that_it_is_of(self, filled: Pair) -> None:
        writer, _ = filled
        if not isinstance(writer, FollowingWriter):
            pytest.skip("it keeps no positions")
        place = writer.place()
        assert (writer.followed(), 0 < len(place) <= 64) == (None, True)
        writer.follow("7 abc")
        assert writer.followed() == "7 abc"
        writer.rebuild(actions(DOCUMENTS))
        assert (writer.followed(), writer.place()) == (None, place)

    def test_rebuild_swaps_everything_at_once_and_keeps_late_changes(self, filled: Pair) -> None:
        writer, engine = filled
        seen: list[int] = []

        def late() -> Any:
            seen.append(engine.search(SearchRequest()).total)
            yield IndexAction(id="d" * 64, revision=2, document=None)
            yield IndexAction(id="b" * 64, revision=2, document={"id": "b" * 64, "name": "late"})

        outcome = writer.rebuild(actions(DOCUMENTS[1:4]), catch_up=late())
        writer.refresh()
        assert seen == [5]  # the old index answers until the swap
        assert not outcome.rejected
        assert order(engine, SearchRequest()) == "bc"
        assert engine.get(["b" * 64])["b" * 64]["name"] == "late"
        writer.write(actions(DOCUMENTS[:1]))
        writer.refresh()
        assert order(engine, SearchRequest()) == "abc"

    def test_a_rebuild_that_breaks_leaves_the_old_index(self, filled: Pair) -> None:
        writer, engine = filled

        def breaking() -> Any:
            yield from actions(DOCUMENTS[:2])
            raise RuntimeError("the store went away")

        with pytest.raises(RuntimeError):
            writer.rebuild(breaking())
        assert engine.search(SearchRequest()).total == 5
        writer.write([IndexAction(id="a" * 64, revision=2, document=None)])
        writer.refresh()
        assert engine.search(SearchRequest()).total == 4


def order(engine: SearchEngine, request: SearchRequest) -> str:
    """First letters of the ids found, in order."""
    return "".join(hit.id[0] for hit in engine.search(request).hits)


def walk(engine: SearchEngine, request: SearchRequest) -> str:
    """The same, page after page by `after`; every page says the whole total."""
    letters = ""
    first = page = engine.search(request)
    while page.hits:
        assert page.total == first.total
        letters += "".join(hit.id[0] for hit in page.hits)
        page = engine.search(replace(request, after=page.hits[-1].sort))
    return letters


def buckets(answer: AggregationResult) -> dict[Any, int]:
    return {bucket.key: bucket.count for bucket in answer.buckets}
