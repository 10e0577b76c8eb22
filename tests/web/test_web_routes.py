"""Every address answers, in HTML and in JSON, whatever is asked of it."""

import dataclasses
import json
import typing
from html import unescape
from html.parser import HTMLParser

import pytest
from fixtures.shelf import model_documents

from webui.api.responses import ANSWERS as ANSWERS_OF_THE_API
from webui.rendering import plain

FIRST = model_documents()[0]["id"]

PAGES = [
    "/",
    "/?q=bert",
    "/?view=table&columns=f1,size",
    "/?view=plot&color=task",
    f"/compare?ids={FIRST},{model_documents()[1]['id']}",
    f"/models/{FIRST}",
    "/health",
    "/runs",
    "/help",
    "/values/task",
    "/values/tags?prefix=n",
]
ANSWERS = [
    "/api/search",
    "/api/search?q=accuracy%3E0.9",
    f"/api/models/{FIRST}",
    f"/api/models?ids={FIRST}",
    "/api/facets/task?prefix=text",
    "/api/runs",
    "/api/v1/runs",
    "/api/v1/sources",
]
BAD_PARAMETERS = [
    "page=99999",
    "page=0",
    "page=-3",
    "page=x",
    "page=" + "9" * 400,
    "per_page=0",
    "per_page=-1",
    "per_page=1000000",
    "per_page=" + "9" * 400,
    "size=0",
    "size=-1",
    "size=1000000",
    "size=abc",
    "q=" + "a" * 10_000,
    "q=" + "(" * 5_000,
    "q=%22unterminated",
    "q=%00%01",
    "q=%ff%fe",
    "sort=nonsense",
    "sort=-,,,--",
    "task=" + "x" * 5_000,
    "nonsense=1",
    "__proto__=1",
    "parameters=abc..def",
    "parameters=70B..7B",
    "parameters.low=x&parameters.high=",
    "parameters=" + "9" * 500,
    "best_date=2024-13-45..x",
    "metrics.accuracy=..",
    "task=a%2Cb%3A%22c%22",
    "&".join(f"task={number}" for number in range(2_000)),
    "q=acuracy%3E0.9",
    "q=params:70B..7B",
    "q=C%2B%2B",
    "q=path:/data/x",
    "q=s3://b/k",
    "q=%F0%9F%A4%96%20%D7%A9%D7%9C%D7%95%D7%9D",
]


@pytest.mark.parametrize("address", PAGES)
def test_every_page_is_html_with_a_search_box(web, address):
    answer = web.get(address)
    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    assert 'name="q"' in answer.text


@pytest.mark.parametrize("address", ANSWERS)
def test_every_answer_is_strict_json(web, address):
    answer = web.get(address)
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    json.loads(answer.text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


@pytest.mark.parametrize("parameters", BAD_PARAMETERS, ids=lambda text: text[:40])
@pytest.mark.parametrize("path", ["/?", "/api/search?lenient=true&"])
def test_no_parameter_makes_the_search_fail(web, path, parameters):
    answer = web.get(f"{path}{parameters}", follow_redirects=True)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/api/search", "/api/export.ndjson", "/api/export.csv"])
@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ("nonsense=1", "nonsense"),
        ("q=size%3Ebig", "big"),
        ("sort=nonsense", "nonsense"),
        ("q=%2Fber.*%2F", "ber.*"),
        ("q=version%3Enew", "Version"),
    ],
)
def test_a_condition_that_is_not_understood_widens_no_answer_of_the_api(web, path, parameters, named):
    refused = web.get(f"{path}?{parameters}")
    assert refused.status_code == 400
    assert named in json.dumps(refused.json)
    assert "left out" not in refused.text  # nothing is, where there is no answer
    assert web.get(f"{path}?{parameters}&lenient=true").status_code == 200


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("page=second", "Pages are counted from 1 to 1,000,000; 'second' is none."),
        ("per_page=1000", "A page has 1 to 100 models, not '1000'."),
    ],
)
def test_pages_are_refused_where_there_are_any_and_not_read_by_an_export(web, parameters, sentence):
    """A refusal said what "is shown" and "here they are", and an export, which has no pages, was refused."""
    refused = web.get(f"/api/v1/search?{parameters}")
    assert refused.status_code == 400
    assert refused.json["error"]["detail"] == sentence
    assert web.get(f"/api/v1/search?{parameters}&lenient=true").json["notices"] == [sentence]
    export = web.get(f"/api/export.ndjson?{parameters}")
    assert (export.status_code, export.data) == (200, web.get("/api/v1/export.ndjson").data)
    assert web.get(f"/api/export.csv?{parameters}").status_code == 200


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("q=bert&q=gpt", "q has 2 values here and can have one; the last one counts."),
        ("sort=size&sort=name&sort=size", "sort has 2 values here and can have one; the last one counts."),
        ("page=1&page=2", "page has 2 values here and can have one; the last one counts."),
        ("view=table&view=plot", "view has 2 values here and can have one; the last one counts."),
        ("view=grid", "Results are shown as list, table, plot, not 'grid'."),
    ],
)
def test_what_an_address_says_twice_or_of_no_view_is_not_dropped_in_silence(web, parameters, sentence):
    """The first of two texts was no part of the search, and nothing said so."""
    assert sentence in unescape(web.get(f"/?{parameters}").text)
    refused = web.get(f"/api/v1/search?{parameters}")
    assert refused.status_code == 400
    assert sentence.removesuffix("; the last one counts.") in refused.json["error"]["detail"]


