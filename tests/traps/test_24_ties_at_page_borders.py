"""The 10,001st result, ties at page borders, an index that changes between pages: no item lost, none repeated."""

from dataclasses import replace

import pytest

from catalog.errors import RequestRefused
from catalog.query.nodes import Match
from catalog.query.request import MAX_RESULT_WINDOW, SearchRequest, SortKey
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from catalog.testing.documents import documents
from catalog.testing.engines import actions
from indexer.engines.tantivy import TantivyEngine, TantivyWriter

COUNT = 2_000
ORDERS = {
    "score": (),
    "parameters": (SortKey(field="parameters", descending=True),),
    "metric": (SortKey(field="metrics.accuracy", descending=True),),
    "long-tail metric": (SortKey(field="metrics.odd_metric"),),
    "owner, then date": (SortKey(field="owner"), SortKey(field="trained_at", descending=True)),
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    writer, engine = TantivyWriter(settings), TantivyEngine(settings)
    made = actions(list(documents(COUNT, seed=24)))
    for start in range(0, COUNT, 600):
        writer.write(made[start : start + 600])
    yield writer, engine
    engine.close()
    writer.close()


@pytest.mark.parametrize("sort", ORDERS.values(), ids=ORDERS)
def test_pages_by_position_and_by_last_hit_give_everything_once(pair, sort):
    _, engine = pair
    request = SearchRequest(query=Match("model tune bert", operator="or"), sort=sort, size=97)
    total = engine.search(request).total
    by_position = [
        hit.id for at in range(0, total, 97) for hit in engine.search(replace(request, offset=at)).hits
    ]
    by_last: list[str] = []
    page = engine.search(request)
    while page.hits:
        by_last += [hit.id for hit in page.hits]
        page = engine.search(replace(request, after=page.hits[-1].sort))
    assert by_position == by_last
    assert len(set(by_last)) == total


def test_the_window_ends_with_a_reason_and_a_way_on(pair):
    _, engine = pair
    with pytest.raises(RequestRefused, match="search_after"):
        engine.search(SearchRequest(offset=MAX_RESULT_WINDOW, size=1))


def test_going_on_loses_nothing_when_the_index_changes_between_pages(pair):
    writer, engine = pair
    request = SearchRequest(sort=(SortKey(field="name"),), size=500)
    first = engine.search(request)
    already_seen = first.hits[0]
    writer.write([IndexAction(id=already_seen.id, revision=2, document=None)])
    rest, page = [], engine.search(replace(request, after=first.hits[-1].sort))
    while page.hits:
        rest += [hit.id for hit in page.hits]
        page = engine.search(replace(request, after=page.hits[-1].sort))
    assert len({hit.id for hit in first.hits} | set(rest)) == COUNT
    assert not {hit.id for hit in first.hits} & set(rest)
