"""Tests are found where one looks for them: the folders of tests/unit are those of the code, names are sentences."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
ROOMS = ("catalog", "crawler", "indexer", "webui", "mappings", "modeldex")
NO_ROOM = {"fixtures": "the fixtures that are programs of their own are tested, too"}
CLOCKS = {"monotonic", "perf_counter", "process_time"}
OWN_CLOCKS = {
    "catalog/normalise/values/test_secrets.py": "compares two times of the processor",
    "crawler/buckets/test_spending.py": "waits at least so long",
}
"""Tests in tests/unit that read a clock themselves, and why a busy machine does not make them fail."""
LEAST_SECONDS = 5
ONE_FILE_EACH = ("crawler/extractors", "indexer/engines/*")
"""Folders in which every module has its test file."""
LEAST_WORDS = 4


def modules() -> list[str]:
    """Every module that must have its test file, without `.py`."""
    return [
        str(path.relative_to(ROOT).with_suffix(""))
        for folder in ONE_FILE_EACH
        for path in sorted(ROOT.glob(f"{folder}/*.py"))
        if path.name != "__init__.py"
    ]


def file_for(module: str) -> Path:
    folder, _, name = module.rpartition("/")
    return UNIT / folder / f"test_{name}.py"


def names_in(source: str) -> list[str]:
    """The names of the test functions of one file, those in classes as well."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]


def is_sentence(name: str) -> bool:
    """Whether the name has so many words that it can say what holds."""
    return len([word for word in name.split("_")[1:] if word]) >= LEAST_WORDS


@pytest.mark.parametrize("module", modules())
def test_every_extractor_and_engine_module_has_tests_under_its_own_name(module):
    path = file_for(module)
    assert path.is_file(), f"write {path.relative_to(ROOT)}"
    source = path.read_text("utf-8")
    assert names_in(source) or "Suite):" in source, f"{path.relative_to(ROOT)} tests nothing"
    room = module.rpartition("/")[0].replace("/", ".")
    assert f"from {room}" in source, f"{path.relative_to(ROOT)} imports nothing of what it is named after"


def test_every_folder_of_unit_tests_is_a_room_of_the_code():
    folders = {path.parent.relative_to(UNIT) for path in UNIT.rglob("test_*.py")}
    strangers = [
        str(folder)
        for folder in sorted(folders)
        if str(folder) not in NO_ROOM
        and not (folder.parts[:1] and folder.parts[0] in ROOMS and (ROOT / folder).is_dir())
    ]
    assert strangers == [], f"tests/unit mirrors the code, which has no {strangers}"


@pytest.mark.parametrize("folder", NO_ROOM)
def test_every_folder_without_a_room_is_still_there(folder):
    assert list((UNIT / folder).glob("test_*.py"))


@pytest.mark.parametrize("folder", ["unit", "house"])
def test_names_of_tests_are_sentences(folder):
    short = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "tests" / folder).rglob("test_*.py"))
        for name in names_in(path.read_text("utf-8"))
        if not is_sentence(name)
    ]
    assert short == [], "\n".join(short)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("test_writer", False),
        ("test_writer_of_an_index", True),
        ("test_it___works", False),
        ("test_a_b_c", False),
    ],
)
def test_the_check_tells_sentences_from_labels(name, sentence):
    assert is_sentence(name) is sentence


def test_no_test_keeps_a_deadline_of_its_own():
    """Each was as long as its author's machine needed. `fixtures.patience` waits until something is so."""
    readers = {
        str(path.relative_to(UNIT) if path.is_relative_to(UNIT) else path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if clocks_in(path.read_text("utf-8"))
    }
    assert readers == set(OWN_CLOCKS), "use wait_until, within or processor_within of fixtures.patience"


def test_no_test_gives_anything_less_time_than_a_slow_machine_needs():
    hurried = [
        f"{path.relative_to(ROOT)}: {bound}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for bound in bounds_in(path.read_text("utf-8"))
        if bound < LEAST_SECONDS
    ]
    assert hurried == []


def clocks_in(source: str) -> set[str]:
    """The clocks that a file reads, those in programs that it starts left aside."""
    nodes = list(ast.walk(ast.parse(source)))
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    return CLOCKS & (imported | {node.attr for node in nodes if isinstance(node, ast.Attribute)})


def bounds_in(source: str) -> list[float]:
    """The seconds in which something must be done, where they stand as a number."""
    return [
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"within", "processor_within"}
        and isinstance(node.args[0], ast.Constant)
    ]


@pytest.mark.parametrize(
    ("source", "clocks", "bounds"),
    [
        ("import time\nend = time.monotonic() + 5", {"monotonic"}, []),
        ("from time import process_time as clock", {"process_time"}, []),
        ('PROGRAM = "import time; time.monotonic()"', set(), []),
        ("with within(2), answering(): pass", set(), [2]),
    ],
    ids=["a deadline", "imported", "in a program", "a bound"],
)
def test_the_check_sees_clocks_and_bounds(source, clocks, bounds):
    assert clocks_in(source) == clocks
    assert bounds_in(source) == bounds
