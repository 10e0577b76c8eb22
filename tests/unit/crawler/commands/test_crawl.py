"""`crawl`, `show` and `models` as people and scripts use them."""

import errno
import json

import pytest
from click.testing import CliRunner
from fixtures.crawling import safetensors

from catalog import plugins
from catalog.cli import cli
from catalog.errors import ModeldexError
from catalog.settings import Settings
from catalog.store import open_store
from crawler.sources.local import LocalSource

CARD = """---
license: mit
model-index:
- name: net
  results:
  - task: {type: text-classification}
    dataset: {name: imdb, type: imdb}
    metrics: [{type: accuracy, value: 93.4}]
---
# Net
"""


class Home:
    """A catalog home, a folder of models, and the command line."""

    def __init__(self, folder):
        self.home, self.models = folder / "home", folder / "models"
        self.models.mkdir()

    def put(self, path, data):
        target = self.models / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data if isinstance(data, bytes) else data.encode())

    def run(self, *arguments):
        return CliRunner().invoke(cli, ["--home", str(self.home), *map(str, arguments)])

    def refused(self, *arguments):
        """The error that `main` turns into a sentence and an exit code."""
        error = self.run(*arguments).exception
        assert isinstance(error, ModeldexError)
        return error


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def test_a_crawl_sums_up_on_stdout_and_ends_with_zero(home):
    home.put("a/model.safetensors", safetensors())
    done = home.run("crawl", home.models)
    assert (done.exit_code, done.stdout) == (0, "1 model: 1 new, 0 changed, 0 unchanged.\n")
    assert home.run("crawl", home.models).stdout == "1 model: 0 new, 0 changed, 1 unchanged.\n"


def test_what_could_not_be_read_is_named_on_stderr_and_ends_with_one(home):
    home.put("bad.safetensors", b"\xff" * 64)
    done = home.run("crawl", home.models)
    assert done.exit_code == 1
    assert "1 file could not be read" in done.stdout
    assert "bad.safetensors: " in done.stderr


def test_what_was_left_out_is_counted_on_stdout_and_named_on_stderr(home):
    (home.models / "lost.safetensors").symlink_to("absent")
    ran = home.run("crawl", home.models)
    assert ran.exit_code == 0
    assert "; 1 file, link or directory left out." in ran.stdout
    assert "1 left out (a link that leads nowhere): lost.safetensors" in ran.stderr


def test_a_file_without_permission_is_named_once(home, monkeypatch):
    home.put("net/model.safetensors", safetensors())

    def refuse(self, key):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(LocalSource, "_open_file", refuse)
    done = home.run("crawl", home.models)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == ["  net/model.safetensors: cannot be read: Permission denied"]


def test_a_directory_that_cannot_be_listed_is_counted_in_the_summary(home, monkeypatch):
    home.put("open/a.safetensors", safetensors())
    home.put("locked/b.safetensors", safetensors())
    whole = LocalSource._open_directory

    def refuse(self, key):
        if key == "locked":
            raise PermissionError(errno.EACCES, "Permission denied")
        return whole(self, key)

    monkeypatch.setattr(LocalSource, "_open_directory", refuse)
    done = home.run("crawl", home.models)
    assert done.exit_code == 1
    assert done.stdout.startswith("1 model: 1 new, 0 changed, 0 unchanged; 1 directory could not be listed.")


def test_a_catalogs_own_store_is_no_broken_file(home):
    """The store has tables `runs` and `alembic_version`, as MLflow's database has."""
    home.home = home.models
    home.put("a.safetensors", safetensors())
    home.run("crawl", home.models)
    assert home.run("crawl", home.models).exit_code == 0


def test_a_held_run_ends_with_three_and_says_how_to_accept(home):
    home.put("a.safetensors", safetensors())
    home.run("crawl", home.models)
    (home.models / "a.safetensors").unlink()
    held = home.run("crawl", home.models)
    assert held.exit_code == 3
    assert f"modeldex crawl {home.models} --accept" in held.stderr
    summary = json.loads(home.run("crawl", home.models, "--json").stdout)
    assert (summary["state"], summary["would_lose"], summary["would_lose_paths"]) == ("held", 1, ["a"])
    assert home.run("crawl", home.models, "--accept").exit_code == 0


def test_the_summary_as_json_is_one_object_on_stdout(home):
    home.put("a.safetensors", safetensors())
    summary = json.loads(home.run("crawl", home.models, "--json").stdout)
    assert summary["state"] == "complete"
    assert (summary["new"], summary["moved"]) == (1, 0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("crawl", "absent"), "absent does not exist"),
        (("crawl", __file__), "is not a directory"),
        (("show", "nothing"), "Start with: modeldex crawl FOLDER"),
    ],
)
def test_wrong_use_is_one_sentence_with_the_next_thing_to_do(home, arguments, sentence):
    error = home.refused(*arguments)
    assert sentence in str(error)
    assert error.exit_code == 2


