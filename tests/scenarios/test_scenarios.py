"""One query, many spellings, the same answer on every engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml
from fixtures.elasticsearch import engine_parts

from catalog.dsl.body import from_dsl
from catalog.errors import RequestRefused
from catalog.query.request import SearchRequest
from catalog.query.state import SearchState
from catalog.search.service import SearchService, from_parameters
from catalog.settings import Settings
from catalog.testing.engines import DOCUMENTS, actions
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter
from indexer.engines.tantivy import TantivyEngine, TantivyWriter

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")

SCENARIOS: dict[str, dict[str, Any]] = {
    scenario["name"]: scenario
    for scenario in yaml.load(
        Path(__file__).with_name("scenarios.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader
    )
}
CASES = [
    pytest.param(name, spelling, id=f"{name} ({spelling})")
    for name, scenario in SCENARIOS.items()
    for spelling in ("text", "url", "dsl")
    if spelling in scenario
]


@pytest.fixture(scope="module", params=["memory", "tantivy", "elasticsearch"])
def engine(request, tmp_path_factory):
    if request.param == "memory":
        index = MemoryIndex()
        MemoryWriter(index).write(actions(DOCUMENTS))
        yield MemoryEngine(index)
        return
    home = tmp_path_factory.mktemp("home")
    settings, make_writer, make_engine = Settings(home=home), TantivyWriter, TantivyEngine
    if request.param == "elasticsearch":
        settings, make_writer, make_engine = engine_parts(request, home, "scenarios")
    writer, engine = make_writer(settings), make_engine(settings)
    writer.write(actions(DOCUMENTS))
    writer.refresh()
    yield engine
    engine.close()
    writer.close()


def spelled(engine, scenario, spelling) -> SearchRequest:
    """The request that this spelling of the scenario comes to."""
    if spelling == "dsl":
        return from_dsl(scenario["dsl"])[0]
    if spelling == "text":
        return SearchService(engine).request(SearchState(text=scenario["text"]))
    state, unknown = from_parameters(parse_qsl(scenario["url"]))
    assert not unknown
    return SearchService(engine).request(state)


@pytest.mark.parametrize(("name", "spelling"), CASES)
def test_scenario(engine, name, spelling):
    scenario = SCENARIOS[name]
    if "refused" in scenario:
        with pytest.raises(RequestRefused) as caught:
            engine.search(spelled(engine, scenario, spelling))
        assert caught.value.part == scenario["refused"]
        return
    found = engine.search(spelled(engine, scenario, spelling))
    ids = "".join(hit.id[0] for hit in found.hits)
    assert (ids if scenario.get("ordered") else "".join(sorted(ids))) == scenario["ids"]
    assert found.total == scenario.get("total", len(scenario["ids"]))
    for aggregation, expected in scenario.get("buckets", {}).items():
        counted = {bucket.key: bucket.count for bucket in found.aggregations[aggregation].buckets}
        assert list(counted.items()) == list(expected.items())
