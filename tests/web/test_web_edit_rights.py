"""Who may edit which model, over a real store: by every door, refused and noted where it is not theirs."""

from __future__ import annotations

import pytest
from fixtures.crawling import EXTRACTORS, Shop
from fixtures.users import OWN_PAGE, cheap_hasher, role

from catalog import plugins
from catalog.access.accounts import Accounts, Visit
from catalog.recording.authorship import Authorship
from catalog.recording.edits import Target, edit_model, edit_models
from catalog.recording.field_changes import FieldChange
from catalog.records.accounts import Role
from catalog.settings import Settings
from catalog.store import open_store
from crawler.commands.index_state import bring_up_to_date
from crawler.registry import Registry
from webui.app import create_app
from webui.contracts import close_services, open_services

CARD = "---\nlicense: mit\ntags: [{tag}]\n---\n# Net\nA network.\n"
TAGS = ("dev", "prod", "secret")
MERGE = "application/merge-patch+json"


@pytest.fixture
def served(tmp_path):
    """A client, the ids of one model of each tag, and headers of ed, who reads all but the secret and edits what is dev."""
    (tmp_path / "models").mkdir()
    settings = Settings(home=tmp_path / "home", api_log_token="a-token-of-the-log")
    registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
    with open_store(settings, write=True) as store:
        shop = Shop(root=tmp_path / "models", store=store, settings=settings, registry=registry)
        for number, tag in enumerate(TAGS):
            shop.model(f"{tag}/model.safetensors", values=4 + number)
            shop.put(f"{tag}/README.md", CARD.format(tag=tag))
        shop.crawl()
        bring_up_to_date(settings, store)
        accounts = Accounts(settings, lambda: store.accounts, cheap_hasher())
        visit = Visit("owner (test)", "command line")
        grants = [role("viewer"), role("viewer", "tag:secret", deny=True), role("editor", "tag:dev")]
        user = accounts.add("ed", None, grants, visit)
        text, _ = accounts.create_token(user, "test", role=Role.EDITOR, scope="", days=1, visit=visit)
        services = open_services(settings)
        app = create_app(settings, services)
        ids = {tag: shop.documents()[f"{tag}/model.safetensors"]["id"] for tag in TAGS}
        yield app.test_client(), ids, {"Authorization": f"Bearer {text}"}, store
        app.extensions["modeldex-es"].close()
        close_services(services)


def test_a_model_is_edited_by_who_may_edit_it_and_by_nobody_else(served):
    client, ids, ed, store = served

    def patched(tag, body, headers=ed):
        return client.patch(
            f"/api/v1/models/{ids[tag]}",
            json=body,
            headers={"Content-Type": MERGE, "If-Match": "*", **headers},
        ).status_code

    assert patched("dev", {"notes": "mine", "description": "sk-proj-" + "a1B2" * 12}) == 200
    assert patched("prod", {"notes": "not mine"}) == 403
    assert patched("secret", {"notes": "not there"}) == 404
    assert patched("dev", {"notes": "nobody"}, headers={}) == 401
    last = [line.happening for line in store.audit.lines()][-2:]
    assert [(one.actor, one.action, one.resource, one.outcome) for one in last] == [
        ("ed", "models.edit", ids["dev"], "done"),
        ("ed", "models.edit", ids["prod"], "refused"),
    ]
    assert (
        last[0].before == {"revision": 1, "description": last[0].before.get("description")}
        or last[0].before["revision"] == 1
    )
    assert last[0].after["notes"] == {"set": "mine"}
    assert "a1B2a1B2" not in repr(last)
    assert list(store.audit.faults()) == []


def test_an_edit_of_many_changes_those_that_are_theirs(served):
    client, ids, ed, store = served
    body = {"query": "net", "set": {"use_case": "reviews"}}
    dry = client.post("/api/v1/edits", json={**body, "dry_run": True}, headers=ed).json
    assert (dry["found"], dry["would_change"], dry["forbidden"]) == (2, 1, 1)
    done = client.post("/api/v1/edits", json=body, headers=ed).json
    assert done["changed"] == 1
    documents = {tag: store.records.get(model).document.get("use_case") for tag, model in ids.items()}
    assert documents["prod"] is None
    assert documents["secret"] is None
    assert documents["dev"] == "reviews"


def test_an_editor_of_a_part_who_sees_all_changes_no_other_by_its_id(served):
    """The check is where the change is made, whatever list of models reaches it."""
    from catalog.access.editing import Editor
    from catalog.access.opening import open_catalogs
    from catalog.access.permissions import principal_of

    _, ids, _, store = served
    store.accounts.add("ede", None, [role("viewer"), role("editor", "tag:dev")])
    principal = principal_of(store.accounts.named("ede"))
    assert principal.sees_all
    settings = Settings(home=store_home(store))
    catalogs = open_catalogs(settings)
    try:
        editor = Editor(settings, catalogs.of(principal))
        revision = store.records.get(ids["prod"]).revision
        done = editor.edit_many([(ids["prod"], revision)], [FieldChange(field="notes", value="x")])
        assert (done.outcome.changed, list(done.outcome.left)) == ([], [ids["prod"]])
    finally:
        catalogs.close()
    assert store.records.get(ids["prod"]).document.get("notes") is None


