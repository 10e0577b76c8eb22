"""A catalog as a folder of pages: whole or not at all, and inert whatever a model says of itself."""

import errno
import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fixtures.shelf import model_documents

from catalog.errors import UserError
from catalog.exports.site import MARK, write_site

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
