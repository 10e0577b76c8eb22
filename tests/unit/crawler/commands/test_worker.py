"""The worker as a service: it crawls, sees what changes, and ends when told."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from fixtures.corpus import run_modeldex
from fixtures.patience import PATIENCE_SECONDS, wait_until
from fixtures.warm_python import warm_python

EXAMPLES = Path(__file__).parents[4] / "examples"


def models(home):
    listed = run_modeldex(home, "models", "--json")
    return {document["name"]: document for document in json.loads(listed.stdout or "[]")}


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "models"
    (root / "one").mkdir(parents=True)
    (root / "one" / "model.txt").write_bytes((EXAMPLES / "wine-lightgbm" / "model.txt").read_bytes())
    return root


def test_a_worker_crawls_again_and_ends_when_told(tree, tmp_path):
    home = tmp_path / "home"
    command = [*warm_python(), "-m", "catalog", "--home", str(home), "worker", str(tree), "--every", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as worker:
        try:
            wait_until(lambda: "one" in models(home), pause_seconds=0.3)
            (tree / "two").mkdir()
            (tree / "two" / "model.cbm").write_bytes((EXAMPLES / "iris-catboost" / "model.cbm").read_bytes())
            wait_until(lambda: "two" in models(home), pause_seconds=0.3)
        finally:
            worker.send_signal(signal.SIGTERM)
            _, said = worker.communicate(timeout=PATIENCE_SECONDS)
    assert worker.returncode == 0, said
    assert "crawl ended" in said
    found = run_modeldex(home, "search", "framework:catboost", "--json")
    assert [document["name"] for document in json.loads(found.stdout)] == ["two"]


def test_a_directory_that_is_not_there_is_wrong_use(tmp_path):
    done = run_modeldex(tmp_path / "home", "worker", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "There is no directory" in done.stderr
