"""What an HDF5 file holds, as a process of its own finds out.

libhdf5 is a large C library that follows links to other files by itself; in a child process with a gigabyte of memory and
20 seconds, without the file's name, it can harm nothing but its own answer. Bytes come from this side's reader.

Source: docs.h5py.org "File Objects" (Python file-like objects); CVE-2026-1669 and CVE-2026-0897 for what reading does.
"""

from __future__ import annotations

import json
import selectors
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from catalog.errors import LimitExceeded, Malformed, Unsupported
from catalog.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from crawler.reader import RangedReader

MAGIC = b"\x89HDF\r\n\x1a\n"
USER_BLOCKS = (0, 512, 1024, 2048)  # a user block of a power of two may stand before the magic
TIMEOUT_SECONDS = 20.0
MAX_LINE_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
INSTALL = "pip install 'modeldex[hdf5]'"

_CHILD = Path(__file__).with_name("hdf5_child.py")
_ENVIRONMENT = {
    "HDF5_PLUGIN_PRELOAD": "::",  # no filter is loaded from a directory of the machine
    "HDF5_USE_FILE_LOCKING": "FALSE",
    "OPENBLAS_NUM_THREADS": "1",  # each thread reserves address space, of which there is 1 GB
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True)
class Hdf5Dataset:
    """One array. `elsewhere` is True when its values are in other files."""

    path: str
    shape: tuple[int, ...]
    type_code: str
    stored_bytes: int
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class Hdf5Outline:
    """All datasets, the attributes of the upper groups, and what reaches out of the file: (kind, path, detail)."""

    datasets: Sequence[Hdf5Dataset]
    attributes: Mapping[str, Mapping[str, Any]]
    dangers: Sequence[tuple[str, str, str]]
    unread: Sequence[str]
    complete: bool


def is_hdf5(head: bytes) -> bool:
    """Whether a file that starts so is HDF5."""
    return MAGIC in head and any(head[offset : offset + len(MAGIC)] == MAGIC for offset in USER_BLOCKS)


def available() -> bool:
    """Whether h5py is installed."""
    return find_spec("h5py") is not None


def read_outline(reader: RangedReader) -> Hdf5Outline:
    """The outline of the file behind `reader`.

    Bounds: 1 GB of memory, 20 s, 20,000 objects, the reader's budget.
    Raises: Malformed, LimitExceeded, Unsupported (h5py is not installed), SourceError of the reader.
    """
    if not available():
        raise Unsupported(f"HDF5 is read with h5py, which is not installed: {INSTALL}")
    check_superblock(reader)
    command = [sys.executable, "-I", "-B", str(_CHILD), str(reader.size_bytes)]
    process = subprocess.Popen(  # noqa: S603 - our own script with a number
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_ENVIRONMENT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        answer = _converse(reader, process.stdin, process.stdout)
    finally:
        process.kill()
        for stream in (process.stdin, process.stdout):
            _close(stream)
        process.wait()
    return _outline(answer)


def check_superblock(reader: RangedReader) -> None:
    """Refuses without a process what is no HDF5, or shorter than it says: most broken files are cut off.

    Source: HDF5 File Format Specification 3.0, II.A "Disk Format: Level 0A - Format Signature and Superblock".
    """
    head = reader.head(max(USER_BLOCKS) + 64)
    offset = next((place for place in USER_BLOCKS if head[place : place + len(MAGIC)] == MAGIC), None)
    if offset is None:
        raise Malformed("not HDF5: its signature is missing")
    block = head[offset : offset + 64].ljust(64, b"\0")
    version = block[8]
    if version > 3:
        raise Unsupported(f"version {version} of the HDF5 superblock")
    width, base_at = (block[13], 24 + 4 * version) if version < 2 else (block[9], 12)
    if width != 8:
        return  # libhdf5 knows more widths than are in use
    base, end = struct.unpack_from("<Q8xQ", block, base_at)
    if base + end > reader.size_bytes and base <= reader.size_bytes and offset == base:
        raise Malformed(f"cut off: HDF5 says {base + end} bytes, the file has {reader.size_bytes}")


def _converse(reader: RangedReader, stdin: IO[bytes], stdout: IO[bytes]) -> Mapping[str, Any]:
    """Serves the child's reads until it answers."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    lines = _Lines(stdout)
    while True:
        line = lines.next_before(deadline)
        if line is None:
            raise Malformed("libhdf5 gave up on the file")
        message = json.loads(line)
        if "read" not in message:
            return message  # type: ignore[no-any-return]  # our own child wrote it
        start, end = message["read"]
        data = reader.read(int(start), int(end))
        try:
            stdin.write(struct.pack("<Q", len(data)) + data)
            stdin.flush()
        except BrokenPipeError:
            raise Malformed("libhdf5 gave up on the file") from None


class _Lines:
    """Lines of a pipe, each waited for until a deadline."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._buffer = bytearray()

    def next_before(self, deadline: float) -> bytes | None:
        """The next line; None at the end. Raises LimitExceeded at the deadline."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._stream, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise LimitExceeded("seconds for one HDF5 file", limit=TIMEOUT_SECONDS)
                chunk = self._stream.read1(CHUNK_BYTES)  # type: ignore[attr-defined]  # a BufferedReader has it
                if not chunk:
                    return None
                self._buffer += chunk
                if len(self._buffer) > MAX_LINE_BYTES:
                    raise LimitExceeded("bytes of an HDF5 outline", limit=MAX_LINE_BYTES)
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = rest
        return bytes(line)


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except BrokenPipeError:  # what was still unsent to a child that is gone
        return


def _outline(answer: Mapping[str, Any]) -> Hdf5Outline:
    if "failed" in answer:
        kind, message = answer["failed"]
        if kind == "missing":
            raise Unsupported(f"HDF5 is read with h5py, which cannot be loaded: {message}")
        if kind == "limit":
            raise LimitExceeded("memory for one HDF5 file", limit=1024**3)
        raise Malformed(f"not readable as HDF5: {message}")
    done = answer["done"]
    return Hdf5Outline(
        datasets=[Hdf5Dataset(path, tuple(shape), *rest) for path, shape, *rest in done["datasets"]],
        attributes=done["attributes"],
        dangers=[tuple(danger) for danger in done["dangers"]],
        unread=done["unread"],
        complete=done["complete"],
    )
