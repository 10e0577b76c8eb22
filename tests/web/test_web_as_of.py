"""Searches of the past on the page and in the API: what was then, cut to what the reader may see now."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from fixtures.crawling import safetensors
from fixtures.users import role

from catalog.access.permissions import principal_of
from catalog.access.principals import OWNER
from catalog.cli import cli
from catalog.records.accounts import User
from catalog.settings import Settings
from webui.app import create_app
from webui.contracts import Services, close_services, open_services


class Past:
    """Two models: `net` had another licence and tag before `then`, `other` was public then and is secret now."""

    def __init__(self, folder):
        self.home = folder / "home"
        for number, name in enumerate(("net", "other")):
            place = folder / "lab" / name
            place.mkdir(parents=True)
            (place / "model.safetensors").write_bytes(safetensors(fill=float(number)))
            sidecar = {"name": name, "license": "mit", "tags": ["open"]}
            (place / "modeldex.yaml").write_text(json.dumps(sidecar))
        self.run("crawl", str(folder / "lab"))
        self.then = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self.run("edit", "net", "license=apache-2.0")
        self.run("edit", "other", "tags=secret")
        self.services = open_services(Settings(home=self.home))
        found = self.client().get("/api/v1/search").json["results"]
        self.ids = [row["id"] for row in found]

    def run(self, *words):
        ran = CliRunner().invoke(cli, ["--home", str(self.home), *words])
        assert ran.exit_code == 0, ran.output

    def client(self, principal=OWNER):
        services = Services(catalogs=self.services.catalogs, principal=lambda: principal)
        return create_app(Settings(home=self.home), services).test_client()


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    past = Past(tmp_path_factory.mktemp("past"))
    yield past
    close_services(past.services)


def names(answer):
    return sorted(row["name"] for row in answer.json["results"])


def test_a_search_of_then_finds_what_was_then(past):
    client = past.client()
    search = "/api/v1/search"
    assert names(client.get(search, query_string={"q": "license:mit"})) == ["other"]
    assert names(client.get(search, query_string={"q": "license:mit", "as_of": past.then})) == [
        "net",
        "other",
    ]
    assert names(client.get(search, query_string={"q": "license:apache-2.0", "as_of": past.then})) == []
    assert names(client.get(search, query_string={"as_of": "2001-01-01"})) == []
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert names(client.get(search, query_string={"q": "license:apache-2.0", "as_of": today})) == ["net"]


def test_the_latest_of_then_are_found(past):
    """Which model of a name is the latest stands in no revision: of the past nothing was."""
    search = "/api/v1/search"
    assert names(past.client().get(search, query_string={"q": "is:latest", "as_of": past.then})) == [
        "net",
        "other",
    ]


def test_the_page_says_the_moment_and_its_links_stay_there(past):
    page = past.client().get("/", query_string={"q": "license:mit", "as_of": past.then}).text
    assert "The catalog as it was at" in page
    assert "2 models" in page
    assert 'name="as_of"' in page
    sorts = re.findall(r'href="(/\?[^"]*)"', page)
    assert any("as_of=" in link for link in sorts)
    assert "Edit all" not in page
    assert "export.csv" not in page
    nothing = past.client().get("/", query_string={"q": "zzzzqqq", "as_of": past.then}).text
    assert "hear when there is one" not in nothing  # a saved search is one of now
    now = past.client().get("/", query_string={"q": "license:mit"}).text
    assert "as_of" not in now


def test_what_a_page_of_the_past_shows_leads_to_the_same_moment(past):
    """Every number of a search of the past led to the model as it is now, which says another one."""
    client = past.client()
    page = client.get("/", query_string={"q": "license:mit", "as_of": past.then}).text
    links = re.findall(r'href="(/models/[^"#]*)', page)
    assert links
    net = next(page for link in links if ">net<" in (page := client.get(link.replace("&amp;", "&")).text))
    assert "as it was at" in net
    assert ">mit<" in net
    assert "apache-2.0" not in net
    assert 'name="as_of"' in net
    assert "computed" not in net  # every value was said to be, though a file says it
    assert "kept of the present state alone" in net
    assert "apache-2.0" in client.get(re.search(r'href="([^"]*)">As it is now', net)[1]).text

    compared = client.get(
        "/compare", query_string={"ids": past.ids, "as_of": past.then}, follow_redirects=True
    )
    assert "as they were at" in compared.text
    assert all("as_of=" in link for link in re.findall(r'href="(/models/[^"]*)"', compared.text))
    values = client.get("/values/license", query_string={"as_of": past.then}).text
    assert "apache-2.0" not in values
    assert "The values as they were at" in values  # nothing told them from those of now
    assert all("as_of=" in link for link in re.findall(r'class="option" href="([^"]*)"', values))
    assert client.get(links[0].split("?")[0], query_string={"as_of": "2001-01-01"}).status_code == 404


def test_who_may_not_see_a_model_now_did_not_see_it_then(past):
    viewer = User(
        id="0" * 16,
        name="vera",
        is_disabled=False,
        has_password=True,
        created_at=datetime.now(UTC),
        grants=(role("viewer", "tag:open"),),
    )
    client = past.client(principal_of(viewer))
    assert names(client.get("/api/v1/search", query_string={"as_of": past.then})) == ["net"]
    assert names(client.get("/api/v1/search", query_string={"q": "is:latest", "as_of": past.then})) == ["net"]
    page = client.get("/", query_string={"as_of": past.then}).text
    assert "other" not in page
    shown = [client.get(f"/models/{model}", query_string={"as_of": past.then}) for model in past.ids]
    assert sorted(answer.status_code for answer in shown) == [200, 404]
    assert names(past.client().get("/api/v1/search", query_string={"as_of": past.then})) == ["net", "other"]


@pytest.mark.parametrize("day", ["soon", "2026-13-40", "'; --", "9" * 500])
def test_what_is_no_day_is_refused_with_a_sentence(past, day):
    for path in ("/", "/api/v1/search"):
        refused = past.client().get(path, query_string={"as_of": day})
        assert refused.status_code == 400
        assert "no date" in refused.text


def test_what_is_asked_of_no_day_says_so(past):
    refused = past.client().get("/api/v1/export.ndjson", query_string={"as_of": past.then})
    assert refused.status_code == 400
    assert "as_of" in refused.text


def test_a_catalog_that_held_too_much_is_told_with_the_way_that_takes_more(past, monkeypatch):
    monkeypatch.setattr("catalog.access.as_of.MAX_SERVED_MODELS", 1)
    refused = past.client().get("/api/v1/search", query_string={"as_of": past.then, "q": "net"})
    assert refused.status_code == 400
    assert "modeldex search --as-of" in refused.text


def test_today_is_made_once_until_something_changes(past, monkeypatch):
    readings = []
    states = past.services.catalogs.states_at
    monkeypatch.setattr(past.services.catalogs, "states_at", lambda at: readings.append(at) or states(at))
    client = past.client()
    for day in (f"{datetime.now(UTC):%Y-%m-%d}", f"{datetime.now(UTC):%Y}"):
        readings.clear()
        for _ in range(2):
            assert names(client.get("/api/v1/search", query_string={"as_of": day})) == ["net", "other"]
        assert len(readings) == 1
        assert readings[0] <= datetime.now(UTC)


@pytest.mark.parametrize(
    "place", ["models/ID", "models/ID/lineage", "models/ID/cyclonedx.json", "compare?ids=ID"]
)
def test_the_api_never_answers_of_now_what_is_asked_of_the_past(past, place):
    """`as_of` was dropped in silence: a script that asked for then was told of now."""
    address = ("/api/" if place.endswith(".json") else "/api/v1/") + place.replace("ID", past.ids[0])
    joint = "&" if "?" in address else "?"
    assert past.client().get(f"{address}{joint}as_of={past.then}").status_code == 400
