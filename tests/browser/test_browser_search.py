"""Searching as a person does: typing, clicking, going back; with and without JavaScript, wide and on a phone."""

import json
import re

import pytest
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
    wide.press("#q", "Enter")
    wide.wait_for_url("**/?q=sentiment+bert")
    assert 0 < total(wide) < everything
    assert wide.locator("mark").count() > 0
    assert wide.locator(".chip").count() > 0


def test_a_facet_click_keeps_its_alternatives_and_its_count_becomes_the_total(wide):
    wide.goto("/")
    option = wide.locator('[data-facet="framework"] .option').first
    label = option.locator(".text").inner_text()
    count = int(re.sub(r"\D", "", option.locator(".count").inner_text()))
    before = wide.locator('[data-facet="framework"] .option').count()
    option.click()
    chosen(wide).first.wait_for()
    assert total(wide) == count
    assert label in chosen(wide).first.inner_text()
    assert wide.locator('[data-facet="framework"] .option').count() == before


def test_back_returns_to_the_search_before(wide):
    wide.goto("/")
    everything = total(wide)
    wide.locator('[data-facet="framework"] .option').first.click()
    chosen(wide).first.wait_for()
    wide.go_back()
    chosen(wide).first.wait_for(state="detached")
    assert total(wide) == everything
    wide.go_forward()
    chosen(wide).first.wait_for()


def test_a_stroke_across_the_bars_of_a_histogram_sets_both_bounds(wide):
    wide.goto("/")
    everything = total(wide)
    chart = wide.locator('[data-facet="parameters"] .histogram').bounding_box()
    wide.mouse.move(chart["x"] + chart["width"] * 0.4, chart["y"] + 20)
    wide.mouse.down()
    wide.mouse.move(chart["x"] + chart["width"] * 0.7, chart["y"] + 22, steps=5)
    wide.mouse.up()
    wide.wait_for_url(re.compile(r"parameters=.+\.\."))
    wide.locator(".chip").first.wait_for()
    assert 0 < total(wide) < everything
    assert wide.input_value("#parameters-low") != ""
    assert wide.input_value("#parameters-high") != ""


def test_bars_of_a_histogram_are_reached_and_chosen_with_keys(wide):
    wide.goto("/")
    wide.locator('[data-facet="parameters"] .histogram a[tabindex="0"]').focus()
    wide.keyboard.press("ArrowRight")
    label = wide.evaluate("document.activeElement.getAttribute('aria-label')")
    wide.keyboard.press("Enter")
    wide.wait_for_url(re.compile(r"parameters="))
    wide.locator(".chip").first.wait_for()
    assert total(wide) == int(re.search(r": ([\d,]+) model", label)[1])


def test_focus_stays_on_the_facet_that_was_clicked(wide):
    wide.goto("/")
    option = wide.locator('[data-facet="framework"] .option input').first
    key = option.get_attribute("data-key")
    option.focus()
    wide.keyboard.press("Space")
    chosen(wide).first.wait_for()
    assert wide.evaluate("document.activeElement.dataset.key") == key


def test_the_number_of_models_is_announced_politely(wide):
    wide.goto("/")
    assert wide.locator("#live").inner_text() == ""
    wide.locator('[data-facet="framework"] .option').first.click()
    chosen(wide).first.wait_for()
    assert re.fullmatch(r"[\d,]+ models?", wide.locator("#live").inner_text())
    assert wide.locator("#live").get_attribute("aria-live") == "polite"


def test_a_bound_that_is_typed_applies_itself(wide):
    wide.goto("/")
    everything = total(wide)
    wide.fill("#parameters-low", "1B")
    wide.wait_for_url(re.compile(r"parameters=1"))
    wide.locator(".chip").first.wait_for()
    assert total(wide) < everything
    assert wide.evaluate("document.activeElement.id") == "parameters-low"


def test_sorting_applies_itself(wide):
    wide.goto("/")
    wide.select_option("#sort", "name")
    wide.wait_for_url("**/?sort=name")


def test_slash_goes_to_the_box_but_not_while_typing(wide):
    wide.goto("/")
    wide.keyboard.press("/")
    assert wide.evaluate("document.activeElement.id") == "q"
    wide.keyboard.type("a/b")
    assert wide.input_value("#q") == "a/b"


def test_the_box_offers_names_and_values_while_one_types(wide):
    wide.goto("/")
    wide.locator("#q").press_sequentially("bert task:text-cl")
    offered = wide.locator('#suggestions [data-text="bert task:text-classification"]')
    offered.wait_for()
    assert wide.get_attribute("#q", "aria-expanded") == "true"
    wide.keyboard.press("ArrowDown")
    assert wide.get_attribute("#q", "aria-activedescendant") == offered.get_attribute("id")
    wide.keyboard.press("Enter")
    assert wide.input_value("#q") == "bert task:text-classification"
    assert wide.get_attribute("#q", "aria-expanded") == "false"


