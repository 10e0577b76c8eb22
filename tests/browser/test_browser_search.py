"""Searching as a person does: typing, clicking, going back; with and without JavaScript, wide and on a phone."""

import json
import re
import time

import pytest
from fixtures.browsing import arriving, expect, follow
from fixtures.shelf import model_documents

FIRST = model_documents()[0]["id"]
PAGES = [
    "/",
    "/?q=bert+accuracy%3E0.5",
    "/?q=zzzznothing",
    "/?q=acuracy%3E1",
    "/?view=table",
    "/?view=plot&color=task",
    f"/compare?ids={FIRST},{model_documents()[1]['id']}",
    f"/models/{FIRST}",
    "/runs",
    "/help",
]


def total(page):
    found = re.search(r"([\d,]+) models?", page.locator("h1.total").inner_text())
    return int(found[1].replace(",", ""))


def chosen(page):
    return page.locator(".option:has(input[checked])")


def test_typing_a_search_finds_models_and_changes_the_address(wide):
    wide.goto("/")
    everything = total(wide)
    wide.fill("#q", "sentiment bert")
    with arriving(wide, "**/?q=sentiment+bert"):
        wide.press("#q", "Enter")
    assert 0 < total(wide) < everything
    assert wide.locator("mark").count() > 0
    assert wide.locator(".chip").count() > 0


def test_a_facet_click_keeps_its_alternatives_and_its_count_becomes_the_total(wide):
    wide.goto("/")
    option = wide.locator('[data-facet="framework"] .option').first
    label = option.locator(".text").inner_text()
    count = int(re.sub(r"\D", "", option.locator(".count").inner_text()))
    before = wide.locator('[data-facet="framework"] .option').count()
    follow(wide, option)
    assert total(wide) == count
    assert label in chosen(wide).first.inner_text()
    assert wide.locator('[data-facet="framework"] .option').count() == before


def test_back_returns_to_the_search_before(wide):
    wide.goto("/")
    everything = total(wide)
    heading = wide.locator("h1.total").inner_text()
    follow(wide, wide.locator('[data-facet="framework"] .option').first)
    assert total(wide) < everything
    wide.go_back()
    expect(wide.locator("h1.total")).to_have_text(heading)
    assert chosen(wide).count() == 0
    wide.go_forward()
    expect(chosen(wide)).to_have_count(1)


def test_a_stroke_across_the_bars_of_a_histogram_sets_both_bounds(wide):
    wide.goto("/")
    everything = total(wide)
    chart = wide.locator('[data-facet="parameters"] .histogram').bounding_box()
    with arriving(wide, re.compile(r"parameters=.+\.\.")):
        wide.mouse.move(chart["x"] + chart["width"] * 0.4, chart["y"] + 20)
        wide.mouse.down()
        wide.mouse.move(chart["x"] + chart["width"] * 0.7, chart["y"] + 22, steps=5)
        wide.mouse.up()
    assert wide.locator(".chip").count() > 0
    assert 0 < total(wide) < everything
    assert wide.input_value("#parameters-low") != ""
    assert wide.input_value("#parameters-high") != ""


def test_bars_of_a_histogram_are_reached_and_chosen_with_keys(wide):
    wide.goto("/")
    second = wide.locator('[data-facet="parameters"] .histogram a').nth(1)
    wide.locator('[data-facet="parameters"] .histogram a[tabindex="0"]').focus()
    wide.keyboard.press("ArrowRight")
    expect(second).to_be_focused()
    label = second.get_attribute("aria-label")
    with arriving(wide, re.compile(r"parameters=")):
        wide.keyboard.press("Enter")
    assert wide.locator(".chip").count() > 0
    assert total(wide) == int(re.search(r": ([\d,]+) model", label)[1])


def test_focus_stays_on_the_facet_that_was_clicked(wide):
    wide.goto("/")
    option = wide.locator('[data-facet="framework"] .option input').first
    key = option.get_attribute("data-key")
    option.focus()
    with arriving(wide):
        wide.keyboard.press("Space")
    assert chosen(wide).count() == 1
    assert wide.evaluate("document.activeElement.dataset.key") == key


