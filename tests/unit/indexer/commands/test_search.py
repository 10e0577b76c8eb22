"""`modeldex search` end to end over an embedded index."""

import json

import pytest
from click.testing import CliRunner

from catalog.cli import cli
from catalog.dsl.body import from_dsl
from catalog.errors import UserError
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from indexer.engines.tantivy import TantivyWriter

HOSTILE = "evil\x1b]0;pwned\x07\u202emodel\ttab\nline"
DOCUMENTS = [
    {
        "id": "a" * 64,
        "name": "bert-base-german",
        "task": "token-classification",
        "framework": "pytorch",
        "parameters": 110_000_000,
        "size_bytes": 440_000_000,
        "best_date": "2024-03-01T00:00:00Z",
        "metrics": {"f1": 0.91, "accuracy": 0.97},
        "metric_names": ["accuracy", "f1"],
    },
    {"id": "b" * 64, "name": HOSTILE, "task": "=cmd|' /C calc'!A0"},
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    writer = TantivyWriter(Settings(home=folder))
    writer.write([IndexAction(id=document["id"], revision=1, document=document) for document in DOCUMENTS])
    writer.refresh()
    writer.close()
    return folder


@pytest.fixture
def run(home):
    def search(*arguments):
        return CliRunner().invoke(cli, ["--home", str(home), "search", *arguments])

    return search


def test_table_has_the_asked_metric_and_no_talk_on_stdout(run):
    found = run("f1 > 0.9")
    head, row = found.stdout.splitlines()
    assert head.split("\t") == ["NAME", "TASK", "FRAMEWORK", "F1", "PARAMS", "SIZE", "DATE", "ID"]
    assert row.split("\t") == ["bert-base-german", "token-classification", "pytorch", "0.91", "110M", "440 MB", "2024-03-01", "a" * 12]  # fmt: skip
    assert "1 model · f1>0.9" in found.stderr
    assert found.exit_code == 0


def test_json_is_one_array_of_whole_documents(run):
    found = json.loads(run("--json", "bert").stdout)
    assert [document["id"] for document in found] == ["a" * 64]
    assert found[0]["metrics"] == {"f1": 0.91, "accuracy": 0.97}
    assert json.loads(run("--json", "nothing-at-all").stdout) == []


@pytest.mark.parametrize("arguments", [("evil",), ("evil", "--json"), ("evil", "--all")])
def test_names_of_files_cannot_command_the_terminal(run, arguments):
    found = run(*arguments)
    assert "evil" in found.stdout
    assert "\x1b" not in found.output
    assert "\x07" not in found.output
    assert "\u202e" not in found.output


def test_search_that_finds_nothing_says_why_and_is_no_failure(run):
    found = run("f1>0.99 task:token-classification")
    assert found.stdout == ""
    assert "No model matches; the catalog holds 2." in found.stderr
    assert "without f1>0.99: 1 (best f1 here is 0.91)" in found.stderr
    assert found.exit_code == 0
    assert run("f1>0.99", "--fail-if-empty").exit_code == 1
    assert run("f1>0.9", "--fail-if-empty").exit_code == 0


def test_mistake_is_underlined_and_the_mended_command_follows(run):
    said = run("acuracy>0.9").stderr.splitlines()
    assert said[:4] == [
        "No model reports acuracy. Did you mean accuracy?",
        "  acuracy>0.9",
        "  ^^^^^^^",
        '  modeldex search "accuracy>0.9"',
    ]


def test_words_need_no_quotes_of_the_shell(run):
    assert run("bert", "f1>0.9").stdout == run("bert f1>0.9").stdout != ""


def test_dsl_is_a_body_that_reads_as_the_same_search(run):
    body = json.loads(run("--dsl", "f1 > 0.9 after:2023 sort:-f1", "--limit", "5").stdout)
    request, _ = from_dsl(body)
    assert request.size == 5
    assert body["query"]["bool"]["filter"][0] == {"range": {"metrics.f1": {"gt": 0.9}}}
    assert body["sort"] == [{"metrics.f1": {"order": "desc"}}]


@pytest.mark.parametrize("arguments", [("--limit", "0"), ("--limit", "x"), ("--page", "0"), ("--nonsense",)])
def test_wrong_use_is_exit_code_2(run, arguments):
    assert run("bert", *arguments).exit_code == 2


def test_catalog_that_was_never_filled_says_what_to_do(tmp_path):
    found = CliRunner().invoke(cli, ["--home", str(tmp_path), "search", "bert"])
    said = found.stderr if found.exit_code == 0 else str(found.exception)
    assert "modeldex crawl" in said


@pytest.mark.parametrize("option", ["--json", "--all", "--fail-if-empty", "--dsl"])
def test_condition_that_is_not_understood_stops_a_program(run, option):
    """Left out, `size > big` would find every model, and the gate of a pipeline would open."""
    stopped = run(option, "size > big")
    assert isinstance(stopped.exception, UserError)
    assert stopped.exception.exit_code == 2
    assert "big" in stopped.exception.message
    assert stopped.stdout == ""
    assert run(option, "--lenient", "size > big").exit_code == 0


@pytest.mark.parametrize("query", [["-task:token-classification"], ["-task:token-classification", "--json"]])
def test_condition_with_a_minus_needs_no_second_dash(run, query):
    found = run(*query)
    assert found.exit_code == 0
    assert "bert-base-german" not in found.stdout
    assert "evil" in found.stdout