def store_home(store):
    from pathlib import Path

    return Path(str(store._engine.url.database)).parent


def test_nobody_undoes_what_others_changed_in_models_that_are_not_theirs(served):
    client, ids, ed, store = served

    edit_models(
        store,
        [Target(model=ids["prod"], revision=store.records.get(ids["prod"]).revision)],
        [FieldChange(field="notes", value="by ada")],
        by=Authorship(made_by="ada", batch="feedfacecafe"),
    )
    undone = client.post("/api/v1/edits/feedfacecafe/undo", headers=ed)
    assert undone.status_code in {200, 404}
    assert store.records.get(ids["prod"]).document["notes"] == "by ada"


def test_a_job_logs_with_its_own_token_also_where_there_are_users(served):
    client, ids, ed, store = served
    body = {"model": ids["prod"], "metrics": {"accuracy": 0.9}}
    logged = client.post("/api/v1/models", json=body, headers={"Authorization": "Bearer a-token-of-the-log"})
    assert logged.status_code in {200, 201}, logged.text
    for headers in ({}, ed, {"Authorization": "Bearer wrong"}):
        assert client.post("/api/v1/models", json=body, headers=headers).status_code == 401
    done = [line.happening.action for line in store.audit.lines() if line.happening.outcome == "done"]
    assert done[-1] == "models.log"


def test_an_edit_that_takes_a_model_out_of_sight_is_answered_with_its_revision(served):
    client, ids, ed, store = served
    before = store.records.get(ids["dev"]).revision
    answer = client.patch(
        f"/api/v1/models/{ids['dev']}", json={"tags": ["secret"]}, headers={"Content-Type": MERGE, **ed}
    )
    after = store.records.get(ids["dev"]).revision
    assert after == before + 1
    assert (answer.status_code, answer.json["revision"], answer.json["edits"]) == (200, after, [])
    assert client.get(f"/api/v1/models/{ids['dev']}", headers=ed).status_code == 404
    edit_model(store, ids["dev"], expected=after, clear=["tags"], by=Authorship(made_by="ada"))
    assert client.get(f"/api/v1/models/{ids['dev']}", headers=ed).status_code == 200


def test_the_history_of_a_part_does_not_repeat_what_others_looked_for(served):
    client, ids, ed, store = served
    target = Target(model=ids["prod"], revision=store.records.get(ids["prod"]).revision)
    change = FieldChange(field="owner", value="lab")
    batch = "0123456789ab"
    edit_models(
        store, [target], [change], by=Authorship(made_by="ada", batch=batch), cause="query tag:secret zebra"
    )
    assert store.records.history(ids["prod"])[-1].cause == f"edit {batch}, query tag:secret zebra"
    answer = client.get(f"/api/v1/models/{ids['prod']}/history", headers=ed)
    assert answer.json["revisions"][-1]["cause"] == f"edit {batch}"
    page = client.get(f"/models/{ids['prod']}/history", headers=ed).text
    assert "zebra" not in page
    assert batch in page


def test_an_edit_of_a_revision_that_was_not_read_asks_whether_that_one_may_be_changed(served):
    from catalog.access.editing import Editor
    from catalog.access.opening import open_catalogs
    from catalog.access.permissions import principal_of
    from catalog.errors import NotAllowed

    _, ids, _, store = served
    settings = Settings(home=store_home(store))
    catalogs = open_catalogs(settings)
    try:
        catalog = catalogs.of(principal_of(store.accounts.named("ed")))
        read = catalog.model(ids["dev"])
        moved = edit_model(
            store, ids["dev"], expected=read.revision, values={"tags": ["prod"]}, by=Authorship(made_by="ada")
        )
        with pytest.raises(NotAllowed):
            Editor(settings, catalog).edit(read, [FieldChange(field="notes", value="x")], expected=moved)
    finally:
        catalogs.close()
    line = list(store.audit.lines())[-1].happening
    assert (line.action, line.resource, line.outcome) == ("models.edit", ids["dev"], "refused")
    assert store.records.get(ids["dev"]).revision == moved
    edit_model(store, ids["dev"], expected=moved, clear=["tags"], by=Authorship(made_by="ada"))


