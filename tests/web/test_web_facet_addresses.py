"""The addresses of a facet's values, made around what they share, are those of the searches that a click makes."""

import markupsafe
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.query.state import ResultView, SearchState
from catalog.search.page_state import FacetBucket, FacetView
from catalog.search.selections import switched
from webui.html.facets import facet_panels
from webui.html.repeated import escape, histogram_bars, option_items
from webui.urls import Addresses

HOSTILE = '"><script>&\0\u202e'
STATES = {
    "nothing asked": SearchState(),
    "words and an order": SearchState(text="a & b > 0.5", sort="-f1", page=7),
    "another facet before": SearchState(selections={"framework": ("onnx",)}),
    "another facet behind": SearchState(selections={"version": ("1", "0")}),
    "others around": SearchState(
        selections={"version": ("1",), "framework": ("a", "b"), "metrics.f1": ("0..1",)}
    ),
    "some chosen": SearchState(text="x", selections={"task": ("Ner", "(none)", "b")}),
    "the value itself": SearchState(selections={"task": ("NER",)}, size=50),
    "a table": SearchState(view=ResultView(kind="table", columns=("f1", "owner"))),
}


@pytest.mark.parametrize("root", ["", "/models here"])
@pytest.mark.parametrize("day", ["", "2024-01-01"])
@pytest.mark.parametrize("situation", STATES)
def test_each_is_the_address_of_the_search_after_a_click(situation, day, root):
    state, addresses = STATES[situation], Addresses(root=root, as_of=day)
    for field in ("task", "metrics.accuracy", "training.epochs"):
        view = facet(state, field, "ner", "(none)", "a,b", HOSTILE)
        places = addresses.of_facet(view)
        for bucket in view.buckets:
            assert places.search(bucket.after) == addresses.search(view.toggled(bucket))


def test_no_value_of_a_facet_is_markup_where_it_stands():
    state = SearchState()
    views = (facet(state, "task", HOSTILE), facet(state, "metrics.accuracy", HOSTILE, kind="range"))
    terms, numbers = facet_panels(views, state, Addresses(root="/<b>"))
    for written in (option_items(terms, terms.options), histogram_bars(numbers)):
        assert "<script" not in written
        assert "<b>" not in written
        assert "\u202e" not in written
        assert written.count('"') % 2 == 0


@given(st.text())
def test_text_of_repeated_parts_is_escaped_as_in_every_template(text):
    assert escape(text) == str(markupsafe.escape(text))


def facet(state, field, *values, kind="terms"):
    chosen = state.selections.get(field, ())
    buckets = [
        FacetBucket(
            value=value,
            label=value,
            count=1,
            selected=False,
            after=switched(chosen, value),
            low=value,
            high=value,
        )
        for value in values
    ]
    return FacetView(
        field=field, parameter=field, label=field, kind=kind, state=state, buckets=tuple(buckets)
    )
