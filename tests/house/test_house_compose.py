"""compose.yaml and the Dockerfile, as far as that can be known without a Docker engine: they name what there is, publish
nothing but the page to this machine, and hold no password."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from catalog import plugins
from catalog.settings import load_settings
from indexer.settings import ElasticsearchSettings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("worker", "page")


def test_every_service_restarts_and_says_whether_it_is_well():
    for name, service in SERVICES.items():
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name


def test_only_the_page_is_published_and_to_this_machine_alone():
    published = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert published == {"elasticsearch": [], "worker": [], "page": ["127.0.0.1:8080:8080"]}


def test_elasticsearch_asks_who_one_is_and_no_password_is_written_down():
    assert SERVICES["elasticsearch"]["environment"]["xpack.security.enabled"] == "true"
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if "PASSWORD" in name:
                assert str(value).startswith("${ELASTIC_PASSWORD:?"), name


@pytest.mark.parametrize("name", OURS)
def test_settings_and_commands_are_ones_that_there_are(name, tmp_path):
    service = SERVICES[name]
    given = {key: re.sub(r"\$\{.*\}", "given", value) for key, value in service["environment"].items()}
    settings = load_settings(str(tmp_path), environment=given)
    assert (settings.engine, settings.section(ElasticsearchSettings).password) == ("elasticsearch", "given")
    calls = [service["command"]]
    if service["healthcheck"]["test"][:2] == ["CMD", "modeldex"]:
        calls.append(service["healthcheck"]["test"][2:])
    for verb, *arguments in calls:
        with plugins.load("command", verb).make_context(verb, list(arguments)):
            pass


def test_every_volume_that_is_mounted_by_name_is_declared():
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert {mount for mount in mounts if mount.isalpha()} == set(COMPOSE["volumes"])


def test_the_image_gets_every_package_and_their_extras_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    image = (ROOT / "Dockerfile").read_text()
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert f"COPY {package} {package}\n" in image
    (extras,) = re.findall(r"'\.\[(.+)\]'", image)
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])
