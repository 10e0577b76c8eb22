"""What a job imports with modeldex, and that all of it is there."""

import subprocess
import sys

import pytest

import modeldex

HEAVY = {
    "catalog",
    "crawler",
    "indexer",
    "webui",
    "mappings",
    "flask",
    "sqlalchemy",
    "numpy",
    "click",
    "yaml",
    "orjson",
}
FRAMEWORKS = {
    "transformers",
    "lightning",
    "pytorch_lightning",
    "keras",
    "xgboost",
    "lightgbm",
    "torch",
    "tensorflow",
}
USES = {
    "the module": "import modeldex",
    "log": "import modeldex, tempfile; modeldex.log(tempfile.mkdtemp(), {'f1': 1})",
    "run": "import modeldex; modeldex.run; modeldex.Recorder; modeldex.WsgiMiddleware; modeldex.code_version()",
    "client": "from modeldex import Client; Client('http://127.0.0.1:1')",
    "callbacks": "from modeldex import callbacks; [getattr(callbacks, name) for name in callbacks.__all__]",
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_job_that_uses_it_imports_nothing_heavy(use):
    program = f"{use}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert imported & (HEAVY | FRAMEWORKS) == set()
    assert ("urllib3" in imported) is ("Client" in use)


@pytest.mark.parametrize("name", modeldex.__all__)
def test_every_name_that_it_offers_is_there(name):
    assert getattr(modeldex, name).__module__.startswith("modeldex.")


def test_what_it_does_not_offer_is_an_error_with_its_name():
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = modeldex.nothing_such
