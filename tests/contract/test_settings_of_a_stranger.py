"""The section of docs/extending.md, done: registered by an entry point, taken from file and environment, refused without it."""

import json
import re

import pytest
from fixtures.strangers import GUIDE

SECTION = re.search(
    r"```python\n(@dataclass[^`]*class BucketSettings.*?)```", GUIDE.read_text("utf-8"), re.DOTALL
)
MODULE = f"""from dataclasses import dataclass
from typing import ClassVar
from catalog.settings import setting

{SECTION[1]}"""


def install(environment, source=MODULE, section="bucket"):
    environment.install(
        "modeldex-bucket",
        "modeldex_bucket",
        source,
        "modeldex.settings",
        plugin=section,
        attribute="BucketSettings",
    )


def write(environment, text):
    environment.home.mkdir()
    (environment.home / "modeldex.toml").write_text(text)


def test_a_strangers_section_is_taken_from_the_file_and_the_environment(environment):
    install(environment)
    write(environment, "[bucket]\nendpoint_url = 'https://storage.example'\ntimeout_seconds = 3\n")
    environment.variables = {"MODELDEX_BUCKET_TIMEOUT_SECONDS": "4", "MODELDEX_BUCKET_TOKEN": "hidden"}
    done = environment.modeldex("settings", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["setting"]: (row["value"], row["origin"]) for row in json.loads(done.stdout)}
    assert rows["bucket.endpoint_url"] == ("https://storage.example", "modeldex.toml")
    assert rows["bucket.timeout_seconds"] == (4.0, "MODELDEX_BUCKET_TIMEOUT_SECONDS")
    assert rows["bucket.token"] == ("***", "MODELDEX_BUCKET_TOKEN")


REFUSED = {
    "unknown": ({"MODELDEX_BUCKET_ENDPOINT": "x"}, "Unknown setting 'MODELDEX_BUCKET_ENDPOINT'. Did you mean 'MODELDEX_BUCKET_ENDPOINT_URL'?"),
    "type": ({"MODELDEX_BUCKET_TIMEOUT_SECONDS": "x"}, "Setting 'MODELDEX_BUCKET_TIMEOUT_SECONDS' must be a number, not 'x'."),
    "bounds": (
        {"MODELDEX_BUCKET_TIMEOUT_SECONDS": "0"},
        "Setting 'MODELDEX_BUCKET_TIMEOUT_SECONDS' must be a number from 0.001, not '0'.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("variables", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_strangers_settings_are_held_to_what_they_declare(environment, variables, sentence):
    install(environment)
    environment.variables = variables
    done = environment.modeldex("models")
    assert (done.returncode, done.stderr) == (2, f"modeldex: {sentence}\n")


def test_a_section_of_a_package_that_is_not_installed_is_refused_with_the_reason(environment):
    write(environment, "[bucket]\nendpoint_url = 'x'\n")
    done = environment.modeldex("models")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "modeldex: Unknown section [bucket] in modeldex.toml: no installed package declares it. "
    )
    assert done.stderr.count("\n") == 1


BROKEN = {
    "module": ("raise RuntimeError('needs a licence key')\n", "RuntimeError: needs a licence key"),
    "class": ("BucketSettings = 1\n", "what is registered is no dataclass of settings"),
    "name": (MODULE.replace('= "bucket"', '= "pail"'), "its SECTION is not 'bucket'"),
    "field": (MODULE.replace('setting("", "Where the storage answers.")', "''"), "its 'endpoint_url' is not made by"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_section_costs_only_who_sets_it(environment, source, reason):
    install(environment, source)
    assert environment.modeldex("models").returncode == 0
    listed = environment.modeldex("settings")
    assert listed.returncode == 0
    assert reason in listed.stderr
    environment.variables = {"MODELDEX_BUCKET_TOKEN": "x"}
    done = environment.modeldex("models")
    assert done.returncode == 1
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_our_own_section_cannot_be_replaced(environment):
    install(environment, "raise SystemExit\n", section="server")
    environment.variables = {"MODELDEX_SERVER_PORT": "1"}
    assert environment.modeldex("settings").returncode == 0
