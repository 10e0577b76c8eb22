"""`modeldex sources`: rows by command and by file, and what a crawl makes of them."""

import json
import re

import pytest
import yaml
from click.testing import CliRunner
from fixtures.crawling import safetensors

from catalog.cli import cli
from catalog.settings import Settings
from catalog.store import open_store


class Desk:
    """`data/lab` and `data/archive` with two models each, and a home."""

    def __init__(self, folder):
        self.folder, self.data, self.home = folder, folder / "data", folder / "home"
        for number, path in enumerate(("lab/net", "lab/tmp/draft", "archive/one", "archive/old/two")):
            self.put(path, 4 + number)

    def put(self, path, values=4):
        target = self.data / f"{path}.safetensors"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(safetensors(values=values))

    def run(self, *arguments):
        return CliRunner().invoke(cli, ["--home", str(self.home), *map(str, arguments)])

    def done(self, *arguments):
        done = self.run(*arguments)
        assert done.exit_code == 0, (done.output, done.exception)
        return done

    def refused(self, *arguments):
        done = self.run(*arguments)
        assert done.exit_code != 0
        return str(done.exception)

    def sources(self):
        rows = json.loads(self.done("sources", "list", "--json").stdout)
        return {row["name"] or row["address"].rpartition("/")[2]: row for row in rows}

    def models(self):
        models = json.loads(self.run("models", "--missing", "--json").stdout)
        return {model["path"]: model["status"] for model in models}

    def apply(self, entries, *options):
        file = self.folder / "sources.yaml"
        file.write_text(yaml.safe_dump({"sources": entries}))
        return self.run("sources", "apply", file, *options)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.mark.parametrize("has_key", [True, False])
@pytest.mark.parametrize("verb", ["add", "apply"])
def test_a_field_that_is_called_sensitive_is_hidden_or_said_not_to_be(desk, monkeypatch, verb, has_key):
    """It was taken without a word, and everybody went on reading the values."""
    if has_key:
        desk.done("keys", "create", "--file", desk.folder / "master.key")
        monkeypatch.setenv("MODELDEX_ENCRYPTION_KEY", f"file:{desk.folder}/master.key")
    if verb == "add":
        desk.done("sources", "add", desk.data / "lab")
        talk = desk.done("sources", "set", desk.data / "lab", "--sensitive", "owner").stderr
    else:
        talk = desk.apply([{"address": str(desk.data / "lab"), "sensitive": ["owner"]}]).stderr
    assert ("whoever sees a model still reads owner;" in talk) is not has_key


def test_a_source_is_added_listed_shown_changed_crawled_by_name_and_removed(desk):
    added = desk.done("sources", "add", desk.data / "lab", "--name", "lab", "--exclude", "tmp", "--schedule", "every 1h",
                      "--sensitive", "owner")  # fmt: skip
    assert added.stdout == f"Added {desk.data}/lab (lab). Crawl it with: modeldex crawl lab\n"
    assert desk.done("crawl", "lab").stdout == "1 model: 1 new, 0 changed, 0 unchanged.\n"
    (row,) = desk.sources().values()
    assert (row["exclude"], row["schedule"], row["sensitive"], row["models"], row["ended"]) == (
        ["tmp"],
        "every 1h",
        ["owner"],
        1,
        "complete",
    )
    assert "exclude:      tmp" in desk.done("sources", "show", "lab").stdout
    assert [line.split()[0] for line in desk.done("sources", "list").stdout.splitlines()] == ["name", "lab"]
    changed = desk.done(
        "sources", "set", desk.data / "lab", "--name", "bench", "--clear", "exclude", "--disable"
    )
    assert "name: lab -> bench; exclude: tmp -> none; active -> disabled" in changed.stdout
    assert desk.sources()["bench"]["schedule"] == "every 1h"
    crawled = desk.done("crawl", "bench")
    assert "2 models: 1 new" in crawled.stdout
    assert "this source is disabled" in crawled.stderr
    removed = desk.done("sources", "remove", "bench")
    assert (
        f"Its 2 models stay in the catalog. Take them out with: modeldex forget {desk.data}/lab"
        in removed.stderr
    )
    assert desk.sources() == {}
    assert len(desk.models()) == 2
    assert "2 models of" in desk.done("forget", desk.data / "lab").stdout


