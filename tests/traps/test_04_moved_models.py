"""A renamed directory is found at its new place without touching it, as the same model."""

import os

from catalog.query.request import SearchRequest
from catalog.query.text.search_text import parse
from catalog.records import RunState
from catalog.testing.engine_cases import actions
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter


def test_a_renamed_directory_is_a_move_and_no_loss(shop):
    for number in range(60):
        shop.model(f"old/m{number}/model.safetensors", values=number + 1)
    shop.crawl()
    first_seen = shop.documents()["old/m3/model.safetensors"]["first_seen"]
    (shop.root / "old").rename(shop.root / "new")
    report = shop.crawl()
    assert report.run.state is RunState.COMPLETE
    assert (report.counts["moved"], report.counts["new"], report.counts["missing"]) == (60, 0, 0)
    documents = shop.documents()
    new, old = documents["new/m3/model.safetensors"], documents["old/m3/model.safetensors"]
    assert (new["status"], new["first_seen"]) == ("ok", first_seen)
    assert (old["status"], old["extra"]["moved_to"]) == ("missing", new["id"])
    assert sum("missing" not in document.get("flags", ()) for document in documents.values()) == 60


def test_a_copy_with_the_old_dates_that_replaces_the_original_is_a_move(shop):
    path = shop.model("a/model.safetensors", fill=3.5)
    shop.crawl()
    status = path.stat()
    copy = shop.put("b/model.safetensors", path.read_bytes())
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.unlink()
    assert shop.crawl().counts["moved"] == 1


def test_other_weights_at_another_place_are_no_move(shop):
    shop.model("a/model.safetensors", fill=1.0)
    shop.model("z/model.safetensors", fill=9.0)
    shop.crawl()
    (shop.root / "a/model.safetensors").unlink()
    shop.model("b/model.safetensors", fill=2.0)
    report = shop.crawl()
    assert (report.counts["moved"], report.counts["missing"], report.counts["new"]) == (0, 1, 1)


def test_models_that_moved_are_asked_for_by_that_word(shop):
    """`is:moved` was refused as unknown, although the catalog sets that flag."""
    shop.model("old/model.safetensors", fill=3.5)
    shop.model("lost/model.safetensors", fill=1.5)
    shop.crawl()
    (shop.root / "old").rename(shop.root / "new")
    (shop.root / "lost/model.safetensors").unlink()
    shop.crawl(accept=True)
    documents = shop.documents()
    index = MemoryIndex()
    MemoryWriter(index).write(actions(list(documents.values())))
    asked = parse("is:moved")
    assert asked.problems == ()
    found = MemoryEngine(index).search(SearchRequest(query=asked.query))
    assert [hit.id for hit in found.hits] == [documents["old/model.safetensors"]["id"]]
