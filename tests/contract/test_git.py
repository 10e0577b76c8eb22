"""A commit of a Git repository holds what every source has to hold."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.records import ObjectKey
from catalog.settings import Settings
from catalog.testing.sources import SourceSuite
from crawler.sources.git import GitSource

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
OF_INTEREST = ".json"
AS_ADA = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")


class NewestCommit:
    """The source with the keys that its files have in the one commit that there is, whatever its hash, and without the suffix
    by which a repository's files are of interest.
    """

    def __init__(self, source, commit):
        self.source = source
        self.commit = commit
        self.uri = source.uri

    def list(self):
        for step in self.source.list():
            files = [meta for meta in step.objects if "/.git/" not in meta.key]
            yield replace(step, objects=tuple(replace(meta, key=self._inner(meta.key)) for meta in files))

    def head(self, key):
        meta = self.source.head(self._outer(key))
        return meta and replace(meta, key=key)

    def read(self, meta, start, end):
        return self.source.read(replace(meta, key=self._outer(meta.key)), start, end)

    def uri_of(self, key):
        return self.source.uri_of(self._outer(key))

    def _inner(self, key):
        return ObjectKey(key.removeprefix(f"{self.commit}/").removesuffix(OF_INTEREST))

    def _outer(self, key):
        return ObjectKey(f"{self.commit}/{key}{OF_INTEREST}")


class TestGit(SourceSuite):
    @pytest.fixture(autouse=True)
    def _repository(self, tmp_path):
        self.folder = tmp_path / "work"
        self.folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words):
        done = subprocess.run(
            ["git", *AS_ADA, *words],
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
            env={"PATH": os.defpath, "HOME": str(self.folder.parent)},
        )
        return done.stdout.strip()

    def fill(self, files):
        for key, data in files.items():
            path = Path(f"{self.folder}/{key}{OF_INTEREST}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self._commit()

    def remove(self, key):
        Path(f"{self.folder}/{key}{OF_INTEREST}").unlink()
        self._commit()

    def _commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")
        self.commit = self.git("rev-parse", "HEAD")

    def open(self):
        source = GitSource(f"git+file://{self.folder}", Settings(home=self.folder.parent / "home"))
        return NewestCommit(source, self.commit)
