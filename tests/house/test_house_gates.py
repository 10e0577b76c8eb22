"""One command passes or fails everything: the linter, the formatter, the type checker and the import directions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

GATES = {
    "linter": [str(BIN / "ruff"), "check", "."],
    "formatter": [str(BIN / "ruff"), "format", "--check", "."],
    "types": [sys.executable, "-m", "mypy"],
    "import directions": [str(BIN / "lint-imports"), "--no-cache"],
}


@pytest.mark.parametrize("command", GATES.values(), ids=GATES.keys())
def test_the_tree_passes_its_gates(command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
