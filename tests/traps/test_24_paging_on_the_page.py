"""Pages that do not exist, ends that are said, and orders in which nothing is lost or shown twice."""

import pytest


def pages(web, query):
    number, found = 1, []
    while True:
        page = web.get(f"/api/search?{query}&page={number}").json
        found += [row["id"] for row in page["results"]]
        if not page["paging"]["next_url"]:
            return found, page
        number += 1


@pytest.mark.parametrize("order", ["sort=name", "sort=-accuracy", "sort=license", "q=model"])
def test_leafing_through_shows_every_model_once_in_spite_of_ties(web, order):
    found, last = pages(web, order)
    assert len(found) == len(set(found)) == last["total"]


@pytest.mark.parametrize("page", ["99999", "1000000000000", "-1", "0", "x", ""])
def test_a_page_that_does_not_exist_says_so(web, page):
    answer = web.get(f"/?page={page}", follow_redirects=True)
    assert answer.status_code == 200
    assert "models" in answer.text


def test_beyond_the_last_page_there_is_a_way_back_and_the_whole_as_export(web):
    answer = web.get("/?page=99999")
    assert answer.status_code == 200
    assert "/api/export.csv" in answer.text


def test_size_zero_is_a_page_all_the_same(web):
    page = web.get("/api/search?per_page=0").json
    assert page["total"] > 0


def test_the_limit_of_paging_is_said_together_with_the_export():
    """The 10,001st result is beyond every engine's window; the page says so instead of failing."""
    from catalog.query.state import SearchState
    from catalog.search.page_state import SearchPage
    from webui.html.results import results_page
    from webui.urls import Addresses

    found = SearchPage(
        state=SearchState(page=500),
        canonical_text="",
        total=12_345,
        page_count=500,
        hits=({"id": "a", "name": "a"},),
    )
    page = results_page(found, Addresses())
    assert "10,000" in page.paging.limit_note
    assert "12,345" in page.paging.limit_note
    assert page.paging.next_url == ""