def test_what_an_address_says_twice_alike_is_said_once(web):
    twice = web.get("/api/v1/search?q=bert&q=bert&sort=size&sort=size")
    assert twice.status_code == 200
    assert twice.json["results"] == web.get("/api/v1/search?q=bert&sort=size").json["results"]


@pytest.mark.parametrize("parameters", BAD_PARAMETERS, ids=lambda text: text[:40])
def test_no_parameter_makes_an_export_or_a_list_of_values_fail(web, parameters):
    for path in ("/api/export.ndjson", "/api/export.csv", "/values/task", "/api/facets/task"):
        answer = web.get(f"{path}?{parameters}")
        assert answer.status_code in {200, 400}
        answer.get_data()


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
@pytest.mark.parametrize("path", ["/", "/api/v1/search"])
def test_what_is_only_read_says_by_which_methods(web, method, path):
    """The answer lacked `Allow`, which RFC 9110 wants of each 405."""
    answer = getattr(web, method)(path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        ("GET", "/api/v1/nowhere", 404, "There is nothing at /api/v1/nowhere."),
        ("PUT", "/api/v1/search", 405, "/api/v1/search takes GET, HEAD, OPTIONS, not PUT."),
        ("POST", "/api/v1/edits", 415, "/api/v1/edits does not take a body that is of no type."),
    ],
)
def test_a_program_is_told_what_of_its_request_was_wrong(web, method, path, status, told):
    """These answers had an empty `detail`, of which programs show their users what went wrong."""
    answer = web.open(path, method=method)
    assert (answer.status_code, answer.json["error"]["detail"]) == (status, told)


def test_the_beginning_of_an_id_leads_to_its_model(web):
    answer = web.get(f"/models/{FIRST[:10]}")
    assert answer.status_code == 302
    assert answer.location.endswith(FIRST)


def test_a_program_that_reads_pages_until_one_is_empty_comes_to_its_end(web):
    """It got the last page again, for ever. Addresses without the version stay as they are."""
    answers = [web.get(f"/api/{version}search?page=9999&per_page=100").json for version in ("v1/", "", "v1/")]
    assert [len(answer["results"]) for answer in answers] == [0, 56, 0]
    assert answers[0]["notices"] == ["Page 9,999 does not exist; the last one is 2."]
    assert answers[0]["paging"]["previous_url"].endswith("page=2")


def test_a_page_beyond_the_end_is_called_by_the_number_that_was_asked_for(web):
    """Of page 9,999 it said that page 500 does not exist, and that there are more results than there were."""
    notices = web.get("/api/search?page=9999").json["notices"]
    assert notices == ["Page 9,999 does not exist; this is the last one."]
    assert web.get("/api/search?q=zzzznothing&page=9999").json["notices"] == []


@pytest.mark.parametrize("address", ["/models/unknown", "/nowhere", "/values/nothing", "/values/all_text"])
def test_what_is_not_there_is_a_page_with_a_search_box(web, address):
    answer = web.get(address)
    assert answer.status_code == 404
    assert 'name="q"' in answer.text


@pytest.mark.parametrize("address", ["/api/models/unknown", "/api/nowhere", "/api/facets/nothing"])
def test_what_is_not_there_is_json_under_the_api(web, address):
    answer = web.get(address)
    assert answer.status_code == 404
    assert answer.json["error"]["status"] == 404


def test_asking_for_no_model_says_what_to_ask(web):
    answer = web.get("/api/models")
    assert answer.status_code == 400
    assert "ids=" in answer.json["error"]["detail"]


def test_models_come_in_the_order_asked_and_absent_ones_are_named(web):
    second = model_documents()[1]["id"]
    answer = web.get(f"/api/models?ids={second},{FIRST},{'0' * 64}").json
    assert [model["id"] for model in answer["models"]] == [second, FIRST]
    assert answer["not_found"] == ["0" * 64]


def test_health_says_ok_without_touching_store_or_engine(web):
    answer = web.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


