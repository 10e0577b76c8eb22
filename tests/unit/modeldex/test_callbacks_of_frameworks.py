"""runs_of_frameworks.py in environments of Python that have Keras, Lightning, transformers and torch."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest
from fixtures.environments import framework_python

ROOT = Path(__file__).parents[3]
RUNS = Path(__file__).with_name("runs_of_frameworks.py")
ENVIRONMENT = os.environ  # noqa: TID251 - what the other Python gets
FRAMEWORKS = {"keras": "keras", "lightning": "torch", "transformers": "torch", "torch": "torch"}
"""How the names of its tests begin, and the environment that has it."""


def names():
    tree = ast.parse(RUNS.read_text())
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name for name in functions if name.startswith("test_")]


def of(framework):
    return [name for name in names() if name.startswith(f"test_{framework}_")]


def test_every_run_is_of_a_framework():
    assert sorted(name for framework in FRAMEWORKS for name in of(framework)) == sorted(names())


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_callbacks_and_recorders_tell_what_the_real_library_does(framework, tmp_path):
    python = framework_python(FRAMEWORKS[framework])
    alone = ("--noconftest", "-c", os.devnull, "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'runs'}")
    run = subprocess.run(
        [python, "-m", "pytest", "-q", "-rs", *alone, *(f"{RUNS}::{name}" for name in of(framework))],
        cwd=tmp_path,
        env={
            **{name: value for name, value in ENVIRONMENT.items() if not name.startswith("PYTEST_")},
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "KERAS_BACKEND": ENVIRONMENT.get("KERAS_BACKEND", "jax"),
            "KERAS_HOME": str(tmp_path / "keras"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", run.stdout)[1]) >= len(of(framework)), run.stdout
    assert "skipped" not in run.stdout