def test_the_number_of_models_is_announced_politely(wide):
    wide.goto("/")
    assert wide.locator("#live").inner_text() == ""
    follow(wide, wide.locator('[data-facet="framework"] .option').first)
    assert re.fullmatch(r"[\d,]+ models?", wide.locator("#live").inner_text())
    assert wide.locator("#live").get_attribute("aria-live") == "polite"


def test_a_bound_that_is_typed_applies_itself(wide):
    wide.goto("/")
    everything = total(wide)
    with arriving(wide, re.compile(r"parameters=1")):
        wide.fill("#parameters-low", "1B")
    assert wide.locator(".chip").count() > 0
    assert total(wide) < everything
    assert wide.evaluate("document.activeElement.id") == "parameters-low"


def test_sorting_applies_itself(wide):
    wide.goto("/")
    with arriving(wide, "**/?sort=name"):
        wide.select_option("#sort", "name")


def test_columns_that_nobody_chose_are_not_sent(wide):
    """They were in the address after any step, and stayed when another metric led what was found."""
    wide.goto("/?view=table")
    with arriving(wide, "**sort=name"):
        wide.select_option("#sort", "name")
    assert "columns" not in wide.url


def test_the_link_back_leads_to_the_results_as_they_were_left(wide):
    """It led to their top."""
    wide.goto("/")
    wide.locator(".row h2 a").last.scroll_into_view_if_needed()
    expect(wide.locator(".row h2 a").last).to_be_in_viewport()
    left = wide.evaluate("window.scrollY")
    follow(wide, wide.locator(".row h2 a").last)
    follow(wide, wide.locator("[data-results] a"))
    expect(wide.locator(".row h2 a").last).to_be_in_viewport()
    assert wide.evaluate("window.scrollY") == left > 0


def test_slash_goes_to_the_box_but_not_while_typing(wide):
    wide.goto("/")
    wide.keyboard.press("/")
    expect(wide.locator("#q")).to_be_focused()
    wide.keyboard.type("a/b")
    expect(wide.locator("#q")).to_have_value("a/b")


def test_the_box_offers_names_and_values_while_one_types(wide):
    wide.goto("/")
    box = wide.locator("#q")
    box.fill("bert task:text-cl")  # letter by letter, a slow machine offers something in between
    offered = wide.locator('#suggestions [data-text="bert task:text-classification"]')
    expect(offered).to_be_visible()
    assert box.get_attribute("aria-expanded") == "true"
    place = offered.get_attribute("id")
    box.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", place)
    box.press("Enter")
    expect(box).to_have_value("bert task:text-classification")
    assert box.get_attribute("aria-expanded") == "false"


def test_escape_closes_what_the_box_offers_and_leaves_the_text(wide):
    wide.goto("/")
    box = wide.locator("#q")
    box.fill("task:")
    expect(wide.locator("#suggestions [role=option]").first).to_be_visible()
    box.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    assert not wide.locator("#suggestions").is_visible()
    assert box.input_value() == "task:"
    assert wide.evaluate("document.activeElement.id") == "q"


def test_a_menu_ends_with_escape_and_with_a_click_beside_it(wide):
    """It stayed open over the results, and two of them over each other."""
    wide.goto("/")
    wide.locator("#export > summary").click()
    expect(wide.locator("#export ul")).to_be_visible()
    wide.keyboard.press("Escape")
    expect(wide.locator("#export > summary")).to_be_focused()
    assert not wide.locator("#export ul").is_visible()
    wide.locator("#export > summary").click()
    wide.locator("#save > summary").click()
    expect(wide.locator("#save-name")).to_be_visible()
    assert not wide.locator("#export ul").is_visible()


