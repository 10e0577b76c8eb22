"""How the C library keeps memory for the threads of a process, and what it gives back.

glibc gives threads heaps of their own, eight for each processor, and returns little of what was freed in them. The threads of a
writer come and go with every commit and every merge, so that a long crawl ends with much memory that nobody uses: 8,000 small models
were crawled with 203 MB at most, with one heap 152 MB; 20,000 with 260 MB, with two heaps 210 MB. Time is the same.

Large blocks are mapped by themselves and given back when they are freed, but the first of them that is freed tells glibc to take all of
its size from heaps from then on, up to 32 MB, where what lies above them keeps them: 20,000 models were crawled with 208 MB at most,
with a limit that stays 176 MB.
Source: mallopt(3), M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD; malloc_trim(3), which gives back free pages inside of heaps, too.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
HEAPS = 2
LARGE_BYTES = 1024 * 1024


def share_heaps() -> None:
    """Threads that are started from now on share two heaps, and large blocks are given back. Nothing where the C library is not glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, HEAPS)
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, LARGE_BYTES)


def give_back() -> None:
    """What is free in the heaps of this process goes back to the system. Nothing where the C library is not glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
