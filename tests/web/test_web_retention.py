"""The pages of retention, and what programs get: for who manages the catalog alone."""

from __future__ import annotations

import pytest
from fixtures.retention import Yard, opened

from webui.app import create_app
from webui.contracts import close_services, open_services


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A catalog with one plan and one proposal, its client, and the plan."""
    folder = tmp_path_factory.mktemp("retention")
    (folder / "models").mkdir()
    with opened(folder) as parts:
        yard = Yard(str(folder / "models"), *parts)
        for version in (1, 2, 3):
            yard.model("<b>fraud</b>", version)
        yard.put("copy/model.safetensors", yard.contents()["<b>fraud</b>-1/model.safetensors"])
        yard.declare(writable=True)
        yard.crawl(hash_weights=True)
        plan = yard.plan(name="old <i>ones</i>")
        services = open_services(yard.settings)
        yield create_app(yard.settings, services).test_client(), plan
        close_services(services)


def test_the_page_has_proposals_and_plans_and_is_found_from_health(planned):
    client, plan = planned
    text = client.get("/retention").get_data(as_text=True)
    assert "1 copies of the same weights" in text
    assert f"/retention/{plan.id}" in text
    assert "old &lt;i&gt;ones&lt;/i&gt;" in text
    assert 'href="/retention"' in client.get("/health").get_data(as_text=True)


def test_the_page_of_a_plan_says_why_and_how_to_do_it(planned):
    client, plan = planned
    text = client.get(f"/retention/{plan.id}?show=all").get_data(as_text=True)
    assert f"modeldex retention apply {plan.id} --hash {plan.sha256}" in text
    assert "it is number 1 of the newest 1 of 3" in text
    assert "&lt;b&gt;fraud&lt;/b&gt;" in text


def test_programs_get_the_same(planned):
    client, plan = planned
    listed = client.get("/api/v1/retention").json
    assert {kind["kind"]: kind["number"] for kind in listed["proposals"]} == {
        "checkpoint": 0,
        "copy": 1,
        "orphan": 0,
        "unfinished": 0,
    }
    (summary,) = listed["plans"]
    assert (summary["hash"], summary["goes"]) == (plan.sha256, plan.header["goes"])
    answer = client.get(f"/api/v1/retention/{plan.id}?show=goes").json
    assert [row["rule"] for row in answer["models"]] == ["none"] * summary["goes"]
    behind = client.get(f"/api/v1/retention/{plan.id}?show=all&after=0").json
    assert next(row["number"] for row in behind["models"]) == 1


@pytest.mark.parametrize("query", ["show=some", "after=x", "after=99999999999"])
def test_what_is_asked_wrongly_is_refused(planned, query):
    client, plan = planned
    assert client.get(f"/api/v1/retention/{plan.id}?{query}").status_code == 400


def test_a_plan_that_there_is_not_is_not_there(planned):
    client, _ = planned
    assert client.get("/retention/none").status_code == 404
