"""A whole catalog, the examples and 20,000 more models, in Chromium and Firefox: journeys, keys, and what axe says of every page."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from functools import cache
from pathlib import Path

import pytest
from fixtures.a_server import running
from fixtures.browsing import arriving, expect, follow
from fixtures.retention import Yard
from fixtures.retention import opened as opened_yard
from fixtures.users import PASSWORD

from webui.app import create_app
from webui.contracts import close_services, open_services

WIDE, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
PLACES = {
    "search": "/?q=bert+accuracy%3E0.5",
    "nothing found": "/?q=zzzznothing",
    "a problem": "/?q=acuracy%3E1",
    "table": "/?view=table",
    "plot": "/?view=plot&color=task",
    "model": "/models/{first}",
    "compare": "/compare?ids={first},{second}",
    "history": "/models/{first}/history",
    "edit": "/models/{first}/edit",
    "edit of a field": "/models/{first}/edit?field=task",
    "edit of many": "/edit?q=framework:pytorch&edit.field=owner&edit.action=set&edit.value=nlp",
    "saved searches": "/saved",
    "values": "/values/tags",
    "health": "/health",
    "help": "/help",
    "no such page": "/models/none",
}
OFTEN = ("search", "table", "plot", "model", "compare", "edit of a field", "health")
SCREENS = [
    pytest.param("chromium", WIDE, "light", tuple(PLACES), id="chromium, wide, light"),
    pytest.param("chromium", PHONE, "dark", OFTEN, id="chromium, phone, dark"),
    pytest.param("firefox", PHONE, "light", OFTEN, id="firefox, phone, light"),
]
SHORTENED = "document.querySelectorAll('tbody tr:nth-child(n+9)').forEach(row => row.remove())"
"""The contrast of rows that are all alike takes axe half a minute on /help."""
ACCOUNT_PLACES = {"account": "/account", "audit": "/audit", "users": "/users", "sign in": "/sign-in"}
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = {"serious", "critical"}


@cache
def axe_source():
    import axe_playwright_python

    return Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")


def grave(page, **rules):
    """What axe-core calls serious or critical about the page that is open: rule and first element."""
    page.evaluate(axe_source())
    options = {
        "runOnly": {"type": "tag", "values": STANDARDS},
        "rules": rules,
        "resultTypes": ["violations"],
    }
    answer = page.evaluate("options => axe.run(options)", options)
    assert answer["passes"]
    return [
        (violation["id"], violation["nodes"][0]["html"][:200])
        for violation in answer["violations"]
        if violation["impact"] in GRAVE
    ]


@pytest.fixture(scope="module")
def two_models(full_url):
    """The ids of two crawled models, which have all that a page can show."""
    query = urllib.parse.quote("name:ner-nordic OR name:sentiment-bert")
    with urllib.request.urlopen(f"{full_url}/api/v1/search?q={query}&sort=name") as answer:
        return [row["id"] for row in json.load(answer)["results"]]


@pytest.fixture
def opened(request, playwright):
    """Makes a page in the browser of this name, which closes with the test."""
    contexts = []

    def page_in(name, url, viewport=WIDE, scheme="light", **options):
        browser = request.getfixturevalue(name)
        # Scripts of the test are none of the page's own: its policy would keep axe out.
        context = browser.new_context(
            base_url=url, viewport=viewport, color_scheme=scheme, bypass_csp=True, **options
        )
        contexts.append(context)
        return context.new_page()

    yield page_in
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("browser", "viewport", "scheme", "places"), SCREENS)
def test_axe_sees_nothing_serious(opened, full_url, two_models, browser, viewport, scheme, places):
    page = opened(browser, full_url, viewport, scheme)
    first, second = two_models
    seen = {}
    for place in places:
        page.goto(PLACES[place].format(first=first, second=second))
        if place == "help":
            page.evaluate(SHORTENED)
        seen[place] = grave(page)
    assert not any(seen.values()), seen


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide, light", "phone, dark"]
)
def test_axe_sees_nothing_serious_in_plans_of_retention(opened, planned, viewport, scheme):
    url, plan = planned
    page = opened("chromium", url, viewport, scheme)
    seen = {}
    for place in ("/retention", f"/retention/{plan}", f"/retention/{plan}?show=all"):
        page.goto(place)
        seen[place] = grave(page)
    assert not any(seen.values()), seen


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The address of a server with one plan and one proposal, and the plan's id."""
    folder = tmp_path_factory.mktemp("retention")
    (folder / "models").mkdir()
    with opened_yard(folder) as parts:
        yard = Yard(str(folder / "models"), *parts)
        for version in (1, 2, 3):
            yard.model("fraud", version)
        yard.put("copy/model.safetensors", yard.contents()["fraud-1/model.safetensors"])
        yard.declare(writable=True)
        yard.crawl(hash_weights=True)
        plan = yard.plan(name="old ones")
        services = open_services(yard.settings)
        app = create_app(yard.settings, services)
        with running(app, threads=4) as url:
            yield url, plan.id
        app.extensions["modeldex-es"].close()
        close_services(services)


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide, light", "phone, dark"]
)
def test_axe_sees_nothing_serious_where_people_sign_in(opened, house, viewport, scheme):
    with running(house.app, threads=4) as url:
        page = opened("chromium", url, viewport, scheme)
        page.goto("/sign-in")
        seen = {"sign in": grave(page)}
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill("not this one")
        follow(page, page.get_by_role("button", name="Sign in"))
        assert page.get_by_role("alert").count() == 1
        seen["signed in wrongly"] = grave(page)
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        with arriving(page, "**/"):
            page.get_by_role("button", name="Sign in").click()
        for place in ("account", "audit", "users"):
            page.goto(ACCOUNT_PLACES[place])
            seen[place] = grave(page)
        page.goto(ACCOUNT_PLACES["account"])
        page.get_by_label("New token for").fill("notebook")
        follow(page, page.get_by_role("button", name="Make a token"))
        assert page.get_by_text("not shown again").is_visible()
        seen["a token"] = grave(page)
    assert not any(seen.values()), seen


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_the_box_is_a_combobox_that_keys_alone_lead_through(opened, full_url, browser):
    page = opened(browser, full_url)
    page.goto("/")
    box = page.get_by_role("combobox", name="Search models")
    box.fill("framework:py")  # letter by letter, a slow machine offers something in between
    offered = page.get_by_role("option")
    expect(offered.first).to_be_visible()
    assert box.get_attribute("aria-expanded") == "true"
    first = offered.first.get_attribute("id")
    box.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", first)
    assert offered.first.get_attribute("aria-selected") == "true"
    box.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    assert box.get_attribute("aria-activedescendant") in {None, ""}
    assert box.input_value() == "framework:py"
    box.evaluate(
        "box => box.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', isComposing: true }))"
    )
    box.evaluate("box => box.dispatchEvent(new InputEvent('input', { isComposing: true }))")
    box.press("t")
    expect(page.locator('#suggestions [data-text="framework:pytorch"]')).to_be_visible()
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("framework:pytorch")
    with arriving(page, "**q=framework*"):
        box.press("Enter")
    assert 0 < total(page) < 20_000


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_nothing_is_asked_for_in_the_middle_of_a_composition(opened, full_url, browser):
    """What was typed just before it was sent, and suggested for, while characters were being chosen."""
    page = opened(browser, full_url)
    page.clock.install(time=0)
    page.goto("/")
    page.clock.pause_at(3_600_000)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    box = page.locator("#q")
    box.press_sequentially("acc")
    box.dispatch_event("compositionstart")
    page.clock.run_for(5_000)
    assert asked == []
    box.dispatch_event("compositionend")
    page.clock.run_for(5_000)
    expect(page.locator("#suggestions [role=option]").first).to_be_visible()
    asked.clear()
    bound = page.locator("#size-low")
    bound.press_sequentially("1")
    bound.dispatch_event("compositionstart")
    page.clock.run_for(5_000)
    assert asked == []
    with arriving(page, "**size=*"):
        bound.dispatch_event("compositionend")
        page.clock.run_for(5_000)