def test_a_crawled_path_is_a_source_with_defaults_that_may_be_defined_later(desk):
    desk.done("crawl", desk.data / "lab")
    assert desk.sources()["lab"]["name"] is None
    desk.done("sources", "add", f"{desk.data}/lab/", "--name", "bench", "--include", "*.safetensors")
    assert desk.sources()["bench"]["models"] == 2
    assert desk.done("crawl", desk.data / "lab").stdout == "2 models: 0 new, 0 changed, 2 unchanged.\n"


SAME = {
    "slash": "{data}/lab/",
    "dots": "{data}/archive/../lab",
    "address": "file://{data}/lab",
    "escaped": "FILE://localhost{data}/l%61b/",
}


@pytest.mark.parametrize("spelling", SAME.values(), ids=SAME)
def test_a_second_row_for_one_directory_is_refused_with_the_first(desk, spelling):
    desk.done("sources", "add", desk.data / "lab", "--name", "lab")
    sentence = desk.refused("sources", "add", spelling.format(data=desk.data), "--name", "again")
    assert sentence == f"{desk.data}/lab (lab) is a source already. Change it with: modeldex sources set lab"


REFUSED = {
    "name like a path": (["--name", "a/b"], "'a/b' cannot be the name of a source."),
    "name like an address": (["--name", "s3://b"], "cannot be the name of a source."),
    "name like a folder": (["--name", ".."], "cannot be the name of a source."),
    "schedule": (["--schedule", "hourly"], "'hourly' is no schedule."),
    "pattern": (["--exclude", "../x"], "the pattern '../x' matches nothing"),
    "field": (
        ["--sensitive", "onwer"],
        "There is no field 'onwer' that could be sensitive. Did you mean 'owner'?",
    ),
    "option": (["--option", "depth=3"], "file:// sources have no option 'depth'."),
    "credential": (["--credential", "token=env:T"], "file:// sources have no credential 'token'."),
    "no value": (["--credential", "hidden"], "Write --credential NAME=env:VARIABLE"),
}


