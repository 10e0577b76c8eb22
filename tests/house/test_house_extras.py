"""Each extra of the package works without the others: what it brings, and what the package needs in any case, is enough."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest

from catalog import plugins

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
USERS = {
    "elasticsearch": ("elasticsearch", "indexer.engines.elasticsearch"),
    "encryption": ("cryptography.hazmat.primitives.ciphers.aead", "catalog.sealing.vault"),
    "git": ("dulwich.repo", "crawler.sources.git"),
    "hdf5": ("h5py", "crawler.formats.hdf5"),
    "hive": ("pymetastore.hive_metastore.ThriftHiveMetastore", "indexer.hive.pull"),
    "mongodb": ("pymongo", "indexer.mongodb.sink"),
    "oidc": ("authlib.integrations.flask_client", "webui.access"),
    "parquet": ("pyarrow.parquet", "webui.api.parquet"),
    "postgresql": ("psycopg", "catalog.store"),
    "redis": ("redis", "webui.caching.answers"),
    "s3": ("boto3", "crawler.sources.s3"),
    "tione": ("tencentcloud.tione.v20211111.tione_client", "crawler.sources.tione"),
    "watch": ("watchdog.observers", "crawler.watching"),
}
"""What of it is imported, and the module that asks for it."""
ALONE = """
import importlib, json, sys
allowed = set(json.loads(sys.argv[1]))
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed and not name.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"{name} is of another extra", name=name)
sys.meta_path.insert(0, Absent())
for name in sys.argv[2:]:
    importlib.import_module(name)
"""
OURS = ("mappings", "catalog", "crawler", "indexer", "webui", "modeldex")


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(names):
    """These distributions and all that they need themselves, extras of theirs apart."""
    known, waiting = set(), [canonical(re.match(r"[\w.-]+", name)[0]) for name in names]
    while waiting:
        name = waiting.pop()
        if name in known:
            continue
        known.add(name)
        try:
            own = requires(name) or ()
        except PackageNotFoundError:  # of another system
            continue
        asked = next((text for text in names if canonical(re.match(r"[\w.-]+", text)[0]) == name), "")
        chosen = re.findall(r"\[(.+?)\]", asked)
        waiting += [
            canonical(re.match(r"[\w.-]+", text)[0])
            for text in own
            if "extra ==" not in text or any(f"'{extra}'" in text or f'"{extra}"' in text for extra in chosen)
        ]
    return known


def importable(extra):
    """The names that can be imported where only this extra is installed."""
    names = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"].get(extra, ())]
    installed = needed(names)
    brought = {
        module
        for module, distributions in packages_distributions().items()
        if any(canonical(name) in installed for name in distributions)
    }
    return sorted({*brought, *sys.stdlib_module_names, *OURS, "_distutils_hack"})


def imported(extra, *modules):
    command = [sys.executable, "-c", ALONE, json.dumps(importable(extra)), *modules]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_every_extra_is_tried():
    assert set(USERS) == set(PROJECT["optional-dependencies"]) - {"test"}


@pytest.mark.parametrize("extra", USERS)
def test_an_extra_works_without_the_others(extra):
    tried = imported(extra, *USERS[extra])
    assert tried.returncode == 0, tried.stderr[-600:]


def test_every_command_extractor_and_page_starts_without_extras():
    kinds = ("command", "extractor", "hook", "setting")
    targets = [target for kind in kinds for target in plugins.TABLES[kind].values()]
    modules = sorted(
        {*(target.partition(":")[0] for target in targets), "webui.app", "webui.contracts", "modeldex"}
    )
    tried = imported("none", *modules)
    assert tried.returncode == 0, tried.stderr[-600:]
    assert imported("none", USERS["redis"][0]).returncode == 1
