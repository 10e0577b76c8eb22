"""Whoever reads the catalog goes through `catalog.access`; values go one way, so no label is read back.

The import contracts in pyproject.toml say the same of imports at any depth; this also sees names in strings.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READERS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in (
        "webui/**/*.py",
        "catalog/commands/*.py",
        "indexer/commands/search.py",
        "indexer/commands/result_*.py",
    )
    for path in ROOT.glob(pattern)
)
BEHIND_THE_DOOR = re.compile(
    r"\b(catalog\.store|indexer\.engines|catalog\.search\.(service|scoped|display_values))\b"
)
OPENED = frozenset({"engine", "writer"})
READ_BACK = re.compile(
    r"\blabel\.(split|partition|rpartition|removeprefix|removesuffix|strip|lstrip|rstrip)\("
)
SLOW_DATACLASS = re.compile(r"^from dataclasses import [^#\n]*\bdataclass\b", re.MULTILINE)


def names_in(tree: ast.Module) -> list[str]:
    """What is imported, and every text that is no docstring."""
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            found.append(node.value)
    return found


@pytest.mark.parametrize("path", READERS)
def test_a_reader_names_neither_store_nor_engine(path):
    tree = ast.parse((ROOT / path).read_text())
    assert [name for name in names_in(tree) if BEHIND_THE_DOOR.search(name)] == []
    loaded = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("plugins.load")
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value in OPENED
    ]
    assert loaded == []


@pytest.mark.parametrize("room", ["webui", "indexer/commands", "catalog/search", "catalog/access"])
def test_no_label_is_read_back(room):
    told = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for line in path.read_text().splitlines()
        if READ_BACK.search(line)
    ]
    assert told == []


@pytest.mark.parametrize("room", ["catalog", "crawler", "indexer", "webui"])
def test_dataclasses_are_those_that_start_quickly(room):
    """Python's own take half a millisecond each of the start of every command that imports them."""
    paths = (ROOT / room).rglob("*.py")
    assert [path.name for path in paths if SLOW_DATACLASS.search(path.read_text())] == []


def test_the_checks_see_what_they_look_for():
    source = 'from indexer.engines import open_engine\nx = "catalog.store:open_store"\n'
    assert [bool(BEHIND_THE_DOOR.search(name)) for name in names_in(ast.parse(source))] == [True, True]
    assert READ_BACK.search("chip.label.removeprefix('sort:')")
    assert SLOW_DATACLASS.search("from dataclasses import asdict, dataclass\n")
