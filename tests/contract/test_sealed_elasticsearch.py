"""No byte of a real Elasticsearch's data directory holds a sensitive value in clear."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from fixtures.elasticsearch import remove_indices
from fixtures.sealed import MARKER, SealedHome, holders

OPEN_WORD = "qv8zt"
"""Of a field that is not sensitive: if it is not found, the search for bytes sees nothing."""


def data_directories(url):
    """Where the nodes keep their data; the test is skipped where that is not on this machine."""
    with urlopen(f"{url}/_nodes/stats/fs?filter_path=nodes.*.fs.data.path") as answer:
        nodes = json.load(answer)["nodes"].values()
    paths = [Path(place["path"]) for node in nodes for place in node["fs"]["data"]]
    if not paths or not all(path.is_dir() for path in paths):
        pytest.skip("the data of this Elasticsearch is not on this machine")
    return paths


def test_no_byte_of_the_node_is_in_clear(elasticsearch_url, tmp_path):
    alias = f"sealed-{uuid.uuid4().hex[:12]}"
    settings = f'engine = "elasticsearch"\n[elasticsearch]\nurl = "{elasticsearch_url}"\nindex = "{alias}"\n'
    paths = data_directories(elasticsearch_url)
    sealed = SealedHome(tmp_path, settings=settings)
    try:
        sealed.turn_on()
        sealed.add()
        sealed.run("crawl", "lab")
        sealed.run("edit", "net", f"datasets={MARKER}edited", f"tags={OPEN_WORD}")
        sealed.run("search", f"datasets:{MARKER}edited")
        sealed.run("search", f"{MARKER}edited", code=None)
        assert '"name": "net"' in sealed.run("search", f"tags:{OPEN_WORD}", "--json")
        urlopen(Request(f"{elasticsearch_url}/{alias}/_flush?force=true", method="POST")).close()
        assert any(holders(path, OPEN_WORD) for path in paths)
        assert [name for path in paths for name in holders(path)] == []
        assert holders(sealed.home) == []
    finally:
        remove_indices(elasticsearch_url, alias)
