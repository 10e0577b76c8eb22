"""Names of folders that are no UTF-8, as old file servers have them, in what files say of others."""

import os
import shutil
from pathlib import Path

from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.registry import Registry
from crawler.sources.local import LocalSource

RUN = Path(__file__).parents[2] / "cases/formats/states-and-tables-of-trainers/input/ul"


def test_a_table_of_metrics_below_a_folder_that_is_no_utf_8_is_read_like_any_other(tmp_path):
    """Its folder stands in the name of each row, which no database takes as text: the store was called damaged."""
    said = {}
    for name in (b"caf\xe9", b"cafe"):
        root = os.fsencode(tmp_path / "models") + b"/" + name
        shutil.copytree(os.fsencode(RUN), root + b"/ul")
        settings = Settings(home=tmp_path / name.hex())
        with open_store(settings, write=True) as store:
            source = LocalSource(str(tmp_path / "models"))
            reports = [crawl(store, source, settings, registry=Registry.installed()) for _ in range(2)]
            assert not reports[-1].problems
            said[name] = sorted(
                (row.document["name"], str(row.document.get("metrics"))) for row in store.records.iterate()
            )
        shutil.rmtree(root)
    assert said[b"caf\xe9"] == said[b"cafe"]
    assert any("map" in metrics for _, metrics in said[b"cafe"])
