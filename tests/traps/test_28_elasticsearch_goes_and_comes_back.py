"""A node that is killed while a crawl writes to it, and comes back later: nothing is lost, and no file is read again."""

import json
import re
import ssl
import subprocess
from itertools import pairwise

import pytest
from fixtures.patience import PATIENCE_SECONDS, wait_until
from fixtures.unruly_proxy import UnrulyProxy
from fixtures.warm_python import warm_python

from catalog.settings import Settings
from indexer.settings import ElasticsearchSettings

pytest.importorskip("elasticsearch")
from webui.app import create_app
from webui.contracts import close_services, open_services

HEADER = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(8)
NOBODY = "http://127.0.0.1:9"
MODELS = 600
"""More than one bulk request."""
SOONER = """
from catalog.cli import main
from crawler.commands import scheduled_crawls
from indexer.engines.elasticsearch import writer

writer.FIRST_BACKOFF_SECONDS /= 100
scheduled_crawls.DRAIN_SECONDS /= 10
main()
"""
"""The commands as they are, but for how long they rest before they ask a node again that does not answer: each retry
and each round of the worker comes as often, only sooner."""


@pytest.fixture(scope="module")
def node(secure_node):
    return secure_node


@pytest.fixture
def door(node):
    """A load balancer before the node."""
    proxy = UnrulyProxy(node.url, trusted=ssl.create_default_context(cafile=node.authority))
    yield proxy
    proxy.close()


@pytest.fixture
def settings(node, door, tmp_path):
    yield Settings(
        home=tmp_path / "home",
        engine="elasticsearch",
        elasticsearch_url=door.url,
        elasticsearch_user="indexer",
        elasticsearch_password="indexer-password",
        elasticsearch_timeout_seconds=20.0,
    )
    if not node.node.pid.exists():
        node.node.start()
    for name in list(node.admin.indices.get(index="models-*", allow_no_indices=True)):
        node.admin.indices.delete(index=name)


@pytest.fixture
def command(settings, monkeypatch):
    """The beginning of a command line with these settings."""
    monkeypatch.setenv("MODELDEX_ENGINE", "elasticsearch")
    for name in ("url", "user", "password", "timeout_seconds"):
        monkeypatch.setenv(
            f"MODELDEX_ELASTICSEARCH_{name.upper()}",
            str(getattr(settings.section(ElasticsearchSettings), name)),
        )
    return [*warm_python(), "-c", SOONER, "--home", str(settings.home)]


@pytest.fixture
def modeldex(command):
    def run(*arguments):
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def page(settings):
    services = open_services(settings)
    app = create_app(settings, services)
    yield app.test_client()
    app.extensions["modeldex-es"].close()
    close_services(services)


def make_models(root, start, end):
    for number in range(start, end):
        (root / f"m{number}").mkdir(parents=True)
        (root / f"m{number}" / "model.safetensors").write_bytes(WEIGHTS)


def found(modeldex):
    searched = modeldex("search", "framework:unknown OR format:safetensors", "--json", "--limit", "1000")
    return len(json.loads(searched.stdout or "[]"))


def test_a_worker_writes_what_waits_when_the_node_is_back(
    node, door, modeldex, command, page, tmp_path, settings
):
    root, empty = tmp_path / "models", tmp_path / "empty"
    empty.mkdir()
    make_models(root, 0, 1)
    first = modeldex("crawl", str(root))
    assert first.returncode == 0, first.stderr
    make_models(root, 1, MODELS)
    door.spoil = kill_at_the_first_bulk(node)
    crawled = modeldex("crawl", str(root))
    assert crawled.returncode == 1
    sentences = [line for line in crawled.stderr.splitlines() if not line.startswith("writing: ")]
    assert len(sentences) == 2, crawled.stderr  # a slow machine also says how far it is
    assert "wait for the index" in crawled.stderr
    everybody_says_it_in_one_sentence(modeldex, page)

    for path in root.rglob("*.safetensors"):
        path.unlink()  # nothing can be read again
    with subprocess.Popen(
        [*command, "worker", str(empty), "--every", "600"], stderr=subprocess.PIPE, text=True
    ) as worker:
        try:
            told = next(line for line in worker.stderr if "index not brought up to date" in line)
            node.node.start()
            wait_until(lambda: found(modeldex) == MODELS, pause_seconds=1)
        finally:
            worker.terminate()
            _, rest = worker.communicate(timeout=PATIENCE_SECONDS)
    assert worker.returncode == 0, rest
    assert "index brought up to date models=" in rest
    reasons = re.findall("index not brought up to date .* reason=(.*)", told + rest)
    assert all(after != before for before, after in pairwise(reasons)), "not in every round"
    status = json.loads(page.get("/api/runs").text)
    assert (status["waiting"], status["index_problems"], status["indexed"]) == (0, [], MODELS)


def test_the_next_crawl_writes_what_waits_and_opens_no_file(node, door, modeldex, tmp_path):
    root = tmp_path / "models"
    make_models(root, 0, 3)
    door.target = NOBODY
    down = modeldex("crawl", str(root), "--json")
    assert down.returncode == 1
    assert json.loads(down.stdout)["waiting_for_index"] == 3
    door.target = node.url
    up = modeldex("crawl", str(root), "--json")
    said = json.loads(up.stdout)
    assert (up.returncode, up.stderr) == (0, "")
    assert (said["opened"], said["waiting_for_index"], said["index_problem"]) == (0, 0, None)
    assert found(modeldex) == 3


def test_reindex_needs_no_file_either(node, door, modeldex, tmp_path):
    root = tmp_path / "models"
    make_models(root, 0, 2)
    door.target = NOBODY
    assert modeldex("crawl", str(root)).returncode == 1
    failed = modeldex("reindex")
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    door.target = node.url
    for path in root.rglob("*.safetensors"):
        path.unlink()
    built = modeldex("reindex")
    assert (built.returncode, "2 models" in built.stdout) == (0, True), built.stderr
    assert found(modeldex) == 2


def kill_at_the_first_bulk(node):
    left = [1]

    def spoil(path, status, body):
        if "/_bulk" in path and left:
            left.pop()
            node.node.kill()
        return status, body

    return spoil


def everybody_says_it_in_one_sentence(modeldex, page):
    searched = modeldex("search", "bert")
    assert searched.returncode == 1
    assert searched.stderr.startswith("modeldex: elasticsearch: ")
    assert searched.stderr.count("\n") == 1
    said = searched.stderr.removeprefix("modeldex: ").strip()
    html = page.get("/")
    assert (html.status_code, said in html.text.replace("&#39;", "'")) == (503, True), html.text
    program = page.get("/es/models/_search")
    assert (program.status_code, program.json["error"]["reason"]) == (503, said)
    listed = modeldex("models", "--json")
    held = json.loads(listed.stdout)
    assert (listed.returncode, len(held)) == (0, MODELS)
    assert modeldex("show", held[0]["id"]).returncode == 0
    assert page.get(f"/models/{held[0]['id']}").status_code == 200
    status = json.loads(page.get("/api/runs").text)
    assert status["engine_problem"] == said
    assert status["models"] == MODELS
    assert status["waiting"] > 0
