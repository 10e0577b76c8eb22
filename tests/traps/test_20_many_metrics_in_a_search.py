"""A model with thousands of metrics: each can be looked for by its name, whichever of them are fields."""

import pytest

from catalog.query.state import SearchState
from catalog.search.engine import IndexAction
from catalog.search.page_state import PageParts
from catalog.search.service import SearchService
from catalog.search.vocabulary import MAX_PARAMETERS
from crawler.registry import Registry
from indexer.drain import drain_now
from indexer.engines import open_engine
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter

CLASSES = 1_500
SETTINGS = 1_000
MODELS = MAX_PARAMETERS // SETTINGS + 1


@pytest.fixture
def service(shop):
    shop.registry = Registry.installed()
    shop.model("net/model.safetensors")
    metrics = {f"AP/class {number}.x@y": number / CLASSES for number in range(CLASSES)}
    shop.put("net/modeldex.json", {"name": "many", "metrics": {**metrics, "accuracy": 0.9}})
    shop.model("other/model.safetensors", values=8)
    shop.crawl()
    drain_now(shop.settings, shop.store)
    engine = open_engine(shop.settings)
    yield SearchService(engine)
    engine.close()


@pytest.mark.parametrize("number", [0, 1, 777, CLASSES - 1])
def test_every_one_of_many_metrics_is_reachable_by_has(service, number):
    page = service.page(SearchState(text=f"has:ap_class_{number}_x_y"))
    assert [hit["name"] for hit in page.hits] == ["many"]
    assert page.problems == ()
    assert service.page(SearchState(text=page.canonical_text)).total == 1


def test_usual_metrics_stay_comparable_beside_them(service):
    assert service.page(SearchState(text="accuracy > 0.8")).total == 1


def test_every_one_of_many_metrics_keeps_its_value(service):
    (document,) = service.page(SearchState(text="many")).hits
    values = {row["raw_name"]: row["value"] for row in document["evaluations"]}
    assert values["AP/class 750.x@y"] == 0.5
    assert len(values) == CLASSES + 1


@pytest.fixture(scope="module")
def with_settings():
    """Models with more names of hyper-parameters between them than a vocabulary lists."""
    index = MemoryIndex()
    documents = [
        {
            "id": f"{model:064x}",
            "name": f"m{model}",
            "hyperparameters": settings,
            "hyperparameter_names": [*settings],
        }
        for model in range(MODELS)
        for settings in [{f"knob_{model}_{number}": number / 2 for number in range(SETTINGS)}]
    ]
    MemoryWriter(index).write(
        [IndexAction(id=document["id"], revision=1, document=document) for document in documents]
    )
    return SearchService(MemoryEngine(index))


@pytest.mark.parametrize("model", [0, MODELS - 1])
@pytest.mark.parametrize(
    "text", ["{} > 2.4", "{}:2.50", "has:{}", "params.{} = '2.5'", "sort:-{0} has:{0}", "{}:[2.4 TO 3]"]
)
def test_a_hyper_parameter_is_compared_however_many_names_there_are(with_settings, model, text):
    """Beyond 5,000 names it was a metric that no model reports."""
    page = with_settings.page(SearchState(text=text.format(f"knob_{model}_5")), PageParts(facets=False))
    assert [hit["name"] for hit in page.hits] == [f"m{model}"]
    assert page.problems == ()


def test_a_name_that_no_model_has_stays_a_metric_that_none_reports(with_settings):
    page = with_settings.page(SearchState(text="knob_none > 1"), PageParts(facets=False))
    assert (page.total, [problem.code for problem in page.problems]) == (0, ["unknown-metric"])
