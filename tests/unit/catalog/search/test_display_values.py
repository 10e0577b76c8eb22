"""Facets count values whatever their case, and show them as documents write them."""

import pytest

from catalog.query.nodes import Term
from catalog.query.request import FilterAgg, NestedAgg, SearchRequest, TermsAgg
from catalog.query.state import SearchState
from catalog.search.display_values import SpelledEngine
from catalog.search.engine import IndexAction
from catalog.search.service import SearchService
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter

WRITTEN = ("BertForSequenceClassification", "bertforsequenceclassification", "LlamaForCausalLM", None)


def document(number):
    architecture = WRITTEN[number % 4]
    return {
        "id": f"{number:064x}",
        "name": f"model {number}",
        **({"architecture": architecture} if architecture else {}),
        "precision": "F16" if number % 2 else "Q4_K_M",
        "tags": ["Été", "NLP"],
        "owner": f"Team-{number}",
        "hyperparameters": {"schedule": "Linear"},
        "evaluations": [{"metric": "accuracy", "value": 0.5, "dataset": "ImageNet"}],
    }


class Counting(MemoryEngine):
    searches = 0

    def search(self, request):
        self.searches += 1
        return super().search(request)


@pytest.fixture
def index():
    made = MemoryIndex()
    write(made, *map(document, range(40)))
    return made


def write(index, *documents, revision=1):
    MemoryWriter(index).write(
        [IndexAction(id=one["id"], revision=revision, document=one) for one in documents]
    )


@pytest.fixture
def engine(index):
    return Counting(index)


def keys(engine, **aggregations):
    found = engine.search(SearchRequest(size=0, aggregations=aggregations)).aggregations
    return {name: [bucket.key for bucket in answer.buckets] for name, answer in found.items()}


def test_buckets_are_named_as_the_first_document_writes_them(engine):
    spelled = SpelledEngine(engine)
    assert keys(
        spelled, a=TermsAgg(field="architecture"), p=TermsAgg(field="precision"), t=TermsAgg(field="tags")
    ) == {
        "a": ["BertForSequenceClassification", "LlamaForCausalLM"],
        "p": ["F16", "Q4_K_M"],
        "t": ["NLP", "Été"],
    }
    assert keys(spelled, s=TermsAgg(field="hyperparameters.schedule"))["s"] == ["Linear"]


def test_buckets_inside_others_are_named_too(engine):
    wanted = FilterAgg(query=Term("precision", "f16"), aggs={"a": TermsAgg(field="architecture")})
    sets = NestedAgg(path="evaluations", aggs={"sets": TermsAgg(field="evaluations.dataset")})
    found = SpelledEngine(engine).search(SearchRequest(aggregations={"x": wanted, "y": sets})).aggregations
    assert [bucket.key for bucket in found["x"].aggregations["a"].buckets] == [
        "BertForSequenceClassification"
    ]
    assert [bucket.key for bucket in found["y"].aggregations["sets"].buckets] == ["ImageNet"]


def test_what_stands_for_missing_stays_as_it_was_asked(engine):
    wanted = TermsAgg(field="architecture", missing="(None)")
    assert "(None)" in keys(SpelledEngine(engine), a=wanted)["a"]


def test_many_rare_values_are_all_found(engine):
    assert len(keys(SpelledEngine(engine), o=TermsAgg(field="owner", size=40))["o"]) == 40
    assert all(
        key.startswith("Team-")
        for key in keys(SpelledEngine(engine), o=TermsAgg(field="owner", size=40))["o"]
    )


def test_known_spellings_cost_no_search_until_the_index_changes(index, engine):
    spelled = SpelledEngine(engine)
    spelled.info()
    wanted = {"p": TermsAgg(field="precision")}
    keys(spelled, **wanted)
    assert engine.searches == 2
    keys(spelled, **wanted)
    assert engine.searches == 3
    write(index, *({**document(number), "precision": "f16"} for number in range(40)), revision=2)
    spelled.info()
    assert keys(spelled, **wanted)["p"] == ["f16"]


def test_a_page_shows_them_and_its_links_work_in_any_case(engine):
    service = SearchService(engine)
    page = service.page(SearchState(selections={"precision": ("q4_k_m",)}))
    facet = next(view for view in page.facets if view.field == "precision")
    assert page.total == 20
    assert [(bucket.label, bucket.selected) for bucket in facet.buckets] == [("Q4_K_M", True), ("F16", False)]
    clicked = service.page(facet.toggled(facet.buckets[1]))
    assert clicked.total == 40
    assert [bucket.label for bucket in service.facet(SearchState(), "architecture", "BERT").buckets] == [
        "BertForSequenceClassification"
    ]
