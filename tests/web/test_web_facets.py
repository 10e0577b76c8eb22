"""Facets of the page: one order, no vanishing, real checkboxes, and a form that sends each choice once."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode

import pytest


class Form(HTMLParser):
    """What a browser sends for the search form when its button is pressed."""

    def __init__(self, text):
        super().__init__()
        self.sent = []
        self.disabled = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        if tag != "input" or not known.get("name") or "search" not in {known.get("form"), known.get("type")}:
            return
        if "disabled" in known:
            self.disabled.append((known["name"], known["value"]))
        elif known.get("type") != "checkbox" or "checked" in known:
            self.sent.append((known["name"], known.get("value", "")))


def fields(web, address):
    page = web.get(f"/api/search?{address}").json
    return [facet["field"] for facet in page["facets"]]


SEARCHES = [
    "q=zzzznothing&lenient=true",
    "task=text-classification",
    "framework=onnx&license=mit",
    "q=accuracy%3E0.9",
    "parameters=1B..2B",
]


@pytest.mark.parametrize("address", SEARCHES)
def test_facets_keep_their_order_and_none_vanishes_whatever_is_asked(web, address):
    everything = [name for name in fields(web, "") if not name.startswith("metrics.")]
    assert [name for name in fields(web, address) if not name.startswith("metrics.")] == everything


def test_the_metric_that_leads_has_a_facet_behind_the_task_without_typing(web):
    names = fields(web, "")
    assert names[0] == "task"
    assert names[1].startswith("metrics.")


@pytest.mark.parametrize(
    ("address", "metric"),
    [
        ("sort=-f1", "f1"),
        ("q=bleu%3E1", "bleu"),
        ("task=token-classification", "f1"),
        ("accuracy=0.5..1", "accuracy"),
    ],
)
def test_the_metric_that_leads_is_the_one_asked_for_else_that_of_the_task(web, address, metric):
    assert fields(web, address)[1] == f"metrics.{metric}"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "q=bert&task=text-classification&task=token-classification&license=(none)",
        "parameters=1M..*&accuracy=0.5..0.9&sort=-accuracy&per_page=50",
        "parameters=110M",
        "parameters=(none)&tags=nothing+has+it",
        "parameters=1..2&parameters=1M..2B",
    ],
)
def test_what_the_form_sends_is_the_search_that_it_shows(web, address):
    """Without JavaScript a choice is carried by its checkbox or input alone, everything else by a hidden field."""
    page = web.get(f"/?{address}")
    sent = [(name, value) for name, value in Form(page.text).sent if value]
    again = web.get(f"/?{urlencode(sent)}", follow_redirects=True)
    expected, found = (web.get(f"/api/search?{query}").json for query in (address, _query(again)))
    assert found["total"] == expected["total"]
    assert {chip["label"] for chip in found["chips"]} >= {
        chip["label"] for chip in expected["chips"] if chip["kind"] == "selection"
    }
    names = [name for name, _ in sent if not name.endswith((".low", ".high"))]
    assert len(set(sent)) == len(sent), names


def _query(response):
    text = response.request.query_string.decode()
    pairs = [(name, value) for name, value in parse_qsl(text) if name != "sort" or value]
    return urlencode(pairs)


def test_a_value_that_nothing_here_has_is_shown_and_cannot_be_chosen(web):
    address = "task=text-classification&q=bert"
    page = web.get(f"/?{address}")
    form = Form(page.text)
    idle = [value for name, value in form.disabled if name == "framework"]
    assert idle
    assert ("framework", "pytorch") not in form.disabled
    options = next(
        facet["options"]
        for facet in web.get(f"/api/search?{address}").json["facets"]
        if facet["field"] == "framework"
    )
    assert {option["value"] for option in options if not option["count"]} == set(idle)


def test_a_search_without_results_shows_the_filters_that_are_chosen_or_would_find_something(web):
    """All filters stood there, each value of them with a zero, beside a sentence that nothing matches."""
    assert "data-facet" not in web.get("/?q=zzzznothing").text
    text = web.get("/?q=zzzznothing&framework=onnx").text
    assert re.findall('data-facet="([^"]*)"', text) == ["framework"]
    assert ("framework", "onnx") in Form(text).sent


def test_the_lack_of_a_value_looks_the_same_in_every_facet(web):
    """Where the text chose a value, the facet's own *none* stood upright among the others' italics."""
    text = web.get("/?q=task:text-classification+license:mit+framework:pytorch").text
    assert '<span class="option idle none">' in text
    lacking = [item for item in re.findall(r"<li>.*?</li>", text, re.DOTALL) if "<bdi>none</bdi>" in item]
    assert len(lacking) > 3
    assert [
        item for item in lacking if "none" not in re.search(r'class="(option[^"]*)"', item)[1].split()
    ] == []


def test_the_bars_of_a_histogram_stay_where_they_are(web):
    """The scale is that of the catalog: what is asked changes heights, never places."""

    def scale(address):
        facets = web.get(f"/api/search?{address}").json["facets"]
        ranges = [facet for facet in facets if facet["kind"] != "terms"]
        return {
            facet["field"]: [option["value"] for option in facet["options"] if option["value"] != "(none)"]
            for facet in ranges
        }

    everything, little = scale(""), scale("task=text-classification")
    shared = everything.keys() & little.keys()
    assert len(shared) >= 3
    assert {name: little[name] for name in shared} == {name: everything[name] for name in shared}


def test_sizes_below_a_histogram_have_their_unit(web):
    """500 stood between 0 and 200kB."""
    chart = re.search(r'data-brush="size".*?class="ticks"[^>]*>(.*?)</p>', web.get("/").text, re.DOTALL)
    ticks = re.findall(r"<span>(.*?)</span>", chart[1])
    assert len(ticks) > 1
    assert all(re.fullmatch(r"[\d.]+ [kMGTPE]?B\+?", tick) for tick in ticks)


@pytest.mark.parametrize(
    ("field", "code", "word"),
    [("language", "en", "English"), ("risk_kinds", "code-execution", "runs code"), ("status", "ok", "read")],
)
def test_values_that_are_codes_go_by_their_names(web, field, code, word):
    facet = next(one for one in web.get("/api/search").json["facets"] if one["field"] == field)
    assert {option["value"]: option["label"] for option in facet["options"]}[code] == word
    assert f"<bdi>{word}</bdi>" in web.get(f"/?view=table&columns={field}").text


def test_licences_can_be_chosen_by_what_they_ask(web):
    page = web.get("/api/search?license_kind=permissive").json
    assert 0 < page["total"] < page["catalog_size"]
    assert {row["document"]["license"].casefold() for row in page["results"]} <= {
        "apache-2.0",
        "bsd-3-clause",
        "cc-by-4.0",
        "mit",
    }
    assert web.get("/api/search?q=license_kind:permissive").json["total"] == page["total"]


def test_a_search_with_many_chosen_fields_is_still_answered(web):
    """Every chosen field brings counts of its own, and engines count only so many at once."""
    from mappings import fields as table

    chosen = [name for name, row in table().items() if row.searchable and row.type != "flattened"][:60]
    address = urlencode([(name, "1") for name in chosen])
    assert web.get(f"/?{address}").status_code == 200


def test_a_folder_is_chosen_with_all_that_lies_below_it(web):
    """Every folder above a model counts it, in the writing of the path; the number is what the click finds."""
    page = web.get("/api/search").json
    facet = next(facet for facet in page["facets"] if facet["field"] == "folders")
    options = {option["value"]: option for option in facet["options"]}
    assert "models" in options
    for value in list(options)[:3]:
        chosen = web.get("/api/search?" + urlencode({"folders": value})).json
        below = web.get("/api/search?" + urlencode({"q": f'path:"{value}"'})).json
        assert chosen["total"] == options[value]["count"] == below["total"] > 0


@pytest.mark.parametrize("parameters", ["nonsense=1", "as_of=2020-01-01", "parameters=abc", "sort=nothing"])
def test_values_for_programs_are_refused_where_a_parameter_is_not_understood(web, parameters):
    """What was not understood was left out in silence: the values counted were those of more models, or of today."""
    refused = web.get(f"/api/v1/facets/task?prefix=text&{parameters}")
    assert refused.status_code == 400
    assert refused.json["error"]["detail"]
    lenient = web.get(f"/api/v1/facets/task?prefix=text&{parameters}&lenient=true")
    counts = [
        {row["value"]: row["count"] for row in answer.json["values"]}
        for answer in (lenient, web.get("/api/v1/facets/task?prefix=text"))
    ]
    assert counts[0] == counts[1] != {}


def test_values_of_a_hyper_parameter_are_listed_by_its_own_name(web):
    """Any field's values could be listed, but not those of a hyper-parameter."""
    answer = web.get("/api/v1/facets/hyperparameters.max_grad_norm").json
    assert (answer["label"], [row["count"] > 0 for row in answer["values"]]) == ("max_grad_norm", [True])
    assert "max_grad_norm" in web.get("/values/hyperparameters.max_grad_norm").text
    assert web.get("/values/hyperparameters").status_code == 404
