"""A directory that lives: whatever happens between and during crawls, a whole crawl ends in the truth."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from fixtures.crawling import EXTRACTORS, Shop
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from catalog import plugins
from catalog.records import RunState
from catalog.search.engine import IndexOutcome
from catalog.settings import Settings
from catalog.store import open_store
from crawler.registry import Registry

FOLDERS = ("", "a", "a/b", "c")
NAMES = ("x", "y")
REGISTRY = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])

folder = st.sampled_from(FOLDERS)
name = st.sampled_from(NAMES)
size = st.integers(1, 3)


class LivingDirectory(RuleBasedStateMachine):
    """Models come, go, move and change; listings break, crawls die; the index is fed in between."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine"))
        (self.folder / "models").mkdir()
        settings = Settings(home=self.folder / "home")
        self.store = open_store(settings, write=True)
        self.shop = Shop(root=self.folder / "models", store=self.store, settings=settings, registry=REGISTRY)
        self.index = {}

    def teardown(self):
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(folder=folder, name=name, size=size)
    def write(self, folder, name, size):
        self.shop.model(f"{folder}/{name}.safetensors".lstrip("/"), values=size)

    @rule(folder=folder, name=name)
    def remove(self, folder, name):
        (self.shop.root / folder / f"{name}.safetensors").unlink(missing_ok=True)

    @rule(one=folder, other=folder, name=name)
    def move(self, one, other, name):
        source, target = (self.shop.root / place / f"{name}.safetensors" for place in (one, other))
        if source.exists() and target.parent.exists():
            source.replace(target)

    @rule(folder=folder, config=st.booleans())
    def make_it_one_model_or_not(self, folder, config):
        path = self.shop.root / folder / "config.json"
        if config:
            self.shop.put(
                f"{folder}/config.json".lstrip("/"), {"model_type": "bert", "architectures": ["BertModel"]}
            )
        else:
            path.unlink(missing_ok=True)

    @rule(step=st.integers(0, 3))
    def crawl_with_a_listing_that_breaks(self, step):
        self.shop.source.breaks_after = step
        report = self.shop.crawl()
        self.shop.source.breaks_after = None
        # Files that were seen at two places may show that a model moved; nothing is lost on a broken listing.
        assert report.counts["missing"] == report.counts["gone"] == 0

    @rule(reads=st.integers(0, 3))
    def crawl_that_dies(self, reads):
        left = [reads]

        def die(_key):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt

        self.shop.source.before_read = die
        with contextlib.suppress(KeyboardInterrupt):
            self.shop.crawl(accept=True)
        self.shop.source.before_read = lambda _key: None

    @rule()
    def crawl_whole(self):
        report = self.shop.crawl(accept=True)
        assert report.run.state is RunState.COMPLETE
        assert self.live() == self.expected()
        again = self.shop.crawl()
        assert (again.counts["opened"], again.counts["new"], again.counts["changed"]) == (0, 0, 0)

    @rule()
    def drain(self):
        actions = self.store.consumer("index").claim(1000)
        for action in actions:
            if action.document is None:
                self.index.pop(action.id, None)
            else:
                self.index[action.id] = action.document
        self.store.consumer("index").settle(actions, IndexOutcome(done=[action.id for action in actions]))

    @invariant()
    def the_index_and_what_waits_for_it_together_are_the_records(self):
        waiting = {action.id for action in self.store.consumer("index").claim(1000)}
        for found in self.store.records.iterate():
            if found.id not in waiting:
                assert self.index[found.id]["revision"] == found.revision

    @invariant()
    def revisions_are_a_chain(self):
        for found in self.store.records.iterate():
            history = self.store.records.history(found.id)
            assert [revision.number for revision in history] == list(range(1, found.revision + 1))
            assert [revision.parent_sha256 for revision in history[1:]] == [
                revision.sha256 for revision in history[:-1]
            ]

    def live(self):
        return {
            found.document["path"]: found.document["parameters"]
            for found in self.store.records.iterate()
            if found.document["status"] == "ok"
        }.keys()

    def expected(self):
        """Every file a model, but a directory with a config.json one model."""
        found = set()
        for path in self.shop.root.rglob("*.safetensors"):
            place = path.parent if (path.parent / "config.json").exists() else path
            found.add(os.path.relpath(place, self.shop.root))
        return found


LivingDirectory.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLivingDirectory = LivingDirectory.TestCase
