"""Whatever names, cards and queries hold, pages show it as text: nothing runs, nothing links, nothing is reordered."""

import re

import pytest
from fixtures.shelf import HOSTILE_NAME, HOSTILE_TEXT, LONG_NAME, model_documents

BY_NAME = {document["name"]: document["id"] for document in model_documents()}
HOSTILE, LONG = BY_NAME[HOSTILE_NAME], BY_NAME[LONG_NAME]
PAGES = ["/?q=bert", "/?q=script", "/", f"/models/{HOSTILE}", "/runs", "/values/tags", "/values/framework"]
DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]")


@pytest.mark.parametrize("address", PAGES)
def test_no_element_handler_or_link_comes_out_of_metadata(web, address):
    page = web.get(address).text
    for piece in ("<script>", "<img", "<svg/onload", "onerror=alert(1)>", "<b>bold", "<i>format", "<u>kind"):
        assert piece not in page
    assert not re.search(
        r"""(href|src|action)\s*=\s*["']?\s*(javascript|data|vbscript):""", page, re.IGNORECASE
    )


@pytest.mark.parametrize("address", PAGES)
def test_no_control_or_direction_character_reaches_a_page(web, address):
    assert DIRECTIONS.findall(web.get(address).text) == []


@pytest.mark.parametrize(
    "query", ["<script>alert(1)</script>", '"><b>', "' onfocus=alert(1) '", "{{7*7}}", "</title><b>"]
)
def test_a_query_is_shown_as_it_was_typed_and_runs_nothing(web, query):
    answer = web.get("/", query_string={"q": query})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "<b>" not in answer.text.replace("<b>0</b>", "").split("<main")[0]
    assert "49" not in answer.text.split("</head>")[0]


def test_a_license_link_is_only_a_link_when_it_is_a_web_address(web):
    good = web.get(f"/models/{model_documents()[0]['id']}").text
    assert 'href="https://www.apache.org/licenses/LICENSE-2.0"' in good
    assert "noopener" in good


def test_a_name_of_ten_kilobytes_is_cut_in_a_list(web):
    page = web.get("/?sort=-name").text
    assert LONG_NAME not in page
    assert len(page) < 400_000


def test_a_name_of_ten_kilobytes_has_a_page(web):
    assert web.get(f"/models/{LONG}").status_code == 200


def test_a_match_inside_markup_is_marked_without_breaking_it(web):
    page = web.get("/", query_string={"q": "onerror"}).text
    assert "<mark>onerror</mark>" in page
    assert HOSTILE_TEXT not in page
    assert "<img" not in page


def test_json_keeps_hostile_text_exactly_and_says_that_it_is_json(web):
    answer = web.get(f"/api/models/{HOSTILE}")
    assert answer.mimetype == "application/json"
    assert answer.json["document"]["name"] == HOSTILE_NAME


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "a" * 5_000, "<script>", "%0d%0aX: y"]
)
def test_no_id_reaches_anything_but_the_store(web, key):
    answer = web.get(f"/models/{key}")
    assert answer.status_code in {404, 308, 302}
    assert "<script>" not in answer.text
    assert "X" not in answer.headers