def test_a_form_is_sent_once_however_often_its_button_is_pressed(wide):
    """A double click made two of what was asked for once."""
    sent = []
    wide.goto("/")
    wide.route("**/saved", lambda route: (sent.append(route.request.method), route.fulfill(status=204)))
    wide.locator("#save > summary").click()
    wide.fill("#save-name", "once")
    with wide.expect_response("**/saved"):
        wide.dblclick("#save button")
    expect(wide.locator("#save form")).to_have_attribute("data-sent", "yes")
    wide.unroute("**/saved")
    assert sent == ["POST"]


@pytest.mark.parametrize("address", ["/?view=table", PAGES[6]], ids=["found", "compared"])
def test_the_heads_of_a_table_stay_on_top_of_their_columns(wide, address):
    """Further down nobody could tell what a value is, or whose."""
    wide.goto(address)
    wide.locator(".fits tbody").last.locator("tr").last.scroll_into_view_if_needed()
    expect(wide.locator(".fits thead th").last).to_be_in_viewport()


def test_models_ticked_on_two_pages_are_compared_together(wide):
    """Whoever looked at a model before they compared had lost what they had ticked on other pages."""
    wide.goto("/")
    wide.locator(".pick input").first.check()
    with arriving(wide, "**/?page=2"):
        wide.locator(".paging a[rel=next]").click()
    wide.locator(".pick input").first.check()
    expect(wide.locator("#compare [type=submit]")).to_have_text("Compare 2")
    follow(wide, wide.locator(".row h2 a").first)
    wide.go_back()
    expect(wide.locator("#compare [type=submit]")).to_have_text("Compare 2")
    wide.locator("#compare [type=reset]").click()
    expect(wide.locator(".pick input").first).to_be_focused()
    wide.locator(".pick input").first.check()
    expect(wide.locator("#compare [type=submit]")).to_have_text(
        "Compare 1"
    )  # that of the other page is gone, too
    wide.locator(".pick input").nth(1).check()
    expect(wide.locator("#compare [type=submit]")).to_have_text("Compare 2")
    with arriving(wide, "**/compare?ids=*"):
        wide.locator("#compare [type=submit]").click()
    assert wide.locator("[aria-label='Models side by side'] thead th").count() == 2
    wide.evaluate("sessionStorage.clear()")  # the tab is that of other tests, too


def a_column(page):
    """Opens the columns, and gives one that is not shown, by its name.

    "The first that is not ticked" is another one as soon as it is ticked: Playwright, which looks again where the page is
    replaced before it is sure, would tick that, too.
    """
    page.locator("#columns > summary").click()
    expect(page.locator("#columns")).to_have_attribute("open", "")
    key = page.locator("#columns input[type=checkbox]:not(:checked)").first.get_attribute("data-key")
    return page.locator(f'#columns input[data-key="{key}"]')


def test_a_column_that_is_ticked_appears_and_stays_in_the_address(wide):
    """What was typed was once gone before it was sent: the test ticked two columns, and the table of the second came late."""
    wide.goto("/?view=table")
    column = a_column(wide)
    with arriving(wide, "**columns=**"):
        column.check()
    before = wide.locator(".results-table thead th").count()
    with arriving(wide, "**owner**"):
        wide.fill("#another", "owner")
        wide.press("#another", "Enter")
    assert wide.locator(".results-table thead th").count() == before + 1
    assert wide.locator("#columns").get_attribute("open") is not None


def column_order(page):
    return page.locator("[data-column]").evaluate_all("heads => heads.map((head) => head.dataset.column)")


def test_a_column_is_moved_with_keys_and_by_its_head(wide):
    wide.goto("/?view=table&columns=task,size,owner")
    wide.locator("#columns > summary").press("Enter")
    expect(wide.locator("#columns")).to_have_attribute("open", "")
    arrow = wide.get_by_role("link", name="Move Task right")
    for columns in ("size,task,owner", "size,owner,task"):
        with arriving(wide, f"**columns={columns.replace(',', '%2C')}**"):
            arrow.press("Enter")
        expect(arrow).to_be_focused()
    expect(wide.locator("#live")).to_have_text("Task is column 3 of 3")
    assert column_order(wide) == ["size", "owner", "task"]
    head = wide.locator("[data-column=task]")
    with arriving(wide, "**columns=task**"):
        head.drag_to(wide.locator("[data-column=size]"))
    assert column_order(wide) == ["task", "size", "owner"]
    wide.go_back()
    expect(wide.locator("[data-column]").first).to_have_attribute("data-column", "size")


