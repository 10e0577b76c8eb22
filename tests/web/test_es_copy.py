"""What "Copy as Elasticsearch query" offers finds, pasted back, what the page shows."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest
from fixtures.es_door import Door, app_over, engine_pair, filled, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.dsl.body import from_dsl
from catalog.query.nodes import Match
from catalog.query.request import SearchRequest
from catalog.query.state import SearchState
from catalog.search.service import SearchService
from catalog.settings import Settings
from catalog.testing.documents import documents
from webui.query_example import query_example

ADDRESSES = {
    "everything": "",
    "words": "q=bert+sentiment",
    "metric and date": "q=accuracy+%3E+0.5+after:2022",
    "a sentence": "q=models+trained+after+2021+with+at+least+20%25+f1",
    "one evaluation": "q=accuracy@imagenet+%3E+0.3",
    "negation and phrase": "q=-license:mit+%22label+smoothing%22",
    "alternatives": "q=(task:ner+OR+framework:jax)+has:metrics",
    "two facets": "task=ner&task=fill-mask&framework=pytorch",
    "facet of a range": "parameters=1000000..&sort=-parameters",
    "awkward value": "tags=a%2Cb:%22c%22",
    "quotes and dollars": "q=%22it%27s+$HOME+%60id%60%22",
    "other scripts": "q=%E6%A8%A1%E5%9E%8B+name:Caf%C3%A9",
    "order": "sort=-accuracy&size=5&page=2",
    "nothing found": "q=name:nosuchname",
}


@pytest.fixture(scope="module", params=["memory", "tantivy"])
def open_door(request, tmp_path_factory):
    """A server that asks for no key, as `modeldex serve` starts it."""
    home = Settings(home=tmp_path_factory.mktemp("copy"), api_requests_per_minute=100_000)
    rows = list(documents(120))
    with engine_pair(request.param, home) as (writer, engine):
        filled(writer, rows)
        app = app_over(engine, home)
        with serving(app) as url:
            yield Door(url=url, engine=engine, writer=writer, rows=rows, app=app)


@pytest.fixture
def page_of(open_door):
    client = open_door.app.test_client()
    host = open_door.url.removeprefix("http://")
    return lambda address: client.get(f"/api/search?{address}", headers={"Host": host}).get_json()


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_pasted_json_finds_the_same(open_door, page_of, address):
    page = page_of(address)
    headers = {"Content-Type": "application/json"}
    answer = open_door.app.test_client().post(
        "/es/models/_search", data=page["example"]["dsl"], headers=headers
    )
    found = answer.get_json()
    assert found["hits"]["total"] == {"value": page["total"], "relation": "eq"}
    assert [hit["_id"] for hit in found["hits"]["hits"]] == [row["id"] for row in page["results"]]


@pytest.mark.parametrize("address", ["q=bert+after:2020", ADDRESSES["quotes and dollars"]])
def test_pasted_lines_of_python_and_curl_run_as_they_are(open_door, page_of, address):
    page = page_of(address)
    program = page["example"]["python"] + '\nprint(found["hits"]["total"]["value"])'
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.stdout.strip(), ran.stderr) == (str(page["total"]), "")
    words = shlex.split(page["example"]["curl"])
    assert words[:2] == ["curl", "-s"]
    assert words[2] == f"{open_door.url}/es/models/_search?pretty"
    assert json.loads(words[-1]) == json.loads(page["example"]["dsl"])


def test_every_results_page_offers_its_query_without_script(open_door):
    html = open_door.app.test_client().get("/?q=bert").text
    assert "Copy as Elasticsearch query" in html
    assert html.index("<details", html.index("</ol>")) < html.index("Copy as Elasticsearch query")
    assert "<pre" in html[html.index("Copy as Elasticsearch query") :]
    assert "Copy as Elasticsearch query" in open_door.app.test_client().get("/?q=name:nosuchname").text


def test_hostile_text_stays_text_in_every_spelling(open_door):
    hostile = "</code><script>alert(1)</script>'\"; rm -rf \u202e\u0000"
    html = open_door.app.test_client().get("/", query_string={"q": hostile}).text
    assert "<script>alert" not in html
    example = query_example(
        open_door.service.request(SearchState(text=hostile)), "http://h/es", needs_key=True
    )
    assert example is not None
    assert example.python.isascii()
    assert example.curl.isascii()
    compile(example.python, "example", "exec")


def test_a_key_is_mentioned_where_one_is_needed():
    example = query_example(SearchRequest(), "http://h/es", needs_key=True)
    assert example is not None
    assert "Authorization: ApiKey YOUR_KEY" in example.curl
    assert 'api_key="YOUR_KEY"' in example.python


def test_search_beyond_what_may_be_asked_offers_nothing():
    assert query_example(SearchRequest(offset=20_000), "http://h/es", needs_key=False) is None
    half_a_character = SearchRequest(query=Match("\ud800"))
    assert query_example(half_a_character, "http://h/es", needs_key=False) is None


WORDS = st.sampled_from(
    [
        "bert",
        "task:ner",
        "-license:mit",
        "accuracy>0.5",
        "(",
        ")",
        "OR",
        '"',
        "after:2023",
        "params:1B..7B",
        "NOT",
        "模型",
        "has:metrics",
        "version>1.9",
    ]
)


@settings(max_examples=150, deadline=None)
@given(words=st.lists(WORDS, max_size=9))
def test_what_a_text_means_survives_the_way_over_json(words):
    from fixtures.es_door import memory_pair

    service = SearchService(memory_pair()[1])
    request = service.request(SearchState(text=" ".join(words)))
    example = query_example(request, "http://h/es", needs_key=False)
    if example is not None:
        again = query_example(from_dsl(example.dsl)[0], "http://h/es", needs_key=False)
        assert again == example
