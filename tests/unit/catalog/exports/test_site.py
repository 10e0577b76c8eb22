"""A catalog as a folder of pages: whole or not at all, and inert whatever a model says of itself."""

import errno
import json
import os
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fixtures.shelf import model_documents

from catalog.errors import UserError
from catalog.exports.site import MARK, write_site

ROOT = Path(__file__).parents[4]
HOSTILE = {
    "id": "f" * 64,
    "name": "</script><script>alert(1)</script>\u2028\u2029\ud800",
    "description": "<img src=x onerror=alert(1)>",
    "license": '"><b>',
    "tags": ["</title>", "<!--"],
    "metrics": {"</script>": 1.0},
    "evaluations": [{"metric": "<i>", "value": 0.5, "dataset_id": "<u>", "split": "test"}],
    "files": [{"key": "<b>.pt", "size_bytes": 3, "sha256": "<s>"}],
    "extra": {"<k>": "<v>"},
}


class Elements(HTMLParser):
    """The elements of a page, and what their attributes run or load."""

    def __init__(self, text):
        super().__init__()
        self.names, self.loads = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.names.add(tag)
        self.loads |= {value for name, value in attributes if name in {"src", "href"} and tag != "a"}
        assert not any(name.startswith("on") for name, _ in attributes)


def test_a_hostile_model_is_text_on_every_page(tmp_path):
    assert write_site(tmp_path / "site", [HOSTILE]) == 1
    page = Elements((tmp_path / f"site/models/{'f' * 64}.html").read_text("utf-8"))
    assert page.names <= {
        *("html", "meta", "title", "link", "p", "a", "h1", "h2", "table", "tr", "th", "td", "footer"),
    }
    assert page.loads == {"../site.css"}
    script = (tmp_path / "site/models.js").read_text("ascii")
    assert "<" not in script
    rows, _, lower = script.removeprefix("window.MODELS = ").partition(";\nwindow.LOWER_IS_BETTER = ")
    assert [row["name"] for row in json.loads(rows.replace(",\n]", "]"))] == [HOSTILE["name"]]
    assert json.loads(lower.rstrip(";\n")) == []


def test_pages_load_nothing_from_elsewhere(tmp_path):
    write_site(tmp_path / "site", model_documents())
    for path in (tmp_path / "site").rglob("*.html"):
        page = Elements(path.read_text("utf-8"))
        assert page.loads <= {"site.css", "../site.css", "models.js", "site.js"}
        assert "default-src 'none'" in path.read_text("utf-8")


def test_a_site_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "site"
    write_site(folder, model_documents())
    write_site(folder, [HOSTILE])
    assert [path.name for path in (folder / "models").iterdir()] == [f"{'f' * 64}.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_site_that_breaks_off_leaves_the_one_before(tmp_path):
    folder = tmp_path / "site"
    write_site(folder, model_documents())

    def broken():
        yield HOSTILE
        raise OSError("store")

    with pytest.raises(OSError, match="store"):
        write_site(folder, broken())
    assert len(list((folder / "models").iterdir())) == len(model_documents())
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_full_disk_is_said_of_the_folder_and_not_of_standard_output(tmp_path):
    def full():
        yield HOSTILE
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left") as told:
        write_site(tmp_path / "site", full())
    assert told.value.filename == str(tmp_path / "site")
    assert list(tmp_path.iterdir()) == []


def test_whoever_is_told_to_end_between_the_old_site_and_the_new_one_keeps_the_old_one(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    write_site(folder, model_documents())
    before = (folder / "index.html").read_text()
    rename = Path.rename

    def interrupted(path, target):
        moved = rename(path, target)
        if target.name.endswith(".old"):
            raise KeyboardInterrupt
        return moved

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_site(folder, [])
    assert (folder / "index.html").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_folder_with_something_else_in_it_stays(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="something else"):
        write_site(tmp_path, [HOSTILE])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UserError, match="is a file"):
        write_site(tmp_path / "thesis.tex", [HOSTILE])


def test_the_mark_says_who_wrote_the_folder(tmp_path):
    write_site(tmp_path / "site", [])
    assert "modeldex export site" in (tmp_path / "site" / MARK).read_text()


KILLED = """
import os, signal, sys
from pathlib import Path
from catalog.exports import site

def documents():
    yield {"id": "a" * 64}
    if sys.argv[2] == "writing":
        os.kill(os.getpid(), signal.SIGKILL)

rename = Path.rename

def renamed(path, target):
    moved = rename(path, target)
    if sys.argv[2] == "swapping":
        os.kill(os.getpid(), signal.SIGKILL)
    return moved

Path.rename = renamed
site.write_site(Path(sys.argv[1]), documents())
"""


@pytest.mark.parametrize("moment", ["writing", "swapping"])
def test_what_a_killed_export_left_is_cleared_by_the_next(tmp_path, moment):
    folder = tmp_path / "site"
    write_site(folder, model_documents())
    killed = subprocess.run([sys.executable, "-c", KILLED, folder, moment], check=False, cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2

    def broken():
        yield HOSTILE
        assert (folder / "index.html").exists(), "the old site stands until the new one is whole"
        raise OSError("store")

    with pytest.raises(OSError, match="store"):
        write_site(folder, broken())
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    assert len(list((folder / "models").iterdir())) == len(model_documents())


def test_an_export_leaves_alone_what_another_one_is_writing(tmp_path):
    folder = tmp_path / "site"

    def meanwhile():
        yield HOSTILE
        write_site(folder, model_documents())

    assert write_site(folder, meanwhile()) == 1
    assert len(list((folder / "models").iterdir())) == 1


def test_only_what_has_the_mark_of_a_site_is_cleared(tmp_path):
    theirs = tmp_path / ".site.0123abcd.part"
    theirs.mkdir()
    (theirs / "thesis.tex").write_text("x")
    write_site(tmp_path / "site", [HOSTILE])
    assert (theirs / "thesis.tex").exists()
