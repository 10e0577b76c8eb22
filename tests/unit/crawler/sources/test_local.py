"""Directories as a source."""

import threading
from multiprocessing.reduction import ForkingPickler

from crawler.sources.local import LocalSource


def test_processes_that_read_for_a_source_are_not_given_what_the_store_knows(tmp_path):
    """A store goes into no other process: none could be started, and the first one read all files by itself."""
    source = LocalSource(tmp_path)
    lock = threading.Lock()  # as a store has one
    source.remember(since=None, whole=None, known=lambda _directory, _lock=lock: ())
    assert str(tmp_path).encode() in bytes(ForkingPickler.dumps(source))
