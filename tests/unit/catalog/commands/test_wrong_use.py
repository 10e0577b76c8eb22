"""What a script gives a command by mistake is one sentence and wrong use, whatever it was: no damaged store, no traceback."""

import sys
from io import BytesIO, TextIOWrapper

import pytest
from fixtures.crawling import safetensors
from fixtures.shell import run

NO_TEXT = "caf\udce9"
"""As Python has an argument that a terminal of Latin 1 sent."""
TOO_LARGE = str(10**22)
"""No database holds such a number."""
SURROGATES = b"\xff\xfe a password in another encoding\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    root, home = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("home")
    (root / "bert").mkdir()
    (root / "bert" / "model.safetensors").write_bytes(safetensors())
    (root / "latin.json").write_bytes(b"\xff\xfe")
    assert run("--home", str(home), "crawl", str(root)).exit_code == 0
    given = ("--role", "viewer", "--no-password")
    assert run("--home", str(home), "users", "add", "eve", *given).exit_code == 0
    return str(home), str(root / "latin.json")


EMPTY = "The address is empty. Name a directory that holds model files."
NO_DATABASE = "URL is that of no database. Write sqlite:////absolute/path or postgresql://user@host/database."
WRONG = {
    "number of a run": (("runs", "show", TOO_LARGE), "is not in the range 0<=x<=9223372036854775807"),
    "run to accept": (("runs", "accept", TOO_LARGE), "is not in the range"),
    "revision": (("restore", "bert", TOO_LARGE), "is not in the range"),
    "grant": (("users", "withdraw", "eve", TOO_LARGE), "is not in the range"),
    "line of the audit": (("audit", "export", "--after", TOO_LARGE), "is not in the range"),
    "unset variable to crawl": (("crawl", ""), EMPTY),
    "unset variable to add": (("sources", "add", ""), EMPTY),
    "unset variable to serve": (("serve", "--port", "0", ""), EMPTY),
    "unset variable to work at": (("worker", ""), EMPTY),
    "unset variable as an alias": (("alias", "bert", ""), "aliases cannot be '' (empty)"),
    "id in another encoding": (("show", NO_TEXT), "nor looked for: 'caf\\udce9' is not text in UTF-8."),
    "plan in another encoding": (("retention", "apply", NO_TEXT, "--hash", "a"), "is not text in UTF-8."),
    "token in another encoding": (("tokens", "revoke", NO_TEXT), "is not text in UTF-8."),
    "metric in another encoding": (("edit", "bert", f"metrics.{NO_TEXT}=0.5"), "is not text in UTF-8."),
    "policy that is no text": (("users", "policy", "eve", "{latin}"), "it is not text in UTF-8."),
    "no terminal to ask at": (("users", "password", "eve"), "standard input is no terminal. Give it with"),
    "store to nowhere": (("store", "copy", "nowhere"), NO_DATABASE),
    "store to memory": (("store", "copy", "sqlite://"), NO_DATABASE),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_one_sentence(home, arguments, sentence):
    """Numbers and texts in other encodings called the store damaged, an unset variable crawled the directory one happened to be in, a copy to memory was gone at
    once and "all over there".
    """
    folder, latin = home
    done = run("--home", folder, *(part.format(latin=latin) for part in arguments))
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("given", [SURROGATES, b"short\n", b""])
def test_a_password_that_cannot_be_one_is_refused(home, given, monkeypatch):
    """One in another encoding than UTF-8 ended in a traceback that quoted where it stood."""
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(given), errors="surrogateescape"))
    done = run("--home", home[0], "users", "password", "eve", "--password-stdin")
    assert done.exit_code == 2
    assert "A password " in done.stderr
