"""A token in a model's own file was masked in the record and lay in clear in the readings beside it."""

import json
import logging
import sqlite3
from dataclasses import replace

import pytest
from click.testing import CliRunner
from fixtures.crawling import safetensors

from catalog import plugins
from catalog.cli import cli
from catalog.errors import Malformed
from catalog.records import (
    Evidence,
    Extraction,
    FileStatus,
    Observation,
    Origin,
    Problem,
    Risk,
    Role,
    Severity,
    Subject,
    TensorInfo,
    TensorSummary,
)
from catalog.settings import Settings
from catalog.store.compression import DamagedText, unpacked
from crawler.extractor import Claim
from crawler.registry import Registry
from webui.app import create_app
from webui.contracts import close_services, open_services

LETTERS = "QwErTy0987654321AsDfGhJkLzXcVbNm"  # put together below, so that no scanner takes a line for a leak
TOKEN = "hf_" + LETTERS
PASSWORD = "Correct-Horse-7-Battery"
MARKS = (LETTERS.encode(), PASSWORD.encode())

FILES = {
    "m/config.json": json.dumps(
        {"model_type": "bert", "hub_token": PASSWORD, "_name_or_path": f"x?token={TOKEN}"}
    ),
    "m/README.md": f"---\nlicense: mit\nbase_model: https://me:{PASSWORD}@hub.example/base\n---\n# M\nRun with `HF_TOKEN={TOKEN}`.\n",
    "m/modeldex.yaml": f"name: m\nopenai_api_key: {PASSWORD}\nwhere: https://b.example/m?X-Amz-Signature={LETTERS}\n'{TOKEN}': 1\n",
    "m/requirements.txt": f"--extra-index-url https://me:{PASSWORD}@packages.example/simple\ntorch==2.1\n",
    "m/params.yaml": f"train:\n  lr: 0.1\n  wandb_api_key: {PASSWORD}\n  command: tool --token {TOKEN}\n",
    "m/.git/config": f'[remote "origin"]\n\turl = https://oauth2:{PASSWORD}@git.example/a/b.git\n',
    "bad/config.json": f'{{"a": "{TOKEN}"',
    "bad/model.safetensors": f"{TOKEN} and nothing else that one could read here",
    "m/hyperparams.modelx": "a stranger's format",
    "n/broken.modelx": "breaks its extractor",
}


class Stranger:
    """An extractor from elsewhere that puts what it reads wherever an extraction has a place for text."""

    name = "stranger"
    version = 1
    description = reads = limits = "everything"

    def claims(self, key, head):
        return Claim(format="modelx", role=Role.WEIGHTS, confidence=95) if key.endswith(".modelx") else None

    def extract(self, reader):
        if "broken" in reader.name:
            raise Malformed(f"its first line is {TOKEN}")
        seen = Observation(
            field=f"extra.{TOKEN}",
            raw=[{"key": "DB_PASSWORD", "value": PASSWORD}, b"bytes " + TOKEN.encode()],
            pointer=f"json:/{TOKEN}",
            key=reader.key,
            extractor=self.name,
            extractor_version=1,
            origin=Origin.EMBEDDED,
            evidence=Evidence.EXPLICIT,
            context={"note": TOKEN},
        )
        tensor = TensorInfo(name=f"weight.{TOKEN}", dtype="F32", shape=(1,), elements=1)
        return Extraction(
            key=reader.key,
            extractor=self.name,
            extractor_version=1,
            format="modelx",
            role=Role.WEIGHTS,
            status=FileStatus.OK,
            observations=(seen, replace(seen, field="metrics.accuracy", raw=0.5, subject=f"run-{TOKEN}")),
            tensors=TensorSummary(tallies=(), tensors=(tensor,), count=1, names_sha256="0" * 64),
            subjects=(Subject(id=f"run-{TOKEN}", join_keys=(f"uri:{TOKEN}",), name=TOKEN, standalone=True),),
            join_keys=(f"uri:{TOKEN}",),
            risks=(
                Risk(kind="unchecked", severity=Severity.LOW, detail=TOKEN, key=reader.key, member=TOKEN),
            ),
            problems=(Problem(code="x", message=f"odd {TOKEN}", key=reader.key, pointer=TOKEN),),
        )


@pytest.fixture
def registry(monkeypatch):
    """All installed extractors and the stranger's."""
    loaded = [plugins.load("extractor", name)() for name in plugins.names("extractor")]
    made = Registry([*loaded, Stranger()])
    monkeypatch.setattr(Registry, "installed", classmethod(lambda _: made))


@pytest.fixture
def said(tmp_path, registry, caplog):
    """What every door says about models whose files hold secrets, and the log."""
    caplog.set_level(logging.DEBUG)
    root, home = tmp_path / "models", tmp_path / "home"
    metadata = {"hub_token": TOKEN, "note": f"pull it with {TOKEN}", "format": "pt"}
    for path, content in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    (root / "m/model.safetensors").write_bytes(safetensors(3, metadata=metadata))

    def modeldex(*arguments):
        done = CliRunner().invoke(cli, ["--home", str(home), *arguments])
        return (done.stdout + done.stderr).encode()

    outputs = {"crawl": modeldex("crawl", str(root))}
    (root / "m/model.safetensors").write_bytes(safetensors(4, metadata=metadata))
    outputs["re-crawl"] = modeldex("crawl", str(root), "--json")
    outputs["models"] = modeldex("models", "--json")
    outputs["search"] = modeldex("search", "--json")
    outputs["export"] = modeldex("search", "--all")
    ids = [document["id"] for document in json.loads(outputs["models"])]
    for model in ids:
        outputs[f"show {model}"] = modeldex("show", model)
        outputs[f"show {model} --json"] = modeldex("show", model, "--json")
    outputs |= pages(Settings(home=home), ids)
    outputs["log"] = caplog.text.encode()
    return home, outputs


def pages(settings, ids):
    services = open_services(settings)
    app = create_app(settings, services)
    client = app.test_client()
    paths = [
        "/",
        "/runs",
        "/api/search",
        "/api/runs",
        "/api/export.ndjson",
        "/api/export.csv",
        *(f"/models/{model}" for model in ids),
    ]
    found = {path: client.get(path).data for path in paths}
    app.extensions["modeldex-es"].close()
    close_services(services)
    return found


def test_a_token_is_in_no_byte_at_rest_and_in_no_answer(said):
    home, outputs = said
    for name, content in outputs.items():
        assert not any(mark in content for mark in MARKS), name
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any("index" in path.parts for path in files)
    for path in files:
        assert not any(mark in path.read_bytes() for mark in MARKS), path
    with sqlite3.connect(home / "store.sqlite3") as database:
        assert not any(mark in text for text in inflated(database) for mark in MARKS)


def test_that_a_secret_was_there_is_said(said):
    _, outputs = said
    documents = {document["path"]: document for document in json.loads(outputs["models"])}
    assert "secret" in documents["m"]["risk_kinds"]
    told = {risk["file"] for risk in documents["m"]["risks"] if risk["kind"] == "secret"}
    assert told >= {"m/model.safetensors", "m/modeldex.yaml", "m/config.json"}


def inflated(database):
    for (table,) in list(database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")):
        for row in database.execute(f"SELECT * FROM {table}"):
            yield from map(plain, row)


def plain(value):
    """The bytes behind a column: unpacked, if they are packed."""
    if not isinstance(value, bytes):
        return str(value).encode("utf-8", "backslashreplace")
    try:
        return unpacked(value)
    except DamagedText:
        return value
