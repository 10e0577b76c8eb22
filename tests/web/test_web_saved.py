"""Searches under a name: saved from the page without JavaScript, shared, changed, followed as feeds."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from fixtures.shelf import MemoryStore
from fixtures.web import crawl_runs, index_of

from catalog.access.catalog import Catalogs
from catalog.access.news_sentence import news_sentence
from catalog.access.principals import OWNER, Principal
from catalog.access.saved_searches import MODELS_COMPARED, SavedSearches, query_of, state_of
from catalog.errors import UserError
from catalog.query.nodes import All, Term
from catalog.query.state import SearchState
from catalog.settings import Settings
from catalog.store import open_store
from indexer.engines.memory import MemoryEngine
from webui.app import create_app
from webui.contracts import Services

ATOM = "{http://www.w3.org/2005/Atom}"


def ner(number, f1=None, *, dataset="conll2003", first_seen="2026-11-01T10:00:00Z", **fields):
    document = {
        "id": f"{number:064x}",
        "name": f"ner-{number}",
        "status": "ok",
        "task": "token-classification",
        "first_seen": first_seen,
        **fields,
    }
    if f1 is not None:
        evaluation = {"metric": "f1", "value": f1, "dataset": dataset, "split": "test"}
        document |= {"metrics": {"f1": f1}, "metric_names": ["f1"], "evaluations": [evaluation]}
    return document


@dataclass
class Server:
    """A server over one home, whose models may be others the next time."""

    settings: Settings

    def client(self, rows, principal=OWNER):
        catalogs = Catalogs(MemoryEngine(index_of(rows)), lambda: MemoryStore(rows, crawl_runs()))
        services = Services(catalogs=catalogs, principal=lambda: principal)
        return create_app(self.settings, services).test_client()

    def catalog(self, rows):
        return Catalogs(MemoryEngine(index_of(rows)), lambda: MemoryStore(rows, crawl_runs())).of()

    def searches(self, reader="owner"):
        return SavedSearches(self.settings, reader)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """A store without rows: making one takes half a second, copying it none."""
    home = tmp_path_factory.mktemp("empty")
    open_store(Settings(home=home), write=True).close()
    return home


@pytest.fixture
def server(tmp_path, empty_store):
    return Server(Settings(home=Path(shutil.copytree(empty_store, tmp_path / "home"))))


def saved_as(client, name, **parameters):
    answer = client.post("/saved", data={"name": name, "search": urlencode(parameters)})
    assert answer.status_code == 303
    return answer.headers["Location"]


BEFORE = [ner(1, 0.85), ner(2, 0.889), ner(3, 0.8)]
AFTER = [ner(2, 0.889), ner(3, 0.8), ner(4, 0.912), ner(5), ner(6, 0.99, dataset="other")]


def test_news_say_what_came_what_went_and_how_much_better_the_best_is(server):
    address = saved_as(server.client(BEFORE), "good NER", q="task:token-classification")
    assert "Nothing new since" in server.client(BEFORE).get(address).get_data(as_text=True)
    text = server.client(AFTER).get(address).get_data(as_text=True)
    assert "3 new, 1 gone, best F1 0.889 → 0.912 on conll2003/test since" in text
    for name in ("ner-4", "ner-5", "ner-6"):
        assert name in text
    listed = server.client(AFTER).get("/saved").get_data(as_text=True)
    assert "3 new, 1 gone" in listed


def test_news_end_when_they_are_marked_as_seen_and_not_by_looking(server):
    address = saved_as(server.client(BEFORE), "good NER", q="task:token-classification")
    client = server.client(AFTER)
    assert "3 new" in client.get(address).get_data(as_text=True)
    assert "3 new" in client.get(address).get_data(as_text=True)
    assert client.post(address, data={"action": "seen"}).status_code == 303
    assert "Nothing new since" in client.get(address).get_data(as_text=True)


def test_best_value_is_compared_on_one_data_set_alone(server):
    saved = server.searches().add(
        "ner", SearchState(text="task:token-classification"), server.catalog(BEFORE)
    )
    news = server.searches().news(saved, server.catalog([*BEFORE, ner(6, 0.99, dataset="other")]))
    assert (news.best.value, news.best_before) == (0.889, 0.889)
    assert news_sentence(news).startswith("1 new since")


def test_search_without_results_can_be_saved_and_waited_for(server):
    client = server.client(BEFORE)
    page = client.get("/?q=task:translation").get_data(as_text=True)
    assert 'action="/saved"' in page
    address = saved_as(client, "translators", q="task:translation")
    text = server.client([*BEFORE, ner(9, task="translation")]).get(address).get_data(as_text=True)
    assert "1 new" in text


def test_saved_search_keeps_its_canonical_address_and_the_version_of_the_language(server):
    catalog = server.catalog(BEFORE)
    saved = server.searches().add("x", SearchState(text="models with at least 85% f1", page=7), catalog)
    assert saved.query == "q=f1%3E%3D0.85"
    assert saved.schema_version == 1
    assert query_of(state_of(saved), catalog) == saved.query


def test_a_sentence_that_is_a_name_is_saved_as_its_words(server):
    """When the model of that name was gone, the saved text denied a word, and found nearly everything."""
    catalog = server.catalog([*BEFORE, ner(7, name="pas-de-deux")])
    saved = server.searches().add("dance", SearchState(text="pas de deux"), catalog)
    assert state_of(saved).text == '"pas" "de" "deux"'
    assert server.searches().news(saved, server.catalog(BEFORE)).total == 0


def test_best_few_stay_few_in_a_saved_search_its_news_and_its_feed(server):
    """The limit was dropped as the search was saved: `top 2 by f1` found, told of and fed every model with a value."""
    address = saved_as(server.client(BEFORE), "x", q="top 2 by f1")
    (saved,) = server.searches().all()
    assert saved.query == "q=has%3Af1+sort%3A-f1+limit%3A2"
    catalog = server.catalog(BEFORE)
    assert catalog.number(state_of(saved)) == server.searches().news(saved, catalog).total == 2
    feed = server.client(BEFORE).get(f"{address}/feed.json").get_json()
    assert {item["title"] for item in feed["items"]} == {"ner-1", "ner-2"}
    later = server.searches().news(saved, server.catalog([*BEFORE, ner(4, 0.912)]))
    assert (later.new, later.gone) == (1, 1)


def test_nothing_is_told_gone_by_a_search_that_is_not_understood_any_more(server):
    """A search by `last_seen` of the version before told of every model that it is gone."""
    saved_as(server.client(BEFORE), "x", q="task:token-classification")
    (saved,) = server.searches().all()
    server.searches().change(saved, query="q=last_seen%3C2030-01-01")  # as it was kept then
    (saved,) = server.searches().all()
    news = server.searches().news(saved, server.catalog(BEFORE))
    assert (news.new, news.gone, news.departed) == (None, None, ())
    assert "Last seen is shown" in news.not_understood[0]


def test_selections_and_order_are_kept_too(server):
    address = saved_as(server.client(BEFORE), "x", q="bert", task="token-classification", sort="-f1")
    (saved,) = server.searches().all()
    state = state_of(saved)
    assert (state.text, state.selections, state.sort) == (
        "bert",
        {"task": ("token-classification",)},
        "-f1",
    )
    assert "task=token-classification" in server.client(BEFORE).get(address).get_data(as_text=True)


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "\u202eevil", "a\x1b[31m"])
def test_name_that_nobody_can_see_or_type_is_refused(server, name):
    assert server.client(BEFORE).post("/saved", data={"name": name, "search": "q=ner"}).status_code == 400
    assert server.searches().all() == []


def test_name_is_taken_once_whatever_its_case_and_blanks(server):
    client = server.client(BEFORE)
    saved_as(client, "Good NER", q="ner")
    answer = client.post("/saved", data={"name": "good  ner", "search": "q=bert"})
    assert answer.status_code == 400
    assert "already" in answer.get_data(as_text=True)


def test_hostile_name_and_query_are_inert(server):
    client = server.client(BEFORE)
    address = saved_as(client, "<script>alert(1)</script>", q='"><script>alert(2)</script>')
    for page in (address, "/saved"):
        text = client.get(page).get_data(as_text=True)
        assert "<script>alert" not in text
    assert "<script>" not in client.get(f"{address}/feed.atom").get_data(as_text=True)
    address = saved_as(client, "<script>alert(1)</script> again", q="ner")
    feed = client.get(f"{address}/feed.atom").data
    assert ET.fromstring(feed).find(f"{ATOM}title").text == "<script>alert(1)</script> again"


def test_saved_search_is_renamed_changed_and_removed(server):
    client = server.client(BEFORE)
    address = saved_as(client, "ner", q="f1>0.8")
    form = {"action": "change", "name": "Better", "query": "f1>0.86"}
    assert client.post(address, data=form).status_code == 303
    (saved,) = server.searches().all()
    assert (saved.name, saved.slug, state_of(saved).text, saved.shared) == (
        "Better",
        "better",
        "f1>0.86",
        False,
    )
    assert "Nothing new" in client.get(address).get_data(as_text=True)  # another search has no news yet
    assert client.post(address, data={"action": "remove"}).headers["Location"] == "/saved"
    assert client.get(address).status_code == 404
    assert server.searches().all() == []


def test_two_tabs_do_not_undo_each_other(server):
    """The second tab took back the name that the first had given, in silence."""
    client = server.client(BEFORE)
    address = saved_as(client, "ner", q="f1>0.8")
    shown = re.search(r'name="as_of" value="([^"]+)"', client.get(address).get_data(as_text=True))[1]
    first = {"action": "change", "name": "Better", "query": "f1>0.8", "as_of": shown}
    assert client.post(address, data=first).status_code == 303
    answer = client.post(address, data={**first, "name": "ner", "query": "f1>0.86"})
    assert answer.status_code == 409
    assert "was changed since you opened it" in answer.get_data(as_text=True)
    (saved,) = server.searches().all()
    assert (saved.name, state_of(saved).text) == ("Better", "f1>0.8")
    assert client.post(address, data={**first, "as_of": "yesterday"}).status_code == 400


def test_saved_search_for_what_no_model_has_any_more_says_so(server):
    address = saved_as(server.client(BEFORE), "ner", q="f1>0.8 grade>0.1")
    text = server.client(BEFORE).get(address).get_data(as_text=True)
    assert "Nothing new" in text
    assert "No model reports" in text


def test_form_of_another_site_changes_nothing(server):
    client = server.client(BEFORE)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post("/saved", data={"name": "x", "search": "q=x"}, headers=foreign).status_code == 403
    address = saved_as(client, "mine", q="ner")
    assert client.post(address, data={"action": "remove"}, headers=foreign).status_code == 403
    assert len(server.searches().all()) == 1


def test_button_that_does_not_exist_does_nothing(server):
    client = server.client(BEFORE)
    address = saved_as(client, "mine", q="ner")
    assert client.post(address, data={"action": "explode"}).status_code == 400


def test_shared_search_is_seen_by_others_and_changed_by_its_owner_alone(server):
    ada = Principal(id="ada", name="Ada", scope=All())
    bob = Principal(id="bob", name="Bob", scope=All())
    address = saved_as(server.client(BEFORE, ada), "ner", q="ner")
    as_bob = server.client(BEFORE, bob)
    assert as_bob.get(address).status_code == 404
    server.client(BEFORE, ada).post(
        address, data={"action": "change", "name": "ner", "query": "ner", "shared": "yes"}
    )
    page = as_bob.get(address).get_data(as_text=True)
    assert "Save changes" not in page
    for form in ({"action": "remove"}, {"action": "change", "name": "mine", "query": "x"}):
        assert as_bob.post(address, data=form).status_code == 400
    assert as_bob.post(address, data={"action": "seen"}).status_code == 303  # everybody's own look
    assert [row.name for row in server.searches("ada").all()] == ["ner"]


def test_reader_of_a_shared_search_hears_only_of_what_they_may_see(server):
    ada = Principal(id="ada", name="Ada", scope=All())
    eve = Principal(id="eve", name="Eve", scope=Term("owner", "eve"))
    rows = [ner(1, 0.9, owner="eve"), ner(2, 0.95, owner="ada")]
    address = saved_as(server.client(rows, ada), "ner", q="task:token-classification")
    server.client(rows, ada).post(
        address,
        data={"action": "change", "name": "ner", "query": "task:token-classification", "shared": "yes"},
    )
    as_eve = server.client(rows, eve)
    for page in (address, "/saved", f"{address}/feed.atom", f"{address}/feed.json"):
        text = as_eve.get(page).get_data(as_text=True)
        assert "ner-2" not in text
        assert "0.95" not in text
    assert "ner-1" in as_eve.get(f"{address}/feed.atom").get_data(as_text=True)


def test_token_cut_to_a_part_does_not_tell_what_its_user_saw_with_the_whole(server):
    ada = Principal(id="ada", name="Ada", scope=All())
    rows = [ner(1, 0.9, owner="eve"), ner(2, 0.95, owner="ada")]
    address = saved_as(server.client(rows, ada), "ner", q="task:token-classification")
    part = Principal(id="ada", name="Ada", scope=Term("owner", "eve"), view="owner:eve")
    text = server.client(rows, part).get(address).get_data(as_text=True)
    assert "gone" not in text
    assert "0.95" not in text
    assert rows[1]["id"] not in text
    assert server.client(rows, part).post(address, data={"action": "seen"}).status_code == 303
    moved_on = Principal(id="ada", name="Ada", scope=Term("owner", "EVE"), view="owner:eve")
    assert "Nothing new since" in server.client(rows, moved_on).get(address).get_data(as_text=True)
    assert "Nothing new since" in server.client(rows, ada).get(address).get_data(as_text=True)


def test_feed_lists_the_newest_first_with_addresses_that_stay(server):
    rows = [ner(1, 0.9), ner(2, first_seen="2026-11-05T10:00:00Z", description="Finds <b>names</b> & places")]
    client = server.client(rows)
    address = saved_as(client, "ner", q="task:token-classification")
    answer = client.get(f"{address}/feed.atom")
    assert answer.mimetype == "application/atom+xml"
    feed = ET.fromstring(answer.data)
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.find(f"{ATOM}title").text for entry in entries] == ["ner-2", "ner-1"]
    assert feed.find(f"{ATOM}updated").text == "2026-11-05T10:00:00Z"
    assert entries[0].find(f"{ATOM}link").get("href") == f"http://localhost/models/{rows[1]['id']}"
    assert "Finds <b>names</b> & places" in entries[0].find(f"{ATOM}summary").text
    again = ET.fromstring(server.client(rows[:1]).get(f"{address}/feed.atom").data)
    assert again.find(f"{ATOM}entry/{ATOM}id").text == entries[1].find(f"{ATOM}id").text


def test_json_feed_says_the_same(server):
    client = server.client(BEFORE)
    address = saved_as(client, "ner", q="task:token-classification")
    feed = client.get(f"{address}/feed.json").get_json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert {item["title"] for item in feed["items"]} == {"ner-1", "ner-2", "ner-3"}
    assert feed["feed_url"] == f"http://localhost{address}/feed.json"


@pytest.mark.parametrize("kind", ["atom", "json"])
def test_feed_that_has_not_changed_is_not_sent_again(server, kind):
    client = server.client(BEFORE)
    address = saved_as(client, "ner", q="ner")
    first = client.get(f"{address}/feed.{kind}")
    again = client.get(f"{address}/feed.{kind}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    client.post(address, data={"action": "change", "name": "other name", "query": "ner"})
    assert (
        client.get(f"{address}/feed.{kind}", headers={"If-None-Match": first.headers["ETag"]}).status_code
        == 200
    )


def test_undecodable_and_acting_characters_leave_the_feed_well_formed(server):
    rows = [ner(1) | {"name": "caf\udce9\x00\x1b\u202e", "description": "\ufffe \x0b"}]
    client = server.client(rows)
    address = saved_as(client, "all", q="")
    ET.fromstring(client.get(f"{address}/feed.atom").data)
    client.get(f"{address}/feed.json").get_json()


def test_search_too_large_to_compare_says_its_size(server):
    saved = server.searches().add("all", SearchState(), server.catalog(BEFORE))
    rows = [ner(number) for number in range(MODELS_COMPARED + 1)]
    news = server.searches().news(saved, server.catalog(rows))
    assert (news.new, news.gone) == (None, None)
    assert news_sentence(news).startswith("2,001 models")


def test_condition_that_is_no_longer_understood_is_said(server):
    """Its feeds told of every model as news: no person reads a notice there."""
    client = server.client(BEFORE)
    address = saved_as(client, "old", q="foo:bar")
    assert "There is no field &#39;foo&#39;" in client.get(address).get_data(as_text=True)
    refused = [client.get(f"{address}/feed.{kind}") for kind in ("atom", "json")]
    assert [answer.status_code for answer in refused] == [400, 400]
    assert all("There is no field" in answer.get_data(as_text=True) for answer in refused)


def test_looking_for_saved_searches_makes_no_store(tmp_path):
    server = Server(Settings(home=tmp_path / "home"))
    assert server.client(BEFORE).get("/saved").status_code == 200
    assert not server.settings.home.exists()


def test_unknown_name_is_answered_with_those_that_there_are(server):
    server.searches().add("Good NER", SearchState(text="ner"), server.catalog(BEFORE))
    assert server.searches().named("good-ner").name == "Good NER"
    with pytest.raises(UserError) as refused:
        server.searches().named("bad")
    assert "Good NER" in refused.value.advice
