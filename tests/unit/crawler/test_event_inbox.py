"""Events are kept for the sources that hold their objects, looked at once, and lost by no fault."""

import json

import pytest
from fixtures.buckets import Refusal
from fixtures.crawling import safetensors

from catalog.records import SourceId
from catalog.records.sources import SourceDefinition, SourceRow, SourceState
from catalog.settings import Settings
from catalog.store import open_store
from crawler.addresses import open_source
from crawler.crawl import crawl
from crawler.definitions import new_row
from crawler.event_bodies import Hint, hints_of
from crawler.event_inbox import note_hints, take_waiting


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(settings):
    with open_store(settings, write=True) as store:
        yield store


@pytest.fixture
def lab(tmp_path, store, settings):
    """A crawled directory with one model, of which `tmp` is left out."""
    root = tmp_path / "lab"
    (root / "tmp").mkdir(parents=True)
    (root / "net.safetensors").write_bytes(safetensors(values=4))
    row = new_row(str(root), SourceDefinition(name="lab", exclude=("tmp",)), settings)
    store.sources.put([row])
    crawl(store, open_source(row.address, settings, row.definition), settings)
    return root, row


def names(store):
    return {row.document["path"]: row.document["parameters"] for row in store.records.iterate()}


def lab_event(*keys):
    return hints_of(json.dumps({"source": "lab", "keys": keys}))


def test_what_an_event_speaks_of_is_looked_at_and_nothing_else(store, settings, lab):
    root, _ = lab
    (root / "net.safetensors").write_bytes(safetensors(values=9))
    (root / "new.safetensors").write_bytes(safetensors(values=7))
    (root / "unheard.safetensors").write_bytes(safetensors(values=5))
    assert note_hints(store, lab_event("net.safetensors", "new.safetensors", "nowhere.bin")) == 3
    report = take_waiting(store, settings)
    assert (report.looked_at, len(report.models), report.put_off) == (3, 2, 0)
    assert names(store) == {"net.safetensors": 9, "new.safetensors": 7}
    assert take_waiting(store, settings).looked_at == 0
    assert not store.event_hints.are_due()


def test_what_a_source_leaves_out_or_does_not_hold_is_not_kept(store, lab):
    outside = [Hint("", key, "lab") for key in ("tmp/x.bin", "../etc/passwd", "/etc/passwd", "a/../../b")]
    assert note_hints(store, [*outside, Hint("", "x", "other"), Hint("bucket", "x")]) == 0


def test_an_object_noted_while_it_is_looked_at_waits_again(store, lab):
    note_hints(store, lab_event("net.safetensors"))
    seen = store.event_hints.due()
    note_hints(store, lab_event("net.safetensors"))
    for source, keys in seen.items():
        store.event_hints.taken(source, keys)
    assert len(store.event_hints.due()) == 1


def test_an_event_during_a_crawl_waits_until_it_has_ended(store, settings, lab):
    _, row = lab
    note_hints(store, lab_event("net.safetensors"))
    with store.source_lease(row.id):
        assert take_waiting(store, settings).put_off == 1
    assert store.event_hints.due() == {}, "not at once"
    assert store.event_hints.waiting()[row.id].objects == 1


def test_an_event_of_a_source_that_was_never_crawled_asks_for_a_crawl(store, settings, tmp_path):
    (tmp_path / "fresh").mkdir()
    row = new_row(str(tmp_path / "fresh"), SourceDefinition(name="lab"), settings)
    store.sources.put([row])
    note_hints(store, lab_event("net.safetensors"))
    take_waiting(store, settings)
    assert list(store.sources.asked()) == [row.id]
    assert store.event_hints.waiting() == {}


