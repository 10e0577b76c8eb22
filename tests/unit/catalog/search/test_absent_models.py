"""Models that are not there any more are listed for those who ask for them alone."""

import pytest

from catalog.query.state import SearchState
from catalog.search.page_state import PageParts
from catalog.search.service import SearchService
from catalog.testing.engine_cases import actions
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter

DOCUMENTS = [
    {"id": "a" * 64, "name": "bert", "status": "ok", "revision": 1},
    {"id": "b" * 64, "name": "bert", "status": "missing", "flags": ["missing", "moved"], "revision": 1},
    {"id": "c" * 64, "name": "lost", "status": "missing", "flags": ["missing"], "revision": 1},
    {"id": "d" * 64, "name": "gone", "status": "gone", "flags": ["missing"], "revision": 1},
    {"id": "e" * 64, "name": "half", "status": "partial", "flags": ["incomplete"], "revision": 1},
]


@pytest.fixture(scope="module")
def service():
    index = MemoryIndex()
    MemoryWriter(index).write(actions(DOCUMENTS))
    return SearchService(MemoryEngine(index))


def state(text, **selections):
    return SearchState(text=text, selections={name: (value,) for name, value in selections.items()})


@pytest.mark.parametrize(
    ("text", "selections", "ids"),
    [
        ("", {}, "ae"),
        ("bert", {}, "a"),
        ("-is:incomplete", {}, "a"),
        ("is:missing", {}, "bcd"),
        ("is:moved", {}, "b"),
        ("bert is:missing", {}, "b"),
        ("-is:moved", {}, "acde"),
        ("status:missing", {}, "bc"),
        ("", {"status": "missing"}, "bc"),
        ("status:ok", {}, "a"),
        (f"id:{'b' * 64}", {}, "b"),
    ],
)
def test_lists_and_exports_hold_what_is_there_unless_a_condition_speaks_of_the_rest(
    service, text, selections, ids
):
    asked = state(text, **selections)
    expected = [letter * 64 for letter in ids]
    assert sorted(hit["id"] for hit in service.page(asked, PageParts(facets=False)).hits) == expected
    assert sorted(document["id"] for document in service.export(asked)) == expected
    assert service.count(asked) == len(ids)


def test_a_search_that_only_what_is_absent_would_answer_says_so(service):
    page = service.page(state("lost"))
    assert page.total == 0
    assert page.notices == ("1 that is no longer there would match: add is:missing.",)
