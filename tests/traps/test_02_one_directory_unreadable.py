"""One directory that cannot be read protects its own subtree and nothing else."""

import shutil

from catalog.records import RunState


def test_an_unreadable_directory_keeps_its_models_and_siblings_go_on(shop):
    for name in (
        "good/model.safetensors",
        "bad/model.safetensors",
        "bad/deep/er/model.safetensors",
        "other/model.safetensors",
    ):
        shop.model(name)
    shop.crawl()
    shop.source.unlistable["bad"] = "Input/output error"
    shutil.rmtree(shop.root / "other")
    report = shop.crawl()
    assert report.run.state is RunState.PARTIAL
    assert report.problems == ("bad: the listing broke off: Input/output error",)
    assert shop.statuses() == {
        "good/model.safetensors": "ok",
        "bad/model.safetensors": "ok",
        "bad/deep/er/model.safetensors": "ok",
        "other/model.safetensors": "missing",
    }


def test_models_that_could_not_be_looked_at_keep_the_date_of_their_last_sight(shop):
    shop.model("good/model.safetensors")
    shop.model("bad/model.safetensors")
    first = shop.crawl()
    shop.source.unlistable["bad"] = "Stale file handle"
    second = shop.crawl()
    documents = shop.documents()
    assert documents["bad/model.safetensors"]["last_seen"][:19] == first.run.started_at.isoformat()[:19]
    assert documents["good/model.safetensors"]["last_seen"] > documents["bad/model.safetensors"]["last_seen"]
    shop.source.unlistable.clear()
    shop.crawl()
    assert (
        shop.documents()["bad/model.safetensors"]["last_seen"][:19] >= second.run.started_at.isoformat()[:19]
    )
