"""Knowledge stands once: whoever needs a list of fields reads the table, by the columns that it has for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from mappings import fields

ROOT = Path(__file__).parents[2]
PACKAGES = ("catalog", "crawler", "indexer", "webui", "docs", "modeldex")
MANY = 3
"""From so many fields on, a list of them is a table of its own."""
ELSEWHERE = {
    "catalog/testing/": "tests that are shipped",
    "catalog/store/migrations/": "a migration says what stood there at its time",
    "crawler/extractors/": "an extractor's table from a format's own names to fields",
    "crawler/formats/": "the same for parsers that extractors share",
}
ALLOWED = {
    "catalog/exports/cyclonedx.py": "properties that a bill of materials has besides its own keys",
    "catalog/exports/site.py": "what the search of a static site knows of a model: its pages have the rest",
    "modeldex/sidecar.py": "what jobs import reads no table: parts of a sidecar that `log` has arguments for",
    "catalog/commands/models.py": "headings of six columns, of which two are no fields",
    "catalog/normalise/parts/precision.py": "the order of trust in which GGUF files name their type",
    "catalog/normalise/values/field_values.py": "keys of somebody else's JSON objects",
}


def literal_lists(tree: ast.AST, *, in_function: bool = False) -> Iterator[tuple[int, set[str]]]:
    """Line and texts of every literal collection; of dictionaries those that are tables and not one value being made.

    `A, B = "a", "b"` is no collection: each text has a name of its own.
    """
    named = isinstance(tree, ast.Assign) and isinstance(tree.targets[0], ast.Tuple)
    for node in ast.iter_child_nodes(tree):
        items: list[ast.expr | None] = []
        if isinstance(node, ast.List | ast.Tuple | ast.Set) and not named:
            items = [*node.elts]
        elif isinstance(node, ast.Dict) and not in_function:
            items = [*node.keys]
        texts = {item.value for item in items if isinstance(item, ast.Constant)}
        if texts:
            yield node.lineno, {text for text in texts if isinstance(text, str)}
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from literal_lists(node, in_function=in_function or function)


def lists_of_fields(source: str) -> list[tuple[int, list[str]]]:
    return [
        (line, sorted(texts & set(fields())))
        for line, texts in literal_lists(ast.parse(source))
        if len(texts & set(fields())) >= MANY
    ]


@cache
def listed() -> dict[str, list[tuple[int, list[str]]]]:
    """File -> its lists of fields, of every file outside the table's own room."""
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return {
        str(path.relative_to(ROOT)): lists
        for path in paths
        if not str(path.relative_to(ROOT)).startswith(tuple(ELSEWHERE))
        and (lists := lists_of_fields(path.read_text("utf-8")))
    }


def test_no_module_lists_fields_of_its_own():
    told = [
        f"{path}:{line} lists {', '.join(names)}: give fields.toml a column and read `fields_where(column)`"
        for path, lists in listed().items()
        if path not in ALLOWED
        for line, names in lists
    ]
    assert told == [], "\n".join(told)


@pytest.mark.parametrize("path", ALLOWED)
def test_every_exception_is_still_needed(path):
    assert len(listed().get(path, ())) == 1


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("A = ('task', 'license', 'framework')", [1]),
        ("A = frozenset({'task', 'license', 'framework', 'else'})", [1]),
        ("def f():\n    for name in ['task', 'license', 'framework']: ...", [2]),
        ("class A:\n    rows = {'task': 1, 'license': 2, 'framework': 3}", [2]),
        ("def f(x):\n    return {'task': x, 'license': x, 'framework': x}", []),
        ("A = ('task', 'license', 'anything')", []),
        ("A, B, C = 'task', 'license', 'framework'", []),
        ("A = B = 'task', 'license', 'framework'", [1]),
    ],
)
def test_the_check_sees_lists_of_fields(source, lines):
    assert [line for line, _ in lists_of_fields(source)] == lines
