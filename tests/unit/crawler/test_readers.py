import os
import signal
import threading
import time
import tracemalloc

import pytest
from fixtures.crawling import safetensors

from catalog.errors import AccessDenied
from catalog.records import ObjectKey, ObjectMeta, Origin, Role, SourceId
from catalog.store.entries import Reading
from crawler.extractor import Claim, Findings
from crawler.jobs import extractor_modules
from crawler.pool import Pool
from crawler.processes import Workers
from crawler.reader import Budget
from crawler.readers import ProcessReaders, SerialReaders, ThreadReaders, lost, prepare_reading, readers_for
from crawler.reading import ObjectReader
from crawler.registry import Registry
from crawler.shared_bytes import SHARED_BYTES, SharedBytes
from crawler.sources.local import LocalSource

FILES = 150
DEADLY = "d/149.safetensors"


class DeadlySource(LocalSource):
    """A file whose bytes end the process that reads them, as a bug in a C library or the OOM killer would: any but ours."""

    def __init__(self, root):
        super().__init__(root)
        self.spared = os.getpid()

    def read(self, meta, start, end):
        if meta.key == DEADLY and os.getpid() != self.spared:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(meta, start, end)


class SlowSource(LocalSource):
    """Storage that answers late, and counts how many it answers at once."""

    concurrency = 8

    def __init__(self, root):
        super().__init__(root)
        self.lock = threading.Lock()
        self.at_once = self.most_at_once = 0

    def read(self, meta, start, end):
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.01)
        with self.lock:
            self.at_once -= 1
        if meta.key == "d/003.safetensors":
            raise AccessDenied(meta.key, "Permission denied")
        return super().read(meta, start, end)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "d").mkdir()
    for number in range(FILES):
        (tmp_path / "d" / f"{number:03d}.safetensors").write_bytes(safetensors(fill=number))
    (tmp_path / "d" / "script.py").write_text("print()")
    (tmp_path / "d" / "broken.safetensors").write_bytes(b"\0" * 600)
    return tmp_path


def listed(source):
    return [(meta, None) for step in source.list() for meta in step.objects]


def serially(source):
    return list(SerialReaders(ObjectReader(source, Registry.installed(), Budget())).read(listed(source)))


def in_processes(source, **options):
    reader = ObjectReader(source, Registry.installed(), Budget())
    with Pool(prepare_reading, (source, Budget()), lost=lost, size=2, **options) as pool:
        return list(ProcessReaders(reader, pool).read(listed(source)))


@pytest.mark.parametrize("here_first", [0, 40, 10_000], ids=["none-here", "some-here", "all-here"])
def test_processes_read_what_one_after_the_other_reads(root, here_first):
    assert in_processes(LocalSource(root), here_first=here_first) == serially(LocalSource(root))


def test_threads_read_what_one_after_the_other_reads(root):
    source = SlowSource(root)
    readers = readers_for(source, Registry.installed(), Budget())
    assert isinstance(readers, ThreadReaders)
    outcomes = list(readers.read(listed(source)))
    assert 2 <= source.most_at_once <= 8
    assert outcomes == serially(source)
    denied = [read.packed.entry for read in outcomes if read.packed.entry.object.key == "d/003.safetensors"]
    assert [(entry.reading, entry.error) for entry in denied] == [
        (Reading.RETRY, "cannot be read: Permission denied")
    ]


def test_a_file_over_which_a_process_dies_is_read_again_by_the_next_crawl(root):
    source = DeadlySource(root)
    workers = Workers(prepare_reading, (source, Budget()), lost=lost, size=2, preload=extractor_modules())
    with workers:
        outcomes = list(workers.map(listed(source)))
    readings = {read.packed.entry.object.key: read.packed.entry for read in outcomes}
    assert len(readings) == FILES + 2
    entry = readings[DEADLY]
    assert (entry.reading, entry.error) == (
        Reading.RETRY,
        "the process that worked on it was killed or crashed",
    )
    assert sum(entry.reading is Reading.READ for entry in readings.values()) == FILES - 1


def test_a_source_that_no_other_process_can_have_is_read_here(root):
    source = LocalSource(root)
    source.lock = threading.Lock()
    assert len(in_processes(source, here_first=0)) == FILES + 2


def test_extractors_that_only_this_process_has_are_used_here(root):
    assert isinstance(readers_for(LocalSource(root), Registry([]), Budget()), SerialReaders)


class CountingSource:
    def __init__(self):
        self.reads = 0

    def read(self, _meta, start, end):
        self.reads += 1
        return b"x" * (end - start)


def named(key, identity, size):
    return ObjectMeta(
        source=SourceId("file:///a"),
        key=ObjectKey(key),
        size_bytes=size,
        change_token="1",
        file_identity=identity,
    )


def test_another_name_of_a_file_that_was_just_read_is_not_read_again():
    source = CountingSource()
    shared = SharedBytes(source)
    first = shared.read(named("blobs/a", "1:7", 9), 0, 9)
    assert shared.read(named("snapshots/a", "1:7", 9), 0, 9) == first
    assert source.reads == 1


@pytest.mark.parametrize(("size", "files"), [(100_000, 200), (20, 30_000)], ids=["large", "many"])
def test_what_is_kept_for_other_names_of_files_stays_small(size, files):
    """Each process of a crawl kept up to 64 MB of files that have no other name, and more of what is beside small ones."""
    shared = SharedBytes(CountingSource())
    tracemalloc.start()
    for number in range(files):
        shared.read(named("a", f"1:{number}", size), 0, size)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert SHARED_BYTES / 3 < kept < 1.2 * SHARED_BYTES


@pytest.mark.parametrize(
    ("budgets", "expected"), [(None, Reading.FAILED), (4, Reading.READ), (100, Reading.READ)]
)
def test_what_grows_with_a_team_may_cost_several_times_what_one_file_may(root, budgets, expected):
    """A tracker's database of 30,000 runs was refused: it has more bytes than a file of weights may need."""

    class OfATeam:
        name, version, description, reads, limits = "of-a-team", 1, "", "", ""

        def claims(self, key, head):
            return Claim(format="of-a-team", role=Role.RUN, confidence=95)

        def extract(self, reader):
            for start in range(0, reader.size_bytes, 65_536):
                reader.take(start, min(start + 65_536, reader.size_bytes))
                reader.forget()
            return Findings(reader, self, format="of-a-team", role=Role.RUN, origin=Origin.RUN).extraction()

    if budgets is not None:
        OfATeam.budgets = budgets
    (root / "runs.bin").write_bytes(bytes(range(64)) * 20_000)
    source = LocalSource(root)
    (meta,) = [meta for step in source.list() for meta in step.objects if meta.key == "runs.bin"]
    budget = Budget(bytes=500_000, requests=100_000)
    outcome = ObjectReader(source, Registry([OfATeam()]), budget).read(meta, None)
    assert outcome.entry.reading is expected