class _Selected(HTMLParser):
    """Collects hrefs and ids, and notices anything that a strict policy would refuse."""

    def __init__(self):
        super().__init__()
        self.links, self.forbidden, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        if "href" in names:
            self.links.append(names["href"])
        if "id" in names:
            self.ids.append(names["id"])
        self.forbidden += [name for name in names if name == "style" or name.startswith("on")]
        if tag in {"style", "base", "iframe", "object"} or (tag == "script" and "src" not in names):
            self.forbidden.append(tag)


@pytest.mark.parametrize("address", [*PAGES, "/nowhere", "/?q=zzzznothing", "/?q=acuracy%3E1"])
def test_pages_hold_nothing_inline_and_no_id_twice(web, address):
    parsed = _Selected()
    parsed.feed(web.get(address).text)
    assert parsed.forbidden == []
    assert len(parsed.ids) == len(set(parsed.ids))


@pytest.mark.parametrize("address", PAGES)
def test_every_link_of_a_page_leads_somewhere(web, address):
    parsed = _Selected()
    parsed.feed(web.get(address).text)
    own = {link for link in parsed.links if link.startswith("/") and "/export" not in link}
    failing = {link for link in sorted(own)[:60] if web.get(link, follow_redirects=True).status_code != 200}
    assert failing == set()


def _captured(web_app, address):
    from flask import template_rendered

    pages = []

    def remember(_sender, template, context, **_more):
        pages.append(context["page"])

    with template_rendered.connected_to(remember, web_app), web_app.test_client() as client:
        client.get(address)
    return pages[0]


def told_of_a_search(page):
    facets = {
        facet["field"]: {
            (option["value"], option["count"], option["selected"], option["url"])
            for option in (*facet["options"], *facet.get("more_options", ()))
        }
        for facet in page["facets"]
        if facet["kind"] == "terms"
    }
    return {
        **{
            name: page[name]
            for name in ("query", "canonical", "url", "total", "catalog_size", "notices", "sort")
        },
        "results": [(row["id"], row["url"]) for row in page["results"]],
        "leading": [leading_metric(row) for row in page["results"]],
        "chips": [(chip["label"], chip["kind"], chip["remove_url"]) for chip in page["chips"]],
        "facets": facets,
        "problems": [(row["code"], row["message"], row["start"], row["end"]) for row in page["problems"]],
        "empty": [(row["label"], row["without_count"], row["url"]) for row in page["empty_reasons"]],
        "orders": page["sort_options"],
        "paging": [
            page["paging"][name]
            for name in ("page", "page_count", "previous_url", "next_url", "first_shown", "last_shown")
        ],
        "example": page["example"],
        "crawl": page["crawl"],
    }


def leading_metric(row):
    """The one score that a list shows, the first of those that the API tells."""
    scores = row["scores"] if "scores" in row else [row["score"]]
    return scores[0] and scores[0]["metric"] if scores else None


def told_of_a_model(page):
    return page["id"], page["revision"], page["document"]


def told_of_runs(page):
    runs = [(run["id"], run["source"], run["state"], tuple(run["problems"])) for run in page["runs"]]
    return runs, page["crawl"], page["models"], page["indexed"], page["waiting"], page["engine"]


def told_of_values(page):
    values = [(row["value"], row["count"], row["selected"], row["url"]) for row in page["values"]]
    return page["field"], page["label"], page["prefix"], page["other_count"], values


@pytest.mark.parametrize(
    ("html", "api", "told"),
    [
        (f"/{query}", f"/api/search{query}", told_of_a_search)
        for query in (
            "?q=accuracy%3E0.5&sort=-accuracy",
            "?q=zzzznothing+task:ner",
            "?framework=pytorch&q=acuracy%3E0.9",
            "?page=99999",
        )
    ]
    + [
        (f"/models/{FIRST}", f"/api/models/{FIRST}", told_of_a_model),
        ("/runs", "/api/runs", told_of_runs),
        ("/values/task?q=bert", "/api/facets/task?q=bert", told_of_values),
    ],
)
def test_a_page_and_the_api_tell_the_same_of_the_same_address(web_app, html, api, told):
    """They are two answers of one catalog: each has types of its own, none says otherwise than the other."""
    page = plain(_captured(web_app, html))
    with web_app.test_client() as client:
        answer = client.get(api).json
    assert told(page) == told(answer)


def test_the_api_draws_nothing():
    """Coordinates, bars, tones and texts cut for eyes are the page's own."""
    names = {field.name for answer in ANSWERS_OF_THE_API.values() for field in _fields_below(answer)}
    assert names.isdisjoint(
        {
            "bars",
            "x",
            "y",
            "width",
            "height",
            "share",
            "tone",
            "badges",
            "snippet",
            "hidden",
            "figure",
            "total_text",
        }
    )


def _fields_below(answer):
    for field in dataclasses.fields(answer):
        yield field
        hint = typing.get_type_hints(answer)[field.name]
        for part in (hint, *typing.get_args(hint)):
            if dataclasses.is_dataclass(part):
                yield from _fields_below(part)
