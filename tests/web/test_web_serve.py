"""`modeldex serve` as a process: its address, its signals, its refusals, its crawl."""

import itertools
import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from fixtures.patience import PATIENCE_SECONDS, wait_until
from fixtures.warm_python import warm_python

from catalog.settings import Settings
from catalog.store import open_store
from webui.commands.crawl_child import CrawlChild

PROGRAM = ["-c", "from catalog.cli import main; main()"]
ROOT = Path(__file__).parents[2]


def started(home, *arguments, python=None):
    return subprocess.Popen(
        [*(python or warm_python()), *PROGRAM, "--home", str(home), "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def address_of(process):
    for line in process.stderr:
        if "http://" in line:
            return "http://" + line.split("http://")[1].split("/")[0]
    raise AssertionError(process.stderr.read())


def fetched(address):
    with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer:
        return answer.read().decode()


def ended(process, number):
    process.send_signal(number)
    _, rest = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, rest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_serving_an_empty_home_shows_an_empty_catalog_and_ends_cleanly(tmp_path, number):
    process = started(tmp_path / "home", python=[sys.executable])
    try:
        address = address_of(process)
        assert json.loads(fetched(f"{address}/healthz")) == {"status": "ok"}
        assert "modeldex crawl" in fetched(f"{address}/")
        assert fetched(f"{address}/runs")
    finally:
        code, rest = ended(process, number)
    assert (code, "Traceback" in rest) == (0, False)


def test_a_loopback_server_answers_to_no_foreign_name(tmp_path):
    """A page from elsewhere that lets its own name point at 127.0.0.1 must not read the catalog."""
    process = started(tmp_path / "home", "--allow-host", "models.example")
    try:
        address = address_of(process)
        port = address.rsplit(":", 1)[1]
        codes: dict[str, set[int]] = {}
        names = ("evil.example", "models.example", "localhost", "127.0.0.1")
        for name, path in itertools.product(names, ("/api/search", "/", "/es/", "/static/modeldex.css")):
            request = urllib.request.Request(f"{address}{path}", headers={"Host": f"{name}:{port}"})
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                    codes.setdefault(name, set()).add(answer.status)
            except urllib.error.HTTPError as error:
                codes.setdefault(name, set()).add(error.code)
                error.close()
        assert codes == {
            "evil.example": {400},
            "models.example": {200},
            "localhost": {200},
            "127.0.0.1": {200},
        }
    finally:
        assert "Traceback" not in ended(process, signal.SIGTERM)[1]


def test_a_port_in_use_is_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*warm_python(), *PROGRAM, "--home", str(tmp_path), "serve", "--port", str(port)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    assert done.returncode == 2
    assert f"Port {port}" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_path_that_is_not_there_is_one_sentence(tmp_path):
    done = subprocess.run(
        [*warm_python(), *PROGRAM, "--home", str(tmp_path), "serve", str(tmp_path / "nowhere")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_serving_a_folder_crawls_it_and_shows_its_models_without_a_restart(tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    header = json.dumps({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    (models / "tiny.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(24))
    process = started(tmp_path / "home", str(models))
    try:
        address = address_of(process)
        page = {}

        def is_crawled():
            page.update(json.loads(fetched(f"{address}/api/search")))
            return page["total"] and not page["crawl"]["running"]

        wait_until(is_crawled, pause_seconds=0.2)
        found = page["results"][0]
        assert found["document"]["parameters"] == 6
        model = json.loads(fetched(f"{address}/api/models/{found['id']}"))
        assert model["document"]["parameters"] == 6
        runs = json.loads(fetched(f"{address}/api/runs"))
        assert runs["runs"][0]["state"] == "complete"
        assert page["crawl"]["exit_code"] == 0
    finally:
        code, rest = ended(process, signal.SIGTERM)
    assert (code, "Traceback" in rest) == (0, False)


def test_the_page_shows_the_progress_of_its_crawl_and_the_terminal_does_not(capsys):
    program = "import sys; sys.stderr.write('\\rreading: 7 files listed\\nNote: one\\n\\rwriting: 3 of 7 models\\n')"
    child = CrawlChild("/models", home=ROOT, command=[sys.executable, "-c", program])
    child._process.wait(PATIENCE_SECONDS)
    child._reader.join(PATIENCE_SECONDS)
    assert child.status().line == "writing: 3 of 7 models"
    assert capsys.readouterr().err == "Note: one\n"


def test_the_server_brings_a_worker_that_crawls_what_is_due_and_ends_with_it(tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    header = json.dumps({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    (models / "tiny.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(24))
    home = tmp_path / "home"
    subprocess.run(
        [*warm_python(), *PROGRAM, "--home", str(home), "sources", "add", str(models), "--name", "lab"],
        check=True,
        cwd=ROOT,
    )
    settings = Settings(home=home)
    process = started(home)
    try:
        address = address_of(process)
        wait_until(lambda: json.loads(fetched(f"{address}/api/search"))["total"], pause_seconds=0.2)
        assert json.loads(fetched(f"{address}/api/search"))["total"] == 1
        with open_store(settings, write=False) as store:
            assert len(store.workers.alive()) == 1
    finally:
        process.kill()  # not even then is a worker left behind
        process.communicate()
    with open_store(settings, write=False) as store:
        wait_until(lambda: store.workers.alive() == [])