def test_escape_closes_what_the_box_offers_and_leaves_the_text(wide):
    wide.goto("/")
    wide.locator("#q").press_sequentially("task:")
    wide.locator("#suggestions [role=option]").first.wait_for()
    wide.keyboard.press("Escape")
    assert not wide.locator("#suggestions").is_visible()
    assert wide.input_value("#q") == "task:"
    assert wide.evaluate("document.activeElement.id") == "q"


def test_models_ticked_on_two_pages_are_compared_together(wide):
    wide.goto("/")
    wide.locator(".pick input").first.check()
    wide.locator(".paging a[rel=next]").click()
    wide.wait_for_url("**/?page=2")
    wide.locator(".pick input:not(:checked)").first.check()
    assert wide.locator("#compare button").inner_text() == "Compare 2"
    wide.locator("#compare button").click()
    wide.wait_for_url("**/compare?ids=*")
    assert wide.locator("[aria-label='Models side by side'] thead th").count() == 2


def test_a_column_that_is_ticked_appears_and_stays_in_the_address(wide):
    wide.goto("/?view=table")
    wide.locator("#columns > summary").click()
    wide.locator("#columns input[type=checkbox]:not(:checked)").first.check()
    wide.wait_for_url("**columns=**")
    before = wide.locator(".results-table thead th").count()
    wide.fill("#another", "owner")
    wide.press("#another", "Enter")
    wide.wait_for_url("**owner**")
    assert wide.locator(".results-table thead th").count() == before + 1
    assert wide.locator("#columns").get_attribute("open") is not None


def test_the_first_tab_leads_past_the_head_of_the_page(wide):
    wide.goto("/")
    wide.keyboard.press("Tab")
    assert wide.evaluate("document.activeElement.className") == "skip"


def test_a_chip_takes_its_condition_away(wide):
    wide.goto("/?q=bert+accuracy%3E0.5")
    narrow = total(wide)
    wide.locator(".chip a").last.click()
    wide.wait_for_url(lambda url: "accuracy" not in url)
    assert total(wide) >= narrow
    assert "accuracy" not in wide.input_value("#q")


def test_a_clicked_fix_mends_the_query(wide):
    wide.goto("/?q=acuracy%3E0.5")
    wide.locator(".problem u").wait_for()
    wide.locator(".fixes a").first.click()
    wide.locator(".problem").wait_for(state="detached")
    assert total(wide) > 0


def test_the_page_of_a_model_says_why(wide):
    wide.goto(f"/models/{FIRST}")
    wide.locator(".why.conflict summary").first.click()
    panel = wide.locator(".why.conflict .panel").first
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
    plain.locator("form#search button").click()
    narrow = total(plain)
    plain.locator('[data-facet="framework"] .option:not(.idle)').first.click()
    plain.locator(".apply .plain").click()
    assert chosen(plain).count() == 1
    assert 0 < total(plain) <= narrow
    assert "accuracy" in plain.input_value("#q")


def test_without_javascript_a_range_is_two_inputs_and_a_clean_address(plain):
    plain.goto("/?q=model")
    everything = total(plain)
    plain.fill("#parameters-low", "1B")
    plain.locator(".bounds button").first.click()
    assert total(plain) < everything
    assert ".low" not in plain.url
    assert "q=model" in plain.url
    assert plain.input_value("#parameters-low") != ""


def test_without_javascript_the_form_keeps_what_was_chosen(plain):
    plain.goto("/?framework=pytorch")
    plain.fill("#q", "bert")
    plain.locator("form#search button").click()
    assert "framework=pytorch" in plain.url
    assert chosen(plain).count() >= 1


@pytest.mark.parametrize("address", PAGES)
def test_nothing_is_wider_than_a_phone(phone, address):
    phone.goto(address)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_on_a_phone_the_filters_wait_behind_one_word(phone):
    phone.goto("/")
    option = phone.locator('[data-facet="framework"] .option').first
    assert not option.is_visible()
    phone.locator("#filters > summary").click()
    assert option.is_visible()


def test_on_a_phone_the_filters_are_a_sheet_that_says_what_it_finds(phone):
    phone.goto("/")
    everything = total(phone)
    phone.locator("#filters > summary").click()
    phone.locator('[data-facet="framework"] .option:not(.idle)').first.click()
    chosen(phone).first.wait_for()
    button = phone.locator(".apply button").first
    assert button.is_visible()
    count = int(re.sub(r"\D", "", button.inner_text()))
    assert 0 < count < everything
    button.click()
    phone.locator("#filters:not([open])").wait_for()
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
    page.wait_for_function("document.querySelector('#query-example button').textContent === 'Copied'")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    found = context.request.post("/es/models/_search", data=copied).json()
    assert found["hits"]["total"] == {"value": total(page), "relation": "eq"}
    context.close()
