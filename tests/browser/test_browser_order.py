"""A test of a page that reads before it waits fails whenever it runs, on the fastest machine too.

One that read after a click alone, and was right on every machine of ours, failed where one was busy: half of the page was there.
"""

from __future__ import annotations

import pytest
from fixtures.browsing import TURNS, OutOfTurn, arriving, expect, follow

PAGE = """<title>Counter</title><main><a href="?next">Next</a><p>0</p><ul></ul>
<button onclick="document.querySelector('p').textContent = '1'">Add</button>
<button onclick="history.pushState(null, '', '?pushed')">Push</button></main>"""
READS = {
    "an address": lambda page: page.url,
    "a title": lambda page: page.title(),
    "a count": lambda page: page.locator("p").count(),
    "all of a kind": lambda page: page.locator("p").all_inner_texts(),
    "a text": lambda page: page.inner_text("p"),
    "what is visible": lambda page: page.locator("p").is_visible(),
    "an attribute": lambda page: page.get_attribute("a", "href"),
    "a script": lambda page: page.evaluate("document.title"),
    "a request beside the page": lambda page: page.request.get("/"),
    "something that is not there": lambda page: expect(page.locator("li")).to_have_count(0),
    "something that is hidden": lambda page: expect(page.locator("ul")).to_be_hidden(),
    "a text that is not there": lambda page: expect(page.locator("ul")).not_to_contain_text("x"),
    "something detached": lambda page: page.locator("li").wait_for(state="detached"),
    "the end of the test": lambda _page: TURNS.end(),
}
AROUND = {
    "a handle": lambda page: page.query_selector("p"),
    "a frame": lambda page: page.main_frame,
    "a time": lambda page: page.wait_for_timeout(1),
}


@pytest.fixture
def page(tab):
    page = tab("chromium", java_script_enabled=True)
    page.route("**/counter*", lambda route: route.fulfill(content_type="text/html", body=PAGE))
    page.goto("/counter")
    yield page
    page.unroute_all()


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_read_after_a_click_without_a_wait_is_refused_however_fast_the_page_is(page, read):
    page.get_by_role("button", name="Add").click()
    with pytest.raises(OutOfTurn, match=r"comes at once after click: write `with arriving\(page\):`"):
        read(page)
    expect(page.locator("p")).to_have_text("1")
    read(page)


@pytest.mark.parametrize("way", AROUND.values(), ids=AROUND)
def test_what_leads_around_the_waits_is_refused(page, way):
    with pytest.raises(OutOfTurn, match="take a locator"):
        way(page)


def test_a_page_that_a_click_leads_to_is_there_before_it_is_read(page):
    follow(page, page.get_by_role("link", name="Next"))
    assert page.url.endswith("?next")
    with arriving(page, "**?pushed"):
        page.get_by_role("button", name="Push").click()
    assert page.locator("li").count() == 0


@pytest.mark.parametrize(
    "leave", ["link", "button"], ids=["another page", "another address of the same page"]
)
def test_a_page_that_is_left_without_a_wait_is_told(page, leave):
    """A wait that is content with the page before would let the test read that one."""
    page.get_by_role(leave).last.click()
    with pytest.raises(
        OutOfTurn, match=r"click led to http://.*counter\?(next|pushed), and nothing waits for it"
    ):
        page.wait_for_url("**?*")
    page.goto("/counter")
