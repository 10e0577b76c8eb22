"""One query, many spellings, over 5,000 varied models: the reference's answer on every engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml
from fixtures.agreement import assert_agree

from catalog.dsl.body import from_dsl
from catalog.errors import RequestRefused
from catalog.query.request import SearchRequest
from catalog.query.state import SearchState
from catalog.search.service import SearchService, from_parameters

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")

SCENARIOS: list[dict[str, Any]] = yaml.load(
    (Path(__file__).with_name("many_models.yaml")).read_text("utf-8"), Loader=yaml.CSafeLoader
)
SPELLINGS = ("text", "url", "dsl")


def spelled(service: SearchService, scenario: dict[str, Any], spelling: str) -> SearchRequest:
    if spelling == "dsl":
        return from_dsl(scenario["dsl"])[0]
    state, unknown = SearchState(text=scenario.get("text", "")), ()
    if spelling == "url":
        state, unknown = from_parameters(parse_qsl(scenario["url"]))
    assert not unknown
    return service.request(state)


@pytest.fixture(scope="module")
def service(reference):
    return SearchService(reference)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[one["name"] for one in SCENARIOS])
def test_every_spelling_has_the_same_answer_on_every_engine(scenario, service, reference, real_engines):
    if "refused" in scenario:
        for engine in (reference, *real_engines):
            with pytest.raises(RequestRefused) as caught:
                engine.search(spelled(service, scenario, "dsl"))
            assert caught.value.part == scenario["refused"]
        return
    requests = [spelled(service, scenario, spelling) for spelling in SPELLINGS if spelling in scenario]
    same_size = [replace(request, size=requests[-1].size) for request in requests]
    answers = [reference.search(request) for request in same_size]
    assert len({tuple(hit.id for hit in answer.hits) for answer in answers}) == 1
    assert {answer.total for answer in answers} == {scenario["total"]}
    for engine in real_engines:
        assert_agree(engine, reference, requests[-1])
        for request, answer in zip(same_size[:-1], answers, strict=False):
            found = engine.search(request)
            assert [hit.id for hit in found.hits] == [hit.id for hit in answer.hits]
            assert found.total == answer.total
