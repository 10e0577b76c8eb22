"""What a plan costs: every live model read once, the files of those that go twice, lines written and hashed.

    python benchmarks/retention.py [MODELS]...

Rows stand for a crawled catalog: series of ten versions, three files a model. The search of the policy is not measured.
"""

from __future__ import annotations

import itertools
import json
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog.records import ModelId
from catalog.retention.planning import Planning, now
from catalog.retention.plans import written
from catalog.retention.policy import Best, Policy
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.database import insert_rows
from catalog.store.store import Store
from catalog.store.tables import objects, record_files, records
from catalog.testing.documents import documents

SOURCE = "bench:/"
PAGE = 5_000
VERSIONS = 10
POLICY = Policy(name="bench", models="has:name", newest=2, best=(Best(number=1, metric="accuracy"),))


def main(sizes: list[int]) -> None:
    for models in sizes:
        with (
            tempfile.TemporaryDirectory() as folder,
            open_store(Settings(home=Path(folder)), write=True) as store,
        ):
            matched = fill(store, models)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            started = time.perf_counter()
            planning = Planning(
                policy=POLICY,
                now=now(),
                matched=matched,
                protected={},
                undeclared=lambda _source: None,
                store=store.retention,
            )
            planning.decide()
            decided = time.perf_counter()
            header, _ = written(planning, "bench", store.retention.writer("bench"))
            ended = time.perf_counter()
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            print(
                f"{models:,} models, {header['goes']:,} go with {header['files']:,} files: decided in {decided - started:.1f} s, "
                f"told and stored in {ended - decided:.1f} s, {grown / 1024:.0f} MB more memory"
            )


def fill(store: Store, models: int) -> dict[str, int]:
    """Rows of so many models; their ids with their revisions."""
    matched: dict[str, int] = {}
    numbered = enumerate(documents(models))
    while page := list(itertools.islice(numbered, PAGE)):
        rows = [row(number, document) for number, document in page]
        with store.engine.begin() as connection:
            insert_rows(connection, records, rows)
            for table, make in ((record_files, own_file), (objects, entry)):
                insert_rows(connection, table, [make(each["id"], part) for each in rows for part in range(3)])
        matched |= {each["id"]: 1 for each in rows}
    return matched


def row(number: int, document: Mapping[str, Any]) -> dict[str, Any]:
    name, version = f"series-{number // VERSIONS}", number % VERSIONS
    identity = ModelId(f"{number:064x}")
    seen = "2026-01-01T00:00:00.000Z"
    body = {
        **document,
        "id": identity,
        "name": name,
        "version": str(version),
        "base_model": [],
        "first_seen": seen,
    }
    return {
        **dict.fromkeys(("fingerprint", "tensors", "identity", "last_seen", "missing_since", "missing_run")),
        **dict.fromkeys(("moved_to", "grouping")),
        **dict.fromkeys(("sha256", "chain_sha256", "signature"), "0" * 64),
        "sealed_sha256": "",
        "id": identity,
        "source": SOURCE,
        "group_key": name.encode(),
        "state": "live",
        "name": name,
        "revision": 1,
        "risks": 0,
        "incomplete": 0,
        "latest": 0,
        "series_place": f"{version:03}",
        "first_seen": "2026-01-01T00:00:00.000000Z",
        "record": b"",
        "document": json.dumps(body),
    }


def own_file(model: str, part: int) -> dict[str, Any]:
    return {
        "model": model,
        "key": f"{model}/{part}".encode(),
        "subject": "",
        "source": SOURCE,
        "role": "weights" if part == 0 else "config",
        "distance": 0,
        "sha256": None,
    }


def entry(model: str, part: int) -> dict[str, Any]:
    return {
        **dict.fromkeys(("last_modified", "version_id", "storage_class", "sha256", "owner", "missing_since")),
        **dict.fromkeys(("error", "outline")),
        "source": SOURCE,
        "key": f"{model}/{part}".encode(),
        "size_bytes": 1_000,
        "change_token": "x",
        "file_identity": f"1:{model}{part}",
        "state": "live",
        "reading": "read",
        "signature": "",
        "attempts": 0,
    }


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [100_000])