def test_storage_that_does_not_answer_costs_no_event(store, settings, lab):
    root, _ = lab
    note_hints(store, lab_event("net.safetensors"))
    root.rename(root.with_name("away"))
    first = take_waiting(store, settings)
    assert (first.put_off, names(store)) == (1, {"net.safetensors": 4})
    root.with_name("away").rename(root)
    note_hints(store, lab_event("net.safetensors"))
    assert take_waiting(store, settings).looked_at == 1
    assert store.event_hints.waiting() == {}


def test_events_of_a_source_that_is_removed_are_dropped(store, settings, lab):
    _, row = lab
    note_hints(store, lab_event("net.safetensors"))
    store.sources.remove(row)
    assert take_waiting(store, settings).looked_at == 0
    assert store.event_hints.waiting() == {}


def bucket_row(name, address, *, state=SourceState.ACTIVE):
    return SourceRow(
        id=SourceId(address),
        uri=address,
        address=address,
        definition=SourceDefinition(name=name),
        state=state,
    )


def test_a_bucket_s_event_reaches_every_source_that_holds_the_object(store):
    store.sources.put(
        [
            bucket_row("all", "s3://models"),
            bucket_row("part", "s3://models/llm"),
            bucket_row("elsewhere", "s3://ceph@models/llm"),
            bucket_row("other part", "s3://models/ll"),
            bucket_row("other", "s3://models2"),
            bucket_row("off", "s3://models/llm/a", state=SourceState.DISABLED),
        ]
    )
    assert note_hints(store, [Hint("models", "llm/a/b +é.gguf")]) == 3
    kept = {str(source): list(keys) for source, keys in store.event_hints.due().items()}
    assert kept == {
        "s3://models": ["llm/a/b +é.gguf"],
        "s3://models/llm": ["a/b +é.gguf"],
        "s3://ceph@models/llm": ["a/b +é.gguf"],
    }


def test_an_event_of_a_real_bucket_brings_its_model(bucket, bucket_store):
    bucket.model("b/m +é.safetensors", values=7)
    key = "models/b/m+%2B%C3%A9.safetensors"
    record = {"eventSource": "aws:s3", "s3": {"bucket": {"name": bucket.name}, "object": {"key": key}}}
    assert note_hints(bucket_store, hints_of(json.dumps({"Records": [record]}))) == 1
    assert len(take_waiting(bucket_store, bucket.settings).models) == 1
    assert names(bucket_store) == {"net.safetensors": 4, "b/m +é.safetensors": 7}
    assert len(bucket.storage.requests) <= 3


def test_one_object_that_is_forbidden_holds_up_no_other_event(bucket, bucket_store):
    """All that came with it waited until it could be read: for ever."""
    keys = [f"{name}.safetensors" for name in "abcdef"]
    for number, key in enumerate(keys):
        bucket.model(key, values=number + 1)
    bucket.storage.fault = lambda request: Refusal(403, "AccessDenied") if "c.safe" in request.key else None
    note_hints(bucket_store, [Hint(bucket.name, f"models/{key}") for key in keys])
    report = take_waiting(bucket_store, bucket.settings)
    assert (len(report.models), report.put_off) == (5, 1)
    assert "c.safetensors" not in names(bucket_store)
    (waiting,) = bucket_store.event_hints.waiting().values()
    assert waiting.objects == 1
    bucket.storage.calm()
    note_hints(bucket_store, [Hint(bucket.name, "models/c.safetensors")])
    assert len(take_waiting(bucket_store, bucket.settings).models) == 1
    assert bucket_store.event_hints.waiting() == {}


def test_a_storage_that_is_away_is_not_asked_for_every_object_of_many_events(bucket, bucket_store):
    note_hints(bucket_store, [Hint(bucket.name, f"models/{number}.safetensors") for number in range(50)])
    bucket.storage.fault = lambda _request: Refusal(503, "SlowDown")
    assert take_waiting(bucket_store, bucket.settings).put_off == 50
    assert len({request.key for request in bucket.storage.requests}) <= 3
    assert names(bucket_store) == {"net.safetensors": 4}
