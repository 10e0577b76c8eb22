"""Pages in one total order: no border between two pages loses or repeats a model, whatever the order and its ties."""

import pytest

from catalog.errors import RequestRefused
from catalog.query.nodes import All, Match, Nothing
from catalog.query.request import SearchRequest, SortKey
from indexer.engines.tantivy import ordering
from indexer.engines.tantivy.ordering import BEYOND, Ordering, indexed_position
from indexer.engines.tantivy.translate import count_of, every

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PAIRED = [
    {
        "id": f"{'same beginning ' * (at % 2)}{letter}",
        "name": f"model {at // 6}",
        "task": ["ner", "qa", "été"][at % 3],
        **({"parameters": at // 5, "metrics": {"loss": at // 4, "odd": -(at // 3)}} if at % 7 else {}),
        "title": "bert " * (at % 2) + "net",
    }
    for at, letter in enumerate(LETTERS)
]
ORDERS = ["parameters", "metrics.loss", "metrics.odd", "task", "name", "_score"]


@pytest.fixture
def opened(indexed):
    return indexed(PAIRED[:9], PAIRED[9:])


def window(opened, request, start, stop, query=None):
    searcher, translator = opened
    ordered = Ordering(searcher, translator, request)
    found = ordered.window(every([]) if query is None else query, start, stop)
    return [(searcher.doc(one.address).get_first("id"), one.values[0]) for one in found]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("field", ORDERS)
def test_pages_of_any_size_are_parts_of_one_order(opened, field, descending):
    request = SearchRequest(query=Match("bert"), sort=(SortKey(field=field, descending=descending),))
    whole = [name for name, _ in window(opened, request, 0, 100)]
    assert sorted(whole) == sorted(model["id"] for model in PAIRED)
    for size in (1, 4, 7):
        pages = [window(opened, request, at, at + size) for at in range(0, len(PAIRED), size)]
        assert [name for page in pages for name, _ in page] == whole


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("field", ["parameters", "metrics.loss", "metrics.odd"])
def test_missing_values_come_last_and_ties_go_by_id(opened, field, descending):
    def place(model):
        value = model.get("metrics", {}).get(field.partition(".")[2], model.get(field))
        signed = 0 if value is None else -value if descending else value
        return value is None, signed, model["id"].encode()

    request = SearchRequest(sort=(SortKey(field=field, descending=descending),))
    assert [name for name, _ in window(opened, request, 0, 100)] == [
        model["id"] for model in sorted(PAIRED, key=place)
    ]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("field", ORDERS[:-1])
def test_what_comes_after_each_hit_is_the_rest_of_the_order(opened, field, descending):
    sort = (SortKey(field=field, descending=descending),)
    whole = window(opened, SearchRequest(sort=sort), 0, 100)
    for at in (0, 5, 12, 24, 25):
        name, value = whole[at]
        request = SearchRequest(sort=sort, after=(value, name))
        after = Ordering(*opened, request).after(indexed_position(request))
        assert window(opened, request, 0, 100, after) == whole[at + 1 :], f"after {value}"


def test_a_tie_longer_than_what_is_read_ahead_is_asked_for_again(indexed):
    rows = [{"id": f"{at:03}", "name": "same", "parameters": 1} for at in range(3 * BEYOND)]
    opened = indexed(rows[::2], rows[1::2])
    request = SearchRequest(sort=(SortKey(field="parameters"),))
    assert [name for name, _ in window(opened, request, 20, 25)] == ["020", "021", "022", "023", "024"]


def test_nothing_lies_in_an_empty_window_or_beyond_the_end(opened):
    request = SearchRequest(sort=(SortKey(field="parameters"),))
    assert window(opened, request, 3, 3) == []
    assert window(opened, request, 500, 510) == []
    assert window(opened, request, 0, 10, opened[1].query(Nothing())) == []


def test_going_on_among_too_many_texts_is_refused_with_another_order(opened, monkeypatch):
    monkeypatch.setattr(ordering, "MAX_TEXT_GROUP", 2)
    request = SearchRequest(sort=(SortKey(field="task"),), after=("ner", "a"))
    with pytest.raises(RequestRefused, match="sort by name or id"):
        Ordering(*opened, request).after(indexed_position(request))


class Counted:
    """A searcher, and how often it was asked."""

    def __init__(self, searcher):
        self.searcher = searcher
        self.searches = 0

    def search(self, *arguments, **options):
        self.searches += 1
        return self.searcher.search(*arguments, **options)

    def __getattr__(self, name):
        return getattr(self.searcher, name)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("field", ["metrics.loss", "parameters", "task"])
def test_an_id_at_the_end_of_an_order_changes_nothing_and_asks_nothing(opened, field, descending):
    """Clients of Elasticsearch add one. Each hit whose value no other had was then looked up by a search of its own."""
    searcher, translator = opened
    key, by_id = SortKey(field=field, descending=descending), SortKey(field="id")
    asked = []
    for sort in ((key,), (key, by_id)):
        counted = Counted(searcher)
        asked.append((window((counted, translator), SearchRequest(sort=sort), 0, 100), counted.searches))
    assert asked[0] == asked[1]


def test_going_on_in_an_order_that_ends_with_an_id_takes_the_place_of_that_id(opened):
    sort = (SortKey(field="parameters"), SortKey(field="id"))
    whole = window(opened, SearchRequest(sort=sort), 0, 100)
    name, value = whole[5]
    request = SearchRequest(sort=sort, after=(value, name, name))
    after = Ordering(*opened, request).after(indexed_position(request))
    assert window(opened, request, 0, 100, after) == whole[6:]


def test_every_model_is_counted_without_a_search(opened):
    searcher, translator = opened
    counted = Counted(searcher)
    everything = every([translator.query(All()), every([])])
    assert count_of(counted, everything) == len(PAIRED)
    assert counted.searches == 0
    assert count_of(counted, every([everything, translator.query(Match("bert"))])) == len(PAIRED) // 2
