"""One root under many spellings is one source; two roots within each other are told; the catalog's own files are not models."""

import json

import pytest
from click.testing import CliRunner
from fixtures.crawling import safetensors

from catalog.cli import cli
from catalog.settings import Settings
from catalog.store import open_store
from crawler.sources.local import LocalSource, open_local


class Tree:
    """`data/models/net` and `data/other`, a link to `data/models`, and a home outside."""

    def __init__(self, folder):
        self.folder, self.data, self.models = folder, folder / "data", folder / "data" / "models"
        self.home = folder / "home"
        self.put("models/net.safetensors", 4)
        self.put("other.safetensors", 8)
        (folder / "link").symlink_to(self.models)

    def put(self, path, values):
        target = self.data / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(safetensors(values=values))

    def run(self, *arguments):
        return CliRunner().invoke(cli, ["--home", str(self.home), *map(str, arguments)])

    def names(self):
        return sorted(model["name"] for model in json.loads(self.run("models", "--json").stdout))


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


SPELLINGS = {
    "slash": "{data}/models/",
    "slashes": "{data}//models//",
    "dot": "{data}/./models",
    "dots": "{data}/models/../models",
    "link": "{folder}/link",
    "link with a slash": "{folder}/link/",
    "address": "file://{data}/models",
    "address of this host": "FILE://localhost{data}/models/",
    "escaped address": "file://{data}/%6dodels",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_of_a_root_is_the_same_source(tree, spelling):
    tree.run("crawl", tree.models)
    done = tree.run("crawl", spelling.format(data=tree.data, folder=tree.folder))
    assert (done.stdout, done.stderr) == ("1 model: 0 new, 0 changed, 1 unchanged.\n", "")


def test_a_relative_path_is_the_same_source(tree, monkeypatch):
    tree.run("crawl", tree.models)
    monkeypatch.chdir(tree.data)
    assert "1 unchanged" in tree.run("crawl", "models").stdout


@pytest.mark.parametrize("address", ["file://elsewhere/models", "file://"])
def test_a_file_address_of_another_machine_is_refused(tree, address):
    assert "names a directory of this machine" in str(tree.run("crawl", address).exception)


@pytest.mark.parametrize("address", ["file:///models%00", "models\0"])
def test_an_address_with_a_zero_byte_is_refused(tree, address):
    """It ended in a traceback."""
    assert "zero byte" in str(tree.run("crawl", address).exception)


@pytest.mark.parametrize("first", ["data", "models"])
def test_a_root_within_another_is_told_with_the_way_to_keep_one(tree, first):
    roots = [tree.data, tree.models] if first == "data" else [tree.models, tree.data]
    assert tree.run("crawl", roots[0]).stderr == ""
    done = tree.run("crawl", roots[1])
    assert done.exit_code == 0
    assert done.stderr.count("\n") == 1
    assert f"{tree.models} lies within {tree.data}, and both are crawled" in done.stderr
    assert f"`modeldex forget {tree.models}` or `modeldex forget {tree.data}`" in done.stderr
    assert tree.names() == ["net", "net", "other"]
    (said,) = json.loads(tree.run("crawl", roots[0], "--json").stdout)["listed_twice"]
    assert said in done.stderr


def test_roots_beside_each_other_are_not_told(tree):
    tree.put("models2/net.safetensors", 16)
    tree.run("crawl", tree.models)
    assert tree.run("crawl", tree.data / "models2").stderr == ""


def test_forgetting_shows_its_plan_first_and_then_keeps_history(tree):
    tree.run("crawl", tree.data)
    tree.run("crawl", tree.models)
    plan = tree.run("forget", tree.folder / "link")
    command = f"modeldex forget {tree.models} --apply"
    assert plan.stdout == (
        f"1 model of {tree.models} would leave the catalog; no file is touched. Do it with: {command}\n"
    )
    assert tree.names() == ["net", "net", "other"]
    assert tree.run("forget", tree.models, "--apply").exit_code == 0
    assert tree.names() == ["net", "other"]
    assert json.loads(tree.run("search", "--json", "net").stdout)[0]["path"] == "models/net.safetensors"
    assert tree.run("crawl", tree.data).stderr == ""
    assert tree.run("crawl", tree.models).stdout == "1 model: 1 new, 0 changed, 0 unchanged.\n"
    assert tree.names() == ["net", "net", "other"]
    with open_store(Settings(home=tree.home), write=False) as store:
        (back,) = [model for model in store.records.iterate() if model.document["uri"].endswith("models/net.safetensors")
                   and model.document["path"] == "net.safetensors"]  # fmt: skip
        assert len(store.records.history(back.id)) == 3


def test_a_root_that_is_no_longer_there_can_be_forgotten(tree):
    tree.run("crawl", tree.models)
    tree.models.rename(tree.folder / "elsewhere")
    assert tree.run("forget", tree.models, "--apply").stdout.startswith("1 model of ")
    assert tree.names() == []


def test_forgetting_what_was_never_crawled_names_what_was(tree):
    tree.run("crawl", tree.models)
    assert f"Crawled were: {tree.models}." in str(tree.run("forget", tree.data).exception)


def test_a_root_with_odd_letters_is_named_as_a_shell_takes_it(tree):
    tree.put("my models/deep/net.safetensors", 4)
    tree.run("crawl", tree.data / "my models")
    said = tree.run("crawl", tree.data / "my models" / "deep").stderr
    assert f"modeldex forget '{tree.data}/my models/deep'" in said


def listed(source):
    return {str(meta.key) for step in source.list() for meta in step.objects}


HOMES = {"below": "data/.modeldex", "the root itself": "data", "above": "."}


@pytest.mark.parametrize("home", HOMES.values(), ids=HOMES)
def test_the_catalogs_own_files_are_neither_listed_nor_read(tree, home):
    tree.home = tree.folder / home
    (tree.home).mkdir(exist_ok=True)
    (tree.home / "modeldex.toml").write_text("port = 8081\n")
    tree.run("crawl", tree.data)
    own = listed(open_local(str(tree.data), Settings(home=tree.home)))
    assert own == {"models/net.safetensors", "other.safetensors"}
    summary = json.loads(tree.run("crawl", tree.data, "--json").stdout)
    assert (summary["opened"], summary["objects"], summary["models"]) == (0, 2, 2)


def test_a_record_store_outside_of_the_home_is_not_listed_either(tree):
    url = f"sqlite:///{tree.data}/records.db"
    settings = Settings(home=tree.home, database_url=url)
    with open_store(settings, write=True) as store, store.lease("writer"):
        assert (tree.data / "records.db-wal").exists()
        assert listed(open_local(str(tree.data), settings)) == {
            "models/net.safetensors",
            "other.safetensors",
        }


def test_a_link_into_what_is_left_out_is_left_out(tree):
    tree.put(".modeldex/index/x.safetensors", 4)
    (tree.data / "x.safetensors").symlink_to(tree.data / ".modeldex" / "index" / "x.safetensors")
    assert "x.safetensors" in listed(LocalSource(tree.data))
    assert "x.safetensors" not in listed(LocalSource(tree.data, exclude=[tree.data / ".modeldex"]))
