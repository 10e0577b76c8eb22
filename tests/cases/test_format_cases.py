"""Directories that people really have, and what their models are: one crawl of each, and the values that are right."""

from __future__ import annotations

import codecs
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.sources.local import LocalSource

MAX_TARGET_BYTES = 400
MAX_NAME_BYTES = 255
CASES = sorted(Path(__file__).with_name("formats").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_models_say_what_their_files_say(case, tmp_path):
    documents = crawled(with_links(case / "input", tmp_path / "input"), tmp_path / "home")
    assert not differences(documents, case)


def crawled(root: Path, home: Path) -> list[dict[str, Any]]:
    """The documents after one crawl in which no file failed."""
    settings = Settings(home=home)
    with open_store(settings, write=True) as store:
        report = crawl(store, LocalSource(root), settings)
        assert report.counts["failed"] == 0, report.unread
        return [model.document for model in store.records.iterate()]


def differences(documents: list[dict[str, Any]], case: Path) -> list[tuple[Any, ...]]:
    """What is not as the case expects it: model, field, what is wanted and what is there."""
    expected = json.loads((case / "expect.json").read_text("utf-8"))
    models = expected["crawl"]["models_wanted"]
    wrong = [] if models in {None, len(documents)} else [("", "models", models, len(documents))]
    return wrong + [
        (check["model"], check["field"], check["want"], value)
        for check in expected["checks"]
        if not is_wanted(
            value := value_of(model_at(documents, check["model"]), check["field"]), check["want"]
        )
    ]


def marked(root: Path) -> None:
    """Puts a byte order mark before every text, as editors of Windows do."""
    for path in (path for path in root.rglob("*") if path.suffix in {".csv", ".json", ".yaml", ".md"}):
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())


def widened(root: Path) -> None:
    """Writes every text in UTF-16, as `>` does in a shell of Windows."""
    for path in (path for path in root.rglob("*") if path.suffix in {".json", ".yaml", ".md", ".info"}):
        path.write_text(path.read_text("utf-8"), "utf-16")


def littered(root: Path) -> None:
    """Puts into every directory what desktops and people leave in it."""
    for directory in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        (directory / ".DS_Store").write_bytes(b"\0\0\0\1Bud1" + bytes(200))
        (directory / "desktop.ini").write_bytes(b"[.ShellClassInfo]\r\n")
        (directory / "README.zh.md").write_text("# 模型\n", "utf-8")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("checkpoint-own-metrics", marked),
        ("results-of-other-runs", marked),
        ("states-and-tables-of-trainers", marked),
        ("lora-sidecars", widened),
        ("sidecars-of-one-model", widened),
        ("modules-of-embedders", littered),
        ("tabular-tools", littered),
    ],
)
def test_a_mark_or_litter_changes_nothing(name, change, tmp_path):
    """A table behind a byte order mark said nothing, nor did a text in UTF-16, and a model of Spark with a README was called
    `part-00000`.
    """
    case = CASES[0].with_name(name)
    root = shutil.copytree(with_links(case / "input", tmp_path / "links"), tmp_path / "input", symlinks=True)
    change(root)
    wrong = differences(crawled(root, tmp_path / "home"), case)
    assert not [difference for difference in wrong if difference[1] != "total_bytes"]


@pytest.mark.parametrize(
    "name", ["docker-model-runner", "ollama-adapter", "ollama-tensor-blobs", "onnx-merged-decoder"]
)
def test_a_copy_in_another_directory_is_another_model(name, tmp_path):
    """A second store of Ollama with the same blobs was in the catalog neither as a model nor as a place of one; then the
    names and tags of one store were said of the blobs of the other, too.
    """
    case = CASES[0].with_name(name)
    for place in ("north", "south"):
        shutil.copytree(case / "input", tmp_path / "input" / place)
    documents = crawled(tmp_path / "input", tmp_path / "home")
    for place in ("north/", "south/"):
        here = [document for document in documents if document["path"].startswith(place)]
        assert not differences(here, case)
        assert {file["key"].partition("/")[0] for document in here for file in document["files"]} == {
            place[:-1]
        }


def test_what_stands_in_one_tree_says_what_each_says_by_itself(tmp_path):
    """What was logged in an epoch of one run was said of the checkpoints of runs beside it, and the run itself said nothing."""
    for case in CASES:
        shutil.copytree(
            with_links(case / "input", tmp_path / "links" / case.name),
            tmp_path / "input" / case.name,
            symlinks=True,
        )
    documents = crawled(tmp_path / "input", tmp_path / "home")
    assert [
        (case.name, wrong) for case in CASES if (wrong := differences(below(case.name, documents), case))
    ] == []


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("results-of-other-runs", "flair/ner"),
        ("results-of-other-runs", "keras-best"),
        ("states-and-tables-of-trainers", "timm/20240501-101010-resnet18-224"),
    ],
)
def test_a_run_that_is_crawled_by_itself_says_what_it_says_in_a_tree(name, place, tmp_path):
    """Tables of metrics directly in what is crawled were about nothing: they looked for `/best.pt` beside themselves."""
    given = CASES[0].with_name(name) / "input"
    alone = crawled(given / place, tmp_path / "alone")
    in_tree = below(place, crawled(given, tmp_path / "tree"))
    assert {document["path"]: document.get("metrics") for document in alone} == {
        document["path"]: document.get("metrics") for document in in_tree
    }


def below(place: str, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The documents of models at the place, with their paths as from there."""
    return [
        {**document, "path": document["path"].removeprefix(place).removeprefix("/") or "."}
        for document in documents
        if f"{document['path']}/".startswith(f"{place}/")
    ]


def with_links(given: Path, copied: Path) -> Path:
    """The directory; a copy of it where links were kept as files that hold nothing but the way to their target."""
    links = {path: target for path in given.rglob("*") if (target := linked_target(path)) is not None}
    if not links:
        return given
    shutil.copytree(given, copied)
    for path, target in links.items():
        link = copied / path.relative_to(given)
        link.unlink()
        link.symlink_to(target)
    return copied


def linked_target(path: Path) -> str | None:
    """Where the file leads. One without a suffix may say so by itself: detectron2's `last_checkpoint` does."""
    if not path.suffix or not path.is_file() or not 0 < path.stat().st_size <= MAX_TARGET_BYTES:
        return None
    try:
        target = path.read_text("utf-8").strip()
    except UnicodeDecodeError:
        return None
    if any(len(part) > MAX_NAME_BYTES for part in target.split("/")):
        return None
    is_way = "\n" not in target and not Path(target).is_absolute() and (path.parent / target).is_file()
    return target if is_way and target != path.name else None


def model_at(documents: list[dict[str, Any]], place: str | None) -> dict[str, Any]:
    """The model at the place: the end of its path, a file in its directory, or its name; without a place the only one."""
    if place is None:
        (document,) = documents
        return document
    (document,) = [
        document
        for document in documents
        if f"/{document['path']}".endswith(f"/{place}")
        or place.startswith(f"{document['path']}/")
        or document["name"] == place
    ]
    return document


def value_of(document: dict[str, Any], field: str) -> Any:
    value: Any = document
    for part in field.split("."):
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(part) if isinstance(value, dict) else None
    return value


def is_wanted(value: Any, want: Any) -> bool:
    """Whether the value is what is wanted, or one of what is wanted; a text is also right within a longer one."""
    if isinstance(want, list):
        return value == want or any(is_wanted(value, each) for each in want)
    if isinstance(want, float) and isinstance(value, int | float):
        return value == pytest.approx(want)
    if isinstance(want, str) and isinstance(value, str):
        return want in value if " " in want else value == want
    return bool(value == want)
