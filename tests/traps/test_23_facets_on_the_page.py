"""A facet keeps its alternatives after a choice; what is chosen is always visible; counts are counts of models."""

import pytest


def facet(page, field):
    return next(panel for panel in page["facets"] if panel["field"] == field)


def options(page, field):
    panel = facet(page, field)
    return {option["value"]: option for option in panel["options"]}


@pytest.mark.parametrize("field", ["task", "framework", "license", "tags"])
def test_the_count_beside_a_value_is_the_total_after_clicking_it(web, field):
    before = web.get("/api/search").json
    for option in list(options(before, field).values())[:6]:
        after = web.get(option["url"].replace("/?", "/api/search?")).json
        assert after["total"] == option["count"], option["value"]


def test_a_choice_leaves_the_other_values_with_their_counts(web):
    before = options(web.get("/api/search").json, "framework")
    value, option = next(iter(before.items()))
    after = options(web.get(option["url"].replace("/?", "/api/search?")).json, "framework")
    assert after[value]["selected"]
    assert {name: row["count"] for name, row in after.items()} == {
        name: row["count"] for name, row in before.items()
    }


def test_two_values_of_one_facet_are_either_and_two_facets_are_both(web):
    page = web.get("/api/search").json
    (first, one), (second, two) = list(options(page, "license").items())[:2]
    either = web.get(f"/api/search?license={first}&license={second}").json["total"]
    assert either == one["count"] + two["count"]
    both = web.get(f"/api/search?license={first}&license={second}&framework=pytorch").json["total"]
    assert both < either


def test_a_chosen_value_stays_visible_when_nothing_has_it_any_more(web):
    page = web.get("/api/search?framework=pytorch&q=zzzznothing").json
    chosen = [option for option in facet(page, "framework")["options"] if option["selected"]]
    assert [option["count"] for option in chosen] == [0]
    assert page["total"] == 0


def test_a_value_with_commas_colons_and_quotes_is_one_value(web):
    page = web.get("/api/search", query_string={"tags": 'a,b:"c"'}).json
    assert page["total"] > 0
    assert all('a,b:"c"' in row["document"]["tags"] for row in page["results"])
    removed = web.get(
        page["chips"][0]["remove_url"].replace("/?", "/api/search?")
        if "?" in page["chips"][0]["remove_url"]
        else "/api/search"
    ).json
    assert removed["total"] > page["total"]


def test_values_beyond_those_shown_are_one_page_away(web):
    page = web.get("/api/search").json
    owner = facet(page, "owner")
    assert owner["other_count"] > 0
    everything = web.get(owner["values_url"].replace("/values/", "/api/facets/")).json
    assert len(everything["values"]) > len(owner["options"])
    last = everything["values"][-1]
    assert web.get(last["url"].replace("/?", "/api/search?")).json["total"] == last["count"]
