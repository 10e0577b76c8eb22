"""A model with thousands of metrics: each can be looked for by its name, whichever of them are fields."""

import pytest

from catalog.query.state import SearchState
from catalog.search.service import SearchService
from crawler.reading import Registry
from indexer.drain import drain_now
from indexer.engines import open_engine

CLASSES = 1_500


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
