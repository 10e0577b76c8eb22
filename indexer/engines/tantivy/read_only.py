"""An index in a folder that this user may only read.

Tantivy locks a file in the folder of an index while it opens the segments, so that a writer removes none of them
meanwhile. Source: tantivy src/reader/mod.rs, `open_segment_readers`. Where that file cannot be written, the index is
opened through a private folder of links to its files, and what the lock prevents is tried again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tantivy

from catalog.errors import EngineUnavailable
from indexer.engines.tantivy.location import NAME, REINDEX, IndexUnreadable

META = "meta.json"
META_LOCK = ".tantivy-meta.lock"
ATTEMPTS = 5
"""So often a writer would have to commit, merge and remove a segment within one opening."""


def may_only_read(path: Path) -> bool:
    """Whether this user cannot take the lock that opening the index needs."""
    lock = path / META_LOCK
    return not os.access(lock if lock.exists() else path, os.W_OK)


def open_read_only(path: Path) -> tantivy.Index:
    """The index at its newest commit. It stays as it is: a later commit is seen by opening it again.

    Raises EngineUnavailable when it is damaged or may not be read.
    """
    failure: Exception | None = None
    for _ in range(ATTEMPTS):
        try:
            with _private_folder() as folder:
                _link(path, folder)
                return _opened(folder)
        except PermissionError as error:
            raise IndexUnreadable(Path(error.filename or path), path.parent) from error
        except (ValueError, OSError) as error:  # a file of that commit is gone: there may be a newer one
            failure = error
    raise EngineUnavailable(NAME, f"the index is damaged ({failure}).", advice=REINDEX) from failure


@contextmanager
def _private_folder() -> Iterator[Path]:
    import tempfile  # noqa: PLC0415 - 4 ms that the search of one's own home need not pay

    try:
        folder = tempfile.TemporaryDirectory(prefix="modeldex-index-")
    except OSError as error:
        reason = f"opening an index that may not be written takes a temporary folder: {error.strerror}."
        raise EngineUnavailable(NAME, reason, advice="Name one with: TMPDIR=FOLDER") from error
    with folder:
        yield Path(folder.name)


def _link(path: Path, folder: Path) -> None:
    """The newest commit with the files that were there just after it."""
    commit = (path / META).read_bytes()
    for entry in os.scandir(path):
        if entry.name.startswith(".") or entry.name == META:
            continue
        if not os.access(entry.path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), entry.path)
        (folder / entry.name).symlink_to(Path(entry.path).absolute())
    (folder / META).write_bytes(commit)


def _opened(folder: Path) -> tantivy.Index:
    """The index with all its segments mapped into memory: from here on it needs the folder no more."""
    index = tantivy.Index.open(str(folder))
    index.config_reader("manual", 0)
    index.reload()
    return index
