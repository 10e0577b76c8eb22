"""The end of an archive, fetched while its beginning is: its directory stands there, and is asked for next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from catalog.records import ObjectMeta
from crawler.formats.zips import TAIL_BYTES
from crawler.reader import BLOCK_BYTES, WHOLE_FILE_BYTES

ARCHIVE_SUFFIXES = (
    ".zip",
    ".pt",
    ".pth",
    ".pt2",
    ".ptl",
    ".ckpt",
    ".keras",
    ".npz",
    ".skops",
    ".mar",
    ".task",
    ".mlnet",
    ".mlpackage.zip",
)
ARCHIVE_NAMES = (
    "pytorch_model",
    "adapter_model",
    "diffusion_pytorch_model",
    "training_args",
    "optimizer",
    "model_states",
)
"""Beginnings of names of archives that end with `.bin`."""

Get = Callable[[ObjectMeta, int, int], bytes]


class Tails:
    """Ends of objects that are being read. Threads may share it."""

    def __init__(self, get: Get, threads: int) -> None:
        self._get = get
        self._threads = threads
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._kept: OrderedDict[tuple[str, str], tuple[int, Future[bytes]]] = OrderedDict()

    def begin(self, meta: ObjectMeta, *, after: int) -> None:
        """Fetches the end of the object if its name says that it is an archive, and `after` lies before it."""
        start = max(0, meta.size_bytes - TAIL_BYTES) // BLOCK_BYTES * BLOCK_BYTES
        if start < after or meta.size_bytes <= WHOLE_FILE_BYTES or not is_archive(meta.key):
            return
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="tails")
            future = self._pool.submit(self._get, meta, start, meta.size_bytes)
            self._kept[meta.key, meta.change_token] = (start, future)
            while len(self._kept) > 2 * self._threads:  # ends that nobody asked for
                self._kept.popitem(last=False)

    def kept(self, meta: ObjectMeta, start: int, end: int) -> bytes | None:
        """The bytes if they lie in an end that was begun; None if they are to be asked for."""
        with self._lock:
            begun, future = self._kept.get((meta.key, meta.change_token), (0, None))
        if future is None or start < begun:
            return None
        return future.result()[start - begun : end - begun]


def is_archive(key: str) -> bool:
    """Whether the name is one of a zip archive."""
    name = key.rpartition("/")[2].lower()
    return name.endswith(ARCHIVE_SUFFIXES) or (name.endswith(".bin") and name.startswith(ARCHIVE_NAMES))
