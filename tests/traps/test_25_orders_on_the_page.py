"""Best first by the metric's own direction, models without the value last, and no silence about unknown names."""

import pytest


@pytest.mark.parametrize(
    ("order", "reverse"), [("-accuracy", True), ("accuracy", True), ("wer", False), ("parameters", False)]
)
def test_models_without_the_value_come_last_in_both_directions(web, order, reverse):
    name = order.lstrip("-")
    rows, number = [], 1
    while True:
        page = web.get(f"/api/search?sort={order}&per_page=100&page={number}").json
        rows += page["results"]
        number += 1
        if not page["paging"]["next_url"]:
            break
    values = [row["document"].get("metrics", {}).get(name, row["document"].get(name)) for row in rows]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=reverse)
    assert values[len(known) :] == [None] * (len(values) - len(known))


def test_the_metric_of_the_order_is_the_headline_of_every_row(web):
    page = web.get("/api/search?sort=-f1&q=has:f1").json
    assert {row["scores"][0]["metric"] for row in page["results"]} == {"f1"}


def test_the_menu_offers_lower_metrics_lowest_first(web):
    options = {
        option["value"]: option["label"] for option in web.get("/api/search?q=has:wer").json["sort_options"]
    }
    assert options["wer"] == "Best WER"
    assert "-accuracy" in options or "accuracy" not in options


def test_an_unknown_order_is_said_and_the_page_still_comes(web):
    refused = web.get("/api/search?sort=nonsense")
    assert refused.status_code == 400
    assert "nonsense" in refused.text
    page = web.get("/api/search?sort=nonsense&lenient=true").json
    assert page["total"] > 0
    assert any("nonsense" in notice for notice in page["notices"])


def test_the_menu_shows_the_order_that_the_query_asks_for(web):
    """What the box says, the menus show: an order typed in words has no parameter, and is the chosen one all the same."""
    for query in ("has:accuracy sort:-accuracy", "most accurate model"):
        page = web.get("/api/search", query_string={"q": query}).json
        (chosen,) = (option for option in page["sort_options"] if option["selected"])
        assert chosen == {"value": "", "label": "Best accuracy", "selected": True}
        values = [option["value"] for option in page["sort_options"]]
        assert "-date" in values
        assert len(values) == len(set(values))