def test_what_is_typed_while_an_answer_is_fetched_stays(wide):
    """Whoever ticked one column and typed the next at once lost what was typed when the table came, or got half of it as a
    column; so did the box, a list that was narrowed, and the place in the text.
    """
    wide.goto("/?view=table")
    column = a_column(wide)
    label = column.evaluate("field => field.closest('label').textContent.trim()")
    wide.locator("#columns .narrow").fill(label)
    wide.locator("#another").press_sequentially("ow")
    wide.route("**columns=**", lambda route: (time.sleep(0.5), route.continue_()))
    with arriving(wide, "**columns=**"):
        column.check()
        wide.locator("#q").press_sequentially("bert")
        wide.locator("#another").press("End")
        wide.locator("#another").press_sequentially("ner")
        wide.locator("#another").press("Home")
    expect(wide.locator("#another")).to_have_value("owner")
    expect(wide.locator("#another")).to_be_focused()
    assert wide.evaluate("document.activeElement.selectionStart") == 0
    assert wide.input_value("#columns .narrow") == label
    assert wide.input_value("#q") == "bert"
    assert "columns=ow" not in wide.url


def as_of_a_running_crawl(page, poll_ms):
    """Pages of results come anew by themselves, as while a crawl runs."""
    running = f'<div class="banner running" data-poll="{poll_ms}"></div><div class="columns">'

    def running_page(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('<div class="columns">', running, 1))

    page.route(re.compile(r"/(\?[^/]*)?$"), running_page)


def test_a_page_that_comes_anew_leaves_the_focus_where_it_is(wide):
    """Whoever had come by keys to "5 more" was led to the number of models, every three seconds of a crawl."""
    as_of_a_running_crawl(wide, 300)
    wide.goto("/")
    wide.evaluate("document.getElementById('page').dataset.old = 'yes'")
    summary = wide.locator("details.more > summary").first
    summary.focus()
    expect(wide.locator("#page:not([data-old])")).to_be_visible()
    expect(summary).to_be_focused()
    wide.unroute_all()


def test_a_tick_does_not_wait_for_a_page_that_comes_anew_by_itself(wide):
    """Where the server was slow to send the page anew, a filter did nothing until it had."""
    as_of_a_running_crawl(wide, 300)
    wide.goto("/")
    held = []

    def hold(route):
        held.append(route)

    with wide.expect_request(re.compile(r"/$")):  # from before the first that is held: no second one comes
        wide.route(re.compile(r"/$"), hold)
    follow(wide, wide.locator('[data-facet="framework"] .option').first)
    assert chosen(wide).count() == 1
    wide.unroute_all(behavior="ignoreErrors")  # the page may just be coming anew once more


def test_the_box_offers_nothing_where_no_suggestions_come(wide):
    """A proxy whose session had ended sent its own page, which was no JSON: an error that nobody caught."""
    wide.goto("/")
    wide.route("**/suggest?**", lambda route: route.fulfill(content_type="text/html", body="<p>Sign in</p>"))
    with wide.expect_response("**/suggest?**"):
        wide.locator("#q").press_sequentially("fram")
    expect(wide.locator("#q")).to_have_value("fram")
    assert wide.locator("#suggestions").is_hidden()
    wide.unroute_all()


