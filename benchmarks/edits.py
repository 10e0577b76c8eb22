"""What an edit costs: from the call to the model that a search finds with the new value, against a bare commit.

    python benchmarks/edits.py [MODELS]

Generated documents stand for a crawled catalog: the store holds one small real model among them that is edited.
"""

from __future__ import annotations

import json
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import tantivy

from catalog.query.nodes import Term
from catalog.query.request import SearchRequest
from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.records import ModelId, ModelRecord, SourceId, model_id
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.record_changes import RecordChange
from catalog.store.store import Store
from catalog.testing.documents import documents
from crawler.commands.index_state import bring_up_to_date
from crawler.crawl import crawl
from crawler.sources.local import LocalSource
from indexer.engines import open_engine

SOURCE = SourceId("bench:/")
TRIES = 15
PAGE = 1_000


def main(models: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "home")
        (Path(folder) / "models").mkdir()
        with open_store(settings, write=True) as store:
            edited = fill(store, models, settings, Path(folder) / "models")
            print(f"{models:,} models; indexing", file=sys.stderr)
            bring_up_to_date(settings, store)
            parts = {
                name: [] for name in ("edit in the store", "index followed", "found by a search", "together")
            }
            for number in range(TRIES):
                for name, seconds in one_edit(settings, store, edited, number).items():
                    parts[name].append(seconds * 1000)
        bare = bare_commit(settings)
    for name, values in parts.items():
        print(f"{name}: {statistics.median(values):.1f} ms at the median, {max(values):.1f} ms at most")
    print(f"bare engine, open, delete, add, commit and reload of the same index: {bare:.1f} ms")
    print(f"ratio: {statistics.median(parts['together']) / bare:.2f}")


def fill(store: Store, models: int, settings: Settings, folder: Path) -> ModelId:
    """One real small model, crawled, among records of a made-up catalog."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    place = folder / "net.safetensors"
    place.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    crawl(store, LocalSource(folder), settings)
    (edited,) = [model.id for model in store.records.iterate()]
    rows = documents(models - 1)
    number = 0
    while page := list(islice(rows, PAGE)):
        with store.lease("source:bench") as lease:
            store.records.commit([record_of(document) for document in page], lease=lease)
        number += len(page)
        print(f"\r{number:,}", end="", file=sys.stderr)
    return edited


def record_of(document: Mapping[str, Any]) -> RecordChange:
    """A record that holds just this document."""
    name = str(document["id"])
    record = ModelRecord(
        id=model_id(SOURCE, name),
        source=SOURCE,
        group_key=name,
        document={**document, "id": model_id(SOURCE, name)},
    )
    return RecordChange(record=record, signature=name)


def one_edit(settings: Settings, store: Store, model: ModelId, number: int) -> dict[str, float]:
    """Seconds of each part of an edit, the engine opened anew for the search as a page would see it."""
    begin = time.perf_counter()
    stored = store.records.get(model)
    assert stored is not None
    value = f"bench-{number}"
    edit_model(
        store, model, expected=stored.revision, values={"owner": value}, by=Authorship(made_by="bench")
    )
    kept = time.perf_counter()
    bring_up_to_date(settings, store)
    followed = time.perf_counter()
    with closing(open_engine(settings)) as engine:
        found = engine.search(SearchRequest(query=Term("owner", value)))
    assert [hit.id for hit in found.hits] == [model]
    end = time.perf_counter()
    return {
        "edit in the store": kept - begin,
        "index followed": followed - kept,
        "found by a search": end - followed,
        "together": end - begin,
    }


def bare_commit(settings: Settings) -> float:
    """Milliseconds of one document deleted, added and committed in the same index by tantivy alone."""
    folders = sorted(settings.index_path.glob("*/meta.json"))
    index = tantivy.Index.open(str(folders[-1].parent))
    return statistics.median(timed(lambda: once(index)) for _ in range(TRIES))


def once(index: tantivy.Index) -> None:
    writer = index.writer(heap_size=50_000_000, num_threads=1)
    writer.delete_documents_by_term("id", "nothing")
    writer.add_document(tantivy.Document(id=["bench"]))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()


def timed(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