def test_an_edit_of_others_tells_only_of_models_that_are_seen(served):
    client, ids, ed, store = served

    def changed(batch, *tags):
        targets = [Target(model=ids[tag], revision=store.records.get(ids[tag]).revision) for tag in tags]
        change = FieldChange(field="use_case", value=batch)
        done = edit_models(store, targets, [change], by=Authorship(made_by="ada", batch=batch))
        assert len(done.changed) == len(tags)

    changed("aaaaaaaaaaaa", *TAGS)
    changed("bbbbbbbbbbbb", "secret")
    edit_model(
        store,
        ids["secret"],
        expected=store.records.get(ids["secret"]).revision,
        values={"use_case": "later"},
        by=Authorship(made_by="ada"),
    )
    assert "2 models changed" in client.get("/edits/aaaaaaaaaaaa", headers=ed).text
    undone = client.post("/api/v1/edits/aaaaaaaaaaaa/undo", headers=ed, json={}).json
    assert (undone["changed"], undone["unchanged"]) == (1, 0)
    assert undone["left"] == {ids["prod"]: "you may not change it"}
    for call in (client.get("/edits/bbbbbbbbbbbb", headers=ed), client.get("/edits/none", headers=ed)):
        assert call.status_code == 404
    assert client.post("/api/v1/edits/bbbbbbbbbbbb/undo", headers=ed, json={}).status_code == 404
    assert client.post("/edits/bbbbbbbbbbbb/undo", headers={**ed, **OWN_PAGE}).status_code == 404
    again = client.post("/edits/aaaaaaaaaaaa/undo", headers={**ed, **OWN_PAGE})
    assert again.status_code == 200
    assert ids["secret"][:12] not in again.text


def test_taking_back_an_edit_brings_nothing_from_revisions_that_are_not_seen(served):
    client, ids, ed, store = served
    model = ids["dev"]
    read = store.records.get(model).revision
    hidden = {"tags": ["dev", "secret"], "notes": "codename zebra"}
    edit_model(store, model, expected=read, values=hidden, by=Authorship(made_by="ada"))
    shown = {"tags": ["dev"], "notes": "clean"}
    edit_model(
        store, model, expected=read + 1, values=shown, by=Authorship(made_by="ada", batch="cccccccccccc")
    )
    undone = client.post("/api/v1/edits/cccccccccccc/undo", headers=ed, json={}).json
    assert (undone["changed"], list(undone["left"])) == (0, [model])
    assert undone["left"][model].endswith("changed since")
    assert store.records.get(model).document["notes"] == "clean"
    edit_model(
        store,
        model,
        expected=read + 2,
        values={"notes": "later"},
        by=Authorship(made_by="ada", batch="dddddddddddd"),
    )
    assert client.post("/api/v1/edits/dddddddddddd/undo", headers=ed, json={}).json["changed"] == 1
    assert store.records.get(model).document["notes"] == "clean"


def test_what_was_changed_before_an_edit_was_killed_is_in_the_audit(served, monkeypatch):
    from catalog.access.editing import Editor
    from catalog.access.opening import open_catalogs
    from catalog.recording import edits

    _, ids, _, store = served
    monkeypatch.setattr(edits, "PAGE_MODELS", 1)
    pages = []

    def killed(outcome):
        pages.append(len(outcome.changed))
        if len(pages) == 2:
            raise KeyboardInterrupt

    settings = Settings(home=store_home(store))
    targets = [(ids[tag], store.records.get(ids[tag]).revision) for tag in TAGS]
    serial = store.audit.latest(1)[0].serial
    catalogs = open_catalogs(settings)
    try:
        editor = Editor(settings, catalogs.of(), author="ada")
        with pytest.raises(KeyboardInterrupt):
            editor.edit_many(
                targets,
                [FieldChange(field="owner", value="half")],
                batch="eeeeeeeeeeee",
                progress=killed,
            )
        monkeypatch.setattr(editor, "_follow", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            editor.undo("eeeeeeeeeeee")
    finally:
        catalogs.close()
    lines = [line.happening for line in store.audit.lines(after=serial)]
    assert [(line.action, line.resource, line.after["changed"]) for line in lines] == [
        ("models.edit_many", "edit eeeeeeeeeeee", 1),
        ("models.edit_many", "edit eeeeeeeeeeee", 1),
        ("models.undo", "edit eeeeeeeeeeee", 1),
        ("models.undo", "edit eeeeeeeeeeee", 1),
    ]
    assert list(store.audit.faults()) == []


def test_an_edit_that_is_not_written_leaves_no_line(served):
    _, ids, _, store = served
    read = store.records.get(ids["dev"])
    serial = store.audit.latest(1)[0].serial
    with pytest.raises(ZeroDivisionError):
        edit_model(
            store,
            read.id,
            expected=read.revision,
            values={"notes": "never"},
            by=Authorship(made_by="ada"),
            tell=lambda _before, _revision: 1 / 0,
        )
    assert store.records.get(ids["dev"]).revision == read.revision
    assert list(store.audit.lines(after=serial)) == []
