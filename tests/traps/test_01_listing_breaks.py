"""A listing that breaks proves nothing about what it did not show."""

import pytest

from catalog.records import RunState


def fill(shop):
    for number in range(8):
        shop.model(f"d{number}/model.safetensors", values=number + 1)


@pytest.mark.parametrize("step", [0, 1, 5])
def test_a_listing_that_breaks_marks_nothing_missing(shop, step):
    fill(shop)
    shop.crawl()
    shop.source.breaks_after = step
    report = shop.crawl()
    assert report.run.state is RunState.PARTIAL
    assert set(shop.statuses().values()) == {"ok"}
    assert "503" in report.problems[0]


def test_a_broken_listing_still_brings_what_it_saw_and_the_next_run_the_rest(shop):
    fill(shop)
    shop.source.breaks_after = 4
    first = shop.crawl()
    assert 0 < first.counts["models"] < 8
    shop.source.breaks_after = None
    assert shop.crawl().counts["models"] == 8


def test_a_deletion_is_seen_only_by_a_whole_listing(shop):
    fill(shop)
    shop.crawl()
    (shop.root / "d7/model.safetensors").unlink()
    shop.source.breaks_after = 5
    shop.crawl()
    assert shop.statuses()["d7/model.safetensors"] == "ok"
    shop.source.breaks_after = None
    shop.crawl()
    assert shop.statuses()["d7/model.safetensors"] == "missing"