def test_the_page_of_health_follows_what_happens_and_keeps_what_is_open(wide, complaints):
    """Once somebody had opened what a run tells, the page stood still for as long as they did nothing else; and with a
    server that was away it stood still without a word.
    """
    wide.clock.install()
    wide.goto("/health")
    wide.evaluate("document.getElementById('health').dataset.old = 'yes'")
    summary = wide.locator("#health details[id] > summary").first
    summary.click()
    expect(wide.locator("#health details[id][open]")).to_have_count(1)
    wide.clock.run_for(16_000)
    expect(wide.locator("#health:not([data-old])")).to_be_visible()
    expect(summary).to_be_focused()
    expect(wide.locator("#health details[id][open]")).to_have_count(1)
    wide.route("**/health", lambda route: route.abort())
    wide.clock.run_for(16_000)
    expect(wide.locator("#live")).to_contain_text("does not answer")
    wide.unroute("**/health")
    wide.clock.run_for(16_000)
    expect(wide.locator("#health:not(.away)")).to_be_visible()
    assert [text for text in complaints if "Failed to load resource" not in text] == []
    complaints.clear()


def test_a_page_stays_as_it_was_while_the_server_is_away(wide, complaints):
    """The page was left for the browser's own about a server that does not answer."""
    wide.goto("/")
    everything = wide.locator("h1.total").inner_text()
    key = wide.locator('[data-facet="framework"] .option input').first.get_attribute("data-key")
    wide.fill("#q", "bert")
    wide.route("**/?*framework=*", lambda route: route.abort())
    wide.locator(f'input[data-key="{key}"]').check()
    expect(wide.locator("#trouble")).to_contain_text("does not answer")
    expect(wide.locator("#trouble")).to_be_in_viewport()  # it was said above, where the results begin
    assert wide.locator("h1.total").inner_text() == everything
    assert wide.input_value("#q") == "bert"
    wide.unroute("**/?*framework=*")
    with arriving(wide, "**framework=**"):
        wide.locator("#trouble a").click()
    assert total(wide) > 0
    wide.route("http://*/", lambda route: route.abort())
    wide.go_back()
    expect(wide.locator("#trouble")).to_contain_text("still the page before, not the one of the address")
    assert "framework" not in wide.url
    wide.unroute("http://*/")
    wide.go_forward()  # to the address of what is shown
    expect(wide.locator("#page:not(:has(#trouble))")).to_be_visible()
    assert [text for text in complaints if "Failed to load resource" not in text] == []
    complaints.clear()


def test_back_shows_the_search_before_in_the_field_that_has_the_focus(wide):
    """The box said one search and the page showed another."""
    wide.goto("/?q=bert")
    with arriving(wide, "**/?q=llama"):
        wide.fill("#q", "llama")
        wide.press("#q", "Enter")
    wide.go_back()
    expect(wide.locator("#q")).to_have_value("bert")
    wide.go_forward()
    expect(wide.locator("#q")).to_have_value("llama")
    with arriving(wide, "**parameters=1**"):
        wide.fill("#parameters-low", "1000")
    expect(wide.locator("#parameters-low")).to_have_value("1000")  # and not as the address spells it
    wide.go_back()
    expect(wide.locator(".chip")).to_have_count(1)
    assert wide.input_value("#parameters-low") == ""


def test_the_link_past_the_head_leads_to_the_results_and_fetches_nothing(wide):
    """The results were fetched anew, and the next Tab began before them."""
    wide.goto("/")
    wide.evaluate("document.querySelector('#page').dataset.same = 'yes'")
    wide.keyboard.press("Tab")
    with arriving(wide, "**#content"):
        wide.keyboard.press("Enter")
    wide.keyboard.press("Tab")
    expect(wide.locator("#content :focus")).to_have_count(1)
    assert wide.locator("#page[data-same]").count() == 1


def test_the_next_page_is_read_from_where_its_results_begin(wide):
    """The focus was lost with the link that was followed."""
    wide.goto("/")
    wide.locator(".paging a[rel=next]").focus()
    with arriving(wide, "**page=2"):
        wide.keyboard.press("Enter")
    expect(wide.locator("h1.total")).to_be_focused()


def test_the_first_tab_leads_past_the_head_of_the_page(wide):
    wide.goto("/")
    wide.keyboard.press("Tab")
    expect(wide.locator("a.skip")).to_be_focused()


