"""Models changed over HTTP: by programs with If-Match, by people with forms and without JavaScript, one and many."""

import re
from html import unescape

import pytest
from fixtures.crawling import EXTRACTORS, Shop

from catalog import plugins
from catalog.settings import Settings
from catalog.store import open_store
from crawler.commands.index_state import bring_up_to_date
from crawler.registry import Registry
from webui.app import create_app
from webui.contracts import close_services, open_services

CARD = "---\nlicense: mit\ntags: [x, y]\nlanguage: en\n---\n# {name}\nA network.\n"
MERGE = "application/merge-patch+json"
MODELS = 6


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A crawled folder and a client of the application over its real store and index."""
    folder = tmp_path_factory.mktemp("edits")
    (folder / "models").mkdir()
    settings = Settings(home=folder / "home")
    registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
    with open_store(settings, write=True) as store:
        shop = Shop(root=folder / "models", store=store, settings=settings, registry=registry)
        for number in range(MODELS):
            shop.model(f"net{number}/model.safetensors", values=4 + number)
            shop.put(f"net{number}/README.md", CARD.format(name=f"Net {number}"))
        shop.crawl()
        bring_up_to_date(settings, store)
        services = open_services(settings)
        app = create_app(settings, services)
        yield shop, app.test_client()
        app.extensions["modeldex-es"].close()
        close_services(services)


@pytest.fixture
def client(served):
    return served[1]


@pytest.fixture
def net(served):
    """The id of a model, another one in every test, so that none sees the edits of the others."""
    shop, _ = served
    taken = shop.__dict__.setdefault("taken", iter(range(MODELS)))
    return shop.documents()[f"net{next(taken)}/model.safetensors"]["id"]


def patch(client, model, body, *, kind=MERGE, **headers):
    return client.patch(f"/api/v1/models/{model}", json=body, headers={"Content-Type": kind, **headers})


def test_a_model_is_not_sent_again_to_who_has_it_until_it_changes(client, net):
    """The model had an ETag, and was sent again to who sent that back."""
    address = f"/api/v1/models/{net}"
    had = {"If-None-Match": client.get(address).headers["ETag"]}
    again = client.get(address, headers=had)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", had["If-None-Match"])
    assert patch(client, net, {"license": "isc"}).status_code == 200
    assert client.get(address, headers=had).json["document"]["license"] == "isc"


def test_a_program_edits_by_compare_and_set_and_searches_show_it(client, net):
    got = client.get(f"/api/v1/models/{net}")
    assert (got.json["revision"], got.headers["ETag"][:3]) == (1, '"1-')
    wanted = {
        "license": "Apache 2.0",
        "tags": ["a"],
        "training": {"epochs": 3},
        "language": None,
        "notes": "seen by ada",
    }
    done = patch(client, net, wanted, **{"If-Match": got.headers["ETag"]})
    assert (done.status_code, done.headers["ETag"]) == (200, '"2"')
    assert (done.json["changed"], done.json["indexed"]) == (True, True)
    by_field = {edit["field"]: edit for edit in done.json["edits"]}
    assert by_field["license"]["value"] == "apache-2.0"
    assert by_field["license"]["files_say"] == "mit"
    assert by_field["language"]["emptied"]
    assert client.get("/api/search?q=seen+ada+epochs:3").json["results"][0]["id"] == net
    late = patch(client, net, {"license": "isc"}, **{"If-Match": '"1"'})
    assert late.status_code == 412
    assert "at revision 2 by now, not 1" in late.json["error"]["detail"]
    listed = {
        "add": {"tags": ["b"]},
        "remove": {"tags": ["A"]},
        "clear": ["license", "language"],
        "empty": ["notes"],
    }
    done = patch(client, net, listed, kind="application/json", **{"If-Match": "*"})
    document = client.get(f"/api/models/{net}").json["document"]
    assert (document["tags"], document["license"], document["language"]) == (["b"], "mit", ["en"])
    assert "notes" not in document
    changes = {change["field"]: change for change in client.get(f"/api/v1/models/{net}/diff").json["changes"]}
    assert (changes["license"]["before"], changes["license"]["after"]) == ("apache-2.0", "mit")
    restored = client.post(f"/api/v1/models/{net}/restore", json={"revision": 1}, headers={"If-Match": '"3"'})
    assert (restored.status_code, restored.json["revision"], restored.json["measured"]) == (200, 4, [])
    history = client.get(f"/api/v1/models/{net}/history").json["revisions"]
    assert [row["made_by"] for row in history] == ["crawl", "edit", "edit", "restore"]
    assert [row["author"] for row in history] == ["", "owner", "owner", "owner"]
    assert history[3]["sha256"] == history[0]["sha256"]  # the same document, and another link of the chain
    assert len({row["chain_sha256"] for row in history}) == 4
    undone = client.post(f"/api/v1/edits/{restored.json['batch']}/undo")
    assert (undone.json["changed"], undone.json["left"]) == (1, {})
    assert client.get(f"/api/models/{net}").json["document"]["tags"] == ["b"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "told"),
    [
        (b"{", {}, 400, "The body is no JSON"),
        (b'{"license": "\\ud800"}', {}, 400, "The body holds half of a character"),
        (b'{"license": "\xed\xa0\xbd"}', {}, 400, "The body is no JSON"),  # the same, not as an escape
        ('{"license": "\\ud800"}'.encode("utf-16"), {}, 400, "The body holds half of a character"),
        (b"[]", {}, 400, "must be a JSON object"),
        (b'{"license": NaN}', {}, 400, "NaN is no number"),
        (b"{}", {}, 400, "Nothing to change"),
        (b'{"parameters": 5, "sise": 1}', {}, 400, "parameters is measured or made by Modeldex"),
        (b'{"trained_at": "some day"}', {}, 400, "trained_at cannot be 'some day'"),
        (b'{"base_model": {"id": {"x": {"y": 1}}}}', {}, 400, "base_model.id cannot be"),
        (b'{"license": "mit"}', {"Content-Type": "text/plain"}, 415, "text/plain"),
        (b'{"license": "mit"}', {"If-Match": '"77"'}, 412, "by now, not 77"),
        (b'{"license": "mit"}', {"If-Match": 'W/"1"'}, 412, "nothing was changed"),
        (b'{"license": "mit"}', {"If-Match": "x"}, 412, "nothing was changed"),
        (b'{"license": "mit"}', {"Origin": "http://elsewhere.example"}, 403, "may not be asked from there"),
        (b'{"license": "mit"}', {"Sec-Fetch-Site": "cross-site"}, 403, ""),
        (b"[" * 100_000, {}, 400, "The body is nested too deep to be read."),
    ],
    ids=[
        "no-json", "half-character", "half-in-bytes", "half-in-utf-16", "no-object", "nan", "nothing", "measured", "no-date", "deep", "kind", "old", "weak", "odd",
        "origin", "cross-site", "brackets",
    ],
)  # fmt: skip
def test_what_cannot_be_changed_is_told_by_its_status_and_nothing_happens(
    client, served, body, headers, status, told
):
    model = served[0].documents()["net5/model.safetensors"]
    answer = client.patch(
        f"/api/v1/models/{model['id']}", data=body, headers={"Content-Type": MERGE, **headers}
    )
    assert answer.status_code == status
    assert told in answer.json["error"]["detail"]
    assert served[0].documents()["net5/model.safetensors"]["revision"] == model["revision"]


def test_a_model_that_is_not_there_is_404_for_every_verb(client):
    assert patch(client, "f" * 64, {"license": "mit"}).status_code == 404
    for address in ("", "/history", "/diff"):
        assert client.get(f"/api/v1/models/{'f' * 64}{address}").status_code == 404
    assert client.post(f"/api/v1/models/{'f' * 64}/restore", json={"revision": 1}).status_code == 404
    assert client.post("/api/v1/edits/nothing/undo").status_code == 404
    assert client.get("/edits/nothing").status_code == 404
    assert client.get(f"/models/{'f' * 64}/edit").status_code == 404


def form_of(page, action):
    """The hidden inputs of the form that goes there."""
    (form,) = re.findall(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL)
    inputs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in inputs}


def test_a_person_edits_field_by_field_sees_what_is_overridden_and_takes_it_back(client, net):
    model = f"/models/{net}"
    page = client.get(model).text
    assert f"{model}/edit?field=license" in page
    assert "field=size_bytes" not in page
    assert '<div class="card" dir="auto">' in page, "a card in Arabic begins on the right"
    page = client.get(f"{model}/edit?field=license").text
    sent = form_of(page, f"{model}/edit")
    done = client.post(f"{model}/edit", data={**sent, "value": "bsd-3-clause", "action": "set"})
    assert (done.status_code, done.location) == (303, f"{model}#edits")
    page = client.get(model).text
    assert re.search(r"set to bsd-3-clause</bdi>.*instead of <bdi>mit</bdi>", page)
    late = client.post(f"{model}/edit", data={**sent, "value": "isc", "action": "set"})
    assert late.status_code == 409
    assert "is at revision 2 by now, not 1" in late.text
    assert 'value="isc"' in late.text  # what was typed is not lost
    assert "<bdi>English</bdi>" in client.get(f"{model}/edit").text, (
        "values stand there as on every other page"
    )
    wrong = client.post(
        f"{model}/edit", data={"field": "trained_at", "value": "<b>some day", "action": "set"}
    )
    assert wrong.status_code == 400
    assert "trained_at cannot be" in wrong.text
    assert "<b>some" not in wrong.text
    words = client.get(f"{model}/edit?field=tags").text
    sent = form_of(words, f"{model}/edit")
    assert client.post(f"{model}/edit", data={**sent, "value": "prod", "action": "add"}).status_code == 303
    assert client.get("/api/search?q=tag:prod").json["results"][0]["id"] == net
    history = client.get(f"{model}/history?from=1&to=3").text
    assert "<del><bdi>mit</bdi></del> → <ins><bdi>bsd-3-clause</bdi></ins>" in history
    batches = re.findall(r'action="(/edits/[0-9a-f]+/undo)"', history)
    assert len(batches) == 2
    undone = client.post(batches[0])
    assert "1 model as before" in undone.text
    restored = client.post(f"{model}/restore", data={"number": "1", "revision": "4"})
    assert restored.status_code == 303
    assert client.get(f"/api/models/{net}").json["document"]["license"] == "mit"
    for address in (f"{model}/edit?field=parameters", f"{model}/edit?field=sise", f"{model}/edit"):
        assert client.get(address).status_code == 200


def test_the_models_of_a_search_are_changed_after_a_preview_of_just_them(client, served):
    query = "q=path:net4+OR+path:net3&edit.field=use_case&edit.action=set&edit.value=demo"
    page = client.get(f"/edit?{query}").text
    assert re.search(r"<b>2</b> of 2 models", page)
    (form,) = re.findall(r'<form method="post" action="/edit">(.*?)</form>', page, re.DOTALL)
    sent = {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    }
    assert client.post("/edit", data={**sent, "value": "another"}).status_code == 409  # nobody saw that
    done = client.post("/edit", data=sent)
    assert (done.status_code, "2 models changed" in done.text) == (200, True)
    again = client.post("/edit", data=sent)
    assert again.status_code == 409
    assert "have changed meanwhile" in again.text
    (undo,) = re.findall(r'action="(/edits/[0-9a-f]+/undo)"', done.text)
    assert "2 models as before" in client.post(undo).text
    assert not client.get("/api/search?q=has:use_case").json["total"]
    assert 'class="edit-found" href="/edit?q=path%3Anet4"' in client.get("/?q=path:net4").text
    for refused in ("edit.field=use_case&edit.value=x", "q=size%3Ebig&edit.field=use_case&edit.value=x"):
        assert client.get(f"/edit?{refused}").status_code == 400
    assert client.post("/edit", data=sent, headers={"Origin": "http://elsewhere.example"}).status_code == 403


def test_the_form_for_many_says_how_many_there_are_and_names_no_field_by_itself(client):
    page = client.get("/edit?q=path:net4+OR+path:net3").text
    assert "<b>2</b> models, by" in page
    menu = page[page.index('<select id="bulk-field"') :].partition("</select>")[0]
    assert " required>" in menu
    assert menu.partition("<option")[2].startswith(' value="">')
    assert "selected" not in menu


def test_many_are_changed_by_a_program_after_it_asked_what_that_would_be(client):
    body = {"query": "path:net4", "set": {"owner": "lab"}}
    dry = client.post("/api/v1/edits", json={**body, "dry_run": True}).json
    assert (dry["found"], dry["would_change"]) == (1, 1)
    assert dry["first"][0]["after"] == "lab"
    done = client.post("/api/v1/edits", json=body).json
    assert (done["changed"], done["left"]) == (1, {})
    assert client.post("/api/v1/edits", json=body).json["changed"] == 0
    assert client.get("/api/search?q=owner:lab").json["total"] == 1
    for wrong in (
        {"set": {"owner": "x"}},
        {"query": "", "set": {"owner": "x"}},
        {"query": "a"},
        {"query": "a", "do": 1},
    ):
        assert client.post("/api/v1/edits", json=wrong).status_code == 400
