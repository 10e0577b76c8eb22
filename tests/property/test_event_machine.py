"""A directory that is told about: after whatever events and crawls, some of them killed, the catalog is what a first crawl
of the same directory makes.
"""

import contextlib
import hashlib
import itertools
import json
import shutil
import tempfile
from pathlib import Path
from unittest import mock

from fixtures.crawling import EXTRACTORS, Shop, safetensors
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from catalog import plugins
from catalog.records import ObjectKey
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.leases import Lease
from catalog.store.newest import present_document, with_documents
from catalog.store.tables import record_files, records
from crawler.events import CrawlNeeded, take_events
from crawler.registry import Registry

REGISTRY = Registry(
    [plugins.load("extractor", name)() for name in (*EXTRACTORS, "checksums", "dvc", "mlflow-model")]
)
FILLS = (1.0, 2.0)
STORED = hashlib.md5(safetensors(fill=FILLS[0]), usedforsecurity=False).hexdigest()
CACHE = f"files/md5/{STORED[:2]}"
FOLDERS = ("", "a", "a/b", "a/b/c", "d", "d.mlpackage", "e/context", "e/weights", "models--o--n/snapshots/1")
TEXTS = {
    "config.json": json.dumps({"model_type": "bert"}),
    "README.md": "---\nlicense: mit\n---\n",
    "MLmodel": "artifact_path: model\nflavors: {}\n",
    "x.safetensors.dvc": f"outs:\n- md5: {STORED}\n  path: x.safetensors\n",
    "SHA256SUMS": f"{hashlib.sha256(safetensors(fill=FILLS[1])).hexdigest()}  x.safetensors\n",
    "x.modeldex.yaml": "license: apache-2.0\n",
    "notes.unknown": "\1\2\3",
}
ALWAYS = "always.safetensors"
"""Where nothing at all is left, events are refused."""
NEVER = 10_000
PASSING = {"revision", "first_seen", "last_seen"}

folders = st.sampled_from(FOLDERS)
weights = st.sampled_from(["x.safetensors", "y.safetensors"])
steps_until_killed = st.one_of(st.just(NEVER), st.integers(0, 12))


class Killed(BaseException):
    """The process ends here."""


@contextlib.contextmanager
def killed_after(transactions):
    """The transaction after so many that write under a lease does not come to its end, nor does anything after it."""
    count = itertools.count()

    def check(lease, connection):
        if next(count) >= transactions:
            raise Killed
        return whole(lease, connection)

    whole = Lease.check
    with mock.patch.object(Lease, "check", check), contextlib.suppress(Killed):
        yield


class ToldDirectory(RuleBasedStateMachine):
    """Files come, go, move and change, events and crawls follow or do not; some cannot be read, some runs are killed."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="told"))
        (self.folder / "models").mkdir()
        home = Settings(home=self.folder / "home")
        self.store = open_store(home, write=True)
        self.shop = Shop(root=self.folder / "models", store=self.store, settings=home, registry=REGISTRY)
        self.shop.model(f"z/{ALWAYS}")
        self.pending = set()
        self.known = {f"z/{ALWAYS}"}
        """Weights that the catalog had when it was last right, and that are as they were."""
        self.shop.crawl()

    def teardown(self):
        self.store.close()
        shutil.rmtree(self.folder)

    def change(self, path):
        self.pending.add(str(path.relative_to(self.shop.root)))
        self.known -= self.pending

    @rule(folder=folders, name=weights, fill=st.sampled_from(FILLS))
    def write_weights(self, folder, name, fill):
        self.change(self.shop.model(f"{folder}/{name}".lstrip("/"), fill=fill))

    @rule(folder=folders, name=st.sampled_from(sorted(TEXTS)))
    def write_text(self, folder, name):
        self.change(self.shop.put(f"{folder}/{name}".lstrip("/"), TEXTS[name]))

    @rule()
    def write_into_the_cache(self):
        self.change(self.shop.model(f"{CACHE}/{STORED[2:]}", fill=FILLS[0]))

    @rule(number=st.integers(0, 1000))
    def remove(self, number):
        files = [path for path in self.files() if path.name != ALWAYS]
        for path in files[number % max(1, len(files)) :][:1]:
            path.unlink()
            self.change(path)

    @rule(one=folders, other=folders)
    def move(self, one, other):
        origin, target = self.shop.root / one, self.shop.root / other
        for path in sorted(origin.iterdir()) if origin.is_dir() else ():
            if path.is_file() and origin != target:
                target.mkdir(parents=True, exist_ok=True)
                self.change(path.replace(target / path.name))
                self.change(path)

    @precondition(lambda self: self.pending)
    @rule(transactions=steps_until_killed, denied=st.booleans(), order=st.randoms(use_true_random=False))
    def events(self, transactions, denied, order):
        keys = sorted(self.pending)
        order.shuffle(keys)
        self.shop.source.denied = {keys[0]} if denied else set()
        with killed_after(transactions), contextlib.suppress(CrawlNeeded):
            report = take_events(
                self.store,
                self.shop.source,
                self.shop.settings,
                [ObjectKey(key) for key in (*keys, keys[0], "never/was")],
                registry=REGISTRY,
            )
            self.pending -= {*keys} - {*report.unread}
        self.shop.source.denied = set()
        if not self.pending:
            self.check_against_a_first_crawl()

    @rule(transactions=steps_until_killed)
    def crawl(self, transactions):
        with killed_after(transactions):
            self.shop.crawl(accept=True)
            self.pending = set()
            self.check_against_a_first_crawl()

    @invariant()
    def no_weights_are_lost(self):
        """Before, between and after whatever is killed."""
        with self.store._engine.connect() as connection:
            live = select(record_files.c.key).join(records, records.c.id == record_files.c.model)
            keys = {
                key.decode() for key in connection.execute(live.where(records.c.state == "live")).scalars()
            }
        assert self.known <= keys

    def files(self):
        return sorted(path for path in self.shop.root.rglob("*") if path.is_file())

    def check_against_a_first_crawl(self):
        home = Settings(home=Path(tempfile.mkdtemp(prefix="first", dir=self.folder)))
        with open_store(home, write=True) as store:
            Shop(root=self.shop.root, store=store, settings=home, registry=REGISTRY).crawl()
            assert live_state(self.store) == live_state(store)
        self.known = {
            str(path.relative_to(self.shop.root)) for path in self.files() if path.suffix == ".safetensors"
        }


def live_state(store):
    """All that the store has of the models that are there, but for when it saw them first."""
    columns = (
        *(records.c.id, records.c.group_key, records.c.signature, records.c.fingerprint, records.c.tensors),
        *(records.c.identity, records.c.grouping),
    )
    with store._engine.connect() as connection:
        rows = connection.execute(with_documents(*columns).where(records.c.state == "live")).all()
        files = connection.execute(select(record_files)).all()
    documents = {row.id: present_document(row) for row in rows}
    return {
        row.id: (
            *row[1 : len(columns)],
            {name: value for name, value in documents[row.id].items() if name not in PASSING},
            sorted(tuple(file) for file in files if file.model == row.id),
        )
        for row in rows
    }


ToldDirectory.TestCase.settings = settings(
    max_examples=5,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestToldDirectory = ToldDirectory.TestCase