def test_a_chip_takes_its_condition_away(wide):
    wide.goto("/?q=bert+accuracy%3E0.5")
    narrow = total(wide)
    with arriving(wide, lambda url: "accuracy" not in url):
        wide.locator(".chip a").last.click()
    assert total(wide) >= narrow
    assert "accuracy" not in wide.input_value("#q")


def test_a_clicked_fix_mends_the_query(wide):
    wide.goto("/?q=acuracy%3E0.5")
    assert wide.locator(".problem u").count() == 1
    follow(wide, wide.locator(".fixes a").first)
    assert wide.locator(".problem").count() == 0
    assert total(wide) > 0


def test_the_page_of_a_model_says_why(wide):
    wide.goto(f"/models/{FIRST}")
    wide.locator(".why.conflict summary").first.click()
    panel = wide.locator(".why.conflict .panel").first
    expect(panel).to_be_visible()
    assert "README.md" in panel.inner_text()
    assert "percent ÷ 100" in panel.inner_text()
    assert "0.91" in panel.inner_text()


@pytest.mark.parametrize("address", PAGES)
def test_nothing_on_a_page_offends_its_policy(wide, address):
    """The fixture fails on every message of the console, violations of the policy among them."""
    wide.goto(address)
    wide.wait_for_load_state("networkidle")


def test_without_javascript_the_form_and_every_link_work(plain):
    plain.goto("/")
    plain.fill("#q", "accuracy > 0.5")
    follow(plain, plain.locator("form#search button").first)
    narrow = total(plain)
    plain.locator('[data-facet="framework"] .option:not(.idle)').first.click()
    follow(plain, plain.locator(".apply .plain"))
    assert chosen(plain).count() == 1
    assert 0 < total(plain) <= narrow
    assert "accuracy" in plain.input_value("#q")


def test_without_javascript_a_range_is_two_inputs_and_a_clean_address(plain):
    plain.goto("/?q=model")
    everything = total(plain)
    plain.fill("#parameters-low", "1B")
    follow(plain, plain.locator(".bounds button").first)
    assert total(plain) < everything
    assert ".low" not in plain.url
    assert "q=model" in plain.url
    assert plain.input_value("#parameters-low") != ""


def test_without_javascript_the_form_keeps_what_was_chosen(plain):
    plain.goto("/?framework=pytorch")
    plain.fill("#q", "bert")
    follow(plain, plain.locator("form#search button").first)
    assert "framework=pytorch" in plain.url
    assert chosen(plain).count() >= 1


@pytest.mark.parametrize("address", PAGES)
def test_nothing_is_wider_than_a_phone(phone, address):
    phone.goto(address)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("address", ["/", "/?view=table", "/?q=zzzznothing", "/health", "/help"])
def test_what_is_touched_on_a_phone_is_as_high_as_a_fingertip_needs(phone, address):
    """Links of the head and of the first examples, and what opens a part of the page, were lower than 24 pixels."""
    phone.goto(address)
    low = "all => all.filter((one) => one.offsetHeight && one.getBoundingClientRect().height < 24).map((one) => one.outerHTML)"
    assert phone.locator(".menu a, .try a, summary").evaluate_all(low) == []


def test_the_links_of_the_head_stand_in_one_line_on_a_narrow_phone(tab):
    page = tab("chromium", viewport={"width": 360, "height": 800})
    page.goto("/")
    tops = page.locator(".menu a").evaluate_all("links => links.map((link) => link.offsetTop)")
    assert len(set(tops)) == 1


def test_the_sources_of_health_are_read_on_a_phone_without_scrolling_sideways(phone):
    """Two of eight columns were seen."""
    phone.goto("/health")
    assert phone.locator(".scroll:has(> .sources)").evaluate("one => one.scrollWidth - one.clientWidth") == 0
    row = phone.get_by_role("table").get_by_role("row").filter(has=phone.get_by_role("rowheader")).first
    assert row.get_by_role("cell").count() >= 7
    labels = row.locator("[data-label]").evaluate_all("cells => cells.map((cell) => cell.dataset.label)")
    assert phone.get_by_role("columnheader").all_text_contents()[2 : 2 + len(labels)] == labels


