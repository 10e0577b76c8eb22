"""docs/logging.md is run as it stands."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from catalog.cli import cli

GUIDE = Path(__file__).parents[3] / "docs" / "logging.md"
BLOCKS = re.findall(
    r"^## (.+?)\n|^```(python|console)\n(.*?)^```", GUIDE.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
)


def blocks(kind):
    """The blocks of a kind, under the heading that each stands below."""
    heading, found = "", {}
    for title, language, text in BLOCKS:
        heading = title or heading
        if language == kind:
            found[heading] = text
    return found


@pytest.mark.parametrize("heading", blocks("python"))
def test_every_example_of_the_guide_runs(heading, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(blocks("python")[heading], heading, "exec"), names)
    if heading == "From a service":
        assert list(names["application"]({}, lambda *_: None)) == [b"3"]
        names["recorder"].close()
        assert (tmp_path / "out/churn.onnx.modeldex.json").exists()
    if heading == "The client":
        assert callable(names["best"])
    else:
        assert json.loads((tmp_path / "out/modeldex.json").read_bytes())


@pytest.mark.parametrize("heading", blocks("console"))
def test_every_command_of_the_guide_says_what_stands_there(heading, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    command, expected = blocks("console")[heading].split("\n", 1)
    arguments = command.removeprefix("$ modeldex ").split()
    done = CliRunner().invoke(cli, ["--home", str(tmp_path / "home"), *arguments])
    assert (done.exit_code, done.stdout) == (0, expected)


SITUATIONS = {
    "no-place": (["nowhere", "f1=1"], "There is nothing at nowhere"),
    "bucket": (["s3://b/m", "f1=1"], "The address s3://b/m is no path"),
    "no-number": (["out", "f1=good"], "'f1' is no number"),
    "no-assignment": (["out", "f1"], "Write METRIC=NUMBER"),
    "no-field": (["out", "--set", "licens=mit"], "did you mean license"),
    "nothing": (["out"], "Nothing was given"),
}


@pytest.mark.parametrize(("arguments", "words"), SITUATIONS.values(), ids=SITUATIONS)
def test_what_the_command_cannot_log_it_says_in_a_sentence(arguments, words, tmp_path, monkeypatch):
    from catalog.errors import UserError

    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    done = CliRunner().invoke(cli, ["--home", str(tmp_path / "home"), "log", *arguments])
    assert isinstance(done.exception, UserError)
    assert words in str(done.exception)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_metric_that_nobody_knows_is_told_and_kept(tmp_path):
    done = CliRunner().invoke(
        cli, ["--home", str(tmp_path / "home"), "log", str(tmp_path), "acuracy=0.9", "--json"]
    )
    assert "Did you mean accuracy?" in done.stderr
    assert json.loads(done.stdout)["content"] == {"metrics": {"acuracy": 0.9}}
