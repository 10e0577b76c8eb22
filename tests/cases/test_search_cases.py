"""What people type, and what they should get: one file per kind of text, on every engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml
from fixtures.elasticsearch import engine_parts

from catalog.dsl.body import from_dsl
from catalog.query.state import SearchState
from catalog.search.engine import IndexAction
from catalog.search.page_state import PageParts
from catalog.search.service import SearchService, from_parameters
from catalog.settings import Settings
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter
from indexer.engines.tantivy import TantivyEngine, TantivyWriter

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")

KINDS: dict[str, dict[str, Any]] = {
    path.stem: yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
    for path in sorted(Path(__file__).with_name("search").glob("*.yaml"))
}
SPELLINGS = ("text", "url", "dsl")
CASES = [
    pytest.param(kind, number, id=f"{kind}: {next(case[name] for name in SPELLINGS if name in case)}")
    for kind, cases in KINDS.items()
    for number, case in enumerate(cases["cases"])
]


def document(case: dict[str, Any]) -> dict[str, Any]:
    """The document that a case describes, with what the normaliser says of every model."""
    metrics = case.get("metrics")
    names = {"metric_names": sorted(metrics)} if metrics else {}
    return {**names, **case, "id": case["id"] * 64}


def actions(kind: str) -> list[IndexAction]:
    documents = map(document, KINDS[kind]["documents"])
    return [IndexAction(id=model["id"], revision=1, document=model) for model in documents]


@pytest.fixture(scope="module", params=["memory", "tantivy", "elasticsearch"])
def engine_of(request, tmp_path_factory):
    """The engine that holds the documents of a kind of case, opened once."""
    opened: dict[str, Any] = {}

    def of(kind: str):
        if kind not in opened:
            opened[kind] = open_engine(request, kind, tmp_path_factory.mktemp(kind))
        return opened[kind]

    return of


def open_engine(request, kind, home):
    if request.param == "memory":
        index = MemoryIndex()
        MemoryWriter(index).write(actions(kind))
        return MemoryEngine(index)
    settings, make_writer, make_engine = Settings(home=home), TantivyWriter, TantivyEngine
    if request.param == "elasticsearch":
        settings, make_writer, make_engine = engine_parts(request, home, "cases")
    writer, engine = make_writer(settings), make_engine(settings)
    writer.write(actions(kind))
    writer.refresh()
    writer.close()
    request.addfinalizer(engine.close)
    return engine


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_what_is_typed_finds_what_is_meant(engine_of, kind, number):
    case, engine = KINDS[kind]["cases"][number], engine_of(kind)
    if "dsl" in case:
        assert_hits(case, engine.search(from_dsl(case["dsl"])[0]))
        return
    service = SearchService(engine, names=lambda: KINDS[kind].get("sources", {}))
    state = SearchState(text=case["text"]) if "text" in case else from_parameters(parse_qsl(case["url"]))[0]
    page = service.page(state, PageParts(facets="url" in case, relaxed=case.get("relaxed", False)))
    assert_hits(case, page)
    if "reading" in case:
        understood = service.understood(case["reading"])
        assert page.canonical_text == understood.canonical
        assert not understood.problems
    told = [*(problem.message for problem in page.problems), *page.notices]
    told += [fix.text for problem in page.problems for fix in problem.suggestions]
    assert any(case.get("says", "") in sentence for sentence in [*told, ""])
    assert not [sentence for sentence in told if case.get("never_says", "\0") in sentence]


def assert_hits(case, answer):
    found = "".join(hit["id"][0] if isinstance(hit, dict) else hit.id[0] for hit in answer.hits)
    if "ids" in case:
        assert (found if case.get("ordered") else "".join(sorted(found))) == case["ids"]
    assert set(case.get("contains", "")) <= set(found)