def test_a_second_writer_is_told_who_is_first(home):
    source = LocalSource(home.models)
    with open_store(Settings(home=home.home), write=True) as store, store.source_lease(source.id):
        assert "Another Modeldex process is writing" in str(home.refused("crawl", home.models))


def test_show_says_for_a_value_which_file_and_key_and_what_was_done(home):
    home.put("net/model.safetensors", safetensors())
    home.put("net/config.json", json.dumps({"model_type": "bert", "architectures": ["BertModel"]}))
    home.put("net/README.md", CARD)
    home.run("crawl", home.models)
    shown = home.run("show", "net").stdout
    assert "accuracy: 0.934" in shown
    assert "net/README.md front-matter:/model-index/0" in shown
    assert "percent÷100" in shown.replace(" ", "")
    document = json.loads(home.run("show", "net", "--json").stdout)
    assert document["license"] == "mit"
    assert document["provenance"]["license"]["winners"][0]["observation"]["key"] == "net/README.md"
    assert home.run("show", document["id"][:8]).stdout == shown


def test_show_of_several_asks_for_a_longer_id(home):
    home.put("a/net.safetensors", safetensors())
    home.put("b/net.safetensors", safetensors(values=8))
    home.run("crawl", home.models)
    assert "2 models answer to 'net'" in str(home.refused("show", "net"))


def test_models_is_a_table_that_fits_and_an_array_of_whole_documents(home, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    home.put("a.safetensors", safetensors(values=2_000))
    home.put(f"{'long' * 40}.safetensors", safetensors())
    home.run("crawl", home.models)
    lines = home.run("models").stdout.splitlines()
    assert lines[0].split()[0::6] == ["name", "id"]
    assert max(map(len, lines)) <= 60
    assert "2k" in lines[1]
    documents = json.loads(home.run("models", "--json").stdout)
    assert {document["status"] for document in documents} == {"ok"}


def test_an_empty_catalog_is_an_empty_array_and_advice_for_people(home):
    assert json.loads(home.run("models", "--json").stdout) == []
    done = home.run("models")
    assert (done.stdout, done.exit_code) == ("", 0)
    assert "modeldex crawl FOLDER" in done.stderr


def test_names_and_metadata_cannot_steer_the_terminal(home):
    evil = "\x1b[2Jgone\x07\u202e"
    home.put(
        f"{evil}.safetensors", safetensors(metadata={"modelspec.title": evil, "modelspec.description": evil})
    )
    home.put(f"{evil}broken.safetensors", b"\xff" * 99)
    outputs = [home.run("crawl", home.models), home.run("models")]
    outputs.append(home.run("show", json.loads(home.run("models", "--json").stdout)[0]["id"]))
    for done in outputs:
        assert "\x1b" not in done.output
        assert "\u202e" not in done.output


def test_models_of_the_catalogs_own_home_are_not_crawled(home):
    home.home = home.models / ".catalog"
    home.put("a.safetensors", safetensors())
    home.put(".catalog/index/b.safetensors", safetensors())
    assert home.run("crawl", home.models).stdout.startswith("1 model:")


def test_a_part_of_a_name_is_answered_with_the_whole(home):
    home.put("sentiment-bert.safetensors", safetensors())
    home.run("crawl", home.models)
    assert "Did you mean sentiment-bert?" in str(home.refused("show", "BERT"))


def test_a_plug_in_that_cannot_be_loaded_costs_its_own_format_only(home, monkeypatch):
    table = {**plugins.EXTRACTORS, "broken": "crawler.extractors.absent:Absent"}
    monkeypatch.setattr(plugins, "TABLES", {**plugins.TABLES, "extractor": table})
    home.put("a.safetensors", safetensors())
    done = home.run("crawl", home.models)
    assert (done.exit_code, done.stdout[:8]) == (1, "1 model:")
    assert "The extractor 'broken' cannot be used" in done.stderr


def test_show_of_a_name_means_the_model_that_is_there_and_not_what_it_moved_from(home):
    home.put("before/net.safetensors", safetensors())
    home.run("crawl", home.models)
    (home.models / "before").rename(home.models / "after")
    assert "1 moved" in home.run("crawl", home.models).stdout
    assert json.loads(home.run("show", "net", "--json").stdout)["status"] == "ok"
    (home.models / "after" / "net.safetensors").unlink()
    home.run("crawl", home.models, "--accept")
    assert "2 models answer to 'net'" in str(home.refused("show", "net"))
