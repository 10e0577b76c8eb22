"""The threads of a writer do not each keep a heap."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys, tempfile, threading
from indexer.engines.tantivy.heaps import share_heaps

if sys.argv[1] == "shared":
    share_heaps()
library = ctypes.CDLL(None)
library.malloc.restype = library.fopen.restype = ctypes.c_void_p
together = threading.Barrier(8)

def allocate():
    together.wait()
    library.malloc(1000)
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(library.fopen(file.name.encode(), b"w"))
    library.malloc_info(0, stream)
    library.fclose(stream)
    print(file.read().count(b"<heap nr="))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep no heaps for threads")
@pytest.mark.parametrize(("how", "most"), [("shared", 2), ("apart", 99)])
def test_threads_share_two_heaps(how: str, most: int) -> None:
    heaps = int(subprocess.check_output([sys.executable, "-c", PROGRAM, how]))
    assert heaps <= most
    assert (heaps > 2) is (how == "apart")
