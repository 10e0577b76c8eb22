"""What is said of a file has the same order in every process: nobody goes through a set, whose order is the interpreter's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("crawler", "catalog/normalise", "catalog/recording", "catalog/layouts")
ALLOWED = {
    "catalog/recording/ties.py": "ties are kept as rows that have no order",
    "crawler/grouping/context.py": "each of the places gets the model, once",
    "crawler/tione/client.py": "beginnings of which any counts",
    "crawler/watching.py": "directories that are watched, or not any more",
}
MAKES_SETS = frozenset({"set", "frozenset"})
HAS_NO_ORDER = frozenset({"any", "all", "sorted", "set", "frozenset", "sum", "max", "min", "len"})
OPERATORS = (ast.BitAnd, ast.BitOr, ast.Sub, ast.BitXor)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def sets_of(path: Path) -> frozenset[str]:
    """The names of a module's own sets and of those that it imports."""
    names: set[str] = set()
    for statement in tree_of(path).body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and is_set(statement.value, frozenset()):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            module = ROOT / f"{statement.module.replace('.', '/')}.py"
            if module.exists():
                names |= {
                    alias.asname or alias.name
                    for alias in statement.names
                    if alias.name.isupper() and alias.name in sets_of(module)
                }
    return frozenset(names)


def is_set(node: ast.AST | None, named: frozenset[str]) -> bool:
    """Whether an expression is a set for all that can be seen of it."""
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Name(id=name):
            return name in named
        case ast.Call(func=ast.Name(id=name)):
            return name in MAKES_SETS
        case ast.BinOp(left=left, op=operator, right=right) if isinstance(operator, OPERATORS):
            return any(is_set(side, named) or is_view(side) for side in (left, right))
    return False


def is_view(node: ast.AST) -> bool:
    """Keys of a mapping have its order; with an operator they are a set."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "keys"


def parts_of_no_order(node: ast.AST) -> list[ast.expr]:
    """The parts of an expression that are the same in any order."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return arguments if name in HAS_NO_ORDER else []
        case ast.Set(elts=items):
            return [*items, *(item.value for item in items if isinstance(item, ast.Starred))]
    return []


def iterated(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that go through a set to make something that has an order."""
    tree, named = tree_of(path), sets_of(path)
    orderless = {id(part) for whole in ast.walk(tree) for part in parts_of_no_order(whole)}
    for node in ast.walk(tree):
        if id(node) in orderless:
            continue
        match node:
            case ast.For(iter=source):
                sources = [source]
            case ast.ListComp() | ast.DictComp() | ast.GeneratorExp():
                sources = [part.iter for part in node.generators]
            case ast.Call(func=ast.Name(id="list" | "tuple" | "enumerate" | "iter"), args=[source]):
                sources = [source]
            case ast.Starred(value=source):
                sources = [source]
            case _:
                continue
        for source in sources:
            if is_set(source, named):
                yield source.lineno, ast.unparse(source)


@cache
def sets_gone_through() -> dict[str, list[tuple[int, str]]]:
    paths = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    return {str(path.relative_to(ROOT)): places for path in paths if (places := list(iterated(path)))}


def test_nothing_that_has_an_order_is_made_of_a_set():
    """Values of lm-eval, of MTEB and of sidecars, and risks, stood in another order in each process."""
    told = [
        f"{path}:{line} goes through {source}: sort it, or go through what it is a part of"
        for path, places in sets_gone_through().items()
        if path not in ALLOWED
        for line, source in places
    ]
    assert told == [], "\n".join(told)


@pytest.mark.parametrize("path", ALLOWED)
def test_every_exception_is_still_one(path):
    assert path in sets_gone_through()
