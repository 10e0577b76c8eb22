"""The static site in a browser that opens it from a disk, without a server or a network."""

import pytest
from fixtures.browsing import arriving, follow
from fixtures.shelf import model_documents

from catalog.exports.site import page_of, write_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "pages"
    write_site(folder, model_documents(), title="Our models")
    return page_of(folder)


@pytest.fixture(params=["chromium", "firefox"])
def page(request, tab, complaints, site):
    page = tab(request.param, offline=True)
    page.set_viewport_size({"width": 1280, "height": 720})
    complaints.watch(page)
    page.goto(site)
    yield page
    complaints.leave(page)
    assert complaints == []


def found(page, query):
    """The names in the list. Each search is an address of its own."""
    with arriving(page):
        page.fill("input", query)
    return page.locator("ol a").all_inner_texts()


def test_a_search_needs_no_server(page, site):
    rows = model_documents()
    assert page.inner_text("[role=status]") == f"{len(rows)} of {len(rows)} models"
    scored = [row for row in rows if row.get("metrics", {}).get("accuracy", 0) > 0.9]
    assert sorted(found(page, "accuracy>90%")) == sorted(row["name"] for row in scored) != []
    task = next(row["task"] for row in rows if row.get("task"))
    of_task = [row["name"] for row in rows if row.get("task") == task]
    assert sorted(found(page, f"task:{task}")) == sorted(of_task)
    assert len(found(page, f"-task:{task}")) == len(rows) - len(of_task)
    assert len(found(page, f"task:{task} zzzznothing")) == 0
    assert found(page, "acuracy>0.9") == []
    assert page.inner_text("[role=status]") == "Not understood: acuracy>0.9"


def test_a_search_is_an_address_that_comes_back(page):
    found(page, "bert")
    with arriving(page):
        page.select_option("select", "metric:accuracy")
    names = page.locator("ol a").all_inner_texts()
    page.reload()
    assert page.locator("ol a").all_inner_texts() == names != []
    assert page.input_value("input") == "bert"


def test_what_loading_a_model_does_is_said_in_the_list_and_on_its_page(page):
    risky = [row for row in model_documents() if row.get("risks")]
    assert found(page, "risk:code-execution") == sorted(
        row["name"] for row in risky if "code-execution" in {risk["kind"] for risk in row["risks"]}
    )
    assert page.locator("ol .risk").first.inner_text() == "runs code"
    follow(page, page.locator("ol a").first)
    assert page.locator("p.risk").first.inner_text().startswith("runs code: ")


@pytest.mark.parametrize("place", ["index", "model"])
def test_no_page_is_wider_than_a_phone(page, place):
    page.set_viewport_size({"width": 360, "height": 700})
    if place == "model":
        follow(page, page.locator("ol a", has_text="bert").first)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_hostile_model_has_an_inert_page(page):
    follow(page, page.locator("ol a", has_text="<script>").first)
    assert "<script>" in page.inner_text("h1")
    follow(page, page.get_by_text("Our models"))
    assert page.inner_text("h1") == "Our models"
