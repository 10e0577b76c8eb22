"""What every search engine counts: facets and aggregations."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from catalog.errors import RequestRefused
from catalog.query.nodes import (
    Exists,
    Match,
    Nothing,
    Term,
)
from catalog.query.request import (
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
    TermsAgg,
)
from catalog.search.engine import SearchEngine
from catalog.testing.engine_fixtures import EngineFixtures, buckets, order


class CountingSuite(EngineFixtures):
    """What every engine counts. `nested_aggregations = False` for an engine that refuses to count evaluations."""

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
        some = TermsAgg(field="task", only=("NER", "absent", "tabular"), missing="tabular")
        every = buckets(self.ask(engine, TermsAgg(field="task", missing="tabular")))
        assert buckets(self.ask(engine, some)) == {key: every[key] for key in ("ner", "tabular")}
        assert buckets(self.ask(engine, TermsAgg(field="task", only=()))) == {}
        others = TermsAgg(field="task", excluded=("Tabular", "absent"), missing="tabular")
        every.pop("tabular")
        assert buckets(self.ask(engine, others)) == every
        of_settings = TermsAgg(field="hyperparameters.dropout", only=(0.1, 0.2), excluded=("0.2",))
        assert buckets(self.ask(engine, of_settings)) == {"0.1": 1}
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
        half = {"half": MetricAgg(kind="percentiles", field="metrics.odd_metric", percents=(50, 99))}
        by_half = list(
            buckets(self.ask(engine, TermsAgg(field="tags", order=("half.50.0", True), aggs=half)))
        )
        assert (by_half[0], by_half[-1]) == ("production", "vision")
        squares = {"all": MetricAgg(kind="extended_stats", field="metrics.odd_metric")}
        by_squares = self.ask(
            engine, TermsAgg(field="tags", order=("all.sum_of_squares", True), aggs=squares)
        )
        assert list(buckets(by_squares)) == ["nlp", "production", "été", "vision"]

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
