"""A listing that succeeds and shows nothing, or much less, waits for a person."""

import shutil

from catalog.records import RunState


def empty(root):
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_a_source_that_lists_as_empty_is_held_and_nothing_changes(shop):
    shop.model("a/model.safetensors")
    shop.model("b/model.safetensors")
    shop.crawl()
    empty(shop.root)
    report = shop.crawl()
    assert report.run.state is RunState.HELD
    assert set(report.would_lose) == {"a/model", "b/model"}
    assert set(shop.statuses().values()) == {"ok"}
    assert shop.crawl().run.state is RunState.HELD


def test_a_held_run_that_is_accepted_marks_missing(shop):
    shop.model("a/model.safetensors")
    shop.crawl()
    empty(shop.root)
    assert shop.crawl(accept=True).run.state is RunState.COMPLETE
    assert shop.statuses() == {"a/model.safetensors": "missing"}


def test_more_than_fifty_and_a_tenth_missing_is_held(shop):
    for number in range(60):
        shop.model(f"m{number:02}.safetensors", values=number + 1)
    shop.model("stays.safetensors", values=99)
    shop.crawl()
    for number in range(51):
        (shop.root / f"m{number:02}.safetensors").unlink()
    report = shop.crawl()
    assert report.run.state is RunState.HELD
    assert report.counts["would_lose"] == 51
    shop.model("m00.safetensors", values=1)
    assert shop.crawl().run.state is RunState.COMPLETE
    assert list(shop.statuses().values()).count("missing") == 50


def test_after_a_held_run_the_storage_comes_back_and_all_is_as_before(shop, tmp_path):
    shop.model("a/model.safetensors")
    shop.crawl()
    (shop.root / "a").rename(tmp_path / "elsewhere")
    assert shop.crawl().run.state is RunState.HELD
    (tmp_path / "elsewhere").rename(shop.root / "a")
    report = shop.crawl()
    assert report.run.state is RunState.COMPLETE
    assert [len(shop.store.records.history(model.id)) for model in shop.store.records.iterate()] == [1]


def test_missing_becomes_gone_only_after_an_hour_and_a_second_whole_run(shop):
    shop.model("a/model.safetensors")
    shop.model("b/model.safetensors", values=7)
    shop.crawl()
    shutil.rmtree(shop.root / "a")
    shop.crawl()
    assert shop.crawl().counts["gone"] == 0
    shop.later(hours=2)
    shop.source.breaks_after = 0
    assert shop.crawl().counts["gone"] == 0
    shop.source.breaks_after = None
    assert shop.crawl().counts["gone"] == 1
    assert list(shop.documents()) == ["b/model.safetensors"]


def test_a_model_that_is_seen_again_is_the_same_model(shop):
    shop.model("a/model.safetensors")
    shop.model("b/model.safetensors", values=7)
    shop.crawl()
    before = shop.documents()["a/model.safetensors"]
    shutil.rmtree(shop.root / "a")
    shop.crawl()
    shop.model("a/model.safetensors")
    shop.crawl()
    after = shop.documents()["a/model.safetensors"]
    assert (after["id"], after["status"], after["first_seen"]) == (before["id"], "ok", before["first_seen"])
