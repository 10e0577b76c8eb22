"""The `modeldex` program as a process: what it says when it is called wrongly or cannot write."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from fixtures.crawling import safetensors

from catalog import cli as program

ROOT = Path(__file__).parents[3]
FULL = Path("/dev/full")


def run(*arguments, home, **more):
    program = [sys.executable, "-m", "catalog", "--home", str(home), *arguments]
    return subprocess.run(
        program, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False, timeout=60, **more
    )


def test_a_misspelt_verb_is_answered_with_the_nearest(tmp_path):
    done = run("serch", "bert", home=tmp_path)
    assert done.returncode == 2
    assert "No such command 'serch'. Did you mean 'search'?" in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="the device that is always full is Linux's")
@pytest.mark.parametrize("verb", ["models", "search"])
def test_output_that_cannot_be_written_is_one_sentence(tmp_path, verb):
    with FULL.open("w") as full:
        done = run(verb, "--json", *(["bert"] if verb == "search" else []), home=tmp_path, stdout=full)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "modeldex: standard output: No space left on device."
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("models", "--json"), ("search", "--help"), ("--help",)])
def test_a_reader_that_leaves_early_is_no_error(tmp_path, words):
    """`modeldex models | head` ended with 1, and so did the script around it under `set -o pipefail`."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run(*words, home=tmp_path, stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_crawl_whose_standard_error_is_closed_comes_to_its_end(tmp_path):
    """`2>&-` in a crontab: the connection to another process was opened as number 2, and closed by it; the crawl never ended."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model.safetensors").write_bytes(safetensors())
    program = [
        sys.executable,
        "-m",
        "catalog",
        "--home",
        str(tmp_path / "home"),
        "crawl",
        str(tmp_path / "models"),
    ]
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *program]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "1 model: 1 new, 0 changed, 0 unchanged.\n")


def test_a_home_whose_name_is_no_text_is_refused_before_anything_is_made(tmp_path):
    """The index cannot be at such a place; crawls and searches ended in a traceback with the store already made."""
    home = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    done = run("models", home=home)
    assert (done.returncode, "has a name that is not UTF-8" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_whoever_is_told_to_end_says_so_and_ends_with_the_code_of_the_shell(tmp_path, monkeypatch):
    """SIGTERM and a closed terminal ended a command without a word, and an export left its half-written copy behind."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` leaves it
    undone = []

    @click.command()
    def told():
        try:
            signal.raise_signal(signal.SIGHUP)
            undone.append("goes on")
            signal.raise_signal(signal.SIGTERM)
        finally:
            undone.append("undone")

    monkeypatch.setitem(program.plugins.COMMANDS, "told", "x:x")
    monkeypatch.setattr(program.plugins, "load", lambda *_: told)
    monkeypatch.setattr(program, "_guarded", lambda command, _: command)
    try:
        program._end_in_order()
        done = CliRunner().invoke(program.cli, ["--home", str(tmp_path), "told"])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (done.exit_code, undone) == (130, ["goes on", "undone"])
    assert done.output == "Interrupted. The same command may be given again.\n"
