"""How many heaps the C library keeps for the threads of a process.

glibc gives threads heaps of their own, eight for each processor, and returns little of what was freed in them. The threads of a
writer come and go with every commit and every merge, so that a long crawl ends with much memory that nobody uses: 8,000 small models
were crawled with 203 MB at most, with one heap 152 MB; 20,000 with 260 MB, with two heaps 210 MB. Time is the same.
Source: mallopt(3), M_ARENA_MAX.
"""

from __future__ import annotations

import ctypes

M_ARENA_MAX = -8
HEAPS = 2


def share_heaps() -> None:
    """Threads that are started from now on share two heaps. Nothing where the C library is not glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, HEAPS)