def total(page):
    return int(re.sub(r"\D", "", page.locator("h1.total b").inner_text()))


@pytest.mark.parametrize(
    ("browser", "scripts"),
    [("chromium", True), ("chromium", False), ("firefox", True), ("firefox", False)],
    ids=["chromium", "chromium without JavaScript", "firefox", "firefox without JavaScript"],
)
def test_a_search_is_typed_refined_saved_reopened_tabled_plotted_and_compared(
    opened, full_url, browser, scripts
):
    name = f"tokens in {browser}, {'with' if scripts else 'without'} scripts"
    page = opened(browser, full_url, java_script_enabled=scripts)
    if not scripts:
        # By BiDi a context of Firefox takes no notice of `java_script_enabled`; the policy allows no script but these.
        page.route("**/*.js*", lambda route: route.abort())
    page.goto("/")
    assert page.locator("html.js").count() == scripts
    page.fill("#q", "best token classification")
    with arriving(page, "**q=best*"):
        page.press("#q", "Enter")
    everything = total(page)
    option = page.locator('[data-facet="framework"] .option:not(.idle)').first
    with arriving(page, "**framework=**"):
        option.locator("input").check()
        if not scripts:
            page.locator(".apply .plain").click()
    assert page.locator('[data-facet="framework"] .option input[checked]').count() == 1
    refined = total(page)
    assert 0 < refined < everything
    page.locator("#save > summary").click()
    page.fill("#save-name", name)
    with arriving(page, "**/saved/*"):
        page.locator("#save form button").click()
    page.goto("/saved")
    follow(page, page.get_by_role("link", name=name, exact=True))
    follow(page, page.get_by_role("link", name="Open the search"))
    assert total(page) == refined
    follow(page, page.get_by_role("link", name="Table", exact=True))
    assert page.locator(".results-table tbody tr").count() == 20
    follow(page, page.get_by_role("link", name="Plot", exact=True))
    assert page.locator(".plot circle.mark").first.is_visible()
    follow(page, page.get_by_role("link", name="List", exact=True))
    ticks = page.locator(".row .pick input")
    ticks.nth(0).check()
    ticks.nth(1).check()
    with arriving(page, "**/compare?ids=*"):
        page.locator("#compare [type=submit]").click()
    assert page.get_by_role("table").first.locator("thead th").count() == 2