def test_the_columns_that_nobody_chose_fit_beside_the_facets_of_a_small_laptop(tab):
    """At 1,280 pixels the last one was cut off at the edge of the window."""
    page = tab("chromium", viewport={"width": 1280, "height": 800})
    page.goto("/?view=table")
    cut = "element => element.scrollWidth - element.clientWidth"
    assert page.locator(".scroll:has(> .results-table)").evaluate(cut) == 0


def test_a_long_name_leaves_room_for_the_values_of_a_model(tab):
    """On a tablet one long name of a hyper-parameter left the values beside it a letter a line."""
    page = tab("chromium", viewport={"width": 700, "height": 900})
    page.goto(f"/models/{FIRST}")
    page.locator(".values-table th[scope=row]").last.evaluate(
        "name => (name.textContent = 'leaf_estimation_'.repeat(9))"
    )
    widths = "cells => cells.map((cell) => cell.getBoundingClientRect().width)"
    assert min(page.locator(".values-table tr[data-row] td:nth-child(2)").evaluate_all(widths)) > 150


def test_on_a_phone_the_filters_wait_behind_one_word(phone):
    phone.goto("/")
    option = phone.locator('[data-facet="framework"] .option').first
    assert not option.is_visible()
    phone.locator("#filters > summary").click()
    expect(option).to_be_visible()


def test_on_a_phone_the_filters_are_a_sheet_that_says_what_it_finds(phone):
    phone.goto("/")
    everything = total(phone)
    phone.locator("#filters > summary").click()
    follow(phone, phone.locator('[data-facet="framework"] .option:not(.idle)').first)
    button = phone.locator(".apply button").first
    assert button.is_visible()
    count = int(re.sub(r"\D", "", button.inner_text()))
    assert 0 < count < everything
    button.click()
    expect(phone.locator("#filters:not([open])")).to_have_count(1)
    assert total(phone) == count


def test_on_a_wide_screen_the_filters_are_simply_there(wide):
    wide.goto("/")
    assert wide.locator('[data-facet="framework"] .option').first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["/?q=bert+accuracy%3E0.5", f"/models/{FIRST}", "/help"])
def test_text_has_contrast(tab, scheme, address):
    """WCAG 2.2, 1.4.3: at least 4.5 to 1 for text of normal size."""
    page = tab("chromium", viewport={"width": 1400, "height": 900}, color_scheme=scheme)
    page.goto(address)
    assert page.evaluate(CONTRAST) == []


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = (color) => {
    const [r, g, b] = [...color].slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("svg, .hidden, .error .code")) continue;
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.add(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return [...poor];
}"""


def test_the_search_is_copied_as_elasticsearch_json(chromium, web_url):
    context = chromium.new_context(base_url=web_url, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto("/?q=task:ner")
    page.click("#query-example summary")
    page.locator("#query-example button").first.click()
    expect(page.locator("#query-example button").first).to_have_text("Copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    found = context.request.post("/es/models/_search", data=copied).json()
    assert found["hits"]["total"] == {"value": total(page), "relation": "eq"}
    context.close()


PAPER = {"width": 1047, "height": 720}
"""A4 across with margins of a centimetre."""


@pytest.mark.parametrize(
    "address",
    [
        "/?view=table&columns=f1,accuracy,params,size,date,license,language,task,framework,dtype,owner,source,path,tags",
        f"/compare?ids={','.join(row['id'] for row in model_documents()[:6])}",
        f"/models/{model_documents()[0]['id']}",
    ],
    ids=["a table of 14 columns", "six models", "a model"],
)
def test_no_column_is_cut_off_on_paper(tab, address):
    """Wide tables were cut at the edge of the sheet, and so was what a cell cut short."""
    page = tab("chromium", viewport=PAPER)
    page.goto(address)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER["width"]
    cut = "[...document.querySelectorAll('th, td')].filter(cell => cell.scrollWidth > cell.clientWidth + 1).length"
    assert page.evaluate(cut) == 0