@pytest.mark.parametrize(("options", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_a_source_cannot_have_is_one_sentence_and_nothing_is_stored(desk, options, sentence):
    said = desk.refused("sources", "add", desk.data / "lab", *options)
    assert sentence in said
    assert "hidden" not in said
    assert desk.sources() == {}


def test_two_sources_of_one_name_are_refused(desk):
    desk.done("sources", "add", desk.data / "lab", "--name", "lab")
    sentence = desk.refused("sources", "add", desk.data / "archive", "--name", "lab")
    assert "is already named 'lab'. Choose another name." in sentence
    desk.done("sources", "add", desk.data / "archive")
    assert "is already named 'lab'" in desk.refused("sources", "set", desk.data / "archive", "--name", "lab")


def test_a_name_that_is_also_another_directory_here_is_not_guessed(desk, monkeypatch):
    desk.done("sources", "add", desk.data / "archive", "--name", "lab")
    monkeypatch.chdir(desk.data)
    sentence = desk.refused("crawl", "lab")
    assert "'lab' is a directory here, and the name of the source" in sentence
    assert "Write ./lab for the directory" in sentence
    assert "2 models" in desk.done("crawl", "./lab").stdout
    desk.done("sources", "set", desk.data / "archive", "--name", "archive")
    assert "2 models" in desk.done("crawl", "archive").stdout  # the directory and the name are one source


def test_what_is_excluded_is_not_walked_and_is_told_as_skipped(desk):
    desk.done("sources", "add", desk.data / "lab", "--name", "lab", "--exclude", "tmp")
    summary = json.loads(desk.done("crawl", "lab", "--json").stdout)
    assert summary["skipped"] == [{"key": "tmp", "reason": "excluded by tmp"}]
    assert (summary["models"], summary["missing"], summary["objects"]) == (1, 0, 1)


def test_excluding_what_was_catalogued_goes_missing_and_says_so(desk):
    desk.done("crawl", desk.data / "lab")
    desk.done("sources", "set", desk.data / "lab", "--exclude", "tmp")
    done = desk.done("crawl", desk.data / "lab")
    assert "1 unchanged, 1 missing" in done.stdout
    assert "leave out 1 file of the catalog" in done.stderr
    assert desk.models() == {"net.safetensors": "ok", "tmp/draft.safetensors": "missing"}
    assert "leave out" not in desk.done("crawl", desk.data / "lab").stderr
    desk.done("sources", "set", desk.data / "lab", "--clear", "exclude")
    desk.done("crawl", desk.data / "lab")
    assert set(desk.models().values()) == {"ok"}


@pytest.mark.parametrize("patterns", [["--exclude", "many"], ["--include", "net*"], ["--exclude", "*"]])
def test_excluding_much_of_what_was_catalogued_is_held_until_it_is_accepted(desk, patterns):
    for number in range(60):
        desk.put(f"lab/many/{number}", 100 + number)
    desk.done("crawl", desk.data / "lab")
    desk.done("sources", "set", desk.data / "lab", *patterns)
    for _ in range(2):
        held = desk.run("crawl", desk.data / "lab")
        assert held.exit_code == 3
        assert "the patterns of this source leave out 6" in held.stderr
        assert "Held:" in held.stderr
        assert set(desk.models().values()) == {"ok"}
    assert desk.done("crawl", desk.data / "lab", "--accept").exit_code == 0
    assert list(desk.models().values()).count("missing") >= 60


def test_a_source_within_one_that_leaves_it_out_is_not_told(desk):
    desk.done("sources", "add", desk.data, "--name", "all", "--exclude", "/lab")
    desk.done("crawl", "all")
    assert desk.done("crawl", desk.data / "lab").stderr == ""
    assert desk.done("crawl", "all").stderr == ""
    desk.done("sources", "set", "all", "--clear", "exclude")
    assert "lies within" in desk.done("crawl", "all").stderr


def test_what_was_forgotten_is_disabled_with_its_options_kept(desk):
    desk.done("sources", "add", desk.data / "lab", "--name", "lab", "--exclude", "tmp")
    desk.done("crawl", "lab")
    done = desk.done("forget", "lab", "--apply")
    assert "modeldex sources set" in done.stderr
    assert (desk.sources()["lab"]["state"], desk.sources()["lab"]["exclude"]) == ("disabled", ["tmp"])
    desk.done("crawl", desk.data / "archive")
    desk.done("forget", desk.data / "archive", "--apply")
    assert set(desk.sources()) == {"lab"}
    desk.done("crawl", desk.data / "archive")
    assert set(desk.sources()) == {"lab", "archive"}


def test_a_source_that_was_never_crawled_can_be_forgotten(desk):
    desk.done("sources", "add", desk.data / "lab", "--name", "lab")
    assert desk.done("forget", "lab", "--apply").stdout.startswith("0 models of")
    assert desk.sources()["lab"]["state"] == "disabled"


def test_applying_a_file_adds_changes_and_is_done_twice_without_a_change(desk):
    desk.done("crawl", desk.data / "archive")
    entries = [
        {"address": "data/lab", "name": "lab", "exclude": ["tmp"], "schedule": "every 1h"},
        {"address": str(desk.data / "archive"), "name": "old", "enabled": False},
    ]
    dry = desk.apply(entries, "--dry-run")
    assert "Nothing was changed." in dry.stderr
    assert set(desk.sources()) == {"archive"}
    done = desk.apply(entries)
    assert (
        done.stdout
        == dry.stdout
        == (
            f"add      {desk.data}/lab (lab)\n"
            f"change   {desk.data}/archive (old)  name: none -> old; active -> disabled\n"
            "1 to add, 1 to change, 0 to disable, 0 to keep.\n"
        )
    )
    before = desk.sources()
    assert desk.apply(entries).stdout == "0 to add, 0 to change, 0 to disable, 2 to keep.\n"
    assert desk.sources() == before
    assert (before["lab"]["exclude"], before["old"]["state"]) == (["tmp"], "disabled")


def test_pruning_disables_what_the_file_does_not_name_and_nothing_else_does(desk):
    desk.done("sources", "add", desk.data / "archive", "--name", "old", "--exclude", "tmp")
    entries = [{"address": str(desk.data / "lab")}]
    assert desk.apply(entries).exit_code == 0
    assert desk.sources()["old"]["state"] == "active"
    assert f"disable  {desk.data}/archive (old)" in desk.apply(entries, "--prune", "--dry-run").stdout
    assert desk.sources()["old"]["state"] == "active"
    plan = json.loads(desk.apply(entries, "--prune", "--json").stdout)
    assert [(step["deed"], step["name"]) for step in plan["plan"]] == [("keep", None), ("disable", "old")]
    assert (desk.sources()["old"]["state"], desk.sources()["old"]["exclude"]) == ("disabled", ["tmp"])
    assert "0 to disable" in desk.apply(entries, "--prune").stdout


def test_names_may_be_exchanged_by_a_file(desk):
    first = [{"address": "data/lab", "name": "a"}, {"address": "data/archive", "name": "b"}]
    assert desk.apply(first).exit_code == 0
    assert desk.apply([{**first[0], "name": "b"}, {**first[1], "name": "a"}]).exit_code == 0
    assert desk.sources()["b"]["address"] == str(desk.data / "lab")


def test_what_is_exported_is_applied_without_a_change_and_makes_the_same_elsewhere(desk):
    desk.done("sources", "add", desk.data / "lab", "--name", "lab", "--include", "*.safetensors", "--exclude", "tmp",
              "--schedule", "0 3 * * *", "--sensitive", "owner")  # fmt: skip
    (desk.data / "with 'odd' #näme: ~").mkdir()
    desk.done("sources", "add", desk.data / "with 'odd' #näme: ~")
    desk.done("crawl", desk.data / "archive")
    desk.done("sources", "set", desk.data / "archive", "--disable")
    file = desk.folder / "exported.yaml"
    desk.done("sources", "export", file)
    assert file.read_text() == desk.done("sources", "export").stdout
    assert desk.done("sources", "apply", file).stdout == "0 to add, 0 to change, 0 to disable, 3 to keep.\n"
    before, desk.home = desk.sources(), desk.folder / "other"
    assert "3 to add" in desk.done("sources", "apply", file).stdout
    kept = ("address", "name", "state", "schedule", "include", "exclude", "sensitive")
    assert [[row[key] for key in kept] for row in desk.sources().values()] == [
        [row[key] for key in kept] for row in before.values()
    ]


def test_a_source_may_refuse_to_borrow_and_the_file_says_so(desk):
    desk.done("sources", "add", desk.data / "lab", "--name", "lab", "--no-borrow")
    assert next(iter(desk.sources().values()))["borrow"] is False
    assert "borrow: false" in desk.done("sources", "export").stdout
    assert "borrow: no -> none" in desk.done("sources", "set", "lab", "--borrow").stdout
    assert "borrow" not in desk.done("sources", "export").stdout
    desk.done("sources", "set", "lab", "--no-borrow")
    desk.done("sources", "set", "lab", "--clear", "borrow")
    assert next(iter(desk.sources().values()))["borrow"] is True


FAULTS = {
    "unknown key": ({"address": "data/lab", "exlcude": ["tmp"]}, "data/lab: Unknown key 'exlcude'. Did you mean 'exclude'?"),
    "no address": ({"name": "lab"}, "source 1: It has no address."),
    "no mapping": ("data/lab", "source 1: It is not keys with values."),
    "type": ({"address": "data/lab", "name": 2024}, "'name' must be text."),
    "list": ({"address": "data/lab", "exclude": {"a": 1}}, "'exclude' must be a list of texts."),
    "switch": ({"address": "data/lab", "enabled": "perhaps"}, "'enabled' must be true or false."),
    "secret": ({"address": "zip://x", "credentials": {"password": "hidden"}}, "There is no source for zip:// addresses."),
    "absent": ({"address": "data/nowhere"}, "does not exist"),
}  # fmt: skip


@pytest.mark.parametrize(("entry", "sentence"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_file_is_told_and_nothing_of_it_is_done(desk, entry, sentence):
    done = desk.apply([entry, {"address": "data/archive"}])
    assert done.exit_code != 0
    assert "nothing was changed" in str(done.exception)
    assert sentence in str(done.exception)
    assert "hidden" not in str(done.exception)
    assert desk.sources() == {}


def test_all_faults_of_a_file_are_told_at_once(desk):
    done = desk.apply(
        [
            {"address": "data/lab", "name": "x"},
            {"address": "data/lab/"},
            {"address": "data/archive", "name": "x"},
            {},
        ]
    )
    sentence = str(done.exception)
    assert "It is in the file twice." in sentence
    assert "is already named 'x'" in sentence
    assert "source 4: It has no address." in sentence


FAULTY = """
sources:
  - address: data/lab
    name: lab
    schedule: every 1 fortnight

  - exlcude: [tmp]
    address: data/archive
  - address: gopher://models
  - {address: data, name: lab, schedule: "0 0 30 2 *"}
  - address: data/lab/tmp
    name: one
    name: two
  - address: data/archive/old
    credentials: {password: hidden}
"""


def test_a_file_is_checked_with_line_and_key_of_each_fault_and_nothing_is_stored(desk):
    file = desk.folder / "sources.yaml"
    file.write_text(FAULTY)
    done = desk.run("sources", "check", file, "--json")
    assert done.exit_code == 2
    told = json.loads(done.stdout)["faults"]
    assert [(fault["line"], fault["key"]) for fault in told] == [
        (5, "schedule"), (7, "exlcude"), (9, "address"), (10, "schedule"), (13, "name"), (15, "credentials"),
    ]  # fmt: skip
    sentences = desk.refused("sources", "check", file)
    assert "line 5: data/lab: 'every 1 fortnight' is no schedule." in sentences
    assert "line 10: data: '0 0 30 2 *' never comes due." in sentences
    assert "hidden" not in sentences
    assert not desk.home.exists()


def test_a_source_with_several_faults_is_told_with_all_of_them(desk):
    """The second one was told when the first was mended."""
    file = desk.folder / "sources.yaml"
    file.write_text("sources:\n- address: data/lab\n  schedule: 0 0 30 2 *\n  exlude: [tmp]\n  name: a/b\n")
    sentences = desk.refused("sources", "check", file)
    places = [
        "line 3: data/lab: '0 0 30 2 *' never",
        "line 4: data/lab: Unknown key 'exlude'",
        "line 5: data/lab: 'a/b' cannot",
    ]
    assert [place for place in places if place in sentences] == places


def test_a_file_without_a_fault_is_told_so(desk):
    file = desk.folder / "sources.yaml"
    file.write_text("\ufeffsources:\n- {address: data/lab}\n- {address: data/archive, schedule: every 1h}\n")
    assert desk.done("sources", "check", file).stdout == f"{file}: 2 sources, nothing is wrong.\n"
    assert not desk.home.exists()


def test_storages_that_do_not_answer_are_told_when_they_are_asked(desk, monkeypatch):
    """A file whose buckets were in another region had "nothing wrong"."""
    monkeypatch.setenv("MODELDEX_S3_ATTEMPTS", "1")
    file = desk.folder / "sources.yaml"
    silent = '{{address: "s3://{}", options: {{endpoint_url: "http://127.0.0.1:1", anonymous: true}}{}}}'
    buckets = [
        silent.format(name, more) for name, more in (("one", ""), ("two", ""), ("off", ", enabled: false"))
    ]
    file.write_text("sources:\n- {address: data/lab}\n- " + "\n- ".join(buckets))
    assert desk.done("sources", "check", file).stderr.startswith("No storage was asked")
    sentences = desk.refused("sources", "check", file, "--connect")
    assert re.findall(r"s3://(\w+): .*nothing answers there", sentences) == ["one", "two"]
    assert not desk.home.exists()


TEXTS = {
    "no yaml": ("sources: [", "is not YAML"),
    "a list": ("- address: x", "has no list `sources`"),
    "another key": ("sources: []\nsecrets: {}", "Unknown key 'secrets' beside `sources`"),
    "bomb": ("a: &a [x,x]\nb: &b [*a,*a]\nsources: *c", "is not YAML"),
}


@pytest.mark.parametrize(("text", "sentence"), TEXTS.values(), ids=TEXTS)
def test_a_file_that_is_none_is_one_clear_refusal(desk, text, sentence):
    (desk.folder / "sources.yaml").write_text(text)
    assert sentence in desk.refused("sources", "apply", desk.folder / "sources.yaml")


def test_an_address_with_a_password_is_refused_and_not_repeated(desk):
    said = desk.refused("sources", "add", "file://ada:hidden@localhost/x")
    assert "which would be stored in clear" in said
    assert "hidden" not in said
    done = desk.apply([{"address": "file://ada:hidden@localhost/x"}])
    assert "which would be stored in clear" in str(done.exception)
    assert "hidden" not in str(done.exception)


def test_an_unknown_source_is_refused_with_the_nearest(desk):
    desk.done("sources", "add", desk.data / "lab", "--name", "bench")
    assert desk.refused("sources", "show", "bensh") == "There is no source 'bensh'. Did you mean bench?"


def test_rows_are_kept_in_postgresql_as_in_sqlite(desk, postgresql_url):
    desk.home.mkdir()
    (desk.home / "modeldex.toml").write_text(f"[database]\nurl = '{postgresql_url}'\n")
    desk.done("sources", "add", desk.data / "lab", "--name", "lab", "--exclude", "tmp")
    assert "1 model: 1 new" in desk.done("crawl", "lab").stdout
    assert "0 to add, 1 to change" in desk.apply([{"address": "data/lab", "name": "bench"}]).stdout
    assert "2 models: 1 new" in desk.done("crawl", "bench").stdout
    with open_store(Settings(home=desk.home, database_url=postgresql_url), write=False) as store:
        assert [row.definition.name for row in store.sources.all()] == ["bench"]
