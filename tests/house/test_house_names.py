"""A name says what it holds: no variable, parameter or function is called by a word that fits anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("catalog", "crawler", "indexer", "webui", "mappings", "modeldex")
FITS_ANYTHING = frozenset(
    {"found", "said", "made", "one", "held", "told", "stuff", "tmp", "temp", "res", "ret", "foo"}
)
# (file, name): why the word stays
ALLOWED = {
    (
        "catalog/errors.py",
        "found",
    ): "a keyword that extractors, those of strangers too, raise LimitExceeded with",
}
SITUATIONS = {
    "a variable": "found = 1",
    "a variable with a type": "def f():\n    found: int = 1",
    "a variable that is unpacked": "kept, (found, *told) = pair",
    "a walrus": "(found := 1)",
    "a loop": "for one in ():\n    pass",
    "a comprehension": "[one for one in ()]",
    "a parameter": "def f(held):\n    pass",
    "a keyword": "def f(*, held=1):\n    pass",
    "all other parameters": "def f(**said):\n    pass",
    "a lambda's parameter": "lambda one: 1",
    "a context": "with open('x') as made:\n    pass",
    "an exception": "try:\n    pass\nexcept ValueError as told:\n    pass",
    "a pattern": "match 1:\n    case [int() as one, *told]:\n        pass",
    "an import": "import x as made",
    "a function": "def _said():\n    pass",
    "a method": "class C:\n    def told(self):\n        pass",
}


def names_bound(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Lines and names of all that is bound, but for the fields of classes: they are words of an answer."""
    fields = {
        id(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
        for target in [statement.target]
    }
    for node in ast.walk(tree):
        match node:
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.arg(arg=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
                | ast.alias(asname=str(name))
            ) if id(node) not in fields:
                yield node.lineno, name


def names_that_fit_anything(source: str) -> list[tuple[int, str]]:
    bound = names_bound(ast.parse(source))
    return sorted({(line, name) for line, name in bound if name.strip("_") in FITS_ANYTHING})


@pytest.mark.parametrize("package", PACKAGES)
def test_no_name_fits_anything(package):
    paths = sorted((ROOT / package).rglob("*.py"))
    assert paths
    places = [
        f"{file}:{line} {name}"
        for path in paths
        for file in [path.relative_to(ROOT).as_posix()]
        for line, name in names_that_fit_anything(path.read_text("utf-8"))
        if (file, name) not in ALLOWED
    ]
    assert places == [], "call it what it holds: a bucket, a clause, a member, a revision"


@pytest.mark.parametrize("source", SITUATIONS.values(), ids=SITUATIONS)
def test_every_way_to_bind_a_name_is_seen(source):
    assert names_that_fit_anything(source)


def test_fields_and_attributes_keep_their_words():
    source = "class C:\n    found: int = 0\n\n    def f(self):\n        self.held = self.found"
    assert names_that_fit_anything(source) == []


@pytest.mark.parametrize(("file", "name"), ALLOWED)
def test_an_exception_is_still_needed(file, name):
    assert name in {bound for _, bound in names_that_fit_anything((ROOT / file).read_text("utf-8"))}
