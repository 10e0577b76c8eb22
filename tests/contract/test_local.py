"""A directory on this machine holds what every source has to hold."""

import pytest

from catalog.testing.sources import SourceSuite
from crawler.sources.local import LocalSource


class TestLocal(SourceSuite):
    @pytest.fixture(autouse=True)
    def _root(self, tmp_path):
        self.root = tmp_path / "models"
        self.root.mkdir()

    def fill(self, files):
        for key, data in files.items():
            path = self.root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            new = self.root / ".new"
            new.write_bytes(data)
            new.replace(path)

    def remove(self, key):
        (self.root / key).unlink()

    def open(self):
        return LocalSource(self.root)
