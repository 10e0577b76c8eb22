"""Docs cannot rot: generated pages equal their registries, and what the words name exists."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from catalog import plugins

ROOT = Path(__file__).parents[2]


def load_generator():
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_generate"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["formats.md", "fields.md", "flags.md", "metrics.md", "settings.md"])
def test_a_generated_page_equals_its_registry(name):
    expected = load_generator().pages()[name]
    assert (ROOT / "docs" / name).read_text("utf-8") == expected, "run `make docs`"


def test_every_module_named_in_the_architecture_exists():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = set(
        re.findall(
            r"`((?:catalog|crawler|indexer|webui|mappings|modeldex)(?:/[a-z_]+)+\.(?:py|toml|json))`", text
        )
    )
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_command_in_the_readme_exists():
    text = (ROOT / "README.md").read_text("utf-8")
    verbs = set(re.findall(r"^\s*(?:\$ )?modeldex (?:--\S+ \S+ )?([a-z][a-z-]+)", text, flags=re.MULTILINE))
    assert verbs
    assert verbs <= set(plugins.names("command"))


def test_every_make_target_in_the_readme_exists():
    text = (ROOT / "README.md").read_text("utf-8")
    targets = set(re.findall(r"\bmake ([a-z]+)", text))
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    assert {"demo", "test"} <= targets <= rules


@pytest.mark.parametrize("kind", sorted(plugins.TABLES))
def test_every_registered_plugin_loads(kind):
    assert [name for name, _ in plugins.load_all(kind)] == plugins.names(kind)
