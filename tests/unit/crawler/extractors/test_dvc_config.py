"""DVC's own settings: the default remote, for the outputs of its repository and of no other."""

from __future__ import annotations

import pytest
from fixtures.crawling import safetensors

from catalog.settings import Settings
from catalog.store import open_store
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.crawl import crawl
from crawler.extractors.dvc_config import MAX_FILE_BYTES, DvcConfigExtractor
from crawler.reader import bytes_reader
from crawler.sources.local import LocalSource

CONFIG = b"""[core]
    remote = store
    autostage = true
['remote "old"']
    url = /mnt/old
['remote "store"']
    url = s3://dvc-remote/churn
    endpointurl = https://minio.example:9000
    secret_access_key = hf_abcdefghijklmnopqrstuvwxyz012345
[cache]
    remote = nothing
"""
"""As `dvc remote add -d` writes it (3.67)."""


class TestDvcConfig(ExtractorSuite):
    extractor = DvcConfigExtractor
    expected = {"extra.dvc_remote_url": "s3://dvc-remote/churn", "extra.dvc_remote_name": "store"}

    def sample(self):
        return Sample(key="repo/.dvc/config", data=CONFIG)


@pytest.mark.parametrize(
    "config",
    [
        b"[core]\n",
        b"[core]\nremote = lost\n",
        b"['remote \"a\"']\nurl = s3://b/c\n",
        b"[[[\n=\n[core\nremote==\n",
        b"[" + b"\xff\x00" * 50,
        b"['remote \"x\"']\n" * 5_000 + b"[core]\nremote = x\n",
    ],
    ids=["empty", "no-such-remote", "no-default", "nonsense", "bytes", "thousands"],
)
def test_settings_without_a_default_remote_say_nothing(config):
    assert DvcConfigExtractor().extract(bytes_reader(".dvc/config", config)).observations == ()


def test_settings_that_are_too_long_are_refused():
    with pytest.raises(Exception, match="DVC settings"):
        DvcConfigExtractor().extract(bytes_reader(".dvc/config", b"[core]\n" + b" " * MAX_FILE_BYTES))


def test_outputs_of_the_repository_know_their_remote_and_neighbours_do_not(tmp_path):
    for repository, config in (("one", CONFIG), ("two", b"[core]\n    autostage = true\n")):
        models = tmp_path / "models" / repository
        (models / ".dvc").mkdir(parents=True)
        (models / ".dvc" / "config").write_bytes(config)
        (models / "net.safetensors").write_bytes(safetensors(fill=len(config)))
        (models / "net.safetensors.dvc").write_text("outs:\n- path: net.safetensors\n  size: 24\n")
    settings = Settings(home=tmp_path / "home")
    with open_store(settings, write=True) as store:
        crawl(store, LocalSource(tmp_path / "models"), settings)
        extras = {row.document["path"]: row.document.get("extra", {}) for row in store.records.iterate()}
    assert extras["one/net.safetensors"]["dvc_remote_url"] == "s3://dvc-remote/churn"
    assert "dvc_remote_url" not in extras["two/net.safetensors"]
    assert "hf_abcdef" not in str(extras)
