"""A bucket that lists as empty, or as much less, waits for a person."""

from catalog.records import RunState


def test_a_bucket_that_is_empty_now_is_held_until_somebody_accepts_it(bucket_shop):
    bucket = bucket_shop.bucket
    bucket.model("a/model.safetensors")
    bucket.model("b/model.safetensors", values=7)
    bucket_shop.crawl()
    bucket.remove("a/model.safetensors", "b/model.safetensors")
    report = bucket_shop.crawl()
    assert (report.run.state, set(report.would_lose)) == (RunState.HELD, {"a/model", "b/model"})
    assert set(bucket_shop.statuses().values()) == {"ok"}
    assert bucket_shop.crawl(accept=True).run.state is RunState.COMPLETE
    assert set(bucket_shop.statuses().values()) == {"missing"}


def test_more_than_fifty_and_a_tenth_missing_is_held(bucket_shop):
    bucket = bucket_shop.bucket
    for number in range(60):
        bucket.model(f"m{number:02}.safetensors", values=number + 1)
    bucket_shop.crawl()
    bucket.remove(*(f"m{number:02}.safetensors" for number in range(51)))
    report = bucket_shop.crawl()
    assert (report.run.state, report.counts["would_lose"]) == (RunState.HELD, 51)
    bucket.model("m00.safetensors", values=1)
    assert bucket_shop.crawl().run.state is RunState.COMPLETE
    assert list(bucket_shop.statuses().values()).count("missing") == 50
