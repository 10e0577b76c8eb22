"""The threads of a writer do not each keep a heap, and large blocks go back to the system."""

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

BLOCKS = """
import ctypes, sys

library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 >> 20

def filled(size):
    block = library.malloc(size)
    ctypes.memset(block, 1, size)
    return block
"""

LARGE_BLOCKS = f"""{BLOCKS}
from indexer.engines.tantivy.heaps import share_heaps

if sys.argv[1] == "shared":
    share_heaps()
library.free(filled(30 << 20))
before = resident()
block = filled(20 << 20)
above = [filled(100_000) for _ in range(100)]
library.free(block)
print(resident() - before)
"""

SMALL_BLOCKS = f"""{BLOCKS}
from indexer.engines.tantivy.heaps import give_back

before = resident()
blocks = [filled(100_000) for _ in range(300)]
above = filled(100_000)
for block in blocks:
    library.free(block)
if sys.argv[1] == "given back":
    give_back()
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep no heaps for threads")
@pytest.mark.parametrize(("how", "most"), [("shared", 2), ("apart", 99)])
def test_threads_share_two_heaps(how: str, most: int) -> None:
    heaps = int(subprocess.check_output([sys.executable, "-c", PROGRAM, how]))
    assert heaps <= most
    assert (heaps > 2) is (how == "apart")


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries give blocks back in other ways"
)
@pytest.mark.parametrize(("how", "is_given_back"), [("shared", True), ("apart", False)])
def test_a_large_block_goes_back_to_the_system_whatever_lies_above_it(how: str, is_given_back: bool) -> None:
    left = int(subprocess.check_output([sys.executable, "-c", LARGE_BLOCKS, how]))
    assert (left < 20) is is_given_back


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries give blocks back in other ways"
)
@pytest.mark.parametrize(("how", "is_given_back"), [("given back", True), ("kept", False)])
def test_what_a_writer_freed_below_what_stays_goes_back_to_the_system(how: str, is_given_back: bool) -> None:
    left = int(subprocess.check_output([sys.executable, "-c", SMALL_BLOCKS, how]))
    assert (left < 10) is is_given_back
