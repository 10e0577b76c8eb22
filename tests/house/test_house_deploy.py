"""The large layout for Compose and for Kubernetes: both are what their schemas ask for, name what there is, and say the same
as docs/scale.md. No cluster and no Docker engine is asked.
"""

import re
from itertools import pairwise
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from catalog import plugins
from catalog.settings import load_settings
from webui.caching.settings import CacheSettings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/kubernetes"
VERSION = "1.30"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
EXAMPLE = yaml.safe_load((FOLDER / "secret.example.yaml").read_text())
OBJECTS = [
    document
    for name in (*KUSTOMIZATION["resources"], "secret.example.yaml")
    for document in yaml.safe_load_all((FOLDER / name).read_text())
]
DEPLOYMENTS = {each["metadata"]["name"]: each for each in OBJECTS if each["kind"] == "Deployment"}
OURS = ("worker", "page")
LITERALS = dict(line.split("=", 1) for line in KUSTOMIZATION["configMapGenerator"][0]["literals"])
CREDENTIALS = {
    "MODELDEX_ELASTICSEARCH_USER",
    "MODELDEX_ELASTICSEARCH_PASSWORD",
    "MODELDEX_ELASTICSEARCH_API_KEY",
}
"""Compose knows its own node's password, a cluster an API key of yours."""
OF_COMPOSE = {"MODELDEX_API_KEYS"}


class _Loader(yaml.SafeLoader):
    """Knows the tag by which a file of Compose replaces a list instead of adding to it."""


_Loader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))
BASE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
OVERLAY = yaml.load((ROOT / "deploy/compose.scale.yaml").read_text(), Loader=_Loader)["services"]


def container(name):
    (only,) = DEPLOYMENTS[name]["spec"]["template"]["spec"]["containers"]
    return only


def environment(name):
    """What the pod's variables are, with the example's secrets."""
    own = {
        each["name"]: each.get("value") or EXAMPLE["stringData"][each["valueFrom"]["secretKeyRef"]["key"]]
        for each in container(name)["env"]
    }
    return LITERALS | own


def of_compose(name):
    return {**BASE[name]["environment"], **OVERLAY[name].get("environment", {})}


@pytest.mark.parametrize("document", OBJECTS, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_every_object_is_one_that_kubernetes_takes(document):
    kubernetes_validate.validate(document, VERSION, strict=True)


def test_the_kustomization_names_every_file_and_every_deployment_once():
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml", "secret.example.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files
    counts = {each["name"]: each["count"] for each in KUSTOMIZATION["replicas"]}
    assert counts == {name: DEPLOYMENTS[name]["spec"]["replicas"] for name in OURS}


@pytest.mark.parametrize("name", OURS)
def test_settings_and_commands_are_ones_that_there_are(name, tmp_path):
    settings = load_settings(str(tmp_path), environment=environment(name))
    assert settings.engine == "elasticsearch"
    assert bool(settings.section(CacheSettings).url) == (name == "page")
    verb, *arguments = container(name)["args"]
    with plugins.load("command", verb).make_context(verb, list(arguments)):
        pass


def test_every_secret_is_in_the_example_and_used():
    named = {
        each["valueFrom"]["secretKeyRef"]["key"]
        for name in DEPLOYMENTS
        for each in container(name)["env"]
        if "valueFrom" in each
    }
    assert named == set(EXAMPLE["stringData"])


@pytest.mark.parametrize("name", OURS)
def test_a_probe_asks_by_a_name_that_the_page_answers_to_and_no_pod_is_root(name):
    pod = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert str(pod["securityContext"]["runAsUser"]) in (ROOT / "Dockerfile").read_text()
    arguments = container(name)["args"]
    allowed = {value for option, value in pairwise(arguments) if option == "--allow-host"}
    probes = [
        container(name)[each] for each in ("readinessProbe", "livenessProbe") if each in container(name)
    ]
    assert {header["value"] for probe in probes for header in probe["httpGet"]["httpHeaders"]} <= allowed
    assert bool(probes) == (name == "page")


@pytest.mark.parametrize("name", OURS)
def test_compose_and_kubernetes_say_the_same(name):
    command, arguments = OVERLAY[name].get("command", BASE[name]["command"]), container(name)["args"]
    assert [each for each in command if each.startswith("--")][:2] == [
        each for each in arguments if each.startswith("--")
    ][:2]
    assert command[0] == arguments[0]
    assert OVERLAY[name]["deploy"]["replicas"] == DEPLOYMENTS[name]["spec"]["replicas"]
    ours, theirs = environment(name), of_compose(name)
    assert ours.keys() - CREDENTIALS == theirs.keys() - CREDENTIALS - OF_COMPOSE
    plain = {key for key, value in theirs.items() if "$" not in value and "://" not in value} - CREDENTIALS
    assert {key: ours[key] for key in plain} == {key: theirs[key] for key in plain}


def test_the_cache_is_the_same_and_never_written_to_a_disk():
    (there,) = container("redis")["args"]
    here = OVERLAY["redis"]["command"][-1].replace("$$", "$")
    assert there == here
    assert '--save "" --appendonly no' in here
    assert container("redis")["image"] == OVERLAY["redis"]["image"]


def test_no_password_is_written_down():
    text = (ROOT / "deploy/compose.scale.yaml").read_text()
    for line in re.findall(r"^\s+\w*(?:PASSWORD|SECRET):.*$", text, re.MULTILINE):
        assert re.search(r"\$\{\w+:\?set \w+ in \.env\}", line), line
    assert all(
        value.isupper() or "PASSWORD" in value or "example" in value
        for value in EXAMPLE["stringData"].values()
    )


@pytest.mark.parametrize("name", OURS)
def test_docs_name_as_many_of_each(name):
    text = (ROOT / "docs/scale.md").read_text()
    (number,) = re.findall(
        rf"^\| `modeldex {'worker' if name == 'worker' else 'serve'}[^|]*\| (\d+) \|", text, re.MULTILINE
    )
    assert int(number) == DEPLOYMENTS[name]["spec"]["replicas"]


def test_the_pools_of_all_processes_fit_into_the_connections_of_postgresql():
    limit = int(OVERLAY["postgresql"]["command"][-1].removeprefix("max_connections="))
    each = sum(int(LITERALS[f"MODELDEX_DATABASE_POOL_{part}"]) for part in ("SIZE", "OVERFLOW"))
    processes = sum(DEPLOYMENTS[name]["spec"]["replicas"] for name in OURS)
    reserved = 3  # superuser_reserved_connections of PostgreSQL 16, by itself
    assert each * processes + reserved <= limit
    assert f"`max_connections` is {limit}" in (ROOT / "docs/scale.md").read_text()
