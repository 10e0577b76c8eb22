"""What browsers get packed, and what comes back when they ask again."""

from __future__ import annotations

import gzip

import pytest

TAKES_IT = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize(
    "address", ["/", "/?view=table", "/api/v1/search", "/api/v1/openapi.json", "/static/modeldex.css"]
)
def test_a_page_is_packed_for_who_takes_it_so(web, address):
    plain, packed = web.get(address), web.get(address, headers=TAKES_IT)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(gzip.decompress(packed.data)) > 3 * len(packed.data)
    assert int(packed.headers["Content-Length"]) == len(packed.data)


def test_a_packed_page_that_did_not_change_is_not_sent_again(web):
    first = web.get("/", headers=TAKES_IT)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    for known in (tag, tag.removeprefix("W/")):
        again = web.get("/", headers={**TAKES_IT, "If-None-Match": known})
        assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("address", ["/healthz", "/readyz"], ids=["short", "that nobody may keep"])
def test_other_answers_are_as_they_are(web, address):
    assert "Content-Encoding" not in web.get(address, headers=TAKES_IT).headers


def test_who_wants_none_of_it_gets_none(web):
    answer = web.get("/", headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert "Content-Encoding" not in answer.headers


def test_what_comes_without_its_text_says_too_that_it_may_be_packed(web):
    tag = web.get("/", headers=TAKES_IT).headers["ETag"]
    for answer in (
        web.get("/", headers={**TAKES_IT, "If-None-Match": tag}),
        web.head("/", headers=TAKES_IT),
        web.get("/static/modeldex.css", headers={**TAKES_IT, "Range": "bytes=0-9"}),
    ):
        assert answer.status_code in {200, 206, 304}
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert "Content-Encoding" not in answer.headers
