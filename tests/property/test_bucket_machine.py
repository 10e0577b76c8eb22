"""A bucket that lives: whatever happens between and during crawls and events, a whole crawl ends in the truth, and before it no
model is lost whose object is there.
"""

import contextlib
import itertools
import shutil
import tempfile
from pathlib import Path

import pytest
from fixtures.buckets import RESET, TRUNCATED, Bucket, BucketShop, Refusal
from fixtures.crawling import EXTRACTORS
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from catalog import plugins
from catalog.errors import SourceError
from catalog.records import RunState
from catalog.settings import Settings
from catalog.store import open_store
from crawler.buckets import listing
from crawler.events import CrawlNeeded, take_events
from crawler.registry import Registry
from crawler.sources.s3 import S3Source

REGISTRY = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
NUMBERS = itertools.count(1)
KEYS = [f"{folder}{name}.safetensors" for folder in ("", "a/", "a/b/", "c/") for name in ("x", "y")]
FAULTS = (
    Refusal(503, "SlowDown"),
    Refusal(403, "AccessDenied"),
    Refusal(400, "ExpiredToken"),
    RESET,
    TRUNCATED,
)

key = st.sampled_from(KEYS)
size = st.integers(1, 3)


class LivingBucket(RuleBasedStateMachine):
    """Models come, go, move and change; listings and readings break, crawls die, events tell of anything."""

    client = storage = None

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine"))
        name = f"living-{next(NUMBERS)}-{self.folder.name.replace('_', '').lower()}"
        self.client.create_bucket(Bucket=name)
        self.storage.calm()
        chosen = Settings(home=self.folder / "home", s3_attempts=1)
        self.bucket = Bucket(name=name, client=self.client, storage=self.storage, settings=chosen)
        self.store = open_store(chosen, write=True)
        self.shop = BucketShop(bucket=self.bucket, store=self.store, registry=REGISTRY)
        self.objects = {}
        self.known = set()
        """Models that were there when the catalog last was the truth, and whose objects were never away since."""

    def teardown(self):
        self.storage.calm()
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(key=key, size=size)
    def write(self, key, size):
        self.bucket.model(key, values=size)
        self.objects[key] = size

    @rule(key=key)
    def remove(self, key):
        self.bucket.remove(key)
        self.objects.pop(key, None)
        self.known.discard(key)

    @rule(key=key, new=key)
    def move(self, key, new):
        if key in self.objects and key != new:
            self.bucket.move(key, new)
            self.objects[new] = self.objects.pop(key)
            self.known -= {key, new}

    @rule(kind=st.sampled_from(["list", "get"]), first=st.integers(1, 4), fault=st.sampled_from(FAULTS))
    def crawl_while_storage_fails(self, kind, first, fault):
        self.storage.fault = lambda request: (
            fault if request.kind == kind and request.number >= first else None
        )
        with contextlib.suppress(SourceError):
            self.shop.crawl()
        self.storage.calm()

    @rule(reads=st.integers(0, 3))
    def crawl_that_dies(self, reads):
        source, left = self.bucket.source(), itertools.count(reads, -1)
        read = source.read

        def dying(*place):
            if next(left) <= 0:
                raise KeyboardInterrupt
            return read(*place)

        source.read = dying
        with contextlib.suppress(KeyboardInterrupt):
            self.shop.crawl(source=source)

    @rule(keys=st.lists(key, min_size=1, max_size=3), fails=st.booleans())
    def events(self, keys, fails):
        """Of anything, however often, in any order."""
        if fails:
            self.storage.fault = lambda request: Refusal(503, "SlowDown") if request.kind != "list" else None
        try:
            take_events(self.store, self.bucket.source(), self.bucket.settings, keys, registry=REGISTRY)
        except (CrawlNeeded, SourceError):
            return
        finally:
            self.storage.calm()
        if not fails:
            live = self.live()
            assert {key: live.get(key) for key in keys} == {key: self.objects.get(key) for key in keys}

    @rule()
    def crawl_whole(self):
        report = self.shop.crawl(accept=True)
        assert (report.run.state, report.problems) == (RunState.COMPLETE, ())
        assert self.live() == self.objects
        again = self.shop.crawl()
        assert (again.counts["opened"], again.counts["new"], again.counts["changed"]) == (0, 0, 0)
        self.known = set(self.objects)

    @invariant()
    def no_model_is_lost_whose_object_is_there(self):
        assert self.known <= self.live().keys()

    def live(self):
        return {
            path: document["parameters"]
            for path, document in self.shop.documents().items()
            if document["status"] == "ok"
        }


@pytest.fixture(autouse=True)
def _storage(monkeypatch, storage_client, unruly_storage):
    """Pages of two keys: a listing of a few has several, in ranges."""
    monkeypatch.setattr(S3Source, "page_keys", 2)
    monkeypatch.setattr(listing, "MOST_RANGES", 3)
    monkeypatch.setattr("crawler.crawl.CUT_KEYS", 3)
    monkeypatch.setattr(LivingBucket, "client", storage_client)
    monkeypatch.setattr(LivingBucket, "storage", unruly_storage)


LivingBucket.TestCase.settings = settings(
    max_examples=4
    if settings().derandomize
    else 40,  # few where all tests run, many where one looks for faults
    stateful_step_count=12 if settings().derandomize else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLivingBucket = LivingBucket.TestCase
