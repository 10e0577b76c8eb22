"""Lists the fixtures by theme; they live in tests/fixtures."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

THEMES = [
    path.stem for path in sorted((Path(__file__).parent / "fixtures").glob("*.py")) if path.stem != "__init__"
]
pytest.register_assert_rewrite("fixtures")  # before one of them imports another
pytest_plugins = [f"fixtures.{theme}" for theme in THEMES if find_spec(f"fixtures.{theme}")]
