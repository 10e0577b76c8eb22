"""A model that a sidecar, a shard or a rename gives another id is found under its old one by all who read the catalog."""

import json

import pytest
from click.testing import CliRunner

from catalog.access.catalog import Catalogs
from catalog.cli import cli
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter
from webui.app import create_app
from webui.contracts import Services

CONFIG = {"architectures": ["BertModel"], "model_type": "bert"}


def ids_of(shop):
    return {path: document["id"] for path, document in shop.documents().items()}


def catalogs_of(shop):
    index = MemoryIndex()
    rows = list(shop.documents().values())
    MemoryWriter(index).write([IndexAction(id=row["id"], revision=1, document=row) for row in rows])
    return Catalogs(MemoryEngine(index), lambda: shop.store)


@pytest.fixture
def changed(shop):
    """A model that became a directory's, was one file's again, and a renamed one: (old ids, present ids, shop)."""
    shop.model("bert/net.safetensors", fill=1.0)
    shop.model("old/net.safetensors", fill=2.0)
    shop.crawl()
    first = ids_of(shop)
    config = shop.put("bert/config.json", CONFIG)
    report = shop.crawl()
    assert (report.counts["new"], report.counts["changed"], report.counts["missing"]) == (0, 1, 0)
    second = ids_of(shop)
    (shop.root / "old").rename(shop.root / "new")
    shop.crawl()
    third = ids_of(shop)
    config.unlink()
    shop.model("bert/other.safetensors", fill=3.0)
    shop.crawl()
    last = ids_of(shop)
    olds = {
        second["bert"]: last["bert/net.safetensors"],
        first["old/net.safetensors"]: third["new/net.safetensors"],
    }
    assert first["bert/net.safetensors"] == last["bert/net.safetensors"], "back to what it was"
    return olds, shop


def test_an_old_id_leads_to_what_its_model_is_now(changed):
    olds, shop = changed
    catalogs = catalogs_of(shop)
    reading = catalogs.of()
    app = create_app(Settings(home=shop.settings.home), Services(catalogs=catalogs)).test_client()
    for old, present in olds.items():
        assert reading.successor(old).id == present
        assert reading.successor(present) is None
        assert reading.present([old, present])[present]["id"] == present
        answer = app.get(f"/api/models/{old}", follow_redirects=True)
        assert json.loads(answer.data)["document"]["id"] == present
        page = app.get(f"/models/{old}")
        assert page.status_code == 302
        assert present in page.headers["Location"]
        shown = CliRunner().invoke(cli, ["--home", str(shop.settings.home), "show", old, "--json"])
        assert json.loads(shown.stdout)["id"] == present
        assert present[:12] in shown.stderr


def test_programs_that_kept_an_old_id_get_the_present_model(changed):
    olds, shop = changed
    services = Services(catalogs=catalogs_of(shop))
    app = create_app(Settings(home=shop.settings.home), services).test_client()
    (old, present), *_ = olds.items()
    assert app.get(f"/api/v1/models/{old}").json["id"] == present
    for form in ("card.md", "cyclonedx.json"):
        assert app.get(f"/api/models/{old}/{form}").data == app.get(f"/api/models/{present}/{form}").data
    assert app.get(f"/es/models/_doc/{old}").json["_source"]["id"] == present
    assert app.post("/es/models/_mget", json={"ids": [old]}).json["docs"][0]["found"] is True
    assert present in app.get(f"/models/{old}/edit").text


@pytest.mark.parametrize("command", ["history", "diff", "export card", "export cyclonedx"])
def test_commands_say_what_an_old_id_is_now(changed, command):
    olds, shop = changed
    home = ["--home", str(shop.settings.home)]
    (old, present), *_ = olds.items()
    answer = CliRunner().invoke(cli, [*home, *command.split(), old])
    assert answer.exit_code == 0, answer.stderr
    assert f"is now {present[:12]}" in answer.stderr
    if command.startswith("export"):
        assert answer.stdout == CliRunner().invoke(cli, [*home, *command.split(), present]).stdout


def test_an_edit_of_an_old_id_is_made_where_the_model_is_now(changed):
    olds, shop = changed
    home = ["--home", str(shop.settings.home)]
    (old, present), *_ = olds.items()
    edited = CliRunner().invoke(cli, [*home, "edit", old, "owner=ada"])
    assert edited.exit_code == 0, edited.stderr
    shown = CliRunner().invoke(cli, [*home, "show", present, "--json"])
    assert json.loads(shown.stdout)["owner"] == "ada"


def test_a_restore_of_an_old_id_gives_what_was_said_under_it_to_the_model_that_is_there(shop):
    shop.model("old/net.safetensors")
    shop.crawl()
    old = ids_of(shop)["old/net.safetensors"]

    def run(*words):
        ran = CliRunner().invoke(cli, ["--home", str(shop.settings.home), *words])
        assert ran.exit_code == 0, ran.output
        return ran.output

    run("edit", old, "owner=ada")
    run("edit", old, "owner=bob")
    (shop.root / "old").rename(shop.root / "new")
    shop.crawl()
    present = ids_of(shop)["new/net.safetensors"]
    assert json.loads(run("show", present, "--json"))["owner"] == "bob"
    run("restore", old, "2")
    assert json.loads(run("show", present, "--json"))["owner"] == "ada"
    assert f"of revision 2 of {old[:12]}" in run("history", present, "--json")
    assert "as they were written" in run("verify")


def test_what_a_directory_took_in_is_its_and_no_longer_a_model_of_its_own(shop):
    shop.model("bert/net.safetensors")
    shop.crawl()
    old = ids_of(shop)["bert/net.safetensors"]
    shop.put("bert/config.json", CONFIG)
    shop.crawl()
    assert list(shop.documents()) == ["bert"]
    reading = catalogs_of(shop).of()
    present = ids_of(shop)["bert"]
    assert reading.present([old]) == {old: reading.get([present])[present]}


def test_a_model_that_is_gone_at_its_new_place_too_is_shown_where_it_was(shop):
    shop.model("old/net.safetensors")
    shop.crawl()
    old = ids_of(shop)["old/net.safetensors"]
    (shop.root / "old").rename(shop.root / "new")
    shop.crawl()
    (shop.root / "new/net.safetensors").unlink()
    shop.crawl(accept=True)
    assert catalogs_of(shop).of().successor(old) is None


def test_the_table_of_models_holds_what_is_there_and_marks_the_rest(shop):
    for number, name in enumerate(("kept", "old", "lost")):
        shop.model(f"{name}/{name}.safetensors", fill=float(number))
    shop.crawl()
    (shop.root / "old").rename(shop.root / "new")
    (shop.root / "lost/lost.safetensors").unlink()
    shop.crawl(accept=True)
    home = ["--home", str(shop.settings.home)]

    def names(*options):
        done = CliRunner().invoke(cli, [*home, "models", *options])
        return [line.split("  ")[0] for line in done.stdout.splitlines()[1:]], done.stderr

    assert names() == (["kept", "old"], "2 no longer there are left out: add --missing.\n")
    assert names("--missing") == (["kept", "lost (missing)", "old", "old (moved)"], "")
    listed = CliRunner().invoke(cli, [*home, "models", "--json"])
    assert [document["status"] for document in json.loads(listed.stdout)] == ["ok", "ok"]
